"""The page of a preview, made of what the program really registers."""

from html.parser import HTMLParser

import pytest

from offline import page
from offline.page import Stack
from offline.program import record
from offline.recorder import Recording
from offline.world import OfflineWorld
from policy.rules import Violation
from tests.conftest import changed, recorded
from tests.program.stacks import settings_of
from tests.program.test_failover import active
from tests.program.test_storage import DISTRIBUTED

VOID = {"meta", "link", "input", "wbr"}


class WellFormed(HTMLParser):
    """Refuses what is not closed in order, an id that is there twice, and whatever leads out of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            assert found["id"] not in self.ids, found["id"]
            self.ids.add(found["id"])
        for name in ("href", "src", "action", "srcset", "xlink:href"):
            if name in found:
                assert found[name].startswith(("#", "data:,")), found[name]
                self.targets.add(found[name])
        for name in ("aria-labelledby", "aria-describedby"):
            self.targets |= {f"#{target}" for target in found.get(name, "").split()}

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self) -> str:
        """All text; a name that may be broken is one word."""
        return "".join(self.text)


def read(text: str) -> WellFormed:
    parser = WellFormed()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert {target for target in parser.targets if target.startswith("#")} <= {f"#{name}" for name in parser.ids}
    return parser


def stack(recording: Recording, violations=(), **changes) -> Stack:
    config = settings_of(recording.stack, **changes)
    return Stack(recording, {key.removeprefix("mail:"): value for key, value in config.items()}, violations)


def shipped() -> dict[str, Stack]:
    return {name: stack(recorded(name)) for name in ("primary", "backup")}


ALERTS = {**settings_of("primary")["mail:backup"], "alerts": True}
VARIANTS = {
    "shipped": shipped,
    "active": lambda: {"primary": stack(recorded("primary")), "backup": stack(active(checked=True))},
    "checking": lambda: {"primary": stack(changed("primary", mode="fenced")), "backup": stack(active())},
    "distributed": lambda: {"primary": stack(changed("primary", storage=DISTRIBUTED, backup=ALERTS), backup=ALERTS)},
    "alone": lambda: {
        "primary": stack(changed("primary", backup=None, backupExchange=None), backup=None, backupExchange=None),
    },
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_page_is_well_formed_and_leads_nowhere_else(name):
    found = read(page.render(VARIANTS[name]()))
    assert {"objects", "records", "settings", "backups", "losses", "alerts", "risks", "others"} <= found.ids


def test_every_object_record_and_setting_is_on_it():
    text = read(page.render(shipped())).words
    for found in shipped().values():
        for resource in found.recording.resources.values():
            if resource.type.startswith("kubernetes:"):
                assert resource.inputs["metadata"]["name"] in text
        for zone in found.recording.outputs["zones"].values():
            records = [line for line in zone.splitlines() if " IN " in line and not line.startswith("@")]
            assert records
            assert all(line.split(" ", 4)[4] in text for line in records)
    assert "key_exists('relay-domains', rcpt_domain)" in text


def test_alerts_are_on_it_with_what_to_do():
    text = page.render(VARIANTS["distributed"]())
    assert "MailBackupTooOld" in text
    assert "The newest backup of the schedule mail-primary-hot is too old. It is … old;" in text
    assert "$labels" not in text
    assert "No alert is set." in page.render(shipped())


def test_the_state_that_the_settings_ask_for_is_shown_first():
    assert 'value="well" checked' in page.render(shipped())
    over = page.render(VARIANTS["active"]())
    assert 'value="over" checked' in over
    assert over.count(" checked>") == 1


def test_the_order_of_registration_does_not_matter():
    recording = recorded("primary")
    turned = Recording("primary", dict(reversed(recording.resources.items())), recording.closed, [], recording.outputs)
    assert page.render({"primary": stack(turned)}) == page.render({"primary": stack(recording)})


def test_no_secret_is_on_the_page():
    keys = {"accessKeyId": {"secure": "hush-id"}, "secretAccessKey": {"secure": "hush-key"}}
    backup = settings_of("primary")["mail:backup"]
    changes = {
        "backup": {
            "location": {**backup["location"], **keys},
            "archive": {**backup["archive"], **keys},
            "installVelero": True,
            "repositoryPassword": {"secure": "hush-password"},
        },
    }
    recording = record("primary", settings_of("primary", **changes), OfflineWorld())
    text = page.render({"primary": stack(recording, **changes)})
    assert "hush" not in text
    assert "stand-in-secret" not in text
    assert "velero" in text
    assert "hush" not in page.graph_svg({"primary": recording})


def test_content_is_escaped():
    risk = Violation("<b>rule</b>", "mandatory", '"><script>alert(1)</script>', "urn", "<img src=x onerror=alert(1)>")
    text = page.render({"primary": stack(recorded("primary"), [risk])})
    assert text.count("<script") == 1
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    read(text)


def test_a_thousand_domains_stay_usable():
    recording = recorded("primary")
    zone = recording.outputs["zones"]["example.com"]
    zones = {f"d{n}.example": zone.replace("example.com", f"d{n}.example") for n in range(1000)}
    resources = dict(recording.resources)
    for urn, resource in recording.resources.items():
        if resource.type == "tls:index/privateKey:PrivateKey":
            resources |= {f"{urn}{n}": resource for n in range(1000)}
    many = Recording("primary", resources, recording.closed, [], {**recording.outputs, "zones": zones})
    text = page.render({"primary": stack(many)})
    assert len(text) < 500_000
    assert "960 more zones of primary" in text
    assert "1,902 more PrivateKey of primary" in text


def test_the_drawings_stand_alone(tmp_path):
    page.write(shipped(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "regions.svg", "resources.svg"]
    for name in ("regions.svg", "resources.svg"):
        text = (tmp_path / name).read_text()
        assert text.startswith("<svg ")
        assert "prefers-color-scheme: dark" in text
        read(text)
    assert "endpoints" in (tmp_path / "resources.svg").read_text()


def test_a_primary_alone_is_drawn_without_another_exchange_or_buckets():
    text = page.render(VARIANTS["alone"]())
    assert "no other exchange takes its mail" in text
    assert "mx2.example.com" not in text
    assert "Nothing is backed up: mail:backup is not set." in text
