"""`python -m rotate`: the next step in the life of every domain's DKIM keys, as a change of the stack's file.

A new key is published first, signs once DNS shows it, and is kept for mail on its way before it is revoked and taken out
(RFC 6376, section 3.6.1; M3AAWG, DKIM Key Rotation Best Common Practices). Nothing is changed here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from components.dkim import DkimSelector, SelectorState
from components.mail_domain import MailDomain
from doctor.checks import dkim
from doctor.deployment import Deployment, OutputsError, deployment
from doctor.findings import COULD_NOT_RUN, Severity
from doctor.outputs import read
from doctor.world import World, real_world
from offline.program import project_file, stack_config

WAITING = 1
NUMBER = re.compile(r"(?<!ed)(?<!rsa)(?<![0-9])[0-9]+")  # not that of an algorithm

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Step:
    """A change of a domain's selectors."""

    title: str
    selectors: tuple[DkimSelector, ...]
    """All selectors of the domain after it."""
    shown: tuple[str, ...] = ()
    """Selectors that DNS must show as deployed before it."""
    when: str = ""
    """What cannot be seen in DNS and must be true before it."""


def next_step(domain: MailDomain) -> Step | str:
    """What comes next for the keys that sign here, or why nothing does. Keys that sign elsewhere have their own life.

    Args:
        domain: a domain that receives mail.
    """
    ours = [selector for selector in domain.selectors if not selector.public_key]
    pending, retiring, retired = (
        [selector for selector in ours if selector.state == state]
        for state in (SelectorState.PENDING, SelectorState.RETIRING, SelectorState.RETIRED)
    )
    if pending:
        algorithms = {selector.algorithm for selector in pending}
        followed = [s.name for s in ours if s.signs_here and s.algorithm in algorithms]
        changes = {s.name: SelectorState.ACTIVE for s in pending} | dict.fromkeys(followed, SelectorState.RETIRING)
        return Step("sign with the next keys", _with(domain, changes), tuple(s.name for s in pending))
    if retiring:
        return Step(
            "revoke the keys that signed before",
            _with(domain, {s.name: SelectorState.RETIRED for s in retiring}),
            when="the step before was a week ago, so that no mail signed with them is on its way",
        )
    if retired:
        left = tuple(s for s in domain.selectors if s not in retired)
        return Step("take the revoked keys out", left, tuple(s.name for s in retired))
    return _publish_next(domain, [selector for selector in ours if selector.signs_here])


def _publish_next(domain: MailDomain, signing: Sequence[DkimSelector]) -> Step | str:
    if not signing:
        return "all its keys sign elsewhere"
    taken = {selector.name for selector in domain.selectors}
    made: list[DkimSelector] = []
    for selector in signing:
        name = _name_after(selector, taken, domain)
        if name is None:
            return "hostedDkim.selectors has no free name; its owner must publish a CNAME for one more"
        taken.add(name)
        made.append(selector.model_copy(update={"name": name, "state": SelectorState.PENDING}))
    return Step("publish the next keys", (*domain.selectors, *made))


def _name_after(selector: DkimSelector, taken: set[str], domain: MailDomain) -> str | None:
    if domain.hosted_dkim:
        # The owner of the domain has published these names, and no others.
        free = [name for name in domain.hosted_dkim.selectors if name not in taken]
        return next((name for name in free if selector.algorithm in name), next(iter(free), None))
    name = selector.name if NUMBER.search(selector.name) else f"{selector.name}1"
    while True:
        name = NUMBER.sub(lambda found: str(int(found[0]) + 1).zfill(len(found[0])), name, count=1)
        if name not in taken:
            return name


def _with(domain: MailDomain, states: dict[str, SelectorState]) -> tuple[DkimSelector, ...]:
    return tuple(s.model_copy(update={"state": states.get(s.name, s.state)}) for s in domain.selectors)


def not_shown(step: Step, domain: MailDomain, world: World, deployed: Deployment) -> list[str]:
    """Why DNS does not show yet what must be there before a step; empty when it does.

    Args:
        step: the step.
        domain: its domain.
        world: whom to ask.
        deployed: what the stack says it has published.
    """
    reasons: list[str] = []
    for selector in (s for s in domain.selectors if s.name in step.shown):
        name = selector.record_name(domain.name)
        expected = deployed.at(name, "TXT") or deployed.at(name, "CNAME")
        if expected is None:
            reasons.append(f"{name} is not deployed yet: run `pulumi up`")
            continue
        hosted = expected.type == "CNAME" and deployed.at(expected.records[0].to_text().rstrip("."), "TXT")
        findings = [found for place in (expected, hosted) if place for found in dkim.check(world, deployed, place)]
        reasons += [f"{found.message} {found.fix}" for found in findings if found.severity is not Severity.OK]
    return reasons


def selectors_text(selectors: Sequence[DkimSelector]) -> str:
    """Selectors as they stand in the stack's file."""
    lines = ["dkimSelectors:"]
    for selector in selectors:
        key = f", publicKey: {_one_line(selector.public_key)}" if selector.public_key else ""
        lines.append(f"  - {{name: {_plain(selector.name)}, algorithm: {selector.algorithm}, state: {selector.state}{key}}}")
    return "\n".join(f"      {line}" for line in lines)


def _plain(name: str) -> str:
    # `202611` would be read as a number, and `on` as true.
    return name if isinstance(yaml.safe_load(name), str) else f'"{name}"'


def _one_line(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


@app.command()
def rotate(
    stack: Annotated[str, typer.Option(help="The primary's stack.")] = "primary",
    domain: Annotated[list[str] | None, typer.Option(help="Only this domain (may be repeated).")] = None,
    outputs: Annotated[str | None, typer.Option(help="What `pulumi stack output --json` printed, in a file.")] = None,
    resolver: Annotated[list[str] | None, typer.Option(help="A resolver to ask: IP or IP:PORT.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 10.0,
) -> None:
    """Print the next step of every domain's DKIM keys, once DNS shows the step before.

    The exit code is 0 when there is a step for every domain, 1 when DNS does not show the one before, 3 when it could not run.
    """
    try:
        domains, brought = _settings(stack)
        unknown = set(domain or ()) - {found.name for found in domains}
        if unknown:
            raise OutputsError(f"{', '.join(sorted(unknown))} is no mail domain of Pulumi.{stack}.yaml")
        steps = [(found, next_step(found)) for found in domains if not domain or found.name in domain]
        asks_dns = any(isinstance(step, Step) and step.shown for _found, step in steps)
        sources = ([] if outputs else [stack], [outputs] if outputs else [], f"rotate --stack {stack}")
        deployed = deployment(read(*sources)) if asks_dns else None
        world = real_world(resolver or [], timeout) if asks_dns else None
    except (OutputsError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    waiting = False
    for found, step in steps:
        if isinstance(step, str):
            typer.echo(f"{found.name}: nothing to do: {step}.\n")
            continue
        reasons = not_shown(step, found, world, deployed) if step.shown and world and deployed else []
        waiting = waiting or bool(reasons)
        typer.echo(_waiting_text(found, step, reasons) if reasons else _step_text(found, step, stack, brought))
    raise typer.Exit(WAITING if waiting else 0)


def _settings(stack: str) -> tuple[tuple[MailDomain, ...], frozenset[str]]:
    """The mail domains of a stack, and the names of the keys that are brought."""
    prefix = project_file()["name"]
    try:
        config: dict[str, Any] = stack_config(stack)
        domains = TypeAdapter(tuple[MailDomain, ...]).validate_python(config[f"{prefix}:domains"])
    except FileNotFoundError:
        raise OutputsError(f"Pulumi.{stack}.yaml is not here; name the primary's stack: make rotate STACK=...") from None
    except KeyError:
        raise OutputsError(f"Pulumi.{stack}.yaml has no {prefix}:domains; keys are the primary's") from None
    except ValidationError as error:
        places = ", ".join(".".join(str(part) for part in found["loc"]) for found in cast("list[Any]", error.errors()))
        raise OutputsError(
            f"Pulumi.{stack}.yaml has a mistake in {prefix}:domains ({places}); make preview explains it"
        ) from None
    mail_domains = tuple(domain for domain in domains if not domain.parked)
    return mail_domains, frozenset(config.get(f"{prefix}:dkimKeys", {}))


def _step_text(domain: MailDomain, step: Step, stack: str, brought: frozenset[str]) -> str:
    left = {selector.name for selector in step.selectors}
    gone = [s.record_name(domain.name) for s in domain.selectors if s.name not in left]
    made = [s.record_name(domain.name) for s in step.selectors if s not in domain.selectors and s.state == SelectorState.PENDING]
    notes = [f"Only if {step.when}."] if step.when else []
    notes += [f"Take {name} out of dkimKeys as well." for name in gone if name in brought]
    if brought and made:
        notes.append(f"These keys are made here, unless you bring them in dkimKeys: {', '.join(made)}.")
    lines = [f"{domain.name}: {step.title}.", *(f"  {note}" for note in notes)]
    lines += [f"  In Pulumi.{stack}.yaml, at the domain {domain.name}:", "", selectors_text(step.selectors), ""]
    return "\n".join([*lines, f"  Then: pulumi up --stack {stack}, and make rotate again.", ""])


def _waiting_text(domain: MailDomain, step: Step, reasons: Sequence[str]) -> str:
    listed = "\n".join(f"  - {reason}" for reason in reasons)
    return f"{domain.name}: not yet: {step.title}, once DNS shows what was deployed.\n{listed}\n"


if __name__ == "__main__":
    app(prog_name="python -m rotate")
