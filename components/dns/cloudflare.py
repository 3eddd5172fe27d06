"""The Cloudflare publisher: one `cloudflare.DnsRecord` a record. Importing this module costs seconds; do so when it is used."""

from collections.abc import Sequence

import pulumi
import pulumi_cloudflare as cloudflare

from .records import Record, quoted
from .zones import Zone

COMMENT = "Managed by Pulumi (stalwart-mail)"  # at most 100 characters on the free plan


def publish(name: str, zone: Zone, records: Sequence[Record], parent: pulumi.Resource) -> None:
    """Register the records of one zone.

    Args:
        name: prefix of the resource names.
        zone: the zone, with its id.
        records: fully qualified; the API stores them so, and any other form shows up as a change at the next refresh.
        parent: the component they belong to.
    """
    for record in records:
        value = pulumi.Output.from_input(record.value)
        cloudflare.DnsRecord(
            f"{name}-{record.key}-{record.name}",
            zone_id=zone.id,
            name=record.name,
            type=record.type,
            content=value.apply(quoted) if record.type == "TXT" else value,
            priority=record.priority,
            ttl=record.ttl_seconds,
            proxied=False,  # SMTP does not pass the proxy
            comment=COMMENT,
            # A record cannot be created beside the one it replaces.
            opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
        )
