"""What holds for every resource of every program, whether outputs are known or not."""

from collections.abc import Callable

from components import checks
from offline.recorder import Recording, Secret, has_secret, walk

PROVIDERS = "pulumi:providers:"
STATEFUL = (
    "tls:index/privateKey:PrivateKey",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:postgresql.cnpg.io/v1:Cluster",
)
RECOMMENDED = {f"app.kubernetes.io/{label}" for label in ("name", "component", "part-of", "managed-by")}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's mark of a value that is not known yet


def no_urn_is_registered_twice(recording: Recording):
    assert recording.duplicates == []


def every_resource_belongs_to_a_component(recording: Recording):
    for resource in recording.resources.values():
        if not resource.custom or resource.type.startswith(PROVIDERS):
            continue
        parent = recording.resources[resource.parent]
        assert not parent.custom, resource.urn
        assert resource.name.startswith(parent.name + "-"), resource.urn


def every_component_is_closed(recording: Recording):
    components = {r.urn for r in recording.resources.values() if not r.custom}
    assert components
    assert components <= recording.closed


def what_holds_state_is_protected_and_kept(recording: Recording):
    kept = [found for kind in STATEFUL for found in recording.of_type(kind)]
    homes = {found.inputs["metadata"]["namespace"] for found in kept if found.type.startswith("kubernetes:")}
    namespaces = recording.of_type("kubernetes:core/v1:Namespace")
    stateful = [*kept, *(found for found in namespaces if found.inputs["metadata"]["name"] in homes)]
    assert stateful
    for resource in stateful:
        assert resource.protect, resource.urn
        assert resource.retain_on_delete, resource.urn


def secrets_are_only_where_they_belong(recording: Recording):
    for resource in recording.resources.values():
        if has_secret(resource.inputs):
            assert resource.type == "kubernetes:core/v1:Secret", resource.urn


def what_a_secret_object_holds_is_secret(recording: Recording):
    secrets = recording.of_type("kubernetes:core/v1:Secret")
    assert secrets
    for resource in secrets:
        assert isinstance(resource.inputs["data"], Secret), resource.urn
        assert "stringData" not in resource.inputs


def no_unknown_value_is_pasted_into_text(recording: Recording):
    for resource in recording.resources.values():
        for value in walk(resource.inputs):
            assert not (isinstance(value, str) and UNKNOWN in value and value != UNKNOWN), resource.urn


def cluster_objects_are_labelled_and_named(recording: Recording):
    for resource in recording.resources.values():
        if resource.type.startswith("kubernetes:") and not resource.type.startswith("kubernetes:helm.sh"):
            metadata = resource.inputs["metadata"]
            assert metadata["labels"].keys() >= RECOMMENDED, resource.urn
            assert metadata["name"], resource.urn
            assert "generateName" not in metadata


def every_image_has_an_exact_tag(recording: Recording):
    images = [
        value["image"]
        for r in recording.resources.values()
        for value in walk(r.inputs)
        if isinstance(value, dict) and isinstance(value.get("image"), str)
    ]
    assert len(images) >= 3
    for image in images:
        assert checks.exact_image(image) == image


INVARIANTS: list[Callable[[Recording], None]] = [
    no_urn_is_registered_twice,
    every_resource_belongs_to_a_component,
    every_component_is_closed,
    what_holds_state_is_protected_and_kept,
    secrets_are_only_where_they_belong,
    what_a_secret_object_holds_is_secret,
    no_unknown_value_is_pasted_into_text,
    cluster_objects_are_labelled_and_named,
    every_image_has_an_exact_tag,
]
