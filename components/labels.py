"""The labels every Kubernetes object carries (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels)."""

NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "stalwart-mail"
NOT_IN_BACKUPS = "velero.io/exclude-from-backup"  # Velero leaves out what has it with the value `true`


def recommended(name: str, component: str) -> dict[str, str]:
    """The recommended labels of an object of application `name` that plays the part `component` in it."""
    return {
        NAME: name,
        COMPONENT: component,
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def pod_security(level: str = "restricted") -> dict[str, str]:
    """The labels of a namespace that enforces a level of Pod Security, and warns below `restricted`."""
    return {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": "restricted"}


def selector(name: str, component: str) -> dict[str, str]:
    """The labels that find the pods of `component`: those that never change over its life."""
    return {NAME: name, COMPONENT: component}
