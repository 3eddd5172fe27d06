"""DNS records as rules see them: those of Cloudflare, of external-dns' `DNSEndpoint`, of annotated Services, of zone files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .kubernetes import kind
from .model import UNKNOWN, Resource, at, entries, members, text

CLOUDFLARE = ("cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record")
PROXIED = re.compile(r"(^|/)cloudflare[-/]proxied$")  # external-dns' annotation and property, whatever its prefix
HOSTNAME = "/hostname"
ZONE_FILES = ("zone_files", "zoneFiles")  # what a `MailDns` puts out
FIELDS_OF_A_LINE = 5
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

    def may_be_of(self, host: str, zone: Any) -> bool:
        """Whether it is one, as far as its name and zone are known."""
        return not self.name or self.is_of(host, self.zone if UNKNOWN in (self.zone, zone) else zone)


def records(resources: Sequence[Resource]) -> list[Record]:
    """The records of a stack. Those of its zone files that are published by another resource too count as that one's."""
    published = [record for resource in resources for record in _of(resource)]
    others = {(record.name, record.type) for record in published}
    in_files = [record for resource in resources for record in _in_zone_files(resource)]
    return published + [record for record in in_files if (record.name, record.type) not in others]


def has_proxied_annotation(resource: Resource) -> bool:
    """Whether external-dns is told to proxy what it publishes for the object."""
    annotations = members(at(resource.inputs, "metadata", "annotations"))
    return any(PROXIED.search(key) and text(value).lower() == "true" for key, value in annotations.items())


def canonical(name: Any) -> str:
    """A name in lower case without the dot at the end; empty when it is not known."""
    return text(name).lower().rstrip(".")


def _of(resource: Resource) -> Iterator[Record]:
    if resource.type in CLOUDFLARE:
        value = text(at(resource.inputs, "content")) or text(at(resource.inputs, "value"))
        type_, is_proxied = text(at(resource.inputs, "type")), at(resource.inputs, "proxied") is True
        yield _record(resource, at(resource.inputs, "name"), type_, value, is_proxied, at(resource.inputs, "zoneId"))
    elif kind(resource) == "DNSEndpoint":
        for endpoint in _entries(at(resource.inputs, "spec", "endpoints")):
            type_ = text(at(endpoint, "recordType"))
            properties = entries(at(endpoint, "providerSpecific"))
            is_proxied = has_proxied_annotation(resource) or any(
                PROXIED.search(text(at(one, "name"))) and text(at(one, "value")).lower() == "true" for one in properties
            )
            for target in _entries(at(endpoint, "targets")):
                yield _record(resource, at(endpoint, "dnsName"), type_, text(target), is_proxied, None)
    elif kind(resource) == "Service":
        for key, value in members(at(resource.inputs, "metadata", "annotations")).items():
            if key.startswith("external-dns") and key.endswith(HOSTNAME):
                for name in text(value).split(","):
                    yield _record(resource, name.strip(), "A", "", has_proxied_annotation(resource), None)


def _entries(value: Any) -> list[Any]:
    """The entries of a list; of one that is not known, one that is not."""
    return [UNKNOWN] if value is UNKNOWN else entries(value)


def _in_zone_files(resource: Resource) -> Iterator[Record]:
    files = members(next((found for key in ZONE_FILES if (found := at(resource.inputs, key))), None))
    for line in (line for file in files.values() for line in text(file).splitlines()):
        fields = line.split(None, FIELDS_OF_A_LINE - 1)
        if len(fields) == FIELDS_OF_A_LINE and fields[2] == "IN":
            name, _ttl, _class, type_, value = fields
            yield _record(resource, name, type_, value, False, None)


def _record(resource: Resource, name: Any, type_: str, value: str, is_proxied: bool, zone: Any) -> Record:
    if type_ in ("MX", "CNAME"):
        value = canonical(value.rpartition(" ")[2])  # after the preference, where that is part of it
    elif value.startswith('"'):
        value = "".join(STRINGS.findall(value))
    return Record(resource, canonical(name), type_, value, is_proxied, zone)
