"""A mail server in a cluster that has a namespace, cert-manager, external-dns, Velero, the Prometheus operator and a database."""

import pulumi
from stalwart_mail import DkimKeys, MailBackup, MailDns, MailDomainArgs, StalwartServer

config = pulumi.Config()
domain = config.require("domain")
namespace = config.require("namespace")
hostname = f"mx1.{domain}"
buckets = domain.replace(".", "-")
domains: list[MailDomainArgs] = [{"name": domain}]

keys = DkimKeys("dkim", {"domains": domains})
server = StalwartServer(
    "mail",
    {
        "hostname": hostname,
        "domains": domains,
        "dkim_private_keys": keys.private_keys,
        "namespace": namespace,
        "create_namespace": False,
        "admin_secret_name": "mail-admin",
        "tls": {"issuer": config.require("issuer"), "issuer_kind": "Issuer"},
        "storage": {
            "kind": "distributed",
            "database": {
                "host": config.require("databaseHost"),
                "password": {"name": "mail-database", "key": "password"},
                "ca": {"name": "mail-database", "key": "ca.crt"},
            },
            "blobs": {"bucket": f"{buckets}-mail-bodies", "region": "eu-west-1", "keys_secret": "mail-bodies"},
            "nats": {"addresses": [config.require("nats")]},
        },
        "exposure": {"load_balancer_class": "metallb.io/metallb"},
    },
)
dns = MailDns(
    "dns",
    {
        "hostname": hostname,
        "addresses": [server.addresses.apply(lambda found: found[0])],
        "domains": domains,
        "exchange": server.exchange,
        "dkim_public_keys": keys.public_keys,
        "mta_sts": {"mode": "testing"},
        "provider": "external-dns",
        "external_dns": {"namespace": server.namespace},
    },
)
MailBackup(
    "backup",
    {
        "locations": [{"name": "mail", "bucket": f"{buckets}-mail-backup", "region": "eu-central-1"}],
        "schedules": [{"name": "mail", "location": "mail", "cron": "17 */6 * * *", "keep_days": 30}],
        "mail_namespace": server.namespace,
        "velero_version": "v1.18.3",
        "aws_plugin_version": "v1.14.3",
        "alerts": {},
    },
)

pulumi.export("relay", server.relay_endpoint)
pulumi.export("elsewhere", dns.elsewhere)
