"""What the doctor has to say: one finding for each thing it looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is, mildest first."""

    OK = 0
    UNKNOWN = 1
    """It cannot be told from here: nothing is known to be wrong."""
    WARNING = 2
    """Mail flows, but something is about to break, or protects less than it was meant to."""
    FAULT = 3
    """The world does not see what was deployed: mail is lost, refused, distrusted or goes elsewhere."""


EXIT_CODES = {Severity.OK: 0, Severity.UNKNOWN: 0, Severity.WARNING: 1, Severity.FAULT: 2}
COULD_NOT_RUN = 3


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    check: str
    """A stable name of what was found, such as `mx-cname`."""
    subject: str
    """The domain, host, address or zone it is about."""
    severity: Severity
    message: str
    """What is the case, in one or two sentences."""
    fix: str = ""
    """What to do about it; empty when nothing is to be done."""


def ok(check: str, subject: str, message: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, subject, Severity.OK, message)


def unknown(check: str, subject: str, message: str, fix: str = "") -> Finding:
    """A finding that cannot be told from here."""
    return Finding(check, subject, Severity.UNKNOWN, message, fix)


def warning(check: str, subject: str, message: str, fix: str) -> Finding:
    """A finding that needs attention, though mail flows."""
    return Finding(check, subject, Severity.WARNING, message, fix)


def fault(check: str, subject: str, message: str, fix: str) -> Finding:
    """A finding that something is broken."""
    return Finding(check, subject, Severity.FAULT, message, fix)


def publish(line: str) -> str:
    """The fix of a record that is not as deployed: the record to publish, as a line of a zone file."""
    # Without --refresh Pulumi believes its state, in which the record is as it was.
    return f"Publish `{line}`: run `pulumi up --refresh`, or load the zone file if Pulumi does not publish this zone."


def exit_code(findings: Iterable[Finding]) -> int:
    """The exit code of a run: 0 fine (also when something cannot be told), 1 warnings, 2 faults."""
    return EXIT_CODES[max((finding.severity for finding in findings), default=Severity.OK)]
