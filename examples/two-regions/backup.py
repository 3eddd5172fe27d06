"""The region that takes mail while the primary is away, and hands it over when it is back."""

from collections.abc import Mapping
from typing import Any

import pulumi
from stalwart_mail import MailBackup, MailDns, MailDomainArgs, RegionEndpoints, StalwartServer


async def deploy() -> Mapping[str, pulumi.Input[Any]]:
    """The backup's resources, for the domains of the primary."""
    config = pulumi.Config()
    address = config.require("address")
    hostname = f"mx2.{config.require('domain')}"
    # Which domains there are decides which resources there are: so they are read before the first is registered.
    stack = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/primary")
    found = await stack.get_output_details("endpoints")
    primary = RegionEndpoints.parse(found.secret_value or found.value)
    assert primary.recipient_reader
    assert primary.archive
    assert primary.archive.repository_password
    domains: list[MailDomainArgs] = [{"name": domain.name} for domain in primary.domains]

    server = StalwartServer(
        "mail",
        {
            "role": "backup",
            "hostname": hostname,
            "domains": domains,
            "peer": {
                "hostname": primary.hostname,
                "addresses": list(primary.addresses),
                "verified": primary.certificate_verified,
            },
            "recipients": {"source": "primary"},
            "recipient_reader": {
                "url": primary.recipient_reader.url,
                "username": primary.recipient_reader.username,
                "password": pulumi.Output.secret(primary.recipient_reader.password.get_secret_value()),
            },
            "exposure": {"addresses": [address]},
            "tls": {"issuer": "letsencrypt"},
        },
    )
    dns = MailDns(
        "dns",
        {
            "hostname": hostname,
            "addresses": [address],
            "domains": domains,
            "exchange": server.exchange,
            "priority": 20,
            "exchange_only": True,  # SPF, DKIM and DMARC belong to the domain: the primary publishes them
        },
    )
    archive = primary.archive
    MailBackup(
        "backup",
        {
            "locations": [{"name": archive.location, "bucket": archive.bucket, "region": archive.region, "read_only": True}],
            "install_velero": True,
            "repository_password": pulumi.Output.secret(primary.archive.repository_password.get_secret_value()),
        },
    )
    return {"zones": dns.zone_files, "ptr": dns.ptr}
