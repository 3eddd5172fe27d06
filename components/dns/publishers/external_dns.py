"""The external-dns publisher (0.22 or newer): `DNSEndpoint` objects, which the cluster's external-dns carries to its provider.

It carries text as it is: nothing in it quotes or splits a TXT record. A dot at the end is needed for SRV (without it the set is
skipped) and forbidden for MX and CNAME (with it the set is written anew for ever). Seen with 0.22 and 0.23.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from ... import labels
from ..records.record import Record, presentation, with_values
from ..zones import Zone

API_VERSION = "externaldns.k8s.io/v1alpha1"
WITHOUT_DOT = ("MX", "CNAME")
ADDRESS_TYPES = ("A", "AAAA", "CNAME")  # what its provider may proxy


@dataclass(frozen=True)
class Place:
    """Where the objects are put, and what their provider is told."""

    namespace: pulumi.Input[str]
    provider_specific: Mapping[str, str]


def publish(name: str, zone: Zone, records: Sequence[Record], place: Place, parent: pulumi.Resource) -> None:
    """Register the record sets of one zone: an object, and another for what waits for the server.

    Args:
        name: prefix of the resource names.
        zone: the zone.
        records: its records; of one name and type they are one set, which has one owner.
        place: where the objects are put.
        parent: the component they belong to.
    """
    for suffix, waits in (("", False), ("-when-ready", True)):
        found = [record for record in records if record.waits == waits]
        if found:
            endpoints = pulumi.Output.all(*(record.value for record in found)).apply(
                lambda values, found=found: _endpoints(with_values(found, values), place.provider_specific)
            )
            CustomResource(
                f"{name}-{zone.name}{suffix}",
                api_version=API_VERSION,
                kind="DNSEndpoint",
                metadata=ObjectMetaArgs(
                    name=f"mail-{zone.name}{suffix}",
                    namespace=place.namespace,
                    labels=labels.recommended("mail-dns", "dns"),
                ),
                spec={"endpoints": endpoints},
                opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=zone.is_kept),
            )


def _endpoints(records: Sequence[Record], specific: Mapping[str, str]) -> list[dict[str, Any]]:
    sets: dict[tuple[str, str], list[str]] = {}
    ttls: dict[tuple[str, str], int] = {}
    for record in records:
        key = (record.name, record.type)
        sets.setdefault(key, []).append(_target(record))
        ttls[key] = record.ttl_seconds
    properties = [{"name": key, "value": value} for key, value in specific.items()]
    return [
        {
            "dnsName": name,
            "recordType": kind,
            "recordTTL": ttls[name, kind],
            "targets": targets,
            **({"providerSpecific": properties} if properties and kind in ADDRESS_TYPES else {}),
        }
        for (name, kind), targets in sets.items()
    ]


def _target(record: Record) -> str:
    text = presentation(record)
    return text.rstrip(".") if record.type in WITHOUT_DOT else text
