"""DNS records as rules see them: those of Cloudflare, of external-dns' `DNSEndpoint`, and of annotated Services."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .kubernetes import kind
from .model import Resource, at, entries, members, text

CLOUDFLARE = ("cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record")
PROXIED = "cloudflare-proxied"  # the end of external-dns' annotation and property
HOSTNAME = "/hostname"
STRINGS = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Record:
    """One value of a name and type."""

    resource: Resource
    name: str
    """In lower case, without the dot at the end; at Cloudflare it may be relative to the zone."""
    type: str
    value: str
    """As it is published, without quotes; of MX, the host. Empty when it is not known."""
    is_proxied: bool
    zone: Any
    """Cloudflare's id of the zone."""

    def is_of(self, host: str, zone: Any) -> bool:
        """Whether it is a record of a host, as a record of that zone names it."""
        return self.name == host or ("." not in self.name and self.zone == zone and host.partition(".")[0] == self.name)


def records(resources: Sequence[Resource]) -> list[Record]:
    """The records of a stack."""
    return [record for resource in resources for record in _of(resource)]


def has_proxied_annotation(resource: Resource) -> bool:
    """Whether external-dns is told to proxy what it publishes for the object."""
    annotations = members(at(resource.inputs, "metadata", "annotations"))
    return any(key.endswith(f"/{PROXIED}") and text(value).lower() == "true" for key, value in annotations.items())


def canonical(name: Any) -> str:
    """A name in lower case without the dot at the end; empty when it is not known."""
    return text(name).lower().rstrip(".")


def _of(resource: Resource) -> Iterator[Record]:
    if resource.type in CLOUDFLARE:
        value = text(at(resource.inputs, "content")) or text(at(resource.inputs, "value"))
        type_, is_proxied = text(at(resource.inputs, "type")), at(resource.inputs, "proxied") is True
        yield _record(resource, at(resource.inputs, "name"), type_, value, is_proxied, at(resource.inputs, "zoneId"))
    elif kind(resource) == "DNSEndpoint":
        for endpoint in entries(at(resource.inputs, "spec", "endpoints")):
            type_ = text(at(endpoint, "recordType"))
            properties = entries(at(endpoint, "providerSpecific"))
            is_proxied = has_proxied_annotation(resource) or any(
                text(at(one, "name")).endswith(PROXIED) and text(at(one, "value")).lower() == "true" for one in properties
            )
            for target in entries(at(endpoint, "targets")):
                value = text(target).rpartition(" ")[2] if type_ == "MX" else text(target)
                yield _record(resource, at(endpoint, "dnsName"), type_, value, is_proxied, None)
    elif kind(resource) == "Service":
        for key, value in members(at(resource.inputs, "metadata", "annotations")).items():
            if key.startswith("external-dns") and key.endswith(HOSTNAME):
                for name in text(value).split(","):
                    yield _record(resource, name.strip(), "A", "", has_proxied_annotation(resource), None)


def _record(resource: Resource, name: Any, type_: str, value: str, is_proxied: bool, zone: Any) -> Record:
    plain = "".join(STRINGS.findall(value)) if value.startswith('"') else value
    return Record(resource, canonical(name), type_, canonical(plain) if type_ in ("MX", "CNAME") else plain, is_proxied, zone)
