"""Whatever the settings: valid ones make a valid region, broken ones are refused in words and never otherwise."""

import copy
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.program import PROJECT_FOLDER, record, stack_config
from offline.world import OfflineWorld
from settings import SettingsError, parse
from tests.contract.judges import check_manifests, check_plan, check_record_sets, check_zones

CASES = PROJECT_FOLDER / "tests" / "unit" / "settings_cases"
FULL = yaml.safe_load((CASES / "full-primary.happy.yaml").read_text())

label = st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?", fullmatch=True)
domain_name = st.builds("{}.{}".format, label, st.sampled_from(["example", "test", "com", "co.uk"]))
address = st.one_of(st.ip_addresses(network="192.0.2.0/24").map(str), st.ip_addresses(network="2001:db8::/32").map(str))
other_selectors = st.lists(
    st.fixed_dictionaries(
        {"name": label, "algorithm": st.sampled_from(["rsa", "ed25519"])},
        optional={"state": st.sampled_from(["pending", "active", "retiring", "retired"])},
    ),
    max_size=3,
    unique_by=lambda s: s["name"],
)
selectors = other_selectors.map(lambda found: [{"name": "now-rsa", "algorithm": "rsa"}, *found])
switches = st.dictionaries(
    st.sampled_from(["mx", "spf", "dkim", "dmarc", "mtaSts", "tlsReports", "services", "autoconfig", "uaAutoConfig"]),
    st.booleans(),
)
domain = st.fixed_dictionaries(
    {"name": domain_name},
    optional={
        "dmarc": st.fixed_dictionaries(
            {"policy": st.sampled_from(["none", "quarantine", "reject"])},
            optional={"reportAddress": st.just("dmarc@example.com"), "strictAlignment": st.booleans()},
        ),
        "spf": st.fixed_dictionaries({"includes": st.lists(domain_name, max_size=8, unique=True)}),
        "caa": st.just({"issuers": [{"authority": "letsencrypt.org"}]}),
        "records": switches,
        "hostedDkim": st.just({"zone": "dkim.example.net", "selectors": ["next"]}),
        "dkimSelectors": selectors,
        "subAddressing": st.booleans(),
        "aliases": st.lists(label.map(lambda found: f"{found}.info"), max_size=2, unique=True),
    },
)
options = st.fixed_dictionaries(
    {},
    optional={
        "spam": st.fixed_dictionaries(
            {"scoreSpam": st.floats(1, 5), "scoreReject": st.sampled_from([0, 8, 15.5])},
            optional={
                "greylistMinutes": st.integers(0, 100),
                "blocklists": st.lists(
                    st.fixed_dictionaries({"zone": domain_name, "kind": st.sampled_from(["ip", "domain"])}),
                    max_size=3,
                    unique_by=lambda found: found["zone"],
                ),
                "traps": st.lists(st.just("trap@example.com"), max_size=1),
            },
        ),
        "limits": st.fixed_dictionaries({"banHours": st.integers(1, 48), "outboundPerMinutePerDomain": st.integers(0, 9)}),
        "extraListeners": st.lists(st.sampled_from(["imap", "pop3", "pop3s"]), unique=True),
        "smarthosts": st.just([{"name": "ses", "hostname": "smtp.example.net", "username": "u", "password": {"name": "s"}}]),
        "mtaSts": st.fixed_dictionaries({"mode": st.sampled_from(["testing", "enforce", "disable"])}),
        "reports": st.fixed_dictionaries({"tls": st.sampled_from(["daily", "disable"]), "failures": st.booleans()}),
        "telemetry": st.just({"otlp": {"endpoint": "http://otlp:4318"}}),
    },
)
distributed = st.fixed_dictionaries(
    {
        "kind": st.just("distributed"),
        "blobs": st.just({"bucket": "a-bucket", "region": "eu-west-1"}),
        "archive": st.just({"bucket": "b-bucket", "region": "eu-central-1"}),
    },
    optional={"replicas": st.integers(1, 3), "maxReplicas": st.integers(3, 9)},
).flatmap(
    lambda found: st.sampled_from([{"nats": {"addresses": ["nats:4222"]}}, {"redis": {"url": "redis://v:6379"}}]).map(
        found.__or__
    )
)


@st.composite
def primaries(draw):
    domains = draw(st.lists(domain, min_size=1, max_size=4, unique_by=lambda d: d["name"]))
    aliases = set()
    for found in domains:
        if "aliases" in found:
            found["aliases"] = [alias for alias in found["aliases"] if alias not in aliases]
            aliases |= set(found["aliases"])
    parked = draw(st.lists(domain_name, max_size=2, unique=True))
    taken = {d["name"] for d in domains}
    config = {
        "role": "primary",
        "region": draw(label),
        "domains": domains + [{"name": name, "parked": True} for name in parked if name not in taken],
        "hostname": draw(st.one_of(st.just(""), label.map(lambda found: found + "."))) + domains[0]["name"],
        "exposure": {
            "kind": draw(st.sampled_from(["LoadBalancer", "NodePort", "HostPort"])),
            "addresses": draw(st.lists(address, min_size=1, max_size=3, unique=True)),
        },
        "dns": draw(
            st.fixed_dictionaries(
                {"zones": st.just([{"name": "example.net", "dnsProvider": "zonefile"}])},
                optional={"provider": st.sampled_from(["zonefile", "external-dns"])},
            )
        ),
        "tls": draw(st.sampled_from([{}, {"issuer": "letsencrypt"}, {"secretName": "mx"}])),
        "trustedNetworks": draw(
            st.lists(st.sampled_from(["10.0.0.0/8", "192.168.1.0/24", "fd00::/8", "192.0.2.1/32"]), unique=True)
        ),
        "logLevel": draw(st.sampled_from(["error", "info", "trace"])),
        **draw(options),
    }
    if config["exposure"]["kind"] != "HostPort" and draw(st.booleans()):
        config["storage"] = draw(distributed)
    if draw(st.integers(0, 3)):
        addresses = draw(st.lists(address, max_size=2, unique=True))
        hostname = "mx2." + config["domains"][0]["name"]
        config["backupExchange"] = {"hostname": hostname, "addresses": addresses, "publishMx": draw(st.booleans())}
    if draw(st.booleans()):
        config["backup"] = stack_config("primary")["mail:backup"]
    return config


@settings(max_examples=25)
@given(primaries())
def test_any_valid_settings_make_valid_manifests_records_and_plans(config):
    parse(config, "mail")
    primary = record("primary", {f"mail:{key}": value for key, value in config.items()}, OfflineWorld())
    check_together([primary])
    if "backupExchange" not in config:
        return
    hostname = config["backupExchange"]["hostname"]
    # Only a primary with a certificate can be asked for its recipients.
    can_be_asked = config["tls"]
    recipients = {"source": "primary"} if can_be_asked else {"source": "any"}
    backup_config = {**stack_config("backup"), "mail:hostname": hostname, "mail:recipients": recipients}
    backup = record("backup", backup_config, OfflineWorld({"mail/primary": dict(primary.outputs)}))
    check_together([primary, backup])


def check_together(recordings):
    for recording in recordings:
        assert recording.duplicates == []
        check_manifests(recording, versions=("1.37",))
        check_zones(recording)
        check_plan(recording)
    check_record_sets(recordings)


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=12),
        st.sampled_from(["hush", "10.0.0.0/0"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=6), inner, max_size=2)),
    max_leaves=4,
)


def _places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


@settings(max_examples=300)
@given(st.data())
def test_any_broken_settings_are_refused_in_words(data):
    config = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in _places(config) if path]))
        target = config
        for key in path[:-1]:
            target = target[key]
        if isinstance(target, dict) and data.draw(st.booleans()):
            target[data.draw(st.text(max_size=8))] = data.draw(anything)
        else:
            target[path[-1]] = data.draw(anything)
    try:
        parse(config, "mail")
    except SettingsError as error:
        message = str(error)
    else:
        message = "The configuration of this stack has no mistake"
    assert message.startswith("The configuration of this stack has ")
    assert "hush-" not in message


@given(st.dictionaries(st.text(), anything, max_size=5))
def test_any_mapping_at_all_is_refused_in_words(config):
    with pytest.raises(SettingsError, match=r"mail:(hostname|region|role) is not set"):
        parse(config, "mail")


@given(primaries())
def test_settings_survive_the_way_through_the_engine(config):
    assert parse(json.loads(json.dumps(config)), "mail") == parse(config, "mail")
