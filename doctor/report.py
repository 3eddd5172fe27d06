"""Findings for people, as a table by subject, and for machines, as JSON."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .findings import Finding, Severity

MARKS = {Severity.OK: "✓", Severity.UNKNOWN: "?", Severity.WARNING: "!", Severity.FAULT: "✗"}
PLAIN_MARKS = {Severity.OK: "+", Severity.UNKNOWN: "?", Severity.WARNING: "!", Severity.FAULT: "x"}
STYLES = {Severity.OK: "green", Severity.UNKNOWN: "cyan", Severity.WARNING: "yellow", Severity.FAULT: "bold red"}
TALLY = (
    (Severity.FAULT, "fault", "faults"),
    (Severity.WARNING, "warning", "warnings"),
    (Severity.UNKNOWN, "cannot be told", "cannot be told"),
)


def as_json(findings: Sequence[Finding]) -> str:
    """The findings as a JSON list of objects with `check`, `subject`, `severity`, `message` and `fix`."""
    listed = [{**asdict(finding), "severity": finding.severity.name.lower()} for finding in findings]
    return json.dumps(listed, indent=2)


def print_table(console: Console, findings: Sequence[Finding], group_of: Callable[[str], str]) -> None:
    """Print the findings by group: what is well as a number, everything else with its fix.

    Args:
        console: where to.
        findings: what was found.
        group_of: the domain, host, address or zone that a subject belongs to.
    """
    marks = PLAIN_MARKS if console.options.ascii_only else MARKS
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(group_of(finding.subject), []).append(finding)
    for group, members in groups.items():
        fine = sum(finding.severity is Severity.OK for finding in members)
        worst = max(finding.severity for finding in members)
        table.add_row(Text(marks[worst], STYLES[worst]), Text(group, "bold"), Text(f"{fine} fine" if fine else "", "green"))
        for finding in sorted(members, key=lambda one: -one.severity):
            if finding.severity is not Severity.OK:
                text = Text(finding.message)
                if finding.fix:
                    text.append(f"\nFix: {finding.fix}", "dim")
                table.add_row("", Text(finding.check, STYLES[finding.severity]), text)
    console.print(table)
    console.print(Text(summary(findings), "bold"))


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each severity, in a sentence."""
    counted = Counter(finding.severity for finding in findings)
    told = [
        f"{counted[severity]} {one if counted[severity] == 1 else more}" for severity, one, more in TALLY if counted[severity]
    ]
    return f"{', '.join(told) or 'Nothing is wrong'}; {counted[Severity.OK]} checks are fine."
