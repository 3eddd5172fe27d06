"""The server that a drill starts on a restored volume: in recovery mode, with a password of its own."""

from .cluster import Object

SCRATCH = "drill-server"  # its pod, and the Secret with its password
ADMIN_USER = "admin"
PASSWORD_KEY = "login"
PORT = 8080
USER_ID = 2000  # the user `stalwart` of the server image
CONFIG_DIRECTORY = "/etc/stalwart-mail/config"
DATA_DIRECTORY = "/var/lib/stalwart"


def scratch_pod(namespace: str, image: str, config: str, claim: str) -> Object:
    """The pod.

    Args:
        namespace: where it is.
        image: the server's.
        config: the ConfigMap with `config.json`.
        claim: the restored volume claim.
    """
    variables: list[Object] = [
        # Only the management port listens: no mail comes in or goes out, and no task runs.
        {"name": "STALWART_RECOVERY_MODE", "value": "1"},
        {"name": "STALWART_RECOVERY_ADMIN", "valueFrom": {"secretKeyRef": {"name": SCRATCH, "key": PASSWORD_KEY}}},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": SCRATCH,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/name": "mail-backup",
                "app.kubernetes.io/component": SCRATCH,
                "app.kubernetes.io/part-of": "stalwart-mail",
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 10,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER_ID,
                "runAsGroup": USER_ID,
                "fsGroup": USER_ID,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "stalwart",
                    "image": image,
                    "args": ["--config", f"{CONFIG_DIRECTORY}/config.json"],
                    "env": variables,
                    "ports": [{"name": "http", "containerPort": PORT}],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        # The binary has this file capability and cannot be executed without it.
                        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                    },
                    "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
                    "volumeMounts": [
                        {"name": "data", "mountPath": DATA_DIRECTORY},
                        {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": claim}},
                {"name": "config", "configMap": {"name": config}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }
