"""What the real program puts out, served as it says: nothing is wrong with it, whatever the settings."""

import json
from functools import partial

import pytest

from doctor.findings import Severity
from tests.conftest import changed, recorded
from tests.program.stacks import run, settings_of
from tests.program.test_failover import active

from . import mail_hosts
from .dns_server import LocalDns
from .world import BLOCKLISTS, ELSEWHERE, OUTBOUND, Local, told

OUTPUTS = ("hostname", "addresses", "ports", "zones", "elsewhere", "ptr", "exchanges", "mtaSts", "signedZones")
SOA = "ns1.example.net. hostmaster.example.net. 1 86400 7200 3600000 3600"
KEYS = [
    {"name": "s1-rsa", "algorithm": "rsa", "state": "retired"},
    {"name": "s2-rsa", "algorithm": "rsa", "state": "retiring"},
    {"name": "s3-rsa", "algorithm": "rsa"},
    {"name": "s4-rsa", "algorithm": "rsa", "state": "pending"},
    {"name": "s3-ed25519", "algorithm": "ed25519"},
]


def both(backup=None, **primary):
    """Both stacks with other settings; the backup runs on what the primary put out."""
    first = changed("primary", **primary)
    return first, run("backup", settings_of("backup", **(backup or {})), first)


def shipped():
    return recorded("primary"), recorded("backup")


def hosted():
    """Aliases, a domain below another, one below another as a zone of its own settings, and keys in a zone of ours."""
    customer = {"name": "example.info", "hostedDkim": {"zone": "dkim.example.net", "selectors": ["next"]}}
    own = {"name": "shop.example.com", "dnsProvider": "zonefile", "aliases": ["mail.example.org", "www.example.com"]}
    return both(
        domains=[{"name": "example.com", "aliases": ["example.org"]}, {"name": "sub.example.com"}, own, customer],
        dns={"zones": [{"name": "dkim.example.net"}], "nameServers": ["ns1.example.net"]},
    )


def switched_off():
    domains = [{"name": "example.com"}, {"name": "example.net", "records": {"mtaSts": False}}]
    return both(domains=domains, mtaSts={"mode": "enforce"})


def egress(number, address):
    return [{"address": address, "ehloHostname": f"out{number}.example.com"}]


def own_egress():
    at_backup = {"addresses": ["198.51.100.20"], "egress": egress(2, "198.51.100.21")}
    return both({"exposure": at_backup}, exposure={"addresses": ["203.0.113.10"], "egress": egress(1, "203.0.113.99")})


def external_dns():
    dns = {"provider": "external-dns"}
    exchange = {"hostname": "mx2.example.com", "addresses": ["198.51.100.20"], "publishMx": True}
    domains = [
        {"name": "example.com", "caa": {"issuers": [{"authority": "letsencrypt.org"}]}},
        {"name": "example.org", "parked": True},
    ]
    return both({"dns": dns}, dns=dns, backupExchange=exchange, domains=domains)


def keys():
    return both(domains=[{"name": "example.com", "dkimSelectors": KEYS}])


def switches():
    """SPF and DMARC that somebody else is to publish, and has not."""
    domains = [{"name": "example.com", "records": {"spf": False, "dmarc": False}}]
    return both(domains=domains, dns={"provider": "zonefile", "host": {"spf": False}})


def failed_over():
    """The mailboxes in the backup region, under the primary's name; the primary is fenced."""
    fenced = run("primary", settings_of("primary", mode="fenced"), before=recorded("primary"))
    return fenced, active(checked=True)


# Names of findings that are no mistake of the doctor, each with what it must say.
EXPECTED = {
    switches: {
        ("spf-missing", "example.com"): "`records.spf` of the domain is off",
        ("spf-missing", "mx1.example.com"): "`dns.host.spf` is off",
        ("dmarc-missing", "example.com"): "`records.dmarc` of the domain is off",
    },
}
# Zones of the settings that are names in another zone in DNS.
NOT_CUT = ("sub.example.com", "shop.example.com", "mail.example.org", "dkim.example.net")
CASES = [shipped, hosted, switched_off, own_egress, external_dns, keys, switches, failed_over]


class Recorded(Local):
    """The world as the outputs of recorded stacks say."""

    def __init__(self, *recordings):
        self.stacks = {one.stack: json.loads(json.dumps({key: one.outputs.get(key) for key in OUTPUTS})) for one in recordings}
        self.dns = LocalDns()
        self.routes = {}
        self.route(ELSEWHERE, 25, mail_hosts.says("220 hello\r\n"))
        for outputs in self.stacks.values():
            self._publish_outputs(outputs)
            self._host(outputs)
        for one in recordings:
            stand_in = one.outputs.get("mailboxes")
            if stand_in:
                (primary,) = [found for found in self.stacks.values() if found["hostname"] == stand_in["hostname"]]
                self._host({**primary, "addresses": stand_in["addresses"]})
        self.dns.add("example.net", "SOA", SOA)
        self.dns.add(OUTBOUND, "A", ELSEWHERE)
        for zone in BLOCKLISTS:
            self.dns.add(f"2.0.0.127.{zone}", "A", "127.0.0.2")

    def outputs(self):
        return self.stacks

    def _publish_outputs(self, outputs):
        for origin, text in outputs["zones"].items():
            self.dns.load(origin, text)
            for kind, value in (("SOA", SOA), ("NS", "ns1.example.net.")):
                self.dns.set(origin, kind, *([] if origin in NOT_CUT else [value]))
        self.dns.load(".", "\n".join(outputs["elsewhere"] or []))
        for address, name in outputs["ptr"].items():
            self.dns.add(self.reverse(address), "PTR", f"{name}.")

    def _host(self, outputs):
        policy = outputs["mtaSts"]
        text = ""
        if policy:
            exchanges = "".join(f"mx: {host}\n" for host in policy["mx"])
            text = f"version: STSv1\nmode: {policy['mode']}\n{exchanges}max_age: {policy['maxAgeSeconds']}\n"
        smtp = partial(mail_hosts.smtp, outputs["hostname"], "real")
        servers = {
            "smtp": smtp,
            "submission": smtp,
            "sieve": partial(mail_hosts.says, '"IMPLEMENTATION" "Stalwart"\r\nOK\r\n'),
            "https": partial(mail_hosts.web, "real", text),
        }
        for service, port in outputs["ports"].items():
            for address in outputs["addresses"]:
                self.route(address, port, servers.get(service, partial(mail_hosts.web, "real"))())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_nothing_is_wrong_with_what_the_program_deploys(case):
    local = Recorded(*case())
    findings = local.examine()
    wrong = {(one.check, one.subject): one for one in told(findings, Severity.UNKNOWN)}
    expected = EXPECTED.get(case, {})
    assert wrong.keys() == expected.keys(), list(wrong.values())
    assert all(words in wrong[key].fix for key, words in expected.items())
    assert len(findings) > 40


@pytest.mark.parametrize("stack", [0, 1], ids=["primary", "backup"])
@pytest.mark.parametrize("case", [shipped, hosted, own_egress, external_dns, keys], ids=lambda case: case.__name__)
def test_nothing_is_wrong_with_one_stack_of_them(case, stack):
    recordings = case()
    local = Recorded(*recordings)
    local.stacks = {recordings[stack].stack: local.stacks[recordings[stack].stack]}
    assert told(local.examine()) == []
