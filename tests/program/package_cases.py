"""Inputs for the components as users of the package write them: between them, every property of every type is set once."""

from typing import Any

from offline.recorder import Secret
from offline.world import public_key_pem
from tests.program.package import Later

PUBLIC_KEY = public_key_pem("one", "RSA")
SELECTORS = [{"name": "one", "algorithm": "rsa"}]
DOMAINS = [{"name": "example.com", "dkimSelectors": SELECTORS}]
PASSWORD = {"name": "passwords", "key": "one"}
ED25519_KEY = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""  # of RFC 8463, appendix A.2
ED25519_PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
ARCHIVE = {
    "bucket": "example-database",
    "region": "eu-central-1",
    "endpoint": "https://s3.example.net",
    "prefix": "database",
    "keysSecret": "database-keys",
    "serverName": "mail",
}
DOMAIN = {
    "name": "example.com",
    "parked": False,
    "aliases": ["example.net"],
    "catchAll": "info@example.com",
    "subAddressing": False,
    "dkimSelectors": [
        *SELECTORS,
        {"name": "hsm", "algorithm": "ed25519", "state": "retiring", "publicKey": ED25519_PUBLIC},
    ],
    "hostedDkim": {"zone": "dkim.example.org", "selectors": ["two"]},
    "spf": {"includes": ["_spf.example.org"], "networks": ["192.0.2.0/28"], "otherwise": "fail"},
    "dmarc": {
        "policy": "reject",
        "subdomainPolicy": "reject",
        "nonexistentPolicy": "reject",
        "reports": True,
        "reportAddress": "dmarc@example.com",
        "failureReportAddress": "dmarc@example.com",
        "strictAlignment": True,
    },
    "tlsReportAddress": "tls@example.com",
    "caa": {
        "issuers": [
            {
                "authority": "letsencrypt.org",
                "accountUri": "https://acme.example.org/account/1",
                "validationMethods": ["dns-01"],
                "persistent": True,
            }
        ],
        "wildcards": True,
        "reportAddress": "caa@example.com",
    },
    "bimi": {"logoUrl": "https://example.com/logo.svg", "certificateUrl": "https://example.com/logo.pem"},
    "records": {
        "mx": True,
        "spf": True,
        "dkim": True,
        "dmarc": True,
        "reportAuthorization": True,
        "mtaSts": True,
        "tlsReports": True,
        "services": True,
        "autoconfig": True,
        "autodiscover": True,
        "uaAutoConfig": True,
    },
    "uaAutoConfigDigest": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "dnsProvider": "external-dns",
    "zoneId": "1",
    "dnssec": True,
}
MTA_STS = {"mode": "enforce", "maxAgeDays": 30}
SERVER = {
    "hostname": "mx1.example.com",
    "domains": [DOMAIN],
    "role": "primary",
    "monitored": True,
    "peer": {"hostname": "mx2.example.com", "addresses": ["198.51.100.20"], "networks": ["10.8.0.0/16"], "verified": True},
    "recipientReader": {
        "url": "https://mx1.example.com",
        "username": "recipient-reader@example.com",
        "password": Secret("reader password"),
    },
    "accounts": [
        {
            "address": "alice@example.com",
            "description": "Alice",
            "admin": True,
            "aliases": ["al@example.com"],
            "quota": "10Gi",
            "password": PASSWORD,
        }
    ],
    "extraListeners": ["imap", "pop3s"],
    "smarthosts": [
        {
            "name": "relay",
            "hostname": "relay.example.org",
            "port": 2525,
            "implicitTls": False,
            "username": "user",
            "password": PASSWORD,
            "domains": ["example.com"],
        }
    ],
    "spam": {
        "enabled": True,
        "scoreSpam": 6,
        "scoreReject": 12.5,
        "scoreDiscard": 25,
        "greylistMinutes": 30,
        "traps": ["trap@example.com"],
        "trustedDomains": ["example.org"],
        "blocklists": [{"zone": "zen.example.org", "kind": "ip", "score": 4, "codes": {"127.0.0.2": 6, "127.0.0.3": 1.5}}],
        "pyzor": True,
        "rulesUrl": "https://rules.example.org/rules.json.gz",
    },
    "limits": {
        "messageSizeMib": 25,
        "recipientsPerMessage": 200,
        "connectionsPerSecondPerAddress": 3,
        "messagesPerHourPerSender": 50,
        "outboundPerMinutePerDomain": 600,
        "queuedMessages": 1000,
        "queuedGib": 4,
        "banHours": 2,
    },
    "mtaSts": MTA_STS,
    "reports": {"tls": "weekly", "dmarc": "daily", "failures": True, "addresses": ["reports@*"]},
    "telemetry": {
        "otlp": {"endpoint": "https://otlp.example.org:4318", "token": PASSWORD, "traces": True, "metrics": True},
        "webhooks": [
            {"url": "https://hooks.example.org/mail", "events": ["security.abuse-ban"], "signatureKey": PASSWORD},
        ],
    },
    "dkimPrivateKeys": Secret({"one._domainkey.example.com": "private key"}),
    "namespace": "post",
    "createNamespace": False,
    "serverImage": "registry.example/stalwart:v0.16.27",
    "cliImage": "registry.example/cli:1.0.12",
    "jobImage": "registry.example/python:3.13.9",
    "adminSecretName": "admin",
    "fenced": False,
    "storage": {"kind": "embedded", "size": "25Gi", "storageClass": "fast", "replicas": 1},
    "exposure": {
        "kind": "LoadBalancer",
        "addresses": ["203.0.113.10"],
        "egress": [{"address": "203.0.113.99", "ehloHostname": "out.example.com"}],
        "annotations": {"example.org/address": "203.0.113.10"},
        "loadBalancerClass": "example.org/balancer",
        "proxyProtocol": {"networks": ["10.9.0.0/16"], "listeners": ["smtp"]},
    },
    "trustedNetworks": ["10.0.0.0/8"],
    "tls": {"issuer": "letsencrypt", "issuerKind": "Issuer", "keepKey": True, "minimumVersion": "1.3"},
    "logLevel": "debug",
}
DISTRIBUTED = {
    "hostname": "mx1.example.com",
    "domains": DOMAINS,
    "dkimPrivateKeys": {"one._domainkey.example.com": Secret("private key")},
    "directory": {
        "oidc": {
            "issuerUrl": "https://id.example.org",
            "audience": "mail",
            "usernameClaim": "email",
            "usernameDomain": "example.com",
            "groupsClaim": "groups",
        }
    },
    "storage": {
        "kind": "distributed",
        "size": "50Gi",
        "walSize": "10Gi",
        "archive": {**ARCHIVE, "keepDays": 14, "cron": "0 3 * * *", "serverName": "mail-2"},
        "blobs": {
            "bucket": "example-mail",
            "region": "eu-west-1",
            "endpoint": "https://s3.example.net",
            "prefix": "bodies",
            "keysSecret": "blob-keys",
        },
        "redis": {
            "sentinels": ["redis://sentinel-0.redis:26379"],
            "serviceName": "mail",
            "username": "mail",
            "password": PASSWORD,
            "sentinelPassword": PASSWORD,
        },
        "replicas": 2,
        "maxReplicas": 6,
        "cpuPercent": 60,
    },
    "restored": {"database": {**ARCHIVE, "targetTime": "2026-11-03T09:30:00Z"}},
    "addresses": ["203.0.113.10"],
    "exposure": {"kind": "NodePort"},
    "tls": {"acme": {"contact": "postmaster@example.com", "directoryUrl": "https://acme.example.org/directory"}},
}
GIVEN_STORES = {
    **DISTRIBUTED,
    "namespace": Later("post"),
    "addresses": Later(["203.0.113.10"]),
    "dkimPrivateKeys": Later({"one._domainkey.example.com": "private key"}),
    "directory": {
        "ldap": {
            "url": "ldap://ldap.example.org:389",
            "baseDn": "dc=example,dc=org",
            "bindDn": "cn=mail,dc=example,dc=org",
            "bindPassword": PASSWORD,
            "startTls": True,
            "loginFilter": "(mail=?)",
            "mailboxFilter": "(mail=?)",
        }
    },
    "restored": None,
    "storage": {
        "kind": "distributed",
        "database": {
            "host": "postgres.example.org",
            "password": PASSWORD,
            "port": 6432,
            "name": "mail",
            "username": "mail",
            "ca": PASSWORD,
        },
        "blobs": {"bucket": "example-mail", "region": "eu-west-1"},
        "nats": {"addresses": ["nats.example.org:4222"], "username": "mail", "password": PASSWORD, "tls": True},
    },
    "tls": {"secretName": "mx1-tls"},
}
BACKUP_SERVER = {
    "hostname": "mx2.example.com",
    "domains": DOMAINS,
    "role": "backup",
    "peer": {"hostname": "mx1.example.com"},
    "recipients": {"source": "primary", "syncMinutes": 10},
    "recipientReader": {"url": "https://mx1.example.com", "username": "reader", "password": Later("reader password")},
}
LISTED_RECIPIENTS = {
    **BACKUP_SERVER,
    "recipients": {"source": "list", "addresses": ["alice@example.com"]},
    "recipientReader": None,
    "storage": {"kind": "distributed", "blobs": {"bucket": "mail-2", "region": "eu"}, "redis": {"url": "redis://redis:6379"}},
}
DNS = {
    "hostname": "mx1.example.com",
    "addresses": ["203.0.113.10", "2001:db8::10"],
    "domains": [DOMAIN, {"name": "example.org", "parked": True}],
    "exchange": Later("mx1.example.com"),
    "priority": 15,
    "otherExchanges": [{"hostname": "mx2.example.com", "priority": 25, "publishMx": True}],
    "dkimPublicKeys": {"one._domainkey.example.com": Later(PUBLIC_KEY)},
    "exchangeOnly": False,
    "egress": [{"address": "203.0.113.99", "ehloHostname": "out.example.com"}],
    "ports": {"submissions": 465, "imaps": 993},
    "mtaSts": MTA_STS,
    "tlsa": ["3 1 1 0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3"],
    "host": {"addresses": True, "spf": True},
    "provider": "zonefile",
    "externalDns": {"namespace": "post", "providerSpecific": {"cloudflare/proxied": "false"}},
    "zones": [{"name": "dkim.example.org", "zoneId": "2", "dnsProvider": "zonefile", "dnssec": True}],
    "leavingZones": ["dkim.example.org"],
    "nameServers": ["ns1.example.net"],
    "ttlSeconds": 300,
    "owner": "post",
}
BACKUP = {
    "locations": [
        {
            "name": "hot",
            "bucket": "example-mail-hot",
            "region": "eu-west-1",
            "prefix": "primary",
            "s3Url": "https://s3.example.net",
            "accessKeyId": Secret("key id"),
            "secretAccessKey": Secret("key"),
            "readOnly": False,
        }
    ],
    "schedules": [{"name": "hot", "location": "hot", "cron": "17 */6 * * *", "keepDays": 30, "paused": True}],
    "mailNamespace": "post",
    "sentinelMailbox": "role-mailbox@example.com",
    "alerts": {
        "arriving": [{"name": "archive", "location": "hot", "cron": "0 2 * * *"}],
        "database": {"cluster": "stalwart-database", "cron": "0 2 * * *"},
        "drillMaxAgeDays": 35,
        "region": "eu-west-1",
    },
    "veleroNamespace": "backups",
    "installVelero": True,
    "repositoryPassword": Secret("repository password"),
}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("DkimKeys", {"domains": [DOMAIN, {"name": "example.org"}]}),
    (
        "DkimKeys",
        {
            "domains": [{"name": "example.com", "dkimSelectors": [*SELECTORS, {"name": "two", "algorithm": "ed25519"}]}],
            "privateKeys": {"two._domainkey.example.com": Secret(ED25519_KEY)},
        },
    ),
    ("MailBackup", BACKUP),
    (
        "MailBackup",
        {
            **BACKUP,
            "mailNamespace": Later("post"),
            "repositoryPassword": Later("repository password"),
            "installVelero": False,
            "veleroVersion": "v1.18.3",
            "awsPluginVersion": "v1.14.3",
        },
    ),
    ("MailDns", DNS),
    ("MailDns", {**DNS, "exchange": "mx1.example.com", "dkimPublicKeys": Later({"one._domainkey.example.com": PUBLIC_KEY})}),
    ("MailMonitoring", {"hostname": "mx1.example.com"}),
    (
        "MailMonitoring",
        {
            "hostname": "mx1.example.com",
            "role": "primary",
            "namespace": Later("post"),
            "region": "eu-west-1",
            "exporterUsername": Later("mail-exporter@example.com"),
            "certificateVerified": True,
            "credentialsSecret": "admin",
            "peer": "mx2.example.com",
            "addresses": [Later("203.0.113.10"), "2001:db8::10"],
            "trustedNetworks": ["10.0.0.0/8"],
            "blocklists": ["bl.example.net"],
            "volumeClaims": ["stalwart-data"],
            "queueLimit": 500,
            "labels": {"release": "prometheus"},
            "dashboard": True,
            "dashboardLabels": {"dashboards": "mail"},
            "dashboardNamespace": Later("grafana"),
            "jobImage": "registry.example/python:3.13.9",
        },
    ),
    (
        "MailRestore",
        {
            "namespace": "mail-2",
            "sourceNamespace": "mail",
            "location": "hot",
            "backupName": "hot-20261103",
            "volume": True,
            "storageClass": "fast",
            "veleroNamespace": "backups",
            "jobImage": "registry.example/python:3.13.9",
            "podSecurity": "privileged",
            "fenced": True,
        },
    ),
    (
        "RestoreCheck",
        {
            "namespace": Later("post"),
            "sentinelMailbox": "role-mailbox@example.com",
            "adminSecretName": "admin",
            "jobImage": "registry.example/python:3.13.9",
        },
    ),
    (
        "RestoreDrill",
        {
            "location": "hot",
            "sourceNamespace": "mail",
            "sentinelMailbox": "role-mailbox@example.com",
            "serverImage": "registry.example/stalwart:v0.16.27",
            "cron": "0 4 * * 1",
            "storageClass": "fast",
            "namespace": "rehearsal",
            "veleroNamespace": "backups",
            "jobImage": "registry.example/python:3.13.9",
            "metrics": True,
        },
    ),
    ("StalwartServer", SERVER),
    ("StalwartServer", DISTRIBUTED),
    ("StalwartServer", GIVEN_STORES),
    ("StalwartServer", BACKUP_SERVER),
    ("StalwartServer", LISTED_RECIPIENTS),
]
