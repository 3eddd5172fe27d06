"""One mail server with its mailboxes in a volume, and the text of its zone."""

import pulumi
from stalwart_mail import DkimKeys, MailDns, MailDomainArgs, StalwartServer

config = pulumi.Config()
domain = config.require("domain")
hostname = config.require("hostname")
domains: list[MailDomainArgs] = [{"name": domain}]

keys = DkimKeys("dkim", {"domains": domains})
server = StalwartServer(
    "mail",
    {
        "hostname": hostname,
        "domains": domains,
        "dkim_private_keys": keys.private_keys,
        "tls": {"acme": {"contact": f"postmaster@{domain}"}},
    },
)
dns = MailDns(
    "dns",
    {
        "hostname": hostname,
        "addresses": [server.addresses.apply(lambda found: found[0])],
        "domains": domains,
        "exchange": server.exchange,  # no MX record before the server is ready
        "dkim_public_keys": keys.public_keys,
        "mta_sts": {"mode": "testing"},
    },
)

pulumi.export("zones", dns.zone_files)
pulumi.export("ptr", dns.ptr)
pulumi.export("submission", server.submission_url)
