"""Servers that tests speak of: small ones, and ones with every setting set."""

from components.stalwart.arguments import Server, StalwartServerArgs, resolve

DOMAINS = [{"name": "example.com"}, {"name": "example.net"}, {"name": "example.org", "parked": True}]
PRIMARY = {
    "hostname": "mx1.example.com",
    "domains": DOMAINS,
    "peer": {"hostname": "mx2.example.com", "addresses": ["198.51.100.20"]},
}
BACKUP = {
    "role": "backup",
    "hostname": "mx2.example.com",
    "domains": DOMAINS[:2],
    "peer": {"hostname": "mx1.example.com", "addresses": ["203.0.113.10"], "verified": True},
}
FULL_PRIMARY = {
    **PRIMARY,
    "domains": [
        {
            "name": "example.com",
            "aliases": ["example.info"],
            "catch_all": "alice@example.com",
            "dmarc": {"report_address": "dmarc@example.com"},
        },
        {"name": "example.net", "sub_addressing": False},
        {"name": "example.org", "parked": True},
    ],
    "accounts": [
        {
            "address": "alice@example.com",
            "description": "Alice",
            "admin": True,
            "aliases": ["al@example.com", "abuse@example.net"],
            "quota": "10Gi",
            "password": {"name": "alice"},
        }
    ],
    "extra_listeners": ["imap", "pop3", "pop3s"],
    "exposure": {
        "addresses": ["203.0.113.10"],
        "egress": [
            {"address": "203.0.113.10", "ehlo_hostname": "mx1.example.com"},
            {"address": "203.0.113.11", "ehlo_hostname": "out1.example.com"},
        ],
        "proxy_protocol": {"networks": ["10.1.0.0/24"], "listeners": ["smtp", "submission"]},
    },
    "smarthosts": [
        {
            "name": "ses",
            "hostname": "email-smtp.eu-west-1.amazonaws.com",
            "username": "AKIAEXAMPLE",
            "password": {"name": "ses"},
        },
        {"name": "partner", "hostname": "mx.partner.example", "port": 465, "implicit_tls": True, "domains": ["partner.example"]},
    ],
    "spam": {
        "score_spam": 4.5,
        "score_reject": 12,
        "score_discard": 30,
        "greylist_minutes": 60,
        "traps": ["Trap@example.com"],
        "trusted_domains": ["partner.example"],
        "blocklists": [
            {"zone": "zen.example.org", "codes": {"127.0.0.2": 6, "127.0.0.10": 2}},
            {"zone": "dbl.example.org", "kind": "domain", "score": 7},
        ],
        "rules_url": "https://rules.example.org/rules.json.gz",
    },
    "limits": {
        "message_size_mib": 50,
        "recipients_per_message": 200,
        "connections_per_second_per_address": 10,
        "messages_per_hour_per_sender": 60,
        "outbound_per_minute_per_domain": 600,
        "queued_messages": 5_000,
        "queued_gib": 2,
        "ban_hours": 2,
    },
    "mta_sts": {"mode": "enforce", "max_age_days": 30},
    "reports": {"tls": "weekly", "dmarc": "hourly", "failures": True, "addresses": ["dmarc@example.com", "postmaster@*"]},
    "telemetry": {
        "otlp": {"endpoint": "https://otlp.example.net:4318", "token": {"name": "otlp"}},
        "webhooks": [
            {
                "url": "https://alerts.example.net/mail",
                "events": ["security.abuse-ban", "security.scan-ban"],
                "signature_key": {"name": "hook"},
            }
        ],
    },
    "tls": {"issuer": "letsencrypt", "minimum_version": "1.3"},
    "log_level": "debug",
}
FULL_BACKUP = {
    **BACKUP,
    "domains": [{"name": "example.com", "aliases": ["example.info"]}, {"name": "example.net", "sub_addressing": False}],
    "recipients": {"source": "list", "addresses": ["alice@example.com", "bob@example.net"]},
    "spam": {"greylist_minutes": 30, "blocklists": [{"zone": "zen.example.org"}]},
    "limits": {"queued_gib": 15},
    "smarthosts": [{"name": "bounces", "hostname": "smtp.example.net"}],
    "tls": {"secret_name": "mx2-tls"},
}
SYNCED_BACKUP = {
    **BACKUP,
    "recipients": {"source": "primary"},
    "recipient_reader": {"url": "https://mx1.example.com", "username": "recipient-reader@example.com", "password": "hush"},
}
DISTRIBUTED = {
    **PRIMARY,
    "storage": {
        "kind": "distributed",
        "blobs": {"bucket": "example-mail-blobs", "region": "eu-west-1", "keys_secret": "blobs"},
        "nats": {"addresses": ["nats:4222"]},
        "replicas": 2,
        "max_replicas": 4,
    },
}
ALL = {
    "primary": PRIMARY,
    "backup": BACKUP,
    "full-primary": FULL_PRIMARY,
    "full-backup": FULL_BACKUP,
    "synced-backup": SYNCED_BACKUP,
    "distributed": DISTRIBUTED,
}


def server(args: StalwartServerArgs, **changes) -> Server:
    """The checked arguments, with some of them changed."""
    return resolve({**args, **changes})
