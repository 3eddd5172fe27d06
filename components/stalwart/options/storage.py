"""Where mail is kept: in one pod's volume, or in stores that many pods share."""

import re
from enum import StrEnum
from typing import Annotated, NotRequired, Self, TypedDict

from pydantic import Field, model_validator

from ...model import BucketName, Cron, Folder, KubernetesName, Model, Quantity, S3Url, SecretKey, WebUrl
from .secret import SecretKeyArgs

DEFAULT_SIZE = "20Gi"
DEFAULT_SERVER_NAME = "mail"  # of a database in its archive
REDIS_URL = re.compile(r"^rediss?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[0-9]+)?$")  # a password would be in the plan


class StorageKind(StrEnum):
    """How the server keeps its data. It cannot be changed on a server that has mail; the runbook says how to move."""

    EMBEDDED = "embedded"  # RocksDB in a volume: one pod
    DISTRIBUTED = "distributed"  # PostgreSQL, S3 and a coordinator: two pods and more


class DatabaseArgs(TypedDict):
    """An existing PostgreSQL database. Without one, CloudNativePG makes a cluster of three instances."""

    host: str
    """Where it is."""
    password: SecretKeyArgs
    """The user's password."""
    port: NotRequired[int]
    """Default 5432."""
    name: NotRequired[str]
    """The database. Default `stalwart`."""
    username: NotRequired[str]
    """Default `stalwart`."""
    ca: NotRequired[SecretKeyArgs]
    """The authority its certificate is verified with. Default: the public ones."""


class BlobsArgs(TypedDict):
    """The bucket for mail bodies. It must exist and outlive this stack."""

    bucket: str
    """The bucket."""
    region: str
    """Its region."""
    endpoint: NotRequired[str]
    """Of an S3-compatible server. Default: AWS."""
    prefix: NotRequired[str]
    """The folder in the bucket. Default: the whole bucket."""
    keys_secret: NotRequired[str]
    """A Secret with `access-key-id` and `secret-access-key`. Default: the pod's own identity."""


class RedisArgs(TypedDict):
    """Redis or Valkey. It is both the in-memory store and the coordinator."""

    url: NotRequired[str]
    """One server without a password, `redis://host:6379` or `rediss://host:6379`."""
    sentinels: NotRequired[list[str]]
    """Or several Sentinels, each as such a URL."""
    service_name: NotRequired[str]
    """With `sentinels`: what they call the server. Default `mymaster`."""
    username: NotRequired[str]
    """With `sentinels`. Default: none."""
    password: NotRequired[SecretKeyArgs]
    """With `sentinels`: of the server."""
    sentinel_password: NotRequired[SecretKeyArgs]
    """With `sentinels`: of the Sentinels."""


class NatsArgs(TypedDict):
    """NATS as the coordinator; what Redis would hold is then in the database."""

    addresses: list[str]
    """`host:4222` of each server."""
    username: NotRequired[str]
    """Default: none."""
    password: NotRequired[SecretKeyArgs]
    """Goes with `username`."""
    tls: NotRequired[bool]
    """Encrypt the connection. Default false."""


class DatabaseArchiveArgs(TypedDict):
    """The archive of the database made here: base backups, and the log between them (the plugin barman-cloud, 0.14)."""

    bucket: str
    """The bucket. It must exist, and be somewhere that outlives this cluster."""
    region: str
    """Its region."""
    endpoint: NotRequired[str]
    """Of an S3-compatible server, outside this cluster. Default: AWS."""
    prefix: NotRequired[str]
    """The folder in the bucket. Default: the whole bucket."""
    keys_secret: NotRequired[str]
    """A Secret with `access-key-id` and `secret-access-key`. Default: the identity of the database's pods."""
    server_name: NotRequired[str]
    """The incarnation of the database: the folder in `prefix`. A restored database needs another one. Default `mail`."""
    keep_days: NotRequired[int]
    """How far back one can go, in days. Default 30."""
    cron: NotRequired[str]
    """When a base backup is made: five cron fields. Default `0 2 * * *`."""


class StorageArgs(TypedDict):
    """Where mail is kept."""

    kind: NotRequired[str]
    """`embedded` (default) or `distributed`."""
    size: NotRequired[str]
    """Embedded: of the volume. Distributed: of each database instance. Default `20Gi`."""
    storage_class: NotRequired[str]
    """Default: the cluster's."""
    wal_size: NotRequired[str]
    """Distributed: of each instance's volume for the write-ahead log. Default `5Gi`."""
    database: NotRequired[DatabaseArgs]
    """Distributed: an existing database. Default: one is made."""
    archive: NotRequired[DatabaseArchiveArgs]
    """Distributed: where the database made here is backed up to. Default: nowhere."""
    blobs: NotRequired[BlobsArgs]
    """Distributed: the bucket for mail bodies."""
    redis: NotRequired[RedisArgs]
    """Distributed: the coordinator, or `nats`."""
    nats: NotRequired[NatsArgs]
    """Distributed: the coordinator, or `redis`."""
    replicas: NotRequired[int]
    """How many pods. Default 1 embedded, 2 distributed."""
    max_replicas: NotRequired[int]
    """Distributed: up to so many when the CPU is busy. Default: as many as `replicas`."""
    cpu_percent: NotRequired[int]
    """With `max_replicas`: how busy the CPU is kept, of what is requested. Default 70."""


class Database(Model):
    """A checked `DatabaseArgs`."""

    host: str = Field(min_length=1, description="a host name", examples=["pg.example.net"])
    password: SecretKey = Field(description="a Secret", examples=['{"name": "postgres"}'])
    port: int = Field(5432, ge=1, le=65535, description="a port", examples=["5432"])
    name: str = Field("stalwart", description="a database", examples=["stalwart"])
    username: str = Field("stalwart", description="a user", examples=["stalwart"])
    ca: SecretKey | None = Field(None, description="a Secret with the authority", examples=['{"name": "pg", "key": "ca.crt"}'])


class Blobs(Model):
    """A checked `BlobsArgs`."""

    bucket: BucketName = Field(description="the name of an existing S3 bucket", examples=["example-mail-blobs"])
    region: str = Field(min_length=1, description="the bucket's region", examples=["eu-west-1"])
    endpoint: WebUrl | None = Field(None, description="an S3-compatible server", examples=["https://s3.example.net"])
    prefix: str | None = Field(None, description="a folder in the bucket", examples=["primary"])
    keys_secret: KubernetesName | None = Field(
        None, description="a Secret with access-key-id and secret-access-key", examples=["mail-blobs"]
    )

    @property
    def url(self) -> str:
        """Where requests go."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


class Redis(Model):
    """A checked `RedisArgs`."""

    url: str | None = Field(
        None,
        pattern=REDIS_URL.pattern,
        description="redis://host:6379, without a password",
        examples=["redis://valkey:6379"],
    )
    sentinels: tuple[Annotated[str, Field(pattern=REDIS_URL.pattern)], ...] = Field(
        (), description="URLs of Sentinels", examples=['["redis://sentinel:26379"]']
    )
    service_name: str = Field("mymaster", description="what the Sentinels call the server", examples=["mymaster"])
    username: str | None = Field(None, description="with sentinels: a user", examples=["stalwart"])
    password: SecretKey | None = Field(None, description="with sentinels: a Secret", examples=['{"name": "valkey"}'])
    sentinel_password: SecretKey | None = Field(None, description="with sentinels: a Secret", examples=['{"name": "valkey"}'])

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.url) == bool(self.sentinels):
            raise ValueError("needs one of `url` and `sentinels`")
        if self.url and (self.username or self.password or self.sentinel_password):
            raise ValueError("has a password for `url`, which the server would keep in the clear; use `sentinels`, or `nats`")
        return self


class Nats(Model):
    """A checked `NatsArgs`."""

    addresses: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")], ...] = Field(
        min_length=1, description="host:port of each server", examples=['["nats:4222"]']
    )
    username: str | None = Field(None, description="with password", examples=["stalwart"])
    password: SecretKey | None = Field(None, description="with username: a Secret", examples=['{"name": "nats"}'])
    tls: bool = Field(False, description="true or false", examples=["true"])

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("has one of `username` and `password`; they go together")
        return self


class ArchiveFolder(Model):
    """Where in S3 the base backups and the log of a database are."""

    bucket: BucketName = Field(description="the name of an existing S3 bucket", examples=["example-mail-database"])
    region: str = Field(min_length=1, description="the bucket's region", examples=["eu-west-1"])
    endpoint: S3Url | None = Field(
        None, description="an S3-compatible server outside this cluster", examples=["https://s3.example.net"]
    )
    prefix: Folder | None = Field(None, description="a folder in the bucket", examples=["primary"])
    keys_secret: KubernetesName | None = Field(
        None, description="a Secret with access-key-id and secret-access-key", examples=["mail-database"]
    )
    server_name: KubernetesName = Field(
        DEFAULT_SERVER_NAME,
        description="lower-case letters, digits and hyphens; a new one for every restored database",
        examples=["mail-2"],
    )

    @property
    def path(self) -> str:
        """The folder that the folders of the incarnations are in."""
        return f"s3://{self.bucket}/{self.prefix or ''}"


class DatabaseArchive(ArchiveFolder):
    """A checked `DatabaseArchiveArgs`."""

    keep_days: int = Field(30, ge=7, le=3650, description="7 to 3650 days", examples=["90"])
    cron: Cron = Field("0 2 * * *", description="five cron fields, in UTC", examples=["30 1 * * *"])


class Storage(Model):
    """A checked `StorageArgs`."""

    kind: StorageKind = Field(StorageKind.EMBEDDED, description="embedded or distributed", examples=["distributed"])
    size: Quantity = Field(DEFAULT_SIZE, description="a whole number of Mi, Gi or Ti", examples=["100Gi"])
    storage_class: str | None = Field(None, description="a storage class; default: the cluster's", examples=["fast-ssd"])
    wal_size: Quantity = Field("5Gi", description="a whole number of Mi, Gi or Ti", examples=["10Gi"])
    database: Database | None = Field(
        None, description="an existing database; default: one is made", examples=['{"host": "..."}']
    )
    archive: DatabaseArchive | None = Field(
        None, description="where the database made here is backed up to", examples=['{"bucket": "...", "region": "..."}']
    )
    blobs: Blobs | None = Field(None, description="the bucket for mail bodies", examples=['{"bucket": "...", "region": "..."}'])
    redis: Redis | None = Field(None, description="Redis or Valkey, or nats", examples=['{"url": "redis://valkey:6379"}'])
    nats: Nats | None = Field(None, description="NATS, or redis", examples=['{"addresses": ["nats:4222"]}'])
    replicas: int | None = Field(None, ge=1, le=20, description="1 to 20 pods; default 1 or 2", examples=["3"])
    max_replicas: int | None = Field(None, ge=2, le=20, description="2 to 20 pods", examples=["6"])
    cpu_percent: int = Field(70, ge=10, le=95, description="percent from 10 to 95", examples=["70"])

    @model_validator(mode="after")
    def _works(self) -> Self:
        faults = self._embedded_faults() if self.kind == StorageKind.EMBEDDED else self._distributed_faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def database_is_ours(self) -> bool:
        """Whether its data is in a database that is made here."""
        return self.kind == StorageKind.DISTRIBUTED and self.database is None

    @property
    def pods(self) -> int:
        """How many pods there are at least."""
        return self.replicas or (1 if self.kind == StorageKind.EMBEDDED else 2)

    def _embedded_faults(self) -> list[str]:
        faults: list[str] = []
        if (self.replicas or 1) > 1 or self.max_replicas:
            faults.append("asks for more than one replica of `embedded` storage, which has one writer; use `distributed`")
        shared = [name for name in ("database", "archive", "blobs", "redis", "nats") if getattr(self, name)]
        if shared:
            faults.append(f"has {' and '.join(shared)}, which `embedded` storage does not use; set `kind: distributed`")
        return faults

    def _distributed_faults(self) -> list[str]:
        faults: list[str] = []
        if not self.blobs:
            faults.append("is `distributed` without `blobs`: every pod must reach the same mail bodies")
        if bool(self.redis) == bool(self.nats):
            faults.append("is `distributed` and needs one of `redis` and `nats`: pods must tell each other of changes")
        if self.archive and self.database:
            faults.append("has `archive` beside a given `database`, whose backups are its owner's; leave one out")
        if self.max_replicas and self.max_replicas < self.pods:
            faults.append(f"has `maxReplicas` {self.max_replicas} below `replicas` {self.pods}")
        return faults
