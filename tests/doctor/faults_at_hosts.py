"""Faults at the hosts: ports, names, certificates, the policy they serve, and the network in between."""

import errno

from . import mail_hosts
from .faults import fault
from .world import ELSEWHERE, MX1, MX1_V6, MX2, POLICY

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
SILENT = TimeoutError("timed out")
NO_ROUTE = OSError(errno.ENETUNREACH, "Network is unreachable")


def at_mx1(port, to):
    def breaks(local):
        for address in (MX1, MX1_V6):
            local.route(address, port, to() if callable(to) else to)

    return breaks


def shows(kind, mode="enforce"):
    """The primary shows another certificate, at every port; its policy is in another mode."""

    def breaks(local):
        local.primary["mtaSts"]["mode"] = mode
        local.host_mx1(kind, POLICY.replace("enforce", mode))

    return breaks


def policy(text=POLICY, **response):
    return lambda local: local.host_mx1(policy=text, **response)


def down(address, problem, ports=(25, 465, 587, 993, 4190, 443)):
    return lambda local: [local.route(address, port, problem) for port in ports]


def nothing_on_25(problem):
    return lambda local: [local.route(address, 25, problem) for address in (MX1, MX1_V6, MX2, ELSEWHERE)]


PORTS = [
    fault("port 25 refuses", at_mx1(25, REFUSED), "port-closed", "port 25", "firewall", also={"tlsa-untold"}),
    fault("port 25 is silent", at_mx1(25, SILENT), "port-closed", "does not answer in time", also={"tlsa-untold"}),
    fault("port 465 closed", at_mx1(465, REFUSED), "port-closed", "port 465 (submissions)"),
    fault("port 587 closed", at_mx1(587, REFUSED), "port-closed", "port 587 (submission)"),
    fault("port 993 closed", at_mx1(993, REFUSED), "port-closed", "port 993 (imaps)"),
    fault("sieve closed", at_mx1(4190, REFUSED), "port-closed", "port 4190"),
    fault("sieve says nothing", at_mx1(4190, lambda: mail_hosts.says("")), "port-not-ready", "without a greeting"),
    fault(
        "the other exchange is down",
        lambda local: local.route(MX2, 25, REFUSED),
        "port-closed",
        "mx2.example.com (198.51.100.20) port 25",
        also={"tlsa-untold"},
    ),
    fault("one address down", down(MX1_V6, SILENT), "host-unreachable", MX1_V6, "none of its ports"),
    fault("no IPv6 here", down(MX1_V6, NO_ROUTE), "address-unroutable", MX1_V6, "IPv6"),
    fault(
        "turns clients away",
        at_mx1(25, lambda: mail_hosts.says("554 5.7.1 go away\r\n")),
        "port-not-ready",
        "554",
        also={"tlsa-untold"},
    ),
    fault("hangs up", at_mx1(25, lambda: mail_hosts.says("220 hi\r\n")), "port-not-ready", "port 25", also={"tlsa-untold"}),
    fault(
        "no STARTTLS",
        at_mx1(25, lambda: mail_hosts.smtp("mx1.example.com", starttls=False)),
        "starttls-missing",
        "STARTTLS",
        also={"tlsa-untold"},
    ),
    fault("no TLS", at_mx1(993, lambda: mail_hosts.says("* OK hello\r\n")), "tls-handshake-failed", "port 993"),
    fault("another name in EHLO", at_mx1(25, lambda: mail_hosts.smtp("pod-0.mail.svc")), "smtp-name", "pod-0.mail.svc"),
    fault(
        "port 25 blocked here",
        nothing_on_25(SILENT),
        "port-25-untold",
        "in the cluster",
        also={"outbound-25-blocked", "tlsa-untold"},
    ),
    fault(
        "port 25 rejected here",
        nothing_on_25(REFUSED),
        "outbound-25-blocked",
        "smarthost",
        also={"port-25-untold", "tlsa-untold"},
    ),
]
CERTIFICATES = [
    fault(
        "expired", shows("expired"), "certificate-expired", "expired on", "25, 465", also={"tlsa-mismatch", "mta-sts-certificate"}
    ),
    fault("expires soon", shows("soon"), "certificate-expires-soon", "in 4 days", also={"tlsa-mismatch"}),
    fault("for another name", shows("wrong-name"), "certificate-name", "www.example.com", also={"tlsa-mismatch"}),
    fault(
        "not trusted",
        shows("untrusted", "testing"),
        "certificate-untrusted",
        "not trusted",
        also={"tlsa-mismatch", "mta-sts-certificate"},
    ),
    fault(
        "not trusted and enforced",
        lambda local: local.route(MX2, 25, mail_hosts.smtp("mx2.example.com", "untrusted-mx2")),
        "certificate-untrusted",
        "refuse to deliver",
        also={"tlsa-mismatch"},
    ),
    fault("a key that was not announced", shows("rekeyed"), "tlsa-mismatch", mail_hosts.key_digest("rekeyed")),
]
POLICIES = [
    fault(
        "mx2 not in the policy", policy(POLICY.replace("mx: mx2.example.com\n", "")), "mta-sts-mx-missing", "mx: mx2.example.com"
    ),
    fault("a stranger in the policy", policy(POLICY + "mx: *.old.example\n"), "mta-sts-mx-extra", "*.old.example"),
    fault("policy in another mode", policy(POLICY.replace("enforce", "testing")), "mta-sts-mode", "testing", "enforce"),
    fault("policy of another age", policy(POLICY.replace("604800", "86400")), "mta-sts-max-age", "86400"),
    fault("policy not found", policy("", status="404 Not Found"), "mta-sts-http", "404"),
    fault("policy redirects", policy("", status="301 Moved Permanently"), "mta-sts-redirect", "do not follow"),
    fault("policy as HTML", policy(content_type="text/html"), "mta-sts-content-type", "text/html"),
    fault("policy is nonsense", policy("<html>"), "mta-sts-syntax", "mta-sts.example.com"),
    fault(
        "policy host has another certificate",
        at_mx1(443, lambda: mail_hosts.web("no-policy-name", POLICY)),
        "mta-sts-certificate",
        "mta-sts.example.net",
    ),
    fault("policy host is closed", at_mx1(443, REFUSED), "mta-sts-unreachable", "port 443", also={"port-closed"}),
    fault(
        "policy host is nowhere",
        lambda local: local.dns.set("mta-sts.example.net", "CNAME"),
        "mta-sts-unresolvable",
        "mta-sts.example.net",
        also={"record-missing"},
    ),
]
AT_HOSTS = [*PORTS, *CERTIFICATES, *POLICIES]
