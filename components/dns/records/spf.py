"""SPF (RFC 7208): who may send for a domain, and under the name of a host. One record a name."""

import ipaddress
from collections.abc import Sequence

from ..policies import Spf, SpfDefault

MAX_LOOKUPS = 10  # RFC 7208, section 4.6.4
MAX_LENGTH = 450  # section 3.4: with more, an answer may not fit into one UDP packet
LOOKUPS = ("a", "mx", "include", "exists", "redirect", "ptr")
QUALIFIERS = {SpfDefault.SOFTFAIL: "~all", SpfDefault.FAIL: "-all"}


def host_spf(addresses: Sequence[str] = ()) -> str:
    """The record of a host, for its EHLO name and for mail without a sender (section 2.3).

    Args:
        addresses: what its mail leaves from, beside the addresses of its own records.
    """
    return _record(["a", *_networks(addresses)], "-all")


def domain_spf(spf: Spf, addresses: Sequence[str], *, is_host: bool) -> str:
    """The record of a mail domain: its exchanges, the addresses their mail leaves from, and who else is named.

    Args:
        spf: who else may send.
        addresses: what mail of the exchanges leaves from.
        is_host: whether the exchange has the name of the domain, so that one record speaks for both.
    """
    mechanisms = [*(("a",) if is_host else ()), "mx", *_networks(addresses), *_networks(spf.networks)]
    return _record([*mechanisms, *(f"include:{name}" for name in spf.includes)], QUALIFIERS[spf.otherwise])


def spf_problems(record: str) -> list[str]:
    """Why receivers would not take a record; each with the count and the way out."""
    terms = record.split(" ")[1:]
    lookups = [term for term in terms if term.lstrip("+-~?").partition(":")[0].partition("=")[0] in LOOKUPS]
    problems: list[str] = []
    if len(lookups) > MAX_LOOKUPS:
        problems.append(
            f"spf: it needs {len(lookups)} look-ups ({', '.join(lookups)}), and receivers make {MAX_LOOKUPS}; name the"
            " networks that an include stands for in `networks` instead"
        )
    if len(record) > MAX_LENGTH:
        problems.append(f"spf: it has {len(record)} characters, and {MAX_LENGTH} fit into one answer; name larger networks")
    return problems


def _record(mechanisms: Sequence[str], otherwise: str) -> str:
    return " ".join(["v=spf1", *dict.fromkeys(mechanisms), otherwise])


def _networks(values: Sequence[str]) -> list[str]:
    networks = [ipaddress.ip_network(value) for value in values]
    return [
        f"ip{network.version}:{network.network_address if network.prefixlen == network.max_prefixlen else network}"
        for network in networks
    ]
