"""DKIM keys through the whole program: who signs, what is published, what is protected, and keys that are brought."""

import base64

import pulumi
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from offline.recorder import has_secret, reveal
from tests.conftest import changed, named, recorded

KEY = "tls:index/privateKey:PrivateKey"
LIFE = [
    {"name": "new", "algorithm": "rsa", "state": "pending"},
    {"name": "now", "algorithm": "rsa"},
    {"name": "last", "algorithm": "rsa", "state": "retiring"},
    {"name": "gone", "algorithm": "rsa", "state": "retired"},
    {"name": "hsm", "algorithm": "ed25519", "publicKey": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
]
BROUGHT = (
    Ed25519PrivateKey.from_private_bytes(base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
OLD_AND_NEW = {"domains": [{"name": "example.com", "dkimSelectors": LIFE}]}


@pytest.fixture(scope="module")
def living():
    return changed("primary", **OLD_AND_NEW)


def _name(selector):
    return f"{selector}._domainkey.example.com"


def test_a_key_is_protected_while_mail_relies_on_it(living):
    protected = {resource.name: resource.protect for resource in living.of_type(KEY)}
    assert protected == {f"dkim-{_name(s)}": s in ("now", "last") for s in ("new", "now", "last", "gone")}


def test_only_an_active_key_signs_and_reaches_the_server(living):
    assert reveal(named(living, "stalwart-stalwart-dkim-0").inputs["data"]).keys() == {_name("now")}
    plan = named(living, "stalwart-plan").inputs["data"]["plan.ndjson"]
    assert [s for s in ("new", "now", "last", "gone", "hsm") if f'"selector":"{s}"' in plan] == ["now"]


def test_every_key_is_published_and_a_retired_one_as_revoked(living):
    lines = {line.partition(".")[0]: line for line in living.outputs["zones"]["example.com"].splitlines() if "_domainkey" in line}
    assert lines.keys() == {"new", "now", "last", "gone", "hsm"}
    assert lines["gone"].endswith('"v=DKIM1; k=rsa; p="')
    assert all("p=MII" in lines[s] for s in ("new", "now", "last"))
    assert "p=11qYAYKx" in lines["hsm"]


def test_the_states_are_known_to_the_next_run(living):
    assert living.outputs["deployed"]["dkim"][_name("new")] == {"state": "pending", "key": "rsa made here", "hosted": ""}
    assert living.outputs["deployed"]["dkim"][_name("gone")] == {"state": "retired", "key": "rsa made here", "hosted": ""}
    assert _name("hsm") not in living.outputs["deployed"]["dkim"]


def test_a_key_that_is_brought_signs_and_is_published_and_is_secret():
    name = _name("s1-ed25519")
    recording = changed("primary", dkimKeys={name: {"secure": BROUGHT}})
    assert [r.name for r in recording.of_type(KEY)] == [f"dkim-{_name('s1-rsa')}"]
    mounted = base64.b64decode(reveal(named(recording, "stalwart-stalwart-dkim-0").inputs["data"])[name]).decode()
    assert mounted == BROUGHT
    assert "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" in recording.outputs["zones"]["example.com"]
    assert not has_secret(recording.outputs["zones"])
    for resource in recording.resources.values():
        if has_secret(resource.inputs):
            assert resource.type == "kubernetes:core/v1:Secret"
        assert BROUGHT.splitlines()[1] not in str(resource.inputs), resource.urn


def test_hosted_keys_are_published_in_our_zone():
    domains = [{"name": "example.com", "hostedDkim": {"zone": "dkim.example.net", "selectors": ["next"]}}]
    recording = changed("primary", domains=domains, dns={"zones": [{"name": "dkim.example.net"}]})
    theirs, ours = (recording.outputs["zones"][zone] for zone in ("example.com", "dkim.example.net"))
    assert "next._domainkey.example.com. 3600 IN CNAME next.example.com.dkim.example.net." in theirs
    assert "s1-rsa.example.com.dkim.example.net. 3600 IN TXT" in ours
    assert "p=" not in "".join(line for line in theirs.splitlines() if "_domainkey" in line)


def test_a_component_refuses_a_key_that_is_no_selectors(monkeypatch):
    from components import DkimKeys
    from offline.program import record
    from offline.world import OfflineWorld

    def program():
        DkimKeys("dkim", {"domains": [{"name": "example.com"}], "private_keys": {"s9._domainkey.example.com": "x"}})

    with pytest.raises(pulumi.RunError, match=r"`s9\._domainkey\.example\.com` is no selector here"):
        record("primary", {}, OfflineWorld(), program=program)


def test_keys_of_before_stay_as_they_were():
    assert [r.name for r in recorded("primary").of_type(KEY)] == [f"dkim-{_name('s1-rsa')}", f"dkim-{_name('s1-ed25519')}"]
