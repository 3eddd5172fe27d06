"""The parts that a whole run does not show."""

import dns.exception
import dns.zone
import pytest

from doctor.certificates import association, names_host
from doctor.checks import hosts, texts
from doctor.checks.tlsa import _matches
from doctor.deployment import deployment
from doctor.findings import Severity, exit_code, fault, ok, unknown, warning
from doctor.lookup import Failure, txt
from doctor.probes import Endpoint, Probe, Problem, Served, probe
from doctor.run import _guarded
from doctor.world import nameserver

from . import mail_hosts
from .world import BACKUP, PRIMARY, Local


def test_stacks_are_taken_together():
    both = deployment({"primary": PRIMARY, "backup": BACKUP})
    assert both.mail_domains == ("example.com", "example.net")
    assert both.parked_domains == ("example.org",)
    assert {record.to_text() for record in both.expected["example.com", "MX"].records} == {
        "10 mx1.example.com.",
        "20 mx2.example.com.",
    }
    policy = both.policy_of("example.com")
    assert policy is not None
    assert policy.mode == "enforce"
    assert both.enforces("mx2.example.com")
    assert both.policy_of("example.org") is None
    assert both.zone_of("mx1.example.com") == "example.com"
    assert both.group_of("_25._tcp.mx1.example.com") == "mx1.example.com"
    assert both.group_of("192.0.2.7") == "192.0.2.7"
    assert ("example.com", "SOA") not in both.expected


def test_a_zone_that_cannot_be_asked_about_takes_its_names_with_it():
    rest = deployment({"primary": PRIMARY}).without_zones(["example.com"])
    assert rest.mail_domains == ("example.net",)
    assert rest.ptr == {}
    assert rest.signed_zones == ()


@pytest.mark.parametrize(
    ("severities", "code"), [([], 0), ([ok], 0), ([ok, unknown], 0), ([warning, ok], 1), ([fault, warning], 2)]
)
def test_exit_codes(severities, code):
    findings = [make("x", "y", "z") if make is ok else make("x", "y", "z", "f") for make in severities]
    assert exit_code(findings) == code


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("9.9.9.9", "9.9.9.9", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("2620:fe::fe", "2620:fe::fe", 53),
        ("[::1]:54", "::1", 54),
    ],
)
def test_resolvers(text, address, port):
    server = nameserver(text)
    assert (server.address, server.port) == (address, port)


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("a.example.com", True),
        ("A.example.com".lower(), True),
        ("example.com", False),
        ("b.a.example.com", False),
        ("exact.org", True),
    ],
)
def test_a_wildcard_stands_for_one_label(host, covered):
    assert names_host(mail_hosts.der("wildcard"), host) is covered


@pytest.mark.parametrize(
    ("parameters", "kind", "issuers", "matches"),
    [
        ("3 1 1", "mx1", None, True),
        ("3 0 0", "mx1", None, True),
        ("3 0 2", "mx1", None, True),
        ("3 1 1", "mx2", None, False),
        ("2 0 1", "mx2", ["mx2"], True),
        ("2 0 1", "mx1", ["mx2"], False),
        ("2 0 1", "mx1", None, None),
        ("1 1 1", "mx1", None, False),
    ],
)
def test_tlsa_usages(parameters, kind, issuers, matches):
    text = f"{parameters} {association(mail_hosts.der(kind), *parameters.split()[1:])}"
    chain = None if issuers is None else tuple(mail_hosts.der(issuer) for issuer in issuers)
    assert _matches(text, Served(mail_hosts.der("mx1"), issuers=chain)) is matches


@pytest.mark.parametrize("service", ["smtp", "imaps", "sieve"])
def test_a_server_that_keeps_silent_is_not_one_that_turns_away(service):
    local = Local()
    local.timeout = 0.2
    local.route("198.51.100.20", 1, mail_hosts.says_nothing())
    with local.world() as world:
        assert probe(world, Endpoint("mx2.example.com", "198.51.100.20", service, 1)).problem is Problem.SILENT


def test_a_question_without_an_answer_is_waited_for_once():
    local = Local()
    local.over_sockets, local.dns_timeout = True, 0.5
    asked = []
    local.dns.reply = asked.append
    with local.world() as world:
        assert world.ask("example.net", "MX").failure is Failure.TIMEOUT
        times = len(asked)
        assert times
        assert world.ask("EXAMPLE.net.", "MX").failure is Failure.TIMEOUT
        with pytest.raises(dns.exception.Timeout):
            world.resolver.resolve("example.net", "MX")
        assert len(asked) == times
        assert world.ask("example.net", "TXT").failure is Failure.TIMEOUT
        assert len(asked) > times


def seen(kind, port, untrusted=""):
    return Probe(Endpoint("mx2.example.com", "198.51.100.20", "x", port), served=Served(mail_hosts.der(kind), untrusted))


def test_a_short_lived_certificate_is_not_late_in_the_middle_of_its_life():
    findings = hosts.check("mx2.example.com", [seen("short-lived", 25)], True, True, mail_hosts.NOW)
    assert {finding.severity for finding in findings} == {Severity.OK}


@pytest.mark.parametrize(("port", "severity"), [(25, Severity.FAULT), (993, Severity.WARNING)])
def test_senders_enforce_trust_on_port_25_only(port, severity):
    findings = hosts.check("mx2.example.com", [seen("mx2", port, "self-signed certificate")], True, True, mail_hosts.NOW)
    assert severity in {finding.severity for finding in findings if finding.check == "certificate-untrusted"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("v=spf1 mx -all", '"v=spf1 mx -all"'),
        ('say "hi" with a \\', r'"say \"hi\" with a \\"'),
        ("é" * 200, '"' + r"\195\169" * 127 + r"\195" + '" "' + r"\169" + r"\195\169" * 72 + '"'),
    ],
)
def test_a_line_of_a_zone_file_is_read_back_as_it_was(text, written):
    line = texts.line("example.com", text)
    assert line == f"example.com. TXT {written}"
    zone = dns.zone.from_text(f"$TTL 60\n{line.replace(' TXT ', ' IN TXT ')}", "example.com", check_origin=False)
    (record,) = zone.find_rdataset("@", "TXT")
    assert txt(record) == text


def test_a_check_that_fails_does_not_hide_the_others():
    (finding,) = _guarded(lambda: 1 / 0)
    assert (finding.check, finding.severity) == ("doctor-failed", Severity.UNKNOWN)
    assert "division by zero" in finding.message
