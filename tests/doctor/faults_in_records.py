"""Faults in DNS: missing, different and extra records, names of addresses, blocklists, and the zones themselves."""

from .faults import COM, HOST1, HOST2, NET, ORG, OUT, another_platform, both, fault, put
from .world import MX1, MX1_V6, MX2, OUT1

ZEN = "zen.spamhaus.org"


def listed(answer, zone=ZEN):
    return put(f"10.113.0.203.{zone}", "A", answer)


def alias(name, target):
    def breaks(local):
        for kind in ("A", "AAAA", "TXT"):
            local.dns.set(name, kind)
        local.dns.add(name, "CNAME", target)
        for kind, value in (("A", MX2), ("TXT", '"v=spf1 a -all"')):
            local.dns.add(target, kind, value)

    return breaks


def unsigned(kind):
    return both(put(COM, kind), lambda local: local.dns.signed.clear())


def not_validating(local):
    local.dns.validates = False


def times_out(name, kind=None):
    return lambda local: setattr(local, "dns_timeout", 1.0) or local.dns.fail(name, "drop", kind)


def answered(name, how):
    """A zone whose failure comes over sockets, so that each kind of failure is heard once as outside of tests."""
    return lambda local: setattr(local, "over_sockets", True) or local.dns.fail(name, how)


def refused(name):
    return lambda local: local.dns.fail(name, "refused")


def only_backup(*breaks):
    return both(lambda local: setattr(local, "primary", local.backup), *breaks)


def only_primary(*breaks):
    return both(lambda local: setattr(local, "with_backup", False), *breaks)


RECORDS = [
    fault(
        "no address", put(HOST1, "A"), "record-missing", "mx1.example.com has no A", MX1, also={"ptr-unconfirmed", "spf-fails"}
    ),
    fault(
        "another address",
        put(OUT, "A", "203.0.113.77"),
        "record-different",
        "203.0.113.77",
        OUT1,
        also={"ptr-unconfirmed", "spf-fails"},
    ),
    fault("one address too many", put(HOST1, "A", MX1, "203.0.113.77"), "record-extra", "203.0.113.77", "Delete"),
    fault(
        "another IPv6 address",
        put(HOST1, "AAAA", "2001:db8::99"),
        "record-different",
        MX1_V6,
        also={"ptr-unconfirmed", "spf-fails"},
    ),
    fault("no alias", put("autoconfig.example.com", "CNAME"), "record-missing", "autoconfig.example.com has no CNAME"),
    fault("alias of another", put("autoconfig.example.com", "CNAME", "www.example."), "record-different", "www.example."),
    fault("no service", put("_imaps._tcp.example.com", "SRV"), "record-missing", "_imaps._tcp.example.com", "993"),
    fault(
        "service at another port", put("_imaps._tcp.example.com", "SRV", "0 1 143 mx1.example.com."), "record-different", "143"
    ),
    fault("service that is off", put("_imap._tcp.example.com", "SRV", "0 1 143 mx1.example.com."), "record-different", "0 0 0 ."),
    fault(
        "service at an alias",
        both(
            put("_imaps._tcp.example.com", "SRV", "0 1 993 mx1.example.com.", "0 1 993 imap.example.com."),
            put("imap.example.com", "CNAME", "mx1.example.com."),
        ),
        "srv-cname",
        "imap.example.com",
        also={"record-extra"},
    ),
    fault(
        "service nowhere",
        put("_imaps._tcp.example.com", "SRV", "0 1 993 mx1.example.com.", "0 1 993 gone.example.com."),
        "srv-unresolvable",
        "gone.example.com",
        also={"record-extra"},
    ),
    fault("no CAA", put(COM, "CAA"), "record-missing", "letsencrypt.org"),
    fault("no TLS-RPT", put("_smtp._tls.example.com", "TXT"), "tls-rpt-missing", "_smtp._tls.example.com"),
    fault(
        "TLS reports elsewhere",
        put("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1; rua=mailto:x@example.net"'),
        "tls-rpt-different",
        "x@example.net",
    ),
    fault(
        "two TLS-RPT",
        put("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1; rua=mailto:a@b.c"', '"v=TLSRPTv1; rua=mailto:d@e.f"'),
        "tls-rpt-duplicate",
        "2 TLS-RPT",
    ),
    fault("no BIMI", put("default._bimi.example.com", "TXT"), "bimi-missing", "default._bimi.example.com"),
    fault("no MTA-STS record", put("_mta-sts.example.com", "TXT"), "mta-sts-record-missing", "_mta-sts.example.com"),
    fault(
        "two MTA-STS records",
        put("_mta-sts.example.com", "TXT", '"v=STSv1; id=1"', '"v=STSv1; id=2"'),
        "mta-sts-record-duplicate",
        "id=1",
    ),
    fault(
        "stale MTA-STS id",
        put("_mta-sts.example.com", "TXT", '"v=STSv1; id=20250101"'),
        "mta-sts-record-different",
        "20250101",
        "20261121",
    ),
]
MX = [
    fault("no MX", put(NET, "MX"), "record-missing", "example.net has no MX", "pulumi up", also={"spf-fails"}),
    fault(
        "own MX missing",
        put(NET, "MX", "20 mx2.example.com."),
        "record-missing",
        "no MX record for mx1.example.com",
        also={"spf-fails"},
    ),
    fault(
        "another preference",
        put(COM, "MX", "30 mx1.example.com.", "20 mx2.example.com."),
        "record-different",
        "preference 30",
        "MX 10",
    ),
    fault(
        "MX of a stranger",
        put(COM, "MX", "10 mx1.example.com.", "20 mx2.example.com.", "5 mail.old.example."),
        "record-extra",
        "mail.old.example",
        also={"mx-unresolvable", "spf-fails"},
    ),
    fault("MX to CNAME", alias(HOST2, "mail.hoster.example."), "mx-cname", "mx2.example.com", "mail.hoster.example"),
    fault(
        "MX to an address",
        put(COM, "MX", "10 mx1.example.com.", "20 mx2.example.com.", "30 203.0.113.10."),
        "mx-address",
        "203.0.113.10",
        "host name",
    ),
    fault(
        "null MX beside others", put(COM, "MX", "0 .", "10 mx1.example.com.", "20 mx2.example.com."), "mx-null", "beside others"
    ),
    fault(
        "other exchange missing",
        only_primary(put(COM, "MX", "10 mx1.example.com.")),
        "mx-other-missing",
        "mx2.example.com",
        "pulumi up",
    ),
    fault("exchange nowhere", only_primary(put(HOST2, "A")), "mx-unresolvable", "mx2.example.com has no address"),
    fault(
        "MX of an unrelated platform",
        both(another_platform, lambda local: local.dns.add("other.example", "MX", "30 mx1.example.com.")),
        "record-extra",
        "mx1.example.com, which is no exchange of this platform",
        also={"tlsa-domain-unsigned"},
    ),
    fault("parked domain gets mail", put(ORG, "MX", "10 mx1.example.com."), "record-different", "example.org is parked"),
    fault("parked domain without null MX", put(ORG, "MX"), "record-missing", "example.org is parked"),
]
PTR = [
    fault("no PTR", lambda local: local.dns.set(local.reverse(OUT1), "PTR"), "ptr-missing", OUT1, "out1.example.com"),
    fault(
        "another PTR",
        lambda local: local.dns.set(local.reverse(MX1_V6), "PTR", "static.cloud.example."),
        "ptr-different",
        "static.cloud.example",
        MX1_V6,
    ),
    fault(
        "PTR not confirmed",
        lambda local: (
            local.primary["ptr"].update({"203.0.113.12": HOST1})
            or local.dns.add(local.reverse("203.0.113.12"), "PTR", f"{HOST1}.")
        ),
        "ptr-unconfirmed",
        "203.0.113.12",
        "Publish `mx1.example.com. A",
        also={"spf-fails"},
    ),
]
ZONES = [
    fault("zone not signed", unsigned("DNSKEY"), "dnssec-unsigned", "example.com is not signed"),
    fault("zone without DS", unsigned("DS"), "dnssec-no-ds", "registrar"),
    fault("resolver that does not validate", not_validating, "dnssec-untold", "--resolver"),
    fault("broken DNSSEC", answered(NET, "bogus"), "dnssec-broken", "example.net", "DS at the registrar"),
    fault("name servers that fail", answered(NET, "servfail"), "dns-failed", "SERVFAIL", "name server"),
    fault("resolver that refuses", answered(NET, "refused"), "dns-failed", "refuses", "--resolver"),
    fault("policy host that cannot be asked about", refused("mta-sts.example.net"), "dns-failed", "mta-sts.example.net A"),
    fault(
        "authorisation that cannot be asked for",
        refused("example.net._report._dmarc.example.com"),
        "dns-failed",
        "example.net._report",
    ),
    fault(
        "policy of another stack that cannot be asked for",
        only_backup(refused("_dmarc.example.net")),
        "dns-failed",
        "_dmarc.example.net",
    ),
    fault(
        "no policy of another stack",
        only_backup(put("_dmarc.example.net", "TXT")),
        "dmarc-missing",
        "Run `pulumi up` for the stack that publishes it; if `records.dmarc` of the domain is off",
    ),
    fault(
        "no SPF of another stack",
        only_backup(put(NET, "TXT")),
        "spf-missing",
        "Run `pulumi up` for the stack that publishes it; if `records.spf` of the domain is off",
    ),
    fault("zone not delegated", lambda local: local.dns.forget(NET), "zone-missing", "example.net is registered"),
    fault(
        "one name that times out",
        times_out("_imaps._tcp.example.com"),
        "dns-failed",
        "no answer in time",
        "--timeout",
    ),
]
BLOCKLISTS = [
    fault("listed", listed("127.0.0.2"), "blocklist-listed", MX1, ZEN, "127.0.0.2"),
    fault("on the PBL", listed("127.0.0.10"), "blocklist-policy", "PBL", "smarthost"),
    fault("on another list", listed("127.0.0.10", "bl.spamcop.net"), "blocklist-listed", "bl.spamcop.net"),
    fault("list that refuses for an address", listed("127.255.255.254"), "blocklist-untold", "127.255.255.254", "--resolver"),
    fault(
        "list that refuses this resolver",
        put(f"2.0.0.127.{ZEN}", "A", "127.255.255.254"),
        "blocklist-untold",
        ZEN,
        "127.255.255.254",
    ),
    fault("list that lists nothing", put(f"2.0.0.127.{ZEN}", "A"), "blocklist-untold", "127.0.0.2"),
    fault("list that answers nonsense", listed("203.0.113.5"), "blocklist-untold", "203.0.113.5"),
    fault("list that fails", refused(ZEN), "blocklist-untold", "refuses"),
    fault(
        "list of IPv6",
        lambda local: local.dns.add(local.reverse(MX1_V6).replace("ip6.arpa.", ZEN), "A", "127.0.0.3"),
        "blocklist-listed",
        MX1_V6,
    ),
]
UNTOLD = [
    # Names without an answer to one question, so that only the question for addresses is in doubt.
    fault(
        "exchange whose addresses time out",
        only_primary(times_out(HOST2, "A")),
        "dns-failed",
        "mx2.example.com A: no answer in time",
        also={"spf-untold"},
    ),
    fault(
        "policy host whose addresses time out",
        both(
            put("mta-sts.example.net", "CNAME"),
            put("mta-sts.example.net", "TXT", '"x"'),
            times_out("mta-sts.example.net", "AAAA"),
        ),
        "dns-failed",
        "mta-sts.example.net AAAA: no answer in time",
    ),
    fault(
        "service whose addresses time out",
        both(
            put("_imaps._tcp.example.com", "SRV", "0 1 993 mx1.example.com.", "0 1 993 gone.example.com."),
            put("gone.example.com", "TXT", '"x"'),
            times_out("gone.example.com", "A"),
        ),
        "dns-failed",
        "gone.example.com A: no answer in time",
        also={"record-extra"},
    ),
]
TOO_LONG = ".".join(["a" * 60] * 4 + ["example.com"])
IN_RECORDS = [
    fault(
        "a name too long for DNS",
        lambda local: local.primary["zones"].update({COM: f"{local.primary['zones'][COM]}{TOO_LONG}. IN CNAME {HOST1}.\n"}),
        "record-impossible",
        TOO_LONG,
        "255 octets",
    ),
    fault(
        "an alias of a name too long for DNS",
        lambda local: local.primary["elsewhere"].append(f"next.example.net. 60 IN CNAME {TOO_LONG}."),
        "record-impossible",
        f"next.example.net. 60 IN CNAME {TOO_LONG}",
    ),
    fault(
        "what others must publish is not there",
        put("example.com._report._dmarc.reports.example", "TXT"),
        "dmarc-report-missing",
        "example.com._report._dmarc.reports.example",
    ),
    *RECORDS,
    *MX,
    *PTR,
    *ZONES,
    *UNTOLD,
    *BLOCKLISTS,
]
