"""DMARC (RFC 9989) and the consent of whoever receives its reports (RFC 9990, section 4)."""

from ..policies import Dmarc, DmarcPolicy

ENFORCED = {"policy": DmarcPolicy.REJECT, "subdomain_policy": DmarcPolicy.REJECT, "nonexistent_policy": DmarcPolicy.REJECT}


def dmarc_text(dmarc: Dmarc, report_address: str | None) -> str:
    """The record of a domain, under `_dmarc`.

    Never `pct`, which RFC 9989 took out; `p` comes second, as older readers need it.

    Args:
        dmarc: what receivers do, and where failures are reported.
        report_address: where aggregate reports go; None when none are asked for.
    """
    tags = ["v=DMARC1", f"p={dmarc.policy}", f"sp={dmarc.subdomain_policy or dmarc.policy}", f"np={dmarc.nonexistent_policy}"]
    if dmarc.strict_alignment:
        tags += ["adkim=s", "aspf=s"]
    if report_address:
        tags.append(f"rua=mailto:{report_address}")
    if dmarc.failure_report_address:
        tags.append(f"ruf=mailto:{dmarc.failure_report_address}")
    return "; ".join(tags)


def consent(domain: str, report_address: str) -> tuple[str, str] | None:
    """The record by which another organization takes a domain's reports: its name and text; None when there is no other.

    Args:
        domain: whose reports they are.
        report_address: where they go.
    """
    receiver = report_address.rpartition("@")[2]
    # Without a list of public suffixes: names below each other are one organization, and a consent too many does no harm.
    if receiver == domain or receiver.endswith(f".{domain}") or domain.endswith(f".{receiver}"):
        return None
    return f"{domain}._report._dmarc.{receiver}", "v=DMARC1"
