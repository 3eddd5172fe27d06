"""Several pods that share their stores: PostgreSQL in the cluster, mail bodies in S3, and Redis between them."""

import pulumi
from stalwart_mail import DkimKeys, MailDns, MailDomainArgs, StalwartServer

config = pulumi.Config()
domain = config.require("domain")
address = config.require("address")
hostname = f"mx1.{domain}"
buckets = domain.replace(".", "-")
domains: list[MailDomainArgs] = [{"name": domain}]

keys = DkimKeys("dkim", {"domains": domains})
server = StalwartServer(
    "mail",
    {
        "hostname": hostname,
        "domains": domains,
        "create_namespace": False,  # it is there, with the Secrets named below
        "dkim_private_keys": keys.private_keys,
        "exposure": {"addresses": [address]},
        "tls": {"issuer": "letsencrypt"},
        "storage": {
            "kind": "distributed",
            "replicas": 3,
            "max_replicas": 6,
            "size": "50Gi",
            # CloudNativePG makes three instances; base backups and the log between them go to the archive.
            "archive": {"bucket": f"{buckets}-mail-database", "region": "eu-central-1", "keys_secret": "database-keys"},
            "blobs": {"bucket": f"{buckets}-mail-bodies", "region": "eu-west-1", "keys_secret": "blob-keys"},
            "redis": {"url": config.require("redis")},
        },
    },
)
dns = MailDns(
    "dns",
    {
        "hostname": hostname,
        "addresses": [address],
        "domains": domains,
        "exchange": server.exchange,
        "dkim_public_keys": keys.public_keys,
        "mta_sts": {"mode": "testing"},
    },
)

pulumi.export("zones", dns.zone_files)
pulumi.export("relay", server.relay_endpoint)
