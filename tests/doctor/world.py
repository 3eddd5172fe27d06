"""A healthy world: two regions, three domains, everything as deployed. Tests break one thing in it."""

import errno
import json
import socket
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from unittest.mock import patch

import dns.nameserver
import dns.reversename

from doctor.deployment import deployment
from doctor.findings import Severity
from doctor.probes import probe
from doctor.run import examine
from doctor.world import World, resolver_of

from . import mail_hosts
from .dns_server import InProcess, LocalDns, serving
from .mail_hosts import key_digest

MX1, MX1_V6, OUT1, MX2, ELSEWHERE = "203.0.113.10", "2001:db8::10", "203.0.113.11", "198.51.100.20", "198.51.100.99"
BLOCKLISTS = ("zen.spamhaus.org", "bl.spamcop.net")
OUTBOUND = "exchange.elsewhere.example"
RSA = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmKasUZ/ilR+hwBMUQdcTMGtRmAKGmeBY5tlr74VhzU3kXRGJIcZPITRabYRaatC64MnUgcmHFepa28EgqgBa"
    "R/o/1GZ5Tu8piPmupuzCf++JNV2U1abVIyeSHOuhgYe9x0HCcKMyUIzyd+9btQ3OB4pQSUc/4FdW2VDTimf94AAHoXkJfOew6997VVXQx3S8XQDaLXH8pHBo4XdlRBxS"
    "eUaENf2f00sN5xf9TKrkV5JWfJBSFIchDj/3rRIRYqog7Riw78Mp9Z+s3mCtKOxTRH05JYvTs34JIDBSZ4zsidbsGyotxcFtxpRQlkA2qHZp9LI5NlTphq4sCgRuTmWb"
    "NwIDAQAB"
)
ED25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
NEXT_KEY = "ab" * 32
RSA_RECORD = f'"v=DKIM1; k=rsa; h=sha256; p={RSA[:200]}" "{RSA[200:]}"'
POLICY = "version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: mx2.example.com\nmax_age: 604800\n"
SPF = f"v=spf1 mx ip4:{OUT1} ~all"
DMARC = "v=DMARC1; p=quarantine; sp=quarantine; np=reject; rua=mailto:dmarc@example.com"

EXAMPLE_COM = f"""
$TTL 3600
@ IN SOA ns1.example.net. hostmaster.example.com. 1 86400 7200 3600000 3600
@ IN NS ns1.example.net.
example.com. IN MX 10 mx1.example.com.
example.com. IN TXT "{SPF}"
example.com. IN CAA 0 issue "letsencrypt.org"
_dmarc.example.com. IN TXT "{DMARC}"
s1-ed25519._domainkey.example.com. IN TXT "v=DKIM1; k=ed25519; h=sha256; p={ED25519}"
s1-rsa._domainkey.example.com. IN TXT {RSA_RECORD}
s1.example.net.dkim.example.com. IN TXT {RSA_RECORD}
example.net._report._dmarc.example.com. IN TXT "v=DMARC1"
_mta-sts.example.com. IN TXT "v=STSv1; id=20261121"
mta-sts.example.com. IN CNAME mx1.example.com.
autoconfig.example.com. IN CNAME mx1.example.com.
_smtp._tls.example.com. IN TXT "v=TLSRPTv1; rua=mailto:tls@example.com"
default._bimi.example.com. IN TXT "v=BIMI1; l=https://example.com/logo.svg"
_imaps._tcp.example.com. IN SRV 0 1 993 mx1.example.com.
_submissions._tcp.example.com. IN SRV 0 1 465 mx1.example.com.
_imap._tcp.example.com. IN SRV 0 0 0 .
mx1.example.com. IN A {MX1}
mx1.example.com. IN AAAA 2001:DB8:0:0::10
mx1.example.com. IN TXT "v=spf1 a -all"
out1.example.com. IN A {OUT1}
out1.example.com. IN TXT "v=spf1 a -all"
_25._tcp.mx1.example.com. IN TLSA 3 1 1 {key_digest("mx1")}
_25._tcp.mx1.example.com. IN TLSA 3 1 1 {NEXT_KEY}
"""
EXAMPLE_NET = f"""
$TTL 3600
example.net. IN MX 10 mx1.example.com.
example.net. IN TXT "{SPF}"
_dmarc.example.net. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
s1._domainkey.example.net. IN CNAME s1.example.net.dkim.example.com.
_mta-sts.example.net. IN TXT "v=STSv1; id=20261121"
mta-sts.example.net. IN CNAME mx1.example.com.
_smtp._tls.example.net. IN TXT "v=TLSRPTv1; rua=mailto:tls@example.com"
"""
EXAMPLE_ORG = """
$TTL 3600
example.org. IN MX 0 .
example.org. IN TXT "v=spf1 -all"
_dmarc.example.org. IN TXT "v=DMARC1; p=reject; sp=reject; np=reject"
*._domainkey.example.org. IN TXT "v=DKIM1; p="
"""
BACKUP_COM = f"""
$TTL 3600
example.com. IN MX 20 mx2.example.com.
mx2.example.com. IN A {MX2}
mx2.example.com. IN TXT "v=spf1 a -all"
_25._tcp.mx2.example.com. IN TLSA 3 1 1 {key_digest("mx2")}
"""
BACKUP_NET = """
$TTL 3600
example.net. IN MX 20 mx2.example.com.
"""
EXCHANGES = ["mx1.example.com", "mx2.example.com"]
PRIMARY = {
    "hostname": "mx1.example.com",
    "addresses": [MX1, MX1_V6],
    "ports": {"smtp": 25, "submissions": 465, "submission": 587, "imaps": 993, "sieve": 4190, "https": 443},
    "zones": {"example.com": EXAMPLE_COM, "example.net": EXAMPLE_NET, "example.org": EXAMPLE_ORG},
    "elsewhere": ['example.com._report._dmarc.reports.example. 3600 IN TXT "v=DMARC1"'],
    "ptr": {MX1: "mx1.example.com", MX1_V6: "mx1.example.com", OUT1: "out1.example.com"},
    "exchanges": EXCHANGES,
    "mtaSts": {"mode": "enforce", "maxAgeSeconds": 604800, "mx": EXCHANGES},
    "signedZones": ["example.com"],
}
BACKUP = {
    "hostname": "mx2.example.com",
    "addresses": [MX2],
    "ports": {"smtp": 25},
    "zones": {"example.com": BACKUP_COM, "example.net": BACKUP_NET},
    "ptr": {MX2: "mx2.example.com"},
    "exchanges": EXCHANGES,
    "mtaSts": None,
    "signedZones": ["example.com"],
}


class Local:
    """The world and the outputs, to be changed before the doctor looks."""

    timeout = 10.0
    """Seconds for a handshake."""
    dns_timeout = 10.0
    """Seconds for a question to DNS."""
    over_sockets = False
    """Whether DNS is asked over UDP and TCP, and the hosts anew, as outside of tests."""

    def __init__(self):
        self.primary, self.backup = deepcopy(PRIMARY), deepcopy(BACKUP)
        self.with_backup = True
        self.others = {}
        self.dns = LocalDns()
        self.routes = {}
        self._publish()
        self.host_mx1()
        self.route(MX2, 25, mail_hosts.smtp("mx2.example.com", "mx2"))
        self.route(ELSEWHERE, 25, mail_hosts.says("220 hello\r\n"))

    def route(self, address, port, to):
        """Let a local port, or an `OSError`, stand for an address and port."""
        self.routes[address, port] = to

    def host_mx1(self, kind="mx1", policy=POLICY, **response):
        """The primary's host, by the certificate it has and what it answers over HTTPS."""
        for address in (MX1, MX1_V6):
            for port in (25, 587):
                self.route(address, port, mail_hosts.smtp("mx1.example.com", kind))
            for port in (465, 993):
                self.route(address, port, mail_hosts.web(kind))
            self.route(address, 443, mail_hosts.web(kind, policy, **response))
            self.route(address, 4190, mail_hosts.says('"IMPLEMENTATION" "Stalwart"\r\nOK\r\n'))

    def deploy(self, outputs, origin, text):
        """Add records to the outputs of a stack, and to DNS."""
        outputs["zones"][origin] = outputs["zones"].get(origin, "$TTL 3600\n") + text
        self.dns.load(origin, f"$TTL 3600\n{text}")

    def withdraw(self, *names):
        """Take what is at some names out of the primary's outputs, and out of DNS."""
        zones = self.primary["zones"]
        for origin, text in zones.items():
            zones[origin] = "\n".join(line for line in text.splitlines() if line.split(" ")[0].rstrip(".") not in names)
        for name in names:
            self.dns.forget(name)

    def reverse(self, address):
        return dns.reversename.from_address(address).to_text()

    def outputs(self):
        return {"Stack primary": self.primary, **({"Stack backup": self.backup} if self.with_backup else {}), **self.others}

    def dial(self, address, port):
        to = self.routes.get((address, port), ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
        if isinstance(to, Exception):
            raise to
        return socket.create_connection(("127.0.0.1", to), 10)

    def examine(self):
        """What the doctor finds."""
        with self.world() as world, patch("doctor.run.probe", self._probe):
            return examine(world, _deployment(json.dumps(self.outputs())), BLOCKLISTS, [OUTBOUND])

    def _probe(self, world, endpoint):
        """A server says the same in every world, so each is knocked at once a process."""
        if self.over_sockets:
            return probe(world, endpoint)
        key = endpoint, self.routes.get((endpoint.address, endpoint.port))
        if key not in _HEARD:
            _HEARD[key] = probe(world, endpoint)
        return _HEARD[key]

    @contextmanager
    def world(self):
        """What the doctor looks at."""
        with self._asked() as server:
            resolver = resolver_of([server], self.dns_timeout)
            yield World(resolver, self.timeout, self.dial, mail_hosts.trust, lambda: mail_hosts.NOW)

    @contextmanager
    def _asked(self):
        if not self.over_sockets:
            yield InProcess(self.dns)
            return
        with serving(self.dns) as port:
            yield dns.nameserver.Do53Nameserver("127.0.0.1", port)

    def _publish(self):
        for outputs in (PRIMARY, BACKUP):
            for origin, text in outputs["zones"].items():
                self.dns.load(origin, text)
        self.dns.add("example.com._report._dmarc.reports.example", "TXT", '"v=DMARC1"')
        for zone in ("example.net", "example.org"):
            self.dns.add(zone, "SOA", f"ns1.example.net. hostmaster.{zone}. 1 86400 7200 3600000 3600")
        # Somebody else's record at a shared name, written as other servers write it.
        self.dns.add("example.com", "TXT", '"google-site-verification=abc"')
        for zone in ("example.com", "example.net"):  # that of a customer too, though no stack says so
            self.dns.signed.add(zone)
            self.dns.add(zone, "DNSKEY", f"257 3 15 {ED25519}")
            self.dns.add(zone, "DS", f"12345 15 2 {NEXT_KEY}")
        self.dns.add(OUTBOUND, "A", ELSEWHERE)
        for outputs in (PRIMARY, BACKUP):
            for address, name in outputs["ptr"].items():
                self.dns.add(self.reverse(address), "PTR", f"{name}.")
        for zone in BLOCKLISTS:
            self.dns.add(f"2.0.0.127.{zone}", "A", "127.0.0.2")


_HEARD = {}


@cache
def _deployment(outputs):
    """What the same outputs say is read once a process."""
    return deployment(json.loads(outputs))


def told(findings, at_least=Severity.UNKNOWN):
    """The findings that are not fine."""
    return [finding for finding in findings if finding.severity >= at_least]
