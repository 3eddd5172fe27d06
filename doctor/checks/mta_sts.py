"""The MTA-STS policy (RFC 8461, section 3): fetched as senders fetch it, compared with the deployed one and with the MX set."""

import http.client
import ssl

from checkdmarc.mta_sts import (  # pyright: ignore[reportMissingTypeStubs]
    MTASTSPolicyError,
    ParsedMTASTSPolicy,
    mx_in_mta_sts_patterns,
    parse_mta_sts_policy,
)

from ..deployment import Deployment
from ..findings import Finding, fault, ok, unknown, warning
from ..lookup import failed
from ..probes import Endpoint, Problem, problem_of, tls
from ..world import World

PATH = "/.well-known/mta-sts.txt"
HTTPS_PORT = 443
MAX_BYTES = 65_536  # RFC 8461, section 3.3, advises senders of at most 64 kilobytes
APPLY = "The plan sets it: run `pulumi up`, and see that the Job that applies the plan ended well."
OK_STATUS, REDIRECT_STATUS, ERROR_STATUS = 200, 300, 400


def check(world: World, deployment: Deployment, domain: str) -> list[Finding]:
    """The policy of one mail domain."""
    response = _fetch(world, domain)
    if isinstance(response, Finding):
        return [response]
    text, findings = response
    try:
        served = parse_mta_sts_policy(text)["policy"]
    except MTASTSPolicyError as error:
        message = f"The MTA-STS policy of {domain} cannot be read: {error}"
        return [fault("mta-sts-syntax", domain, message, f"See what https://mta-sts.{domain}{PATH} serves.")]
    findings += [*_exchanges(world, deployment, domain, served), *_settings(deployment, domain, served)]
    return findings or [ok("mta-sts", domain, f"The MTA-STS policy of {domain} is served, and names its exchanges.")]


def _fetch(world: World, domain: str) -> tuple[str, list[Finding]] | Finding:
    host = f"mta-sts.{domain}"
    addresses = world.addresses(host)
    if addresses.unanswered:
        return failed(addresses.unanswered, domain)
    if not addresses.found:
        message = f"{host} has no address, so senders cannot fetch the MTA-STS policy of {domain}."
        return fault("mta-sts-unresolvable", domain, message, f"Publish {host} as an alias of the host that serves the policy.")
    finding: Finding | None = None
    for address in addresses.found:
        endpoint = Endpoint(host, address, "https", HTTPS_PORT)
        try:
            with tls(world, endpoint, world.trust()) as secured:
                return _response(domain, host, secured)
        except (OSError, http.client.HTTPException) as error:
            finding = _failed(domain, endpoint, error)
    assert finding is not None
    return finding


def _response(domain: str, host: str, secured: ssl.SSLSocket) -> tuple[str, list[Finding]] | Finding:
    connection = http.client.HTTPConnection(host)
    connection.sock = secured
    connection.request("GET", PATH, headers={"Connection": "close"})
    with connection.getresponse() as response:
        body = response.read(MAX_BYTES).decode(errors="replace")
        url, status = f"https://{host}{PATH}", response.status
        kind = response.headers.get_content_type() if "Content-Type" in response.headers else "none"
    if REDIRECT_STATUS <= status < ERROR_STATUS:
        message = f"{url} redirects ({status}); senders do not follow, so {domain} has no MTA-STS policy."
        return fault("mta-sts-redirect", domain, message, f"Let {host} serve the policy itself, without a redirect.")
    if status != OK_STATUS:
        message = f"{url} answers with status {status} in place of the MTA-STS policy."
        return fault(
            "mta-sts-http", domain, message, f"See that the web server behind {host} is the mail server, and serves the policy."
        )
    if kind == "text/plain":
        return body, []
    message = f"{url} has content type {kind}; it must be text/plain, and some senders refuse others."
    return body, [warning("mta-sts-content-type", domain, message, f"Let {host} serve it as text/plain.")]


def _failed(domain: str, endpoint: Endpoint, error: Exception) -> Finding:
    place = f"The MTA-STS policy of {domain} cannot be fetched: {endpoint.host} ({endpoint.address})"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"{place} has a certificate that senders refuse: {error.verify_message}."
        return fault(
            "mta-sts-certificate", domain, message, f"Have a certificate issued that names {endpoint.host}, and renew it in time."
        )
    problem, detail = problem_of(error)
    message = f"{place} port 443 {problem}{': ' if detail else ''}{detail}."
    if problem is Problem.NO_ROUTE:
        return unknown("mta-sts-untold", domain, message, "Run the doctor where there is IPv6.")
    return fault("mta-sts-unreachable", domain, message, f"See that {endpoint.host} answers on port 443.")


def _exchanges(world: World, deployment: Deployment, domain: str, served: ParsedMTASTSPolicy) -> list[Finding]:
    policy = deployment.policy_of(domain)
    named = policy.exchanges if policy else ()
    # A stranger among the MX records is told as one.
    ours = [host for host in world.ask(domain, "MX").hosts if host in deployment.exchanges_of(domain)]
    listed = ", ".join(served["mx"])
    findings: list[Finding] = []
    for host in dict.fromkeys([*named, *ours]):
        if not mx_in_mta_sts_patterns(host, served["mx"]):
            message = f"The MTA-STS policy of {domain} does not name the exchange {host} (it names {listed}): "
            message += "senders that enforce it do not deliver there."
            findings.append(fault("mta-sts-mx-missing", domain, message, f"Add `mx: {host}` to the policy. {APPLY}"))
    for pattern in served["mx"]:
        if named and not any(mx_in_mta_sts_patterns(host, [pattern]) for host in named):
            message = f"The MTA-STS policy of {domain} names {pattern}, which is no exchange of this platform."
            findings.append(warning("mta-sts-mx-extra", domain, message, f"Remove `mx: {pattern}` from it. {APPLY}"))
    return findings


def _settings(deployment: Deployment, domain: str, served: ParsedMTASTSPolicy) -> list[Finding]:
    wanted = deployment.policy_of(domain)
    if wanted is None:
        return []
    findings: list[Finding] = []
    if served["mode"] != wanted.mode:
        message = f"The MTA-STS policy of {domain} is in mode `{served['mode']}`, but `{wanted.mode}` was deployed."
        findings.append(fault("mta-sts-mode", domain, message, APPLY))
    if served["max_age"] != wanted.max_age_seconds:
        message = f"The MTA-STS policy of {domain} has max_age {served['max_age']}, but {wanted.max_age_seconds} was deployed."
        findings.append(warning("mta-sts-max-age", domain, message, APPLY))
    return findings
