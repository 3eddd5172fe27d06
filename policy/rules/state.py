"""The rule for what holds state: an ordinary `up` must not be able to delete it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .kubernetes import kind, metadata_name, namespace, pods
from .model import MANDATORY, Found, Resource, Rule, at, entries
from .plan import plans, unknown_plans

KEY = "tls:index/privateKey:PrivateKey"
BY_TYPE = {
    KEY: "the key",
    "aws:s3/bucket:Bucket": "what is in the bucket",
    "aws:s3/bucketV2:BucketV2": "what is in the bucket",
    "kubernetes:postgresql.cnpg.io/v1:Cluster": "the database",
}
BY_KIND = {
    "PersistentVolumeClaim": "the volume",
    "StatefulSet": "the claim on its volumes",
    "Secret": "the password of every backup",
}
REPOSITORY_SECRET = "velero-repo-credentials"
DKIM = "._domainkey."


def _state_protected(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    # A server in recovery mode takes no mail: what it holds has been given up, or is not in use yet.
    # A namespace that is not known exempts nothing.
    fenced = {pod.namespace for pod in pods(resources) if pod.is_fenced and pod.namespace}
    kept = {
        resource.urn: what
        for resource in resources
        if (what := _holds(resource)) and not (kind(resource) and namespace(resource) in fenced)
    }
    homes = {namespace(resource) for resource in resources if resource.urn in kept and kind(resource)}
    idle = {key.urn for key in _idle_keys(resources)}
    for resource in resources:
        is_home = kind(resource) == "Namespace" and metadata_name(resource) in homes
        what = "what lies in this namespace" if is_home else kept.get(resource.urn)
        if what and not resource.protect and resource.urn not in idle:
            yield resource, f"{what} would be gone with it; set `protect` (and `retain_on_delete`) in its options"


def _holds(resource: Resource) -> str | None:
    """What is lost when the resource is deleted; None when it can be made again."""
    is_sure = {
        "StatefulSet": entries(at(resource.inputs, "spec", "volumeClaimTemplates")),
        "Secret": metadata_name(resource) == REPOSITORY_SECRET,
    }.get(kind(resource), True)
    return BY_TYPE.get(resource.type) or (BY_KIND.get(kind(resource)) if is_sure else None)


def _idle_keys(resources: Sequence[Resource]) -> Iterator[Resource]:
    """DKIM keys, by their names, that a plan which signs does not sign with: made for later, or retired."""
    signing = [name for plan in plans(resources) for name in plan.signing_names()]
    for resource in resources:
        is_judged = resource.type == KEY and DKIM in resource.name and (signing or unknown_plans(resources))
        if is_judged and not resource.name.endswith(tuple(signing)):
            yield resource


RULES = (
    Rule(
        "state-protected",
        MANDATORY,
        "What holds state has `protect`: volumes, databases, buckets, keys, the backups' password, and their namespaces.",
        "One renamed resource deletes the mail.",
        _state_protected,
        of_stack=True,
    ),
)
