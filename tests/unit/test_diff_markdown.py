"""A difference as one comment: calm, short enough, and with nothing in it that strangers could make GitHub do."""

import re
from dataclasses import replace

import pytest
from hypothesis import given as generated
from hypothesis import strategies
from markdown_it import MarkdownIt

from offline.diff.comparison import compare
from offline.diff.markdown import MAX_BYTES, NOTHING, markdown
from offline.diff.model import Change, Difference, Field, Risk, StackDifference
from tests.unit.builds import BACKUP, PRIMARY, all_of, dns, given, planned, shipped, without

EMPTY = StackDifference("primary", "same", (), (), (), (), (), ())
EVIL = [
    "@everyone",
    "<img src=x onerror=alert(1)>",
    "</details></summary><h1>approved</h1>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example",
    "www.evil.example",
    "a | b\\| c",
    "``` ` ```` x",
    "`@everyone`",
    "``\n```\n# Approved by @maintainer",
    "<!-- stalwart-mail: what this pull request changes -->",
    "$\\href{https://evil.example}{x}$",
    "*a* _b_ ~c~ #12 GH-1 owner/repo#3",
    "x\u202egnp.exe\u200b\x1b[31m",
    "&lt;b&gt; &commat;everyone",
    "- item\n1. item\n> quote\n---\n\n    code",
]
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = re.compile(r"</details>|<details><summary>[A-Za-z ]+: [a-z0-9, ]+</summary>")


def compared(*changes):
    return compare(shipped(), all_of(*changes)(shipped()))


def evil(text):
    risk = Risk("danger", "mx-removed", text, text, f"is gone: {text}", text)
    change = Change("changed", text, text, text, (Field(text, text, text),))
    parts = dict.fromkeys(("objects", "records", "settings", "bucket_policies", "alerts", "outputs"), (change,))
    return Difference((risk,), (replace(EMPTY, stack=text, state="changed", **parts),))


def tokens(text):
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or []


def test_nothing_is_one_line():
    assert markdown(Difference((), (EMPTY, replace(EMPTY, stack="backup")))) == NOTHING
    assert NOTHING.count("\n") == 1


def test_a_comment_reads_well():
    claim = ("primary", "PersistentVolumeClaim", "stalwart-data")
    text = markdown(
        compared(given(*claim, "spec.resources.requests.storage", "10Gi"), dns(PRIMARY, "x.example.com", "A", None, "1"))
    )
    assert text == (
        "**1 danger**\n"
        "\n"
        "- **danger** in `primary`: `PersistentVolumeClaim stalwart-data` shrinks from 20Gi to 10Gi"
        " (spec.resources.requests.storage): Kubernetes refuses that, and `pulumi up` fails halfway."
        " *To do:* keep the size; a smaller volume is a new one that a backup is restored to.\n"
        "\n"
        "### `primary`\n"
        "\n"
        "<details><summary>Objects: 1 changed</summary>\n"
        "\n"
        "```diff\n"
        "! PersistentVolumeClaim stalwart-data (mail)\n"
        "-   spec.resources.requests.storage: 20Gi\n"
        "+   spec.resources.requests.storage: 10Gi\n"
        "```\n"
        "\n"
        "</details>\n"
        "<details><summary>DNS records: 1 added</summary>\n"
        "\n"
        "```diff\n"
        "+ A x.example.com (example.com)\n"
        "+   1 (TTL 3600)\n"
        "```\n"
        "\n"
        "</details>\n"
        "\n"
        "### `backup`\n"
        "\n"
        "Nothing changes.\n"
    )


def test_risks_are_counted_and_changes_without_risk_are_said_to_be_so():
    text = markdown(compared(without(BACKUP, "Schedule", "backup-schedule-mail-backup"), planned(PRIMARY, "Domain", _relay)))
    assert text.startswith("**1 danger and 1 warning**\n\n- **danger** in `backup`:")
    calm = markdown(compared(dns(PRIMARY, "x.example.com", "A", None, "1")))
    assert calm.startswith("No risk was found in what changes.\n")


def _relay(value):
    value["d0"]["allowRelaying"] = True


@pytest.mark.parametrize(("state", "said"), [("new", "This stack is new"), ("gone", "`pulumi destroy`")])
def test_a_stack_that_comes_or_goes_is_said(state, said):
    assert said in markdown(Difference((), (replace(EMPTY, state=state),)))


@pytest.mark.parametrize("text", EVIL)
def test_what_strangers_write_stays_text(text):
    shown = markdown(evil(text))
    found = list(tokens(shown))
    for token in found:
        assert token.type not in ("link_open", "image", "table_open", "blockquote_open", "hr", "code_block", "html_inline"), token
        if token.type == "html_block":
            assert all(OURS.fullmatch(line) for line in token.content.splitlines() if line), token
        if token.type == "heading_open":
            assert token.tag == "h3"
        if token.type == "text":
            # Mentions, references and links are made by GitHub of the text that is left.
            assert not re.search(r"[@#$]\w|https?://|www\.\w", token.content, re.IGNORECASE), token
    assert [token.tag for token in found if token.type == "heading_open"] == ["h3"]
    fences = [token for token in found if token.type == "fence"]
    assert len(fences) == 6
    assert all(fence.info == "diff" for fence in fences)
    assert shown.isprintable() or all(sign.isprintable() or sign == "\n" for sign in shown)


def test_values_in_code_are_as_they_were():
    fence = next(token for token in tokens(markdown(evil("a | b\\| c `d` <e> @f"))) if token.type == "fence")
    assert "-   a | b\\| c `d` <e> @f: a | b\\| c `d` <e> @f\n" in fence.content


@generated(strategies.text(max_size=300))
def test_any_text_fits_and_stays_in_its_place(text):
    shown = markdown(evil(text))
    assert [token.tag for token in tokens(shown) if token.type == "heading_open"] == ["h3"]
    assert sum(token.type == "fence" for token in tokens(shown)) == 6


def test_long_differences_are_shortened_to_one_comment():
    change = Change(
        "changed", "ConfigMap", "n" * 500, "mail", tuple(Field(f"data.{n}", "o\n" * 50, "`" * 400) for n in range(10))
    )
    risk = Risk("warning", "relaying", "primary", "x" * 1000, "&" * 2000, "<" * 2000)
    stack = replace(EMPTY, state="changed", objects=(change,) * 500, records=(change,) * 500)
    shown = markdown(Difference((risk,) * 500, (stack,) * 40))
    assert len(shown.encode()) <= MAX_BYTES
    assert "and 497 more" in shown
    assert "And 20 more stacks." in shown
    few = markdown(Difference((), (replace(EMPTY, state="changed", objects=(replace(change, name="x", fields=()),) * 500),)))
    assert few.count("! ConfigMap x") == 400
    assert "  and 100 more\n" in few


def test_long_values_are_cut():
    field = Field("data", "\n".join(str(number) for number in range(30)), "v" * 1000)
    shown = markdown(Difference((), (replace(EMPTY, state="changed", objects=(Change("changed", "A", "b", "", (field,)),)),)))
    assert "-   and 18 more lines\n" in shown
    assert f"+   data: {'v' * 231}...\n" in shown
