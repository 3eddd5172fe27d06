"""What Synapse is told: its configuration and its database, as plain data (https://element-hq.github.io/synapse)."""

from typing import Any, NotRequired, TypedDict

import pulumi
import yaml
from pydantic import Field
from stalwart_mail.model import Hostname, KubernetesName, Model, Quantity

from .cluster import Image

APPLICATION = "synapse"
DATABASE = "synapse-database"
HTTP_PORT, DATABASE_PORT = 8008, 5432
SECRETS_DIRECTORY, MEDIA_DIRECTORY = "/etc/synapse-secrets", "/media"


class IssuerRef(TypedDict):
    """The identity provider."""

    url: str
    """The issuer, whose discovery document is fetched."""
    client_id: str
    """The client that Synapse is there."""
    client_secret: NotRequired[pulumi.Input[str]]
    """Its secret. Default: it is a public client, which proves itself by PKCE (RFC 7636)."""


class SubmissionRef(TypedDict):
    """The mail server's submission endpoint, and an account there."""

    endpoint: pulumi.Input[str]
    """`host:port` inside the cluster."""
    namespace: pulumi.Input[str]
    """The namespace of the mail server."""
    hostname: pulumi.Input[str]
    """The name in its certificate."""
    address: str
    """The account, and the sender of notifications."""
    password: pulumi.Input[str]
    """Its password."""


class MatrixOptions(Model):
    """How the homeserver is."""

    hostname: Hostname = Field(description="the host name clients use", examples=["matrix.example.com"])
    namespace: KubernetesName = Field("matrix", description="a Kubernetes namespace, which is made", examples=["matrix"])
    federation: bool = Field(False, description="true to talk to other homeservers", examples=["true"])
    media_size: Quantity = Field("20Gi", description="a whole number of Mi, Gi or Ti", examples=["100Gi"])
    database_size: Quantity = Field("10Gi", description="a whole number of Mi, Gi or Ti", examples=["50Gi"])
    database_operator_namespace: KubernetesName = Field(
        "cnpg-system", description="the namespace of the CloudNativePG operator", examples=["cnpg-system"]
    )
    database_instances: int = Field(2, ge=1, le=9, description="1 to 9 instances", examples=["3"])
    image: Image = Field(
        "ghcr.io/element-hq/synapse:v1.163.2",
        description="an image with an exact tag",
        examples=["ghcr.io/element-hq/synapse:v1.163.2"],
    )


def homeserver(options: MatrixOptions, domain: str, issuer: IssuerRef, calls_url: str) -> dict[str, Any]:
    """`homeserver.yaml`, without secrets (https://element-hq.github.io/synapse, configuration manual)."""
    alone: dict[str, Any] = {
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "allow_public_rooms_over_federation": False,
    }
    # Without federation a service can still ask who a user is (OpenID), as that of calls does.
    names = ["client", "federation"] if options.federation else ["client", "openid"]
    return {
        "server_name": domain,
        "public_baseurl": f"https://{options.hostname}/",
        "serve_server_wellknown": True,
        # Clients that do not ask the homeserver for it (MSC4143) read it here.
        "extra_well_known_client_content": {
            "org.matrix.msc4143.rtc_foci": [{"type": "livekit", "livekit_service_url": calls_url}]
        },
        "listeners": [{"port": HTTP_PORT, "type": "http", "tls": False, "x_forwarded": True, "resources": [{"names": names}]}],
        "database": {
            "name": "psycopg2",
            # libpq takes the password from its variable PGPASSWORD.
            "args": {
                "user": APPLICATION,
                "dbname": APPLICATION,
                "host": f"{DATABASE}-rw",
                "port": DATABASE_PORT,
                "sslmode": "require",
                "cp_min": 5,
                "cp_max": 10,
            },
        },
        "media_store_path": MEDIA_DIRECTORY,
        "max_upload_size": "100M",
        "signing_key_path": f"{SECRETS_DIRECTORY}/signing.key",
        "macaroon_secret_key_path": f"{SECRETS_DIRECTORY}/macaroon",
        "form_secret_path": f"{SECRETS_DIRECTORY}/form",
        "report_stats": False,
        "suppress_key_server_warning": True,
        "password_config": {"enabled": False},
        "oidc_providers": [_provider(issuer, domain)],
        # What calls need: where they are, the state after a sync, and leaving them when a client is gone (MSC4143, 4222, 4140).
        "matrix_rtc": {"transports": [{"type": "livekit", "livekit_service_url": calls_url}]},
        "experimental_features": {"msc4143_enabled": True, "msc4222_enabled": True},
        "max_event_delay_duration": "24h",
        "rc_message": {"per_second": 0.5, "burst_count": 30},
        "rc_delayed_event_mgmt": {"per_second": 1, "burst_count": 20},
        **({} if options.federation else alone),
    }


def _provider(issuer: IssuerRef, domain: str) -> dict[str, Any]:
    if "client_secret" in issuer:
        proof = {"client_auth_method": "client_secret_basic", "client_secret_path": f"{SECRETS_DIRECTORY}/client-secret"}
    else:
        proof = {"client_auth_method": "none", "pkce_method": "always"}
    mapping = {
        "localpart_template": _localpart(domain),
        "display_name_template": "{{ user.name }}",
        "email_template": "{{ user.email }}",
    }
    return {
        "idp_id": "issuer",
        "idp_name": "Single sign-on",
        "issuer": issuer["url"],
        "client_id": issuer["client_id"],
        **proof,
        "scopes": ["openid", "profile", "email"],
        "user_mapping_provider": {"config": mapping},
    }


def _localpart(domain: str) -> str:
    """As the address, so the Matrix ID: alice@example.com is @alice:example.com. Nobody else is, and who has not proved it.

    Synapse lets nobody in for whom this is empty. Its `attribute_requirements` compare with texts alone, and never with `true`.
    """
    return (
        '{% set local, _, domain = (user.email or "").partition("@") %}'
        f'{{{{ local if domain | lower == "{domain}" and user.email_verified is true }}}}'
    )


def email(endpoint: str, hostname: str, address: str, password: str) -> str:
    """`email.yaml`: the section of the configuration that has a password in it, and no option to read it from a file."""
    host, _, number = endpoint.rpartition(":")
    section = {
        "smtp_host": host,
        "smtp_port": int(number),
        "smtp_user": address,
        "smtp_pass": password,
        "require_transport_security": True,
        # The host is a name of this cluster, and the certificate is for the public one.
        "tlsname": hostname,
        "notif_from": f"%(app)s <{address}>",
        "enable_notifs": True,
        "notif_for_new_users": True,
    }
    return yaml.safe_dump({"email": section})


def database(options: MatrixOptions) -> dict[str, Any]:
    """The spec of CloudNativePG's `Cluster`. Synapse wants a database that sorts by bytes (its docs, postgres.md)."""
    return {
        "instances": options.database_instances,
        "imageName": "ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie",
        "bootstrap": {
            "initdb": {
                "database": APPLICATION,
                "owner": APPLICATION,
                "encoding": "UTF8",
                "localeCollate": "C",
                "localeCType": "C",
            }
        },
        "storage": {"size": options.database_size},
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    }
