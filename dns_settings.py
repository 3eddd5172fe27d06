"""The settings of DNS: who publishes the records, and what the host's own records are."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from backup_settings import SECRET_EXAMPLE
from components.dns.records.exchange import HostSwitches
from components.dns.records.tlsa import parse_tlsa
from components.dns.zones import ListedZone, Zone, zones_by_name
from components.endpoints import DomainEndpoint
from components.mail_domain import DnsProvider, MailDomain
from components.model import Hostname, KubernetesName, Model


def _tlsa(text: str) -> str:
    _ = parse_tlsa(text)
    return text


class ExternalDns(Model):
    """Where the objects for external-dns are put, and what its provider is told."""

    namespace: KubernetesName | None = Field(
        None, description="a namespace that external-dns watches; default: the server's", examples=["external-dns"]
    )
    provider_specific: dict[str, str] = Field(
        {},
        description="properties of address records, as your provider there names them",
        examples=['{"cloudflare/proxied": "false"}'],
    )


class Dns(Model):
    """Who publishes the records."""

    provider: DnsProvider = Field(
        DnsProvider.ZONE_FILE,
        description="zonefile (text for any DNS server), cloudflare or external-dns; a domain can name another",
        examples=["cloudflare"],
    )
    zones: tuple[ListedZone, ...] = Field(
        (), description="zones beside those of the domains, each with name and zoneId", examples=['[{"name": "example.net"}]']
    )
    leaving_zones: tuple[Hostname, ...] = Field(
        (),
        description="zones about to change their provider: their records stay at the old one; see docs/runbooks/dns-provider.md",
        examples=['["example.com"]'],
    )
    name_servers: tuple[Hostname, ...] = Field(
        (), description="with these, zone files are whole zones with SOA and NS", examples=['["ns1.example.net"]']
    )
    ttl_seconds: int = Field(3600, ge=60, le=86400, description="seconds from 60 to 86400", examples=["3600"])
    api_token: SecretStr | None = Field(
        None, description="a Cloudflare API token; without it CLOUDFLARE_API_TOKEN is used", examples=[SECRET_EXAMPLE]
    )
    external_dns: ExternalDns = Field(
        ExternalDns.model_validate({}), description="where objects for external-dns are put", examples=['{"namespace": "..."}']
    )
    host: HostSwitches = Field(
        HostSwitches.model_validate({}), description="which records of the host are published", examples=['{"addresses": false}']
    )
    tlsa: tuple[Annotated[str, AfterValidator(_tlsa)], ...] = Field(
        (),
        description="what the host's certificate is pinned to: 3 1 1 and SHA-256 of its key in hex, and the next key's",
        examples=['["3 1 1 0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3"]'],
    )

    def zones_with(self, domains: Sequence[MailDomain | DomainEndpoint]) -> dict[str, Zone]:
        """Every zone by its name: those of the domains and of their aliases, and those that are listed here."""
        return zones_by_name(domains, self.zones, self.provider, self.leaving_zones)
