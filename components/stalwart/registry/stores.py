"""Where the server keeps things: the data store of its configuration file, and the stores the plan sets."""

from dataclasses import dataclass, field
from typing import ClassVar

from .encoding import RegistryObject, Structure
from .values import EnvironmentSecret, NoSecret, OptionalSecret


@dataclass(frozen=True, kw_only=True)
class RocksDbStore(Structure):
    """A folder of this pod, with one writer."""

    VARIANT: ClassVar = "RocksDb"
    path: str


@dataclass(frozen=True, kw_only=True)
class PostgreSqlStore(Structure):
    """A PostgreSQL database."""

    VARIANT: ClassVar = "PostgreSql"
    host: str
    port: int
    database: str
    auth_username: str
    auth_secret: EnvironmentSecret
    use_tls: bool
    allow_invalid_certs: bool


@dataclass(frozen=True, kw_only=True)
class BlobStore(RegistryObject):
    """Where mail bodies are."""

    OBJECT: ClassVar = "BlobStore"


@dataclass(frozen=True, kw_only=True)
class DefaultBlobStore(BlobStore):
    """In the data store."""

    VARIANT: ClassVar = "Default"


@dataclass(frozen=True, kw_only=True)
class CustomS3Region(Structure):
    """Any S3-compatible endpoint, AWS's own among them."""

    VARIANT: ClassVar = "Custom"
    custom_endpoint: str
    custom_region: str


@dataclass(frozen=True, kw_only=True)
class S3BlobStore(BlobStore):
    """In a bucket. Without keys, the pod's own identity is used."""

    VARIANT: ClassVar = "S3"
    bucket: str
    region: CustomS3Region
    key_prefix: str | None
    access_key: OptionalSecret
    secret_key: OptionalSecret
    security_token: OptionalSecret = field(default_factory=NoSecret)
    session_token: OptionalSecret = field(default_factory=NoSecret)


@dataclass(frozen=True, kw_only=True)
class InMemoryStore(RegistryObject):
    """Where rate limits, locks and bans are counted."""

    OBJECT: ClassVar = "InMemoryStore"


@dataclass(frozen=True, kw_only=True)
class DefaultInMemoryStore(InMemoryStore):
    """In the data store."""

    VARIANT: ClassVar = "Default"


@dataclass(frozen=True, kw_only=True)
class RedisInMemoryStore(InMemoryStore):
    """One Redis or Valkey server."""

    VARIANT: ClassVar = "Redis"
    url: str


@dataclass(frozen=True, kw_only=True)
class SentinelInMemoryStore(InMemoryStore):
    """Redis or Valkey behind Sentinel."""

    VARIANT: ClassVar = "RedisSentinel"
    urls: frozenset[str]
    service_name: str
    auth_username: str | None
    auth_secret: OptionalSecret
    sentinel_secret: OptionalSecret


@dataclass(frozen=True, kw_only=True)
class Coordinator(RegistryObject):
    """How the nodes tell each other of changes."""

    OBJECT: ClassVar = "Coordinator"


@dataclass(frozen=True, kw_only=True)
class NoCoordinator(Coordinator):
    """One node has nobody to tell."""

    VARIANT: ClassVar = "Disabled"


@dataclass(frozen=True, kw_only=True)
class InMemoryCoordinator(Coordinator):
    """Through the in-memory store."""

    VARIANT: ClassVar = "Default"


@dataclass(frozen=True, kw_only=True)
class NatsCoordinator(Coordinator):
    """Through NATS."""

    VARIANT: ClassVar = "Nats"
    addresses: frozenset[str]
    auth_username: str | None
    auth_secret: OptionalSecret
    use_tls: bool
