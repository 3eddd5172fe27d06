"""`MailDns`: the DNS records of one mail exchange and of its domains, through the publisher of your choice."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from .. import checks, dkim
from ..mail_domain import POSTMASTER, DnsProvider
from .arguments import Dns, MailDnsArgs, resolve
from .published import published
from .publishers import zone_file
from .records.exchange import Exchange
from .records.record import Record, with_values
from .zones import Zone


class MailDns(pulumi.ComponentResource):
    """The DNS records of one exchange: its host, its place in every domain's MX, and what the domains tell receivers.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    zone_files: Output[Mapping[str, str]]
    """Zone name to BIND text of the records in it, whoever publishes them."""
    ptr: Output[Mapping[str, str]]
    """Address to the name that its PTR record must have. Whoever owns the address sets it."""
    elsewhere: Output[Sequence[str]]
    """Records that belong into zones of others, as lines of a zone file. Their owners must publish them."""
    ds: Output[Mapping[str, str]]
    """Zone name to the DS record that its registrar must publish, for zones that are signed here."""

    def __init__(self, name: str, args: MailDnsArgs, opts: ResourceOptions | None = None) -> None:
        """Register the records.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `MailDnsArgs`.
            opts: the usual options; pass the Cloudflare or Kubernetes provider here.
        """
        dns = resolve(args)
        # Without `exchange`: only MX records wait for it. A certificate may need the host's address before the plan can run.
        inputs = {key: value for key, value in args.items() if key != "exchange"}
        super().__init__("stalwart-mail:index:MailDns", name, inputs, opts)

        exchange = _exchange(dns, args)
        found = published(dns, exchange, _dkim_values(dns, args))
        _publish(name, dns, args, found.by_zone, self)
        self.ds = _sign(name, _to_sign(dns, args), self)
        self.zone_files = Output.all(**{zone.name: _zone_text(dns, zone, records) for zone, records in found.by_zone.items()})
        self.elsewhere = _lines(found.elsewhere)
        self.ptr = Output.all(*exchange.addresses).apply(
            lambda addresses: {**dict.fromkeys(addresses, dns.hostname), **dict(dns.egress)}
        )
        self.register_outputs(
            {"zone_files": self.zone_files, "ptr": self.ptr, "elsewhere": self.elsewhere, "ds": self.ds},
        )


def _exchange(dns: Dns, args: MailDnsArgs) -> Exchange:
    return Exchange(
        hostname=dns.hostname,
        priority=dns.priority,
        target=args.get("exchange", dns.hostname),
        addresses=(*dns.known_addresses, *(address for address in args["addresses"] if not isinstance(address, str))),
        egress=dns.egress,
        tlsa=dns.tlsa,
        report_address=next((f"{POSTMASTER}@{domain.name}" for domain in dns.mail_domains), None),
        switches=dns.host,
    )


def _publish(name: str, dns: Dns, args: MailDnsArgs, by_zone: Mapping[Zone, Sequence[Record]], parent: pulumi.Resource) -> None:
    for zone, records in by_zone.items():
        # Each takes a second and more to import, so only where it is used.
        if zone.provider == DnsProvider.CLOUDFLARE:
            from .publishers import cloudflare  # noqa: PLC0415

            cloudflare.publish(name, zone, records, dns.owner, parent)
        elif zone.provider == DnsProvider.EXTERNAL_DNS:
            from .publishers import external_dns  # noqa: PLC0415

            given = args.get("external_dns")
            assert given is not None
            place = external_dns.Place(given["namespace"], given.get("provider_specific", {}))
            external_dns.publish(name, zone, records, place, parent)


def _to_sign(dns: Dns, args: MailDnsArgs) -> list[Zone]:
    # The zones of domains are signed by the stack that publishes what they share; each id once.
    own = {zone["name"] for zone in args.get("zones", [])} if dns.exchange_only else dns.zones.keys()
    signed = [zone for zone in dns.zones.values() if zone.is_signed and zone.provider == DnsProvider.CLOUDFLARE]
    return list({zone.id: zone for zone in signed if zone.name in own}.values())


def _sign(name: str, zones: Sequence[Zone], parent: pulumi.Resource) -> Output[Mapping[str, str]]:
    if not zones:
        return Output.from_input({})
    from .publishers import cloudflare  # noqa: PLC0415

    return Output.all(**{zone.name: cloudflare.sign(name, zone, parent) for zone in zones})


def _dkim_values(dns: Dns, args: MailDnsArgs) -> dict[str, pulumi.Input[str]]:
    given = args.get("dkim_public_keys", {})

    def value(name: str) -> Output[str]:
        # One by one where the names are plain: a key that is not made yet then leaves the other records as they are.
        if isinstance(given, Mapping):
            key: Output[Any] = Output.from_input(given.get(name))
        else:
            key = Output.from_input(given).apply(lambda keys: keys.get(name))
        return key.apply(lambda key: record(name, key))

    def record(name: str, key: str | None) -> str:
        try:
            return dkim.record_value(key or "")
        except ValueError as error:
            reason = error if key else "no key is given"
            raise checks.ArgumentsError("MailDns", [f"dkim_public_keys: {name}: {reason}"]) from None

    names = [
        selector.record_name(domain.name)
        for domain in (() if dns.exchange_only else dns.mail_domains)
        for selector in domain.selectors
        if not selector.public_key and not selector.is_revoked
    ]
    return {name: value(name) for name in names}


def _zone_text(dns: Dns, zone: Zone, records: Sequence[Record]) -> Output[str]:
    return Output.all(*(record.value for record in records)).apply(
        lambda values: zone_file.render(zone, with_values(records, values), dns.name_servers, dns.ttl_seconds)
    )


def _lines(records: Sequence[Record]) -> Output[Sequence[str]]:
    return Output.all(*(record.value for record in records)).apply(
        lambda values: sorted(zone_file.line(record) for record in with_values(records, values))
    )
