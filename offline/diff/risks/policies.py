"""What receivers are told to do with forged mail, and senders with unsafe connections: DMARC, SPF and MTA-STS."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from doctor.checks.texts import tags

from ..model import Level, Risk
from ..reading import Build
from .domains import records, removed

STRENGTH = ("none", "quarantine", "reject")
QUALIFIERS = "+?~-"  # what `all` says, weakest first
MODES = ("none", "testing", "enforce")
WIDEST = {4: 16, 6: 32}  # a network that is larger holds more hosts than one sender has


def policy_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Policies that are weaker than they were, or gone."""
    leaving = removed(old, new)
    was, now = (records(build, "TXT", leaving) for build in (old, new))
    for name, values in was.items():
        stack = next(iter(values.values()))
        for prefix, judge in (("v=DMARC1", _dmarc), ("v=spf1", _spf)):
            before, after = (_starting(found, prefix) for found in (values, now.get(name, {})))
            if before and before != after:
                yield from judge(stack, name, before, after)
    yield from _sts(old, new, leaving)


def _starting(values: Mapping[str, str], prefix: str) -> str:
    return next((value for value in values if value == prefix or value.startswith((f"{prefix};", f"{prefix} "))), "")


def _dmarc(stack: str, name: str, old: str, new: str) -> Iterator[Risk]:
    if not name.startswith("_dmarc."):
        return  # consent to reports, which has the same first tag
    subject = f"DMARC of {name.removeprefix('_dmarc.')}"
    if not new:
        message = "is removed: anyone may send as the domain, and nobody reports it"
        yield Risk("danger", "dmarc-removed", stack, subject, message, "keep it; `policy: none` still asks for reports")
        return
    was, now = _policies(tags(old)), _policies(tags(new))
    for tag, what in (("p", "the domain"), ("sp", "subdomains"), ("np", "names that do not exist")):
        if STRENGTH.index(now[tag]) < STRENGTH.index(was[tag]):
            level: Level = "danger" if tag == "p" else "warning"
            message = f"the policy for {what} is weakened from {was[tag]} to {now[tag]}"
            yield Risk(
                level, "dmarc-weakened", stack, subject, message, "find in the reports which mail fails, and mend that instead"
            )
    if now["t"] == "y" != was["t"]:
        message = "the policy is only tested (t=y): receivers do what the next weaker one says"
        yield Risk(
            "warning", "dmarc-weakened", stack, subject, message, "take the tag away once the reports show no mail of yours"
        )
    if int(now["pct"]) < int(was["pct"]):
        message = f"the policy covers {now['pct']} % of mail instead of {was['pct']} %"
        yield Risk("warning", "dmarc-weakened", stack, subject, message, "keep 100; RFC 9989 has no pct any more")


def _policies(found: Mapping[str, str]) -> dict[str, str]:
    p = found.get("p", "none")
    sp = found.get("sp", p)
    policies = {"p": p, "sp": sp, "np": found.get("np", sp)}
    known = {tag: value if value in STRENGTH else "none" for tag, value in policies.items()}
    return {**known, "t": found.get("t", "n").lower(), "pct": found["pct"] if found.get("pct", "").isdigit() else "100"}


def _spf(stack: str, name: str, old: str, new: str) -> Iterator[Risk]:
    subject = f"SPF of {name}"
    if not new:
        message = "is removed: receivers cannot tell who may send for it"
        yield Risk("danger", "spf-removed", stack, subject, message, "keep it; a name that never sends says `v=spf1 -all`")
        return
    was, now = _otherwise(old), _otherwise(new)
    if QUALIFIERS.index(now) < QUALIFIERS.index(was):
        level: Level = "danger" if now == "+" else "warning"
        message = f"says {now}all instead of {was}all of all other senders"
        yield Risk(level, "spf-weakened", stack, subject, message, "list who sends instead")
    for network in sorted(_wide(new) - _wide(old)):
        message = f"lets all of {network} send for it"
        yield Risk("warning", "spf-weakened", stack, subject, message, "list the hosts that send")


def _otherwise(text: str) -> str:
    found = [term for term in text.split() if term.lstrip(QUALIFIERS) == "all"]
    if not found:
        return "?"  # RFC 7208, section 4.7: neutral; with `redirect` it depends on others
    return found[-1][0] if found[-1][0] in QUALIFIERS else "+"


def _wide(text: str) -> set[str]:
    values = [term.lstrip("+").partition(":")[2] for term in text.split() if term.lstrip("+")[:4] in ("ip4:", "ip6:")]
    networks = [ip_network(value, strict=False) for value in values]
    return {str(network) for network in networks if network.prefixlen < WIDEST[network.version]}


def _sts(old: Build, new: Build, leaving: Mapping[str, str]) -> Iterator[Risk]:
    was, now = (records(build, "TXT", leaving) for build in (old, new))
    before, after = (_sts_policies(build) for build in (old, new))
    for stack, policy in before.items():
        if stack not in new:
            continue
        next_one = after.get(stack, {"mode": "none", "maxAgeSeconds": policy["maxAgeSeconds"]})
        if MODES.index(next_one["mode"]) < MODES.index(policy["mode"]):
            level: Level = "danger" if policy["mode"] == "enforce" else "warning"
            message = f"goes from {policy['mode']} to {next_one['mode']}: senders may again be led astray, or to plain text"
            advice = f"senders keep the old policy for up to {policy['maxAgeSeconds'] // 86400} days; keep the policy host up"
            yield Risk(level, "mta-sts-weakened", stack, "MTA-STS", message, advice)
        elif next_one["maxAgeSeconds"] < policy["maxAgeSeconds"]:
            days = [found["maxAgeSeconds"] // 86400 for found in (policy, next_one)]
            message = f"is remembered for {days[1]} days instead of {days[0]}"
            yield Risk(
                "warning", "mta-sts-weakened", stack, "MTA-STS", message, "keep it, unless you are about to change the exchanges"
            )
    for name, values in was.items():
        stack = next(iter(values.values()))
        # With the whole policy gone, that was said once.
        if name.startswith("_mta-sts.") and name not in now and (stack in after or stack not in before):
            mode = before.get(stack, {}).get("mode", "none")
            level = "danger" if mode == "enforce" else "warning"
            message = "its record is removed: senders do not look for the policy any more"
            yield Risk(
                level,
                "mta-sts-removed",
                stack,
                f"MTA-STS of {name.partition('.')[2]}",
                message,
                "publish `none` for a while first",
            )


def _sts_policies(build: Build) -> dict[str, Mapping[str, Any]]:
    return {name: stack.outputs["mtaSts"] for name, stack in build.items() if stack.outputs.get("mtaSts")}
