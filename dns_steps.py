"""Which steps of a running stack's DNS mail on its way survives, and which are refused."""

from collections.abc import Mapping

from components.dkim import SelectorState
from components.mail_domain import DnsProvider

# What a selector may become, so that no signature on its way loses its key. None: not there.
NEXT_STATES: Mapping[str | None, tuple[str | None, ...]] = {
    None: (None, SelectorState.PENDING),
    SelectorState.PENDING: (SelectorState.PENDING, SelectorState.ACTIVE, SelectorState.RETIRED, None),
    SelectorState.ACTIVE: (SelectorState.ACTIVE, SelectorState.RETIRING),
    SelectorState.RETIRING: (SelectorState.RETIRING, SelectorState.ACTIVE, SelectorState.RETIRED),
    SelectorState.RETIRED: (SelectorState.RETIRED, None),
}
Known = Mapping[str, Mapping[str, str]]


def dkim_mistakes(old: Known, new: Known, prefix: str) -> list[str]:
    """Steps of DKIM keys that receivers could not follow. A new domain has no mail on its way; a removed one stops at its keys.

    Args:
        old: `state`, `key` and `hosted` of every selector that was deployed, by `<selector>._domainkey.<domain>`.
        new: the same of the settings.
        prefix: the namespace of the settings' keys.
    """
    mistakes: list[str] = []
    old_domains, new_domains = ({_domain_of(name) for name in found} for found in (old, new))
    for name in sorted({*old, *new}):
        if _domain_of(name) not in old_domains & new_domains:
            continue
        before, after = old.get(name, {}).get("state"), new.get(name, {}).get("state")
        if after not in NEXT_STATES[before]:
            allowed = [state or "taken out of the settings" for state in NEXT_STATES[before] if state or before]
            mistakes.append(
                f"{prefix}:domains: the DKIM selector {name} was {before or 'not there'} and would be {after or 'gone'}: mail"
                " would not verify\n"
                f"    allowed: {', '.join(allowed)}\n"
                "    example: make rotate prints the next step; see docs/runbooks/dkim.md"
            )
        elif before in (SelectorState.ACTIVE, SelectorState.RETIRING) and old[name]["key"] != new[name]["key"]:
            mistakes.append(
                f"{prefix}:domains: the DKIM selector {name} has another key than before ({old[name]['key']}, now"
                f" {new[name]['key']}): mail on its way would not verify, and the server would sign with the old one\n"
                f"    allowed: {old[name]['key']}\n"
                "    example: give the new key a new selector, in the state pending; see docs/runbooks/dkim.md"
            )
        elif _moves(old.get(name, {}).get("hosted"), new.get(name, {}).get("hosted")):
            mistakes.append(
                f"{prefix}:domains: the DKIM key of {name} is hosted in {old[name]['hosted']} and would be in"
                f" {new[name]['hosted']}, where the CNAMEs of the domain's owner do not lead\n"
                f"    allowed: {old[name]['hosted']}, or none\n"
                "    example: take hostedDkim out, run pulumi up, then set it anew; see docs/runbooks/dkim.md"
            )
    return mistakes


def provider_mistakes(old: Known, new: Known, prefix: str) -> list[str]:
    """Names that would lose their records while the world still asks the old provider.

    Args:
        old: `zone`, `provider`, `id` and `kept` of every name that was deployed.
        new: the same of the settings.
        prefix: the namespace of the settings' keys.
    """
    moved = {
        name: (before, new[name])
        for name, before in sorted(old.items())
        if name in new
        and before["provider"] != DnsProvider.ZONE_FILE
        and before["kept"] != "yes"
        and (before["provider"], before["id"]) != (new[name]["provider"], new[name]["id"])
    }
    return [
        f"{prefix}:dns: {name} was published by {_place(before)} and would be by {_place(after)}: its records, MX among them,"
        " would be deleted while the world still asks there\n"
        f"    allowed: {_place(before)}, until its records are kept\n"
        f"    example: list {before['zone']} in dns.leavingZones, run pulumi up, then follow docs/runbooks/dns-provider.md"
        for name, (before, after) in moved.items()
    ]


def _moves(before: str | None, after: str | None) -> bool:
    return bool(before and after and before != after)


def _place(found: Mapping[str, str]) -> str:
    return f"{found['provider']} (zone {found['id']})" if found["id"] else found["provider"]


def _domain_of(record_name: str) -> str:
    return record_name.partition("._domainkey.")[2]
