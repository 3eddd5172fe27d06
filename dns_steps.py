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
        old: `state` and `key` of every selector that was deployed, by `<selector>._domainkey.<domain>`.
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
    return mistakes


def zone_mistakes(old: Known, new: Known, prefix: str) -> list[str]:
    """Zones that would lose their records while the world still asks the old provider.

    Args:
        old: `provider` and `kept` of every zone that was deployed.
        new: the same of the settings.
        prefix: the namespace of the settings' keys.
    """
    return [
        f"{prefix}:dns: the zone {name} was published by {old[name]['provider']} and would be by {new[name]['provider']}: its"
        " records, MX among them, would be deleted while the world still asks there\n"
        f"    allowed: {old[name]['provider']}, until its records are kept\n"
        f"    example: list {name} in dns.leavingZones, run pulumi up, then follow docs/runbooks/dns-provider.md"
        for name in sorted(old.keys() & new.keys())
        if old[name]["provider"] not in (new[name]["provider"], DnsProvider.ZONE_FILE) and old[name]["kept"] != "yes"
    ]


def _domain_of(record_name: str) -> str:
    return record_name.partition("._domainkey.")[2]
