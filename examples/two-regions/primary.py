"""The region that holds the mailboxes."""

from collections.abc import Mapping
from typing import Any

import pulumi
from stalwart_mail import DkimKeys, DomainEndpoint, MailBackup, MailDns, MailDomainArgs, RegionEndpoints, StalwartServer

ARCHIVE = "archive"
ARCHIVE_CRON = "30 2 * * 0"


async def deploy() -> Mapping[str, pulumi.Input[Any]]:
    """The primary's resources; its output `endpoints` is what the backup reads."""
    config = pulumi.Config()
    domain = config.require("domain")
    region = config.require("region")
    address = config.require("address")
    hostname, other = f"mx1.{domain}", f"mx2.{domain}"
    domains: list[MailDomainArgs] = [{"name": domain, "dmarc": {"policy": "reject"}}]

    keys = DkimKeys("dkim", {"domains": domains})
    server = StalwartServer(
        "mail",
        {
            "hostname": hostname,
            "domains": domains,
            "dkim_private_keys": keys.private_keys,
            "exposure": {"addresses": [address]},
            "tls": {"issuer": "letsencrypt"},
            "peer": {"hostname": other, "addresses": [config.require("otherAddress")]},
        },
    )
    dns = MailDns(
        "dns",
        {
            "hostname": hostname,
            "addresses": [address],
            "domains": domains,
            "exchange": server.exchange,
            "other_exchanges": [{"hostname": other}],
            "dkim_public_keys": keys.each_public_key(),
            "mta_sts": {"mode": "testing"},
        },
    )
    bucket = f"{domain.replace('.', '-')}-mail-archive"
    copies = MailBackup(
        "backup",
        {
            "locations": [
                {"name": "hot", "bucket": f"{domain.replace('.', '-')}-mail-hot", "region": region},
                {"name": ARCHIVE, "bucket": bucket, "region": "eu-central-1"},
            ],
            "schedules": [
                {"name": "mail-hot", "location": "hot", "cron": "17 */6 * * *", "keep_days": 30},
                {"name": "mail-archive", "location": ARCHIVE, "cron": ARCHIVE_CRON, "keep_days": 90},
            ],
            "mail_namespace": server.namespace,
            "install_velero": True,
        },
    )
    endpoints = RegionEndpoints.export(
        region=region,
        hostname=hostname,
        addresses=server.addresses,
        certificate_verified=True,
        mail_namespace=server.namespace,
        backup_exchange=other,
        domains=[DomainEndpoint(name=domain)],
        recipient_reader={
            "url": f"https://{hostname}",
            "username": server.recipient_reader_username,
            "password": server.recipient_reader_password,
        },
        archive={
            "location": ARCHIVE,
            "bucket": bucket,
            "region": "eu-central-1",
            "schedules": {"mail-archive": ARCHIVE_CRON},
            "repositoryPassword": copies.repository_password,
            "volume": True,
        },
        server={"hostname": hostname, "domains": domains},
        dkim_private_keys=keys.private_keys,
    )
    return {"endpoints": endpoints, "zones": dns.zone_files, "ptr": dns.ptr}
