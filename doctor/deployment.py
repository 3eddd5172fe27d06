"""What the stacks say they deployed, as expectations."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import dns.zone

from .lookup import host_name, txt

# Whoever serves a zone owns these.
NOT_OURS = frozenset({"SOA", "NS", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY"})
NULL_MX = "0 ."  # RFC 7505
FIELDS = ("hostname", "addresses", "ports", "zones", "ptr", "exchanges", "signedZones")


class OutputsError(Exception):
    """The outputs of a stack cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Expected:
    """The records of one name and type that a stack published."""

    name: str
    type: str
    records: tuple[dns.rdata.Rdata, ...]

    @property
    def strings(self) -> tuple[str, ...]:
        """The text of every TXT record, its strings joined."""
        return tuple(txt(record) for record in self.records)

    @property
    def asked(self) -> str:
        """The name to ask for: under a wildcard, one that only the wildcard answers."""
        return self.name.replace("*", "doctor-asks", 1) if self.name.startswith("*.") else self.name


Key = tuple[str, str]  # name and type
Records = Mapping[Key, Expected]


@dataclass(frozen=True)
class Host:
    """A host of a stack, where it is reached and at which ports, by service."""

    name: str
    addresses: tuple[str, ...]
    ports: Mapping[str, int]


@dataclass(frozen=True)
class Policy:
    """The MTA-STS policy that every mail domain serves (RFC 8461, section 3.2)."""

    mode: str
    max_age_seconds: int
    exchanges: tuple[str, ...]


@dataclass(frozen=True)
class Stack:
    """What one stack says of itself."""

    host: Host
    expected: Records
    ptr: Mapping[str, str]
    """Address that mail leaves from to the name it must resolve to, which is also the name in EHLO."""
    exchanges: tuple[str, ...]
    """Every exchange of the domains whose MX it publishes, also those of other stacks."""
    policy: Policy | None

    def speaks_for(self, domain: str) -> bool:
        """Whether it publishes what a domain says of itself, at names such as `_dmarc` (RFC 8552); a backup does not."""
        below = (name.removesuffix(f".{domain}") for name, _type in self.expected if name.endswith(f".{domain}"))
        return any(labels.rpartition(".")[2].startswith("_") for labels in below)


@dataclass(frozen=True)
class Deployment:
    """One or several stacks, taken together."""

    stacks: tuple[Stack, ...]
    zones: tuple[str, ...]
    expected: Records
    signed_zones: tuple[str, ...]
    impossible: tuple[str, ...] = ()
    """Records with a name too long for DNS, as lines of a zone file. They are in no stack's `expected`."""

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The host of every stack."""
        return tuple(stack.host for stack in self.stacks)

    @property
    def ptr(self) -> Mapping[str, str]:
        """Every address that mail leaves from to the name it must resolve to, which is also the name in EHLO."""
        return {address: name for stack in self.stacks for address, name in stack.ptr.items()}

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Every exchange, also those of stacks that are not looked at."""
        return _union(stack.exchanges for stack in self.stacks)

    @property
    def mail_domains(self) -> tuple[str, ...]:
        """The domains that receive mail here."""
        return tuple(one.name for one in self.of_type("MX") if not _is_null_mx(one))

    @property
    def parked_domains(self) -> tuple[str, ...]:
        """The domains that say they have no mail."""
        return tuple(one.name for one in self.of_type("MX") if _is_null_mx(one))

    @property
    def public_addresses(self) -> tuple[str, ...]:
        """Every address mail arrives at or leaves from."""
        return tuple(dict.fromkeys([*self.ptr, *(address for host in self.hosts for address in host.addresses)]))

    def of_type(self, kind: str) -> tuple[Expected, ...]:
        """The expected records of a type."""
        return tuple(one for one in self.expected.values() if one.type == kind)

    def at(self, name: str, kind: str) -> Expected | None:
        """The expected records of a name and type, if any."""
        return self.expected.get((name, kind))

    def publishers(self, name: str, kind: str) -> tuple[Stack, ...]:
        """The stacks that publish records of a name and type."""
        return tuple(stack for stack in self.stacks if (name, kind) in stack.expected)

    def exchanges_of(self, domain: str) -> tuple[str, ...]:
        """Every exchange of a mail domain, also those of stacks that are not looked at."""
        return _union(stack.exchanges for stack in self.publishers(domain, "MX"))

    def policy_of(self, domain: str) -> Policy | None:
        """The MTA-STS policy of a domain, if one of these stacks announces it."""
        return next((stack.policy for stack in self.publishers(f"_mta-sts.{domain}", "TXT") if stack.policy), None)

    def enforces(self, host: str) -> bool:
        """Whether an MTA-STS policy tells senders to refuse this exchange without a certificate they trust."""
        policies = [stack.policy for stack in self.stacks if stack.policy]
        return any(policy.mode == "enforce" and host in policy.exchanges for policy in policies)

    def zone_of(self, name: str) -> str:
        """The zone a name is in; the name itself when it is in none of ours."""
        above = [zone for zone in self.zones if name == zone or name.endswith(f".{zone}")]
        return max(above, key=len, default=name)

    def group_of(self, name: str) -> str:
        """The host, mail domain or zone a name belongs to; the name itself when it is none of them (an address, a list)."""
        known = {*self.zones, *self.exchanges, *self.ptr.values(), *(one.name for one in self.of_type("MX"))}
        above = [one for one in known if name == one or name.endswith(f".{one}")]
        return max(above, key=len, default=name)

    def without_zones(self, gone: Iterable[str]) -> "Deployment":
        """The same without what is in some zones: those that cannot be asked about."""
        zones = set(gone)

        def left(records: Records) -> Records:
            return {key: one for key, one in records.items() if self.zone_of(one.name) not in zones}

        return replace(
            self,
            stacks=tuple(
                replace(
                    stack,
                    expected=left(stack.expected),
                    ptr={address: name for address, name in stack.ptr.items() if self.zone_of(name) not in zones},
                )
                for stack in self.stacks
            ),
            expected=left(self.expected),
            signed_zones=tuple(zone for zone in self.signed_zones if zone not in zones),
        )


def deployment(stacks: Mapping[str, Mapping[str, Any]]) -> Deployment:
    """The stacks taken together.

    Args:
        stacks: the outputs of each by the name it is told apart by, as `pulumi stack output --json` prints them.

    Raises:
        OutputsError: something is missing or unreadable.
    """
    for stack, outputs in stacks.items():
        for field in FIELDS:
            if field not in outputs:
                raise OutputsError(f"{stack} has no output `{field}`: an older program deployed it. Run `pulumi up` for it.")
    all_outputs = list(stacks.values())
    impossible: list[str] = []
    try:
        found = tuple(_stack(outputs, impossible) for outputs in all_outputs)
        return Deployment(
            stacks=found,
            zones=_union(outputs["zones"] for outputs in all_outputs),
            expected=_by_name_and_type((key, r) for stack in found for key, one in stack.expected.items() for r in one.records),
            signed_zones=_union(outputs["signedZones"] for outputs in all_outputs),
            impossible=tuple(dict.fromkeys(impossible)),
        )
    except dns.exception.DNSException as error:
        raise OutputsError(f"The output `zones` cannot be read as zone files: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputsError(f"The outputs of {', '.join(stacks)} are not in the form this doctor knows ({error!r}).") from None


def _stack(outputs: Mapping[str, Any], impossible: list[str]) -> Stack:
    return Stack(
        host=_host(outputs),
        expected=_by_name_and_type(_expected(outputs, impossible)),
        ptr={address: host_name(name) for address, name in outputs["ptr"].items()},
        exchanges=_union([outputs["exchanges"]]),
        policy=_policy(outputs["mtaSts"]) if outputs.get("mtaSts") else None,
    )


def _host(outputs: Mapping[str, Any]) -> Host:
    return Host(host_name(outputs["hostname"]), tuple(outputs["addresses"]), dict(outputs["ports"]))


def _policy(value: Mapping[str, Any]) -> Policy:
    return Policy(value["mode"], int(value["maxAgeSeconds"]), tuple(host_name(host) for host in value["mx"]))


def _expected(outputs: Mapping[str, Any], impossible: list[str]) -> Iterator[tuple[Key, dns.rdata.Rdata]]:
    # What others must publish is as much awaited as what is published here.
    texts = {**outputs["zones"], ".": "\n".join(outputs.get("elsewhere", []))}
    for origin, text in texts.items():
        possible = _possible(text, dns.name.from_text(origin), impossible)
        zone = dns.zone.from_text(possible, origin=origin, relativize=False, check_origin=False)
        for name, _ttl, record in zone.iterate_rdatas():
            key = (host_name(name.to_text()), dns.rdatatype.to_text(record.rdtype))
            if key[1] not in NOT_OURS:
                yield key, record


def _possible(text: str, origin: dns.name.Name, impossible: list[str]) -> str:
    """The text without records that have a name too long for DNS. Those are added to the list: one must not hide all others."""
    kept: list[str] = []
    for line in text.splitlines():
        owner, *fields = line.split() if line[:1].strip(" ;$\t") else [""]
        try:
            for name in [owner, *(field for field in fields if field.endswith("."))]:
                _ = dns.name.from_text(name, origin)
            kept.append(line)
        except (dns.name.NameTooLong, dns.name.LabelTooLong):
            impossible.append(line)
        except dns.exception.DNSException:
            kept.append(line)  # for the reader of zone files, which says where it is
    return "\n".join(kept)


def _by_name_and_type(pairs: Iterable[tuple[Key, dns.rdata.Rdata]]) -> Records:
    found: dict[Key, dict[dns.rdata.Rdata, None]] = {}
    for key, record in pairs:
        found.setdefault(key, {})[record] = None
    return {key: Expected(*key, tuple(records)) for key, records in found.items()}


def _union(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host_name(name) for names in lists for name in names))


def _is_null_mx(one: Expected) -> bool:
    return all(record.to_text() == NULL_MX for record in one.records)
