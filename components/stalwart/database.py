"""The PostgreSQL cluster that CloudNativePG makes for distributed storage (https://cloudnative-pg.io, 1.30)."""

from typing import Any

from . import names
from .arguments import Server

API_VERSION = "postgresql.cnpg.io/v1"
IMAGE = "ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie"
INSTANCES = 3  # one writes, one is its synchronous copy, one is left when a node goes
# Ten for each pod (the server's own pool), for twenty pods and some to look. Changing it restarts the database.
MAX_CONNECTIONS = 250


def cluster(server: Server) -> dict[str, Any]:
    """The spec of the `Cluster`. The operator makes its Secrets `<name>-app` and `<name>-ca` and its Service `<name>-rw`."""
    storage = server.storage
    storage_class = {"storageClass": storage.storage_class} if storage.storage_class else {}
    return {
        "instances": INSTANCES,
        "imageName": IMAGE,
        "bootstrap": {"initdb": {"database": names.DATABASE_NAME, "owner": names.DATABASE_NAME}},
        "storage": {"size": storage.size, **storage_class},
        # A log on a volume of its own: a full one stops writes, but leaves the data whole.
        "walStorage": {"size": storage.wal_size, **storage_class},
        "postgresql": {
            "parameters": {"max_connections": str(MAX_CONNECTIONS)},
            "synchronous": {"method": "any", "number": 1},
        },
        "affinity": {"enablePodAntiAffinity": True, "topologyKey": "kubernetes.io/hostname", "podAntiAffinityType": "preferred"},
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    }
