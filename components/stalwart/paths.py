"""Where things are inside the server's pod: files and environment variables that the plan refers to and the pod provides."""

from ..model import SecretKey
from .arguments import Server

CONFIG_DIRECTORY = "/etc/stalwart-mail/config"
DKIM_DIRECTORY = "/etc/stalwart-mail/dkim"
TLS_DIRECTORY = "/etc/stalwart-mail/tls"
DATABASE_CA_DIRECTORY = "/etc/stalwart-mail/database-ca"
DATA_DIRECTORY = "/var/lib/stalwart"

METRICS_PASSWORD = "METRICS_PASSWORD"
DATABASE_PASSWORD = "DATABASE_PASSWORD"
BLOBS_ACCESS_KEY = "BLOBS_ACCESS_KEY_ID"
BLOBS_SECRET_KEY = "BLOBS_SECRET_ACCESS_KEY"
REDIS_PASSWORD = "REDIS_PASSWORD"
SENTINEL_PASSWORD = "SENTINEL_PASSWORD"
NATS_PASSWORD = "NATS_PASSWORD"
LDAP_PASSWORD = "LDAP_PASSWORD"
OTLP_TOKEN = "OTLP_TOKEN"


def smarthost_password(name: str) -> str:
    """The variable with a smarthost's password."""
    return f"SMARTHOST_{name.upper().replace('-', '_')}_PASSWORD"


def webhook_key(number: int) -> str:
    """The variable with what the requests of a webhook are signed with."""
    return f"WEBHOOK_{number}_KEY"


def tls_directory(number: int) -> str:
    """The folder of a certificate: a Secret each."""
    return f"{TLS_DIRECTORY}/{number}"


def given_secrets(server: Server) -> dict[str, SecretKey]:
    """The secrets that are given by reference: environment variable to where its value is."""
    storage, telemetry = server.storage, server.telemetry
    found: dict[str, SecretKey | None] = {
        DATABASE_PASSWORD: storage.database and storage.database.password,
        REDIS_PASSWORD: storage.redis and storage.redis.password,
        SENTINEL_PASSWORD: storage.redis and storage.redis.sentinel_password,
        NATS_PASSWORD: storage.nats and storage.nats.password,
        LDAP_PASSWORD: server.directory and server.directory.ldap and server.directory.ldap.bind_password,
        OTLP_TOKEN: telemetry.otlp and telemetry.otlp.token,
        **{smarthost_password(smarthost.name): smarthost.password for smarthost in server.smarthosts},
        **{webhook_key(number): webhook.signature_key for number, webhook in enumerate(telemetry.webhooks)},
    }
    return {variable: secret for variable, secret in found.items() if secret}
