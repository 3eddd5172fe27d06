"""The rules for pods: their images, their secrets and their rights."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .kubernetes import Pod, kind, of_kind, pods
from .model import ADVISORY, MANDATORY, UNKNOWN, Found, Resource, Rule, at, entries, text, walk

# Three numbers, a date, or a commit. PostgreSQL's versions have two numbers.
EXACT = re.compile(r"\d+\.\d+\.\d+|\d{8}|\d{4}-\d{2}-\d{2}|^(git-|sha-)?[0-9a-f]{7,40}$")
# A name for whatever is newest, and so for another image tomorrow, whatever number stands beside it.
MOVING = re.compile(r"(?<![a-z])(latest|nightly|edge|main|master|dev|canary|snapshot)(?![a-z])", re.IGNORECASE)
TWO_NUMBERS = re.compile(r"^v?\d+\.\d+")
NAMES_A_SECRET = re.compile(r"(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|(API|ACCESS|SECRET|PRIVATE)_?KEY)$", re.IGNORECASE)
IS_ELSEWHERE = re.compile(r"^/|\$\(|^$")
WITH_PASSWORD = re.compile(r"://[^/@\s:]*:[^/@\s$]+@")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}")


def _image_not_floating(resources: Sequence[Resource], config: Mapping[str, Any]) -> Found:
    two: Sequence[str] = config["twoNumbers"]
    for resource in resources:
        images = [text(container.get("image")) for pod in pods([resource]) for container in pod.containers]
        if kind(resource) == "Cluster":
            images.append(text(at(resource.inputs, "spec", "imageName")))
        for image in dict.fromkeys(images):
            problem = _floating(image, two)
            if problem:
                yield resource, f"the image {image} {problem}; name an exact version, or a digest"


def _floating(image: str, two: Sequence[str]) -> str:
    name, at_sign, _digest = image.partition("@")
    last = name.rpartition("/")[2]
    repository, _, tag = last.partition(":")
    if not image or at_sign:
        return ""
    if not tag:
        return "has no tag"
    is_exact = EXACT.search(tag) or (repository in two and TWO_NUMBERS.match(tag))
    return "" if is_exact and not MOVING.search(tag) else f"has the tag `{tag}`, which means another image tomorrow"


def _secret_not_in_plain(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    for resource in resources:
        for pod in pods([resource]):
            for name in dict.fromkeys(_plain_secrets(pod)):
                yield resource, f"the variable {name} has its value in plain text; read it with `secretKeyRef`"
        is_kept_apart = kind(resource) in ("", "Secret")
        if not is_kept_apart and any(isinstance(value, str) and PRIVATE_KEY.search(value) for value in walk(resource.inputs)):
            yield resource, "a private key is in it; put it into a Secret"


def _plain_secrets(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        for variable in entries(container.get("env")):
            name, value = text(at(variable, "name")), text(at(variable, "value"))
            if (NAMES_A_SECRET.search(name) and not IS_ELSEWHERE.search(value)) or WITH_PASSWORD.search(value):
                yield name


def _pods_restricted(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    for resource in resources:
        for pod in pods([resource]):
            problems = dict.fromkeys(problem for container in pod.containers for problem in _beyond_restricted(pod, container))
            if problems:
                yield resource, f"its pods are refused where Pod Security is `restricted`: set {', '.join(problems)}"


def _beyond_restricted(pod: Pod, container: Mapping[str, Any]) -> Iterator[str]:
    own = container.get("securityContext")
    if at(own, "allowPrivilegeEscalation") not in (False, UNKNOWN):
        yield "allowPrivilegeEscalation to false"
    dropped = at(own, "capabilities", "drop")
    if dropped is not UNKNOWN and "ALL" not in entries(dropped) and UNKNOWN not in entries(dropped):
        yield "capabilities.drop to ALL"
    if _said(pod, container, "runAsNonRoot") not in (True, UNKNOWN):
        yield "runAsNonRoot to true"
    if _said(pod, container, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost", UNKNOWN):
        yield "seccompProfile to RuntimeDefault"


def _said(pod: Pod, container: Mapping[str, Any], *path: str) -> Any:
    """What a container's security context says, or else that of its pod."""
    own = at(container.get("securityContext"), *path)
    return at(pod.spec.get("securityContext"), *path) if own is None else own


def _backup_outside(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    for resource in of_kind(resources, "BackupStorageLocation", "ObjectStore", "Cluster"):
        urls = [text(item) for value in walk(resource.inputs) for item in (at(value, "s3Url"), at(value, "endpointURL"))]
        for host in dict.fromkeys(filter(None, map(_host, urls))):
            is_name = ":" not in host
            if is_name and ("." not in host or host.endswith((".svc", ".cluster.local")) or ".svc." in host):
                yield resource, f"backups go to {host}, inside the cluster; use a bucket that outlives it"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname
    except ValueError:
        return None


RULES = (
    Rule(
        "image-not-floating",
        MANDATORY,
        "Every image is named by an exact version or a digest.",
        "A pod that is moved to another node starts with a version that nobody has tried.",
        _image_not_floating,
        settings={
            "twoNumbers": {
                "type": "array",
                "items": {"type": "string"},
                "default": ["postgres", "postgresql"],
                "description": "repositories, by the last part of their name, whose exact versions have two numbers",
            }
        },
    ),
    Rule(
        "secret-not-in-plain",
        MANDATORY,
        "No password or private key is in a pod's variables, a ConfigMap or another object that is no Secret.",
        "Everybody who may look at the namespace can read it.",
        _secret_not_in_plain,
    ),
    Rule(
        "backup-outside",
        MANDATORY,
        "Backups go to a bucket outside the cluster.",
        "What destroys the cluster destroys its backups with it.",
        _backup_outside,
    ),
    Rule(
        "pods-restricted",
        ADVISORY,
        "Pods run as Pod Security `restricted` wants it.",
        "A hole in the server is a way to the node, and namespaces that enforce it refuse the pod.",
        _pods_restricted,
    ),
)
