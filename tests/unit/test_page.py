"""The page of a preview: its drawings, what is said of mail's way, and its tables, without a program."""

import re
from dataclasses import replace
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.page import cards, graph, regions, sections
from offline.page.flow import State, Way, states, wanted, ways, words
from offline.page.svg import WIDTHS, Box, Drawing, Line, Text, line, wrapped
from offline.page.templating import svg
from offline.recorder import Recording, Resource
from policy.rules import Violation
from tests.unit import platforms

# Drawings

DRAWN = [
    pytest.param(platform, state, is_narrow, id=f"{name}-{state}-{'narrow' if is_narrow else 'wide'}")
    for name, platform in platforms.ALL.items()
    for state in states(platform)
    for is_narrow in (False, True)
]


def _extent(text: Text) -> tuple[float, float]:
    width = len(text.text) * WIDTHS.get(text.style, WIDTHS["label"])
    start = {"start": text.x, "middle": text.x - width / 2, "end": text.x - width}[text.anchor]
    return start, start + width


def _texts(drawing: Drawing) -> list[Text]:
    return [shape for shape in drawing.shapes if isinstance(shape, Text)]


def _check_fit(drawing: Drawing) -> None:
    cards_ = [shape for shape in drawing.shapes if isinstance(shape, Box) and shape.style.startswith("card")]
    for one, other in combinations(cards_, 2):
        assert (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        ), (one, other)
    for text in _texts(drawing):
        left, right = _extent(text)
        assert 0 <= left <= right <= drawing.width, text
        assert 0 < text.y < drawing.height, text
        for card in cards_:
            if card.y < text.y < card.y + card.height and card.x <= text.x <= card.x + card.width:
                assert card.x < left, text
                assert right < card.x + card.width, text
    for one, other in combinations(_texts(drawing), 2):
        if abs(one.y - other.y) < 10:
            (left, right), (other_left, other_right) = _extent(one), _extent(other)
            assert right <= other_left or other_right <= left, (one, other)
    for drawn in (shape for shape in drawing.shapes if isinstance(shape, Line)):
        points = [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+),([-\d.]+)", drawn.path)]
        for (x, y), (to_x, to_y) in pairwise(points):
            for card in cards_:
                is_beside = max(x, to_x) <= card.x or card.x + card.width <= min(x, to_x)
                assert is_beside or max(y, to_y) <= card.y or card.y + card.height <= min(y, to_y), (drawn, card)


@pytest.mark.parametrize(("platform", "state", "is_narrow"), DRAWN)
def test_nothing_overlaps_or_leaves_its_card(platform, state, is_narrow):
    _check_fit(regions.drawing(platform, state, is_narrow=is_narrow))


@pytest.mark.parametrize(("platform", "state", "is_narrow"), DRAWN)
def test_every_host_address_and_bucket_is_drawn(platform, state, is_narrow):
    drawn = "".join(text.text.replace(" ", "") for text in _texts(regions.drawing(platform, state, is_narrow=is_narrow)))
    for region in filter(None, (platform.primary, platform.backup)):
        for wanted_ in (region.host.hostname, *region.host.addresses, region.name, *(b.place.bucket for b in region.buckets)):
            assert wanted_.replace(" ", "") in drawn


def test_an_ipv6_address_is_not_broken_on_a_screen():
    drawing = regions.drawing(platforms.LONG, State.DOWN)
    assert platforms.LONG_ADDRESSES[1] in [text.text for text in _texts(drawing)]


@given(text=st.text(st.sampled_from("ab .:/-@"), max_size=80), width=st.integers(40, 400))
def test_wrapped_text_fits_and_loses_nothing(text, width):
    found = wrapped(text, "mono", width)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(len(piece) * WIDTHS["mono"] <= width for piece in found)


def test_a_line_ends_in_a_head_that_points_its_way():
    drawn = line([(0, 0), (0, 50), (100, 50)], "flow")
    assert drawn.path == "M0,0 L0,42 Q0,50 8,50 L93,50"
    assert drawn.head == "100,50 93,54.2 93,45.8"


@pytest.mark.parametrize("is_file", [True, False])
def test_a_drawing_says_what_it_shows_and_escapes_it(is_file):
    drawing = Drawing("id", "a & b", "<script>", 10, 10, (Text(0, 0, '"<b>"', "note"), Line("M0,0", "", "flow")))
    text = svg(drawing, is_file=is_file)
    assert '<title id="id-title">a &amp; b</title>' in text
    assert '<desc id="id-words">&lt;script&gt;</desc>' in text
    assert "&#34;&lt;b&gt;&#34;" in text
    assert ("prefers-color-scheme: dark" in text) == is_file


# Mail's way


def test_the_settings_say_what_is_shown_first():
    fenced = replace(platforms.USUAL, primary=replace(platforms.PRIMARY, host=replace(platforms.host(), fenced=True)))
    for platform, first in {platforms.USUAL: State.WELL, platforms.ACTIVE: State.OVER, fenced: State.DOWN}.items():
        assert wanted(platform) == first
        assert states(platform)[0] == first
    assert State.OVER not in states(platforms.USUAL)
    assert "is fenced" in words(fenced, State.DOWN)[0]


def test_mail_goes_to_the_primary_and_while_it_is_away_to_the_backup():
    well, down = (ways(platforms.USUAL, state) for state in (State.WELL, State.DOWN))
    assert (well.to_primary, well.to_backup, well.clients) == (Way.FLOW, Way.IDLE, Way.FLOW)
    assert (down.to_primary, down.to_backup, down.clients) == (Way.BROKEN, Way.FLOW, Way.BROKEN)
    said = " ".join(words(platforms.USUAL, State.DOWN))
    assert "bring mail to mx2.example.com (MX 20) at 198.51.100.20, port 25." in said
    assert "up to 14 days, and tries mx1.example.com again at least every 15 minutes" in said


def test_a_primary_alone_has_nobody_to_take_its_mail():
    assert ways(platforms.ALONE, State.DOWN).to_backup is None
    assert "no other exchange takes its mail" in words(platforms.ALONE, State.DOWN)[0]


def test_a_backup_that_took_over_serves_once_it_was_checked():
    over = ways(platforms.ACTIVE, State.OVER)
    assert (over.to_primary, over.to_backup, over.clients, over.backup_copies) == (None, Way.FLOW, Way.FLOW, Way.COPY)
    assert "now serves from there, at 198.51.100.21, port 25." in " ".join(words(platforms.ACTIVE, State.OVER))
    checking = ways(platforms.CHECKING, State.OVER)
    assert (checking.clients, checking.backup_copies) == (Way.BROKEN, Way.IDLE)
    assert "Nobody reads or sends until then." in words(platforms.CHECKING, State.OVER)


def test_smarthosts_are_named():
    platform = replace(platforms.USUAL, primary=replace(platforms.PRIMARY, smarthosts=("relay.example.net",)))
    assert any("goes out by relay.example.net" in sentence for sentence in words(platform, State.WELL))


def test_buckets_are_ordered_by_who_uses_them():
    found = [card.name for card, _users in cards.bucket_cards(platforms.USUAL)]
    assert found == ["example-mail-hot/primary", "example-mail-archive/primary", "example-mail-backup/backup"]


# What waits for what

ROOT = "urn:pulumi:s::mail::pulumi:pulumi:Stack::mail-s"


def _resource(name: str, *, type_="kubernetes:core/v1:Secret", parent=ROOT, custom=True, needs=(), protect=False) -> Resource:
    inputs = {"metadata": {"name": name, "namespace": "mail"}}
    return Resource(f"urn::{name}", type_, name, parent, inputs, custom, "", protect, False, False, (), (), tuple(needs))


def _recording(resources: list[Resource], outputs=None) -> Recording:
    recording = Recording("s")
    recording.resources = {resource.urn: resource for resource in resources}
    recording.outputs = outputs or {}
    return recording


RESOURCES = [
    _resource("web", type_="x:index:Web", custom=False),
    _resource("keys", type_="x:index:Keys", custom=False),
    _resource("inner", type_="x:index:Inner", custom=False, parent="urn::web"),
    _resource("page", parent="urn::web", needs=["urn::key"]),
    _resource("key", parent="urn::keys", protect=True),
    _resource("door", parent="urn::inner", needs=["urn::page", "urn::elsewhere"]),
    _resource("cluster", type_="pulumi:providers:kubernetes"),
]


def test_components_come_after_what_they_wait_for_whatever_the_order_of_registration():
    for seed in range(5):
        shuffled = Random(seed).sample(RESOURCES, len(RESOURCES))
        found = graph.components(_recording(shuffled))
        assert [(c.name, c.waits_for, c.inside, c.protected) for c in found] == [
            ("keys", (), "", 1),
            ("web", ("urn::keys",), "", 0),
            ("inner", ("urn::web",), "web", 0),
        ]
        assert [dict(c.kinds) for c in found] == [{"Secret": 1}] * 3


def test_the_graph_fits_and_is_told_in_words():
    drawing = graph.drawing({"s": _recording(RESOURCES, {"hostname": "mx1.example.com"})})
    _check_fit(drawing)
    assert "s: Web web has 1 Secret, and waits for keys." in drawing.description


def test_a_stack_reads_the_endpoints_of_the_host_it_hands_over_to():
    server = _resource("stalwart", type_="stalwart-mail:index:StalwartServer", custom=False)
    giving = _recording([server], {"hostname": "mx1.example.com", "endpoints": {}})
    reader = replace(server, inputs={"peer": {"hostname": "mx1.example.com"}})
    taking = _recording([reader], {"hostname": "mx2.example.com"})
    assert graph.reads({"a": taking, "b": giving}) == {"a": "b"}
    assert graph.reads({"a": taking}) == {}
    taking.stack, giving.stack = "a", "b"
    drawing = graph.drawing({"a": taking, "b": giving})
    assert "a reads the output endpoints of b." in drawing.description
    assert [text.text for text in _texts(drawing) if text.style == "title"] == ["stack b", "stack a"]


# Tables


OUTPUTS = {"zones": {}, "ptr": {}, "elsewhere": [], "ds": {}}


def _stack(resources=(), violations=(), **outputs) -> sections.Stack:
    config = {"role": "primary", "region": "eu-west-1"}
    return sections.Stack(_recording([*resources], {**OUTPUTS, **outputs}), config, violations)


def _table(name: str, *stacks: sections.Stack) -> sections.Table:
    return next(table for table in sections.tables({str(n): stack for n, stack in enumerate(stacks)}) if table.id == name)


def test_mandatory_risks_and_critical_alerts_come_first():
    broken = [Violation("b", "advisory", "x", "", "weak"), Violation("a", "mandatory", "y", "", "wrong")]
    table = _table("risks", _stack(violations=broken))
    assert [(row.kind, row.name, row.cells) for row in table.rows] == [
        ("mandatory", "a", ("y", "wrong")),
        ("advisory", "b", ("x", "weak")),
    ]
    rules = [_rule("Slow", "warning"), _rule("Down", "critical")]
    alerts = _table("alerts", _stack([_rules(rules)]))
    assert [row.name for row in alerts.rows] == ["Down", "Slow"]


def _rule(name, severity, **more):
    return {"alert": name, "expr": "up == 0", "labels": {"severity": severity}, **more}


def _rules(rules) -> Resource:
    found = _resource("rules", type_=sections.RULE)
    inputs = {**found.inputs, "spec": {"groups": [{"name": "g", "rules": [*rules, {"record": "r", "expr": "1"}]}]}}
    return replace(found, inputs=inputs)


@pytest.mark.parametrize(("duration", "said"), [("900s", "15 min"), ("86400s", "1 day"), ("15m", "15m"), (None, "at once")])
def test_an_alert_says_when_and_what_to_do(duration, said):
    about = {
        "summary": "{{ $labels.schedule }} is old.",
        "description": "It is {{ $value | humanizeDuration }} old. Look with `ls`",
        "runbook": "docs/x.md",
    }
    rule = _rule("Old", "warning", annotations=about, **({"for": duration} if duration else {}))
    (row,) = _table("alerts", _stack([_rules([rule])])).rows
    words = "&lt;schedule&gt; is old. It is … old. Look with <code>ls</code>. See docs/x.md."
    assert row.cells == (words, "up == 0", said)


def test_a_thousand_of_a_kind_are_cut_and_counted():
    found = [_resource(f"secret-{number:04}") for number in range(1000)]
    zones = {f"d{n:04}.example": f"d{n:04}.example. 60 IN MX 10 mx1.example.com.\n" * (100 if n == 0 else 1) for n in range(1000)}
    stack = _stack([*found, _resource("one", type_="kubernetes:core/v1:Service")], zones=zones)
    objects, records = _table("objects", stack), _table("records", stack)
    assert len(objects.rows) == sections.MAX_OF_A_KIND + 1
    assert objects.left == "Not shown: 900 more Secret of s. They are in resources.json, in the folder of each stack."
    assert len(records.rows) == sections.MAX_RECORDS + sections.MAX_ZONES - 1
    assert records.left.startswith("Not shown: 40 more of d0000.example, 960 more zones of s.")


def test_others_are_told_what_to_publish():
    table = _table(
        "others", _stack(ptr={"203.0.113.10": "mx1.example.com"}, elsewhere=["a.example. IN TXT x"], ds={"b.example": []})
    )
    assert [(row.kind, row.name, row.cells) for row in table.rows] == [
        ("PTR", "the owner of 203.0.113.10", ("mx1.example.com",)),
        ("other", "the owner of the zone", ("a.example. IN TXT x",)),
        ("DS", "the registrar of b.example", ("the record in the output `ds`",)),
    ]
