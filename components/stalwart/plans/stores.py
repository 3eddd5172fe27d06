"""Where the server keeps things: the data store in its configuration file, the other stores in its plan."""

import json

from .. import names, paths
from ..arguments import Server
from ..operations import Plan, Update
from ..options.storage import Nats, Redis
from ..registry.encoding import encode
from ..registry.stores import (
    BlobStore,
    Coordinator,
    CustomS3Region,
    DefaultBlobStore,
    DefaultInMemoryStore,
    InMemoryCoordinator,
    InMemoryStore,
    NatsCoordinator,
    NoCoordinator,
    PostgreSqlStore,
    RedisInMemoryStore,
    RocksDbStore,
    S3BlobStore,
    SentinelInMemoryStore,
)
from ..registry.values import EnvironmentSecret, NoSecret, OptionalSecret

VOLUME_STORE = RocksDbStore(path=f"{paths.DATA_DIRECTORY}/data")


def config_json(server: Server) -> str:
    """The server's configuration file: where its data is, and nothing else."""
    return json.dumps(encode(_data_store(server)), indent=2) + "\n"


def volume_config_json() -> str:
    """The same of any server with its data in a volume."""
    return json.dumps(encode(VOLUME_STORE), indent=2) + "\n"


def _data_store(server: Server) -> RocksDbStore | PostgreSqlStore:
    if not server.is_distributed:
        return VOLUME_STORE
    database = server.storage.database
    return PostgreSqlStore(
        host=database.host if database else f"{names.DATABASE}-rw",
        port=database.port if database else names.DATABASE_PORT,
        database=database.name if database else names.DATABASE_NAME,
        auth_username=database.username if database else names.DATABASE_NAME,
        auth_secret=EnvironmentSecret(variable_name=paths.DATABASE_PASSWORD),
        use_tls=True,
        allow_invalid_certs=False,
    )


def store_operations(server: Server) -> Plan:
    """Mail bodies, the in-memory store and the coordinator."""
    return (Update(_blobs(server)), Update(_in_memory(server)), Update(_coordinator(server)))


def _blobs(server: Server) -> BlobStore:
    blobs = server.storage.blobs
    if blobs is None:
        return DefaultBlobStore()
    return S3BlobStore(
        bucket=blobs.bucket,
        region=CustomS3Region(custom_endpoint=blobs.url, custom_region=blobs.region),
        key_prefix=blobs.prefix,
        access_key=_secret(paths.BLOBS_ACCESS_KEY, given=bool(blobs.keys_secret)),
        secret_key=_secret(paths.BLOBS_SECRET_KEY, given=bool(blobs.keys_secret)),
    )


def _in_memory(server: Server) -> InMemoryStore:
    redis: Redis | None = server.storage.redis
    if redis is None:
        return DefaultInMemoryStore()
    if redis.url:
        return RedisInMemoryStore(url=redis.url)
    return SentinelInMemoryStore(
        urls=frozenset(redis.sentinels),
        service_name=redis.service_name,
        auth_username=redis.username,
        auth_secret=_secret(paths.REDIS_PASSWORD, given=bool(redis.password)),
        sentinel_secret=_secret(paths.SENTINEL_PASSWORD, given=bool(redis.sentinel_password)),
    )


def _coordinator(server: Server) -> Coordinator:
    nats: Nats | None = server.storage.nats
    if nats:
        return NatsCoordinator(
            addresses=frozenset(nats.addresses),
            auth_username=nats.username,
            auth_secret=_secret(paths.NATS_PASSWORD, given=bool(nats.password)),
            use_tls=nats.tls,
        )
    return InMemoryCoordinator() if server.storage.redis else NoCoordinator()


def _secret(variable: str, given: bool) -> OptionalSecret:
    return EnvironmentSecret(variable_name=variable) if given else NoSecret()
