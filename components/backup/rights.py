"""Rights in the cluster: Roles and who has them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import (
    PolicyRuleArgs,
    Role,
    RoleBinding,
    RoleBindingInitArgs,
    RoleInitArgs,
    RoleRefArgs,
    SubjectArgs,
)

from .. import labels
from . import pods


@dataclass(frozen=True)
class Right:
    """What may be done."""

    group: str
    """The API group; empty for the core."""
    resources: Sequence[str]
    verbs: Sequence[str]
    names: Sequence[str] = ()
    """The objects; none for all. What creates or lists cannot be limited to names."""


@dataclass(frozen=True)
class Account:
    """A service account of a program."""

    name: str
    namespace: str
    component: str
    """The program's label app.kubernetes.io/component."""


def grant(
    name: str, role_name: str, namespace: str, rights: Sequence[Right], account: Account, options: ResourceOptions
) -> list[pulumi.Resource]:
    """Register a Role in a namespace, and that the account has it.

    Args:
        name: the resources' name.
        role_name: the objects' name.
        namespace: where the rights are.
        rights: what may be done.
        account: by whom.
        options: of both.
    """
    metadata = ObjectMetaArgs(name=role_name, namespace=namespace, labels=labels.recommended(pods.APPLICATION, account.component))
    rules = [
        PolicyRuleArgs(
            api_groups=[right.group],
            resources=list(right.resources),
            verbs=list(right.verbs),
            resource_names=list(right.names) or None,
        )
        for right in rights
    ]
    return [
        Role(f"{name}-role", RoleInitArgs(metadata=metadata, rules=rules), options),
        RoleBinding(
            f"{name}-binding",
            RoleBindingInitArgs(
                metadata=metadata,
                role_ref=RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=role_name),
                subjects=[SubjectArgs(kind="ServiceAccount", name=account.name, namespace=account.namespace)],
            ),
            options,
        ),
    ]
