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
    endpoints = found.secret_value or found.value
    if endpoints is None:
        raise pulumi.RunError("The primary has no output `endpoints` yet. Bring it up first: pulumi up --stack primary")
    primary = RegionEndpoints.parse(endpoints)
    reader, archive = primary.recipient_reader, primary.archive
    if reader is None or archive is None or archive.repository_password is None:
        raise pulumi.RunError(
            "The primary's `endpoints` lack the recipient reader, or the archive with its password: see primary.py"
        )
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
                "url": reader.url,
                "username": reader.username,
                "password": pulumi.Output.secret(reader.password.get_secret_value()),
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
    MailBackup(
        "backup",
        {
            "locations": [{"name": archive.location, "bucket": archive.bucket, "region": archive.region, "read_only": True}],
            "install_velero": True,
            "repository_password": pulumi.Output.secret(archive.repository_password.get_secret_value()),
        },
    )
    return {"zones": dns.zone_files, "ptr": dns.ptr}
