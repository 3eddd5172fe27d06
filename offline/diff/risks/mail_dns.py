"""How mail finds its way and is trusted: MX, DKIM and TLSA records."""

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from doctor.checks.texts import tags

from ..model import Risk
from ..objects import mapping
from ..reading import Build
from .domains import records, removed

NULL = "."  # RFC 7505
WILDCARD = "*."


def dns_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Lost or turned MX records, lost DKIM keys, lost pins of certificates."""
    leaving = removed(old, new)
    yield from _exchanges(records(old, "MX", leaving), records(new, "MX", leaving))
    yield from _keys(old, new, leaving)
    yield from _pins(records(old, "TLSA", leaving), records(new, "TLSA", leaving))


def _exchanges(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[Risk]:
    for domain, values in old.items():
        was, now = _preferences(values), _preferences(new.get(domain, {}))
        stacks = {value.split()[1].rstrip("."): stack for value, stack in values.items()}
        for host in sorted(was.keys() - now.keys()):
            left = f"mail only goes to {', '.join(sorted(now))}" if now else "no mail reaches the domain"
            advice = "see that another exchange can take all mail, and stop this host only after the record's TTL"
            message = f"{host} (preference {was[host]}) is removed: {left}"
            yield Risk("danger", "mx-removed", stacks[host], f"MX of {domain}", message, advice)
        for first, second in permutations(sorted(was.keys() & now.keys()), 2):
            if was[first] < was[second] and now[first] >= now[second]:
                order = "along with" if now[first] == now[second] else "after"
                yield Risk(
                    "danger",
                    "mx-order",
                    stacks[first],
                    f"MX of {domain}",
                    f"{first} (now {now[first]}) is tried {order} {second} (now {now[second]}), which it came before",
                    "the host with the mailboxes needs the lowest preference",
                )


def _preferences(values: Mapping[str, str]) -> dict[str, int]:
    parts = [value.split() for value in values]
    return {host.rstrip("."): int(preference) for preference, host in parts if host != NULL}


def _keys(old: Build, new: Build, leaving: Mapping[str, str]) -> Iterator[Risk]:
    was, now = (records(build, "TXT", leaving) for build in (old, new))
    signing, still = (
        {name: found for stack in build.values() for name, found in _selectors(stack.outputs).items()} for build in (old, new)
    )
    for name, values in was.items():
        if "._domainkey." not in name or name.startswith(WILDCARD) or not _has_key(values):
            continue
        stack, state = next(iter(values.values())), signing.get(name, {}).get("state", "elsewhere")
        if not _has_key(now.get(name, {})):
            if state in ("active", "elsewhere"):
                whose = "signs mail" if state == "active" else "may sign mail elsewhere"
                message = f"is dropped while it {whose}: receivers can no longer check what it signed"
                advice = "go through `retiring` first: docs/runbooks/dkim.md"
                yield Risk(
                    "danger" if state == "active" else "warning", "dkim-dropped", stack, f"DKIM key {name}", message, advice
                )
        elif state == "active" and name in still and still[name]["key"] != signing[name]["key"]:
            message = (
                f"becomes another key under the same name ({signing[name]['key']} -> {still[name]['key']}): mail under way fails"
            )
            yield Risk("danger", "dkim-replaced", stack, f"DKIM key {name}", message, "add a selector: docs/runbooks/dkim.md")
    yield from _unsigned(old, signing, still, leaving)


def _selectors(outputs: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    return mapping(outputs, "deployed.dkim")


def _has_key(values: Mapping[str, str]) -> bool:
    return any(tags(value).get("p") for value in values)


def _unsigned(
    old: Build, was: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]], leaving: Mapping[str, str]
) -> Iterator[Risk]:
    before, after = (
        {name.partition("._domainkey.")[2] for name, found in keys.items() if found["state"] == "active"} for keys in (was, now)
    )
    for domain in sorted(before - after - leaving.keys()):
        stack = next(name for name in old if any(key.endswith(f"._domainkey.{domain}") for key in _selectors(old[name].outputs)))
        message = "no key signs its mail any more: large receivers refuse or file it as junk"
        yield Risk("danger", "dkim-unsigned", stack, f"domain {domain}", message, "keep one selector `active`")


def _pins(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[Risk]:
    for name, values in old.items():
        stack, left = next(iter(values.values())), new.get(name, {})
        if not left:
            message = "is removed: senders no longer check the certificate"
            yield Risk(
                "warning",
                "tlsa-removed",
                stack,
                f"TLSA of {name}",
                message,
                "keep it unless DANE is given up: docs/runbooks/dane.md",
            )
        elif not values.keys() & left.keys():
            message = "shares no value with the old one: senders that remember the old one refuse the host"
            yield Risk(
                "danger",
                "tlsa-replaced",
                stack,
                f"TLSA of {name}",
                message,
                "keep the old value for its TTL: docs/runbooks/dane.md",
            )
