"""A fenced copy of a mail server from a backup. No mail comes in or goes out, and no client gets in."""

import pulumi
from stalwart_mail import DkimKeys, MailDomainArgs, MailRestore, StalwartServer

config = pulumi.Config()
domains: list[MailDomainArgs] = config.require_object("domains")

keys = DkimKeys("unused", {"domains": domains})  # the server wants keys; these sign nothing
restored = MailRestore(
    "look",
    {
        "namespace": config.require("namespace"),
        "source_namespace": config.require("sourceNamespace"),
        "location": config.require("location"),
        "backup_name": config.require("backupName"),
        "fenced": True,
    },
)
server = StalwartServer(
    "mail",
    {
        "hostname": config.require("hostname"),
        "domains": domains,
        "accounts": config.require_object("accounts"),
        "dkim_private_keys": keys.private_keys,
        "namespace": restored.namespace,
        "create_namespace": False,
        "restored": {},
        "fenced": True,
        "exposure": {"kind": "NodePort", "addresses": ["192.0.2.1"]},  # asked for, and reached by nobody
    },
)

pulumi.export("namespace", server.namespace)
