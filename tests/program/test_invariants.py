"""What holds for every resource of every stack, whether outputs are known or not."""

import pytest

from components import checks
from offline.recorder import Recording, Secret, has_secret, walk
from tests.conftest import recorded

COMPONENTS = "stalwart-mail:index:"
PROVIDERS = "pulumi:providers:"
RECOMMENDED = {f"app.kubernetes.io/{label}" for label in ("name", "component", "part-of", "managed-by")}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's mark of a value that is not known yet

both_modes = pytest.mark.parametrize("preview", [False, True], ids=["known", "unknown"])


@both_modes
def test_no_urn_is_registered_twice(stack: str, preview: bool):
    assert recorded(stack, preview).duplicates == []


@both_modes
def test_every_resource_belongs_to_a_component(stack: str, preview: bool):
    recording = recorded(stack, preview)
    for resource in recording.resources.values():
        if resource.type.startswith((COMPONENTS, PROVIDERS)):
            continue
        parent = recording.resources[resource.parent]
        assert parent.type.startswith(COMPONENTS), resource.urn
        assert resource.name.startswith(parent.name + "-"), resource.urn


@both_modes
def test_every_component_is_closed(stack: str, preview: bool):
    recording = recorded(stack, preview)
    components = {r.urn for r in recording.resources.values() if not r.custom}
    assert components
    assert components <= recording.closed


@both_modes
def test_cluster_objects_use_the_explicit_provider(stack: str, preview: bool):
    recording = recorded(stack, preview)
    (provider,) = recording.of_type("pulumi:providers:kubernetes")
    for resource in recording.resources.values():
        if resource.type.startswith("kubernetes:"):
            assert resource.provider.startswith(provider.urn), resource.urn


@both_modes
def test_what_holds_state_is_protected_and_kept(stack: str, preview: bool):
    recording = recorded(stack, preview)
    stateful = [
        *recording.of_type("tls:index/privateKey:PrivateKey"),
        *recording.of_type("kubernetes:core/v1:PersistentVolumeClaim"),
        *(found for found in recording.of_type("kubernetes:core/v1:Namespace") if found.name != "drill-namespace"),
    ]
    assert stateful
    for resource in stateful:
        assert resource.protect, resource.urn
        assert resource.retain_on_delete, resource.urn


@both_modes
def test_secrets_are_only_where_they_belong(stack: str, preview: bool):
    for resource in recorded(stack, preview).resources.values():
        if has_secret(resource.inputs):
            assert resource.type == "kubernetes:core/v1:Secret", resource.urn


@both_modes
def test_what_a_secret_object_holds_is_secret(stack: str, preview: bool):
    secrets = recorded(stack, preview).of_type("kubernetes:core/v1:Secret")
    assert secrets
    for resource in secrets:
        assert isinstance(resource.inputs["data"], Secret), resource.urn
        assert "stringData" not in resource.inputs


def test_no_unknown_value_is_pasted_into_text(stack: str):
    for resource in recorded(stack, preview=True).resources.values():
        for value in walk(resource.inputs):
            assert not (isinstance(value, str) and UNKNOWN in value and value != UNKNOWN), resource.urn


def test_a_first_preview_shows_every_resource(stack: str):
    assert recorded(stack, preview=True).resources.keys() == recorded(stack).resources.keys()


def test_a_second_run_registers_the_same(stack: str):
    recorded.cache_clear()
    first = {urn: resource.inputs for urn, resource in recorded(stack).resources.items()}
    recorded.cache_clear()
    assert {urn: resource.inputs for urn, resource in recorded(stack).resources.items()} == first


def test_cluster_objects_are_labelled_and_named(recording: Recording):
    for resource in recording.resources.values():
        if resource.type.startswith("kubernetes:"):
            metadata = resource.inputs["metadata"]
            assert metadata["labels"].keys() >= RECOMMENDED, resource.urn
            assert metadata["name"], resource.urn
            assert "generateName" not in metadata


def test_every_image_has_an_exact_tag(recording: Recording):
    images = [
        value["image"]
        for r in recording.resources.values()
        for value in walk(r.inputs)
        if isinstance(value, dict) and "image" in value
    ]
    assert len(images) >= 3
    for image in images:
        assert checks.exact_image(image) == image
