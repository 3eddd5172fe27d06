"""The hosts: do they answer at their ports, under their name, with a certificate for it?"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ..certificates import names, names_host, validity
from ..findings import Finding, Severity, fault, ok, unknown, warning
from ..probes import Probe, Problem

SMTP_PORT = 25
# Renewal is due at two thirds of a certificate's life; half of what is left is late, also when it lives for a week.
SOON, SOON_SHARE = timedelta(days=14), 6
UNHEARD = frozenset({Problem.SILENT, Problem.REFUSED})


def check(host: str, probes: Sequence[Probe], port_25_open: bool, enforced: bool, now: datetime) -> list[Finding]:
    """All that was heard from one host.

    Args:
        host: its name.
        probes: what happened at its addresses and ports.
        port_25_open: this machine may connect to port 25 of others at all.
        enforced: the MTA-STS policy is `enforce`: senders refuse a host with an untrusted certificate.
        now: the time.
    """
    findings: list[Finding] = []
    for address in dict.fromkeys(one.endpoint.address for one in probes):
        findings += _reached(host, address, [one for one in probes if one.endpoint.address == address], port_25_open)
    certificates = dict.fromkeys(one.served.certificate for one in probes if one.served)
    for certificate in certificates:
        showing = [one for one in probes if one.served and one.served.certificate == certificate]
        findings += _certificate(host, showing, enforced, now)
    return findings


def _reached(host: str, address: str, probes: Sequence[Probe], port_25_open: bool) -> list[Finding]:
    told = [one for one in probes if port_25_open or one.endpoint.port != SMTP_PORT or one.problem not in UNHEARD]
    findings = [_untold(host, one) for one in probes if one not in told]
    if len(told) > 1 and all(one.problem in UNHEARD for one in told):
        message = f"{host} at {address} answers on none of its ports ({_ports(told)})."
        fix = f"See that the server runs and that its load balancer still has {address}: kubectl get services,pods -A."
        return [*findings, fault("host-unreachable", host, message, fix)]
    return findings + [_port(host, one) for one in told] + [one for probe in told for one in _spoken(host, probe)]


def _untold(host: str, one: Probe) -> Finding:
    return unknown(
        "port-25-untold",
        host,
        f"Port 25 of {host} ({one.endpoint.address}) cannot be judged: nothing on port 25 answers this machine.",
        "Run the doctor from a machine whose network lets port 25 out, or in the cluster.",
    )


def _port(host: str, one: Probe) -> Finding:
    place = f"{host} ({one.endpoint.address}) port {one.endpoint.port} ({one.endpoint.service})"
    detail = f": {one.detail}" if one.detail else ""
    message = f"{place} {one.problem}{detail}."
    match one.problem:
        case None:
            return ok("port", host, f"{place} answers.")
        case Problem.NO_ROUTE:
            # The same for every port, and told once.
            message = f"{host} at {one.endpoint.address} {one.problem}{detail}."
            return unknown("address-unroutable", host, message, "Run the doctor where there is IPv6 to check this address.")
        case Problem.SILENT | Problem.REFUSED:
            fix = f"Open port {one.endpoint.port} in the firewall and load balancer of {host}, and see that the server listens."
            return fault("port-closed", host, message, fix)
        case Problem.NOT_READY:
            return fault("port-not-ready", host, message, "See the server's log for why it turns clients away.")
        case Problem.NO_STARTTLS:
            fix = "Give the listener a certificate, and see that no firewall or mail filter before it strips STARTTLS."
            return fault("starttls-missing", host, message, fix)
        case Problem.NO_TLS:
            fix = "See that the listener has a certificate and its key, and speaks TLS 1.2 or newer on this port."
            return fault("tls-handshake-failed", host, message, fix)


def _spoken(host: str, one: Probe) -> list[Finding]:
    if not one.ehlo_name or one.ehlo_name == host:
        return []
    message = f"{host} ({one.endpoint.address}) calls itself {one.ehlo_name} on port {one.endpoint.port}."
    fix = f"Set the server's host name to {host}; or the address belongs to another server: correct its A or AAAA record."
    return [warning("smtp-name", host, message, fix)]


def _certificate(host: str, showing: Sequence[Probe], enforced: bool, now: datetime) -> list[Finding]:
    served = showing[0].served
    assert served is not None
    where = f"The certificate {host} shows on port {_ports(showing)}"
    since, until = validity(served.certificate)
    renew = "Renew it (with cert-manager: kubectl describe certificate), and see that the server has loaded the new one."
    findings: list[Finding] = []
    if until < now:
        findings.append(fault("certificate-expired", host, f"{where} expired on {until:%Y-%m-%d}.", renew))
    elif until < now + min(SOON, (until - since) / SOON_SHARE):
        message = f"{where} expires on {until:%Y-%m-%d}, in {(until - now).days} days; it should have been renewed by now."
        findings.append(warning("certificate-expires-soon", host, message, renew))
    if not names_host(served.certificate, host):
        message = f"{where} is for {', '.join(names(served.certificate)) or 'no host name at all'}, not for {host}."
        findings.append(fault("certificate-name", host, message, f"Add {host} to the certificate's DNS names."))
    if served.untrusted and until >= now:
        refused = enforced and any(one.endpoint.port == SMTP_PORT for one in showing)
        severity = Severity.FAULT if refused else Severity.WARNING
        message = f"{where} is not trusted: {served.untrusted}."
        if refused:
            message += " The MTA-STS policy is `enforce`, so senders refuse to deliver."
        fix = "Use a certificate from a public authority, and let the server send the whole chain (leaf and intermediates)."
        findings.append(Finding("certificate-untrusted", host, severity, message, fix))
    return findings or [ok("certificate", host, f"{where} is trusted, names it, and is good until {until:%Y-%m-%d}.")]


def _ports(probes: Iterable[Probe]) -> str:
    return ", ".join(str(port) for port in dict.fromkeys(one.endpoint.port for one in probes))
