"""A pod that mounts a volume claim and does nothing else.

Many storage classes make a volume only for a pod that uses it, and Velero waits for that before it brings the data.
"""

from .cluster import Object

CONSUMER = "volume-consumer"  # the pod's name
USER_ID = 65532


def consumer(namespace: str, image: str, claim: str) -> Object:
    """The pod. It runs once the volume is there.

    Args:
        namespace: where it is.
        image: an image with Python.
        claim: the volume claim.
    """
    container: Object = {
        "name": "consume",
        "image": image,
        "command": ["python", "-c", "pass"],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": CONSUMER,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "mail-backup", "app.kubernetes.io/component": CONSUMER},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": USER_ID, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }
