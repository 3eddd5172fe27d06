"""The Cloudflare publisher: one `cloudflare.DnsRecord` a record. Importing this module costs seconds; do so when it is used."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_cloudflare as cloudflare

from ..records.record import Record, quoted
from ..zones import Zone

# The fields of `data`, in the order of the presentation form; records of other types have `content`.
DATA_FIELDS = {
    "SRV": ("priority", "weight", "port", "target"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
    "CAA": ("flags", "tag", "value"),
}
# The API says the priority of these beside their data too: left out, it is a change at every refresh.
WITH_PRIORITY = ("MX", "SRV")


def publish(name: str, zone: Zone, records: Sequence[Record], owner: str, parent: pulumi.Resource) -> None:
    """Register the records of one zone.

    Args:
        name: prefix of the resource names.
        zone: the zone, with its id.
        records: fully qualified; the API stores them so, and any other form shows up as a change at the next refresh.
        owner: who owns them, for their comment.
        parent: the component they belong to.
    """
    for record in records:
        cloudflare.DnsRecord(
            f"{name}-{record.key}-{record.name}",
            zone_id=str(zone.id),
            name=record.name,
            type=record.type,
            ttl=record.ttl_seconds,
            priority=float(record.before[0]) if record.type in WITH_PRIORITY else None,
            proxied=False,  # SMTP does not pass the proxy
            comment=f"Managed by Pulumi ({owner}): {record.key}"[:100],
            # A record cannot be created beside the one it replaces.
            opts=pulumi.ResourceOptions(
                parent=parent,
                delete_before_replace=True,
                retain_on_delete=zone.is_kept,
                aliases=[pulumi.Alias(name=f"{name}-{record.formerly}-{record.name}")] if record.formerly else None,
            ),
            **_content(record),
        )


def sign(name: str, zone: Zone, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Switch on the signing of a zone.

    Args:
        name: prefix of the resource name.
        zone: the zone, with its id.
        parent: the component it belongs to.

    Returns:
        The DS record for the registrar.
    """
    # Retained: a zone whose parent has a DS record must not stop being signed with the stack.
    options = pulumi.ResourceOptions(parent=parent, retain_on_delete=True)
    return cloudflare.ZoneDnssec(f"{name}-dnssec-{zone.name}", zone_id=str(zone.id), status="active", opts=options).ds


def _content(record: Record) -> dict[str, Any]:
    fields = DATA_FIELDS.get(record.type)
    if fields:
        return {"data": cloudflare.DnsRecordDataArgs(**dict(zip(fields, (*record.before, record.value), strict=True)))}
    value = pulumi.Output.from_input(record.value)
    return {"content": value.apply(quoted) if record.type == "TXT" else value}
