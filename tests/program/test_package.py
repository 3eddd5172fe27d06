"""The components as a Pulumi package: what it says of itself, and that it makes what the components make in a Python program."""

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import grpc
import pulumi
import pytest
from pulumi.output import UNKNOWN
from pulumi.provider.experimental.util import camel_case

import components
from components import package as package_face
from offline.program import record
from offline.recorder import Recording, Resource, Secret, has_secret, walk
from offline.world import OfflineWorld
from tests.program.package import PACKAGE, STACK, Constructed, Later, PackageHost, package_host
from tests.program.package_cases import CASES

Schema = Mapping[str, Any]
IN_PYTHON_ALONE = {"ArchiveBucket"}  # everybody would have to download the provider of AWS
# What SDKs of other languages make beside a type or a resource of the name.
MADE_BESIDE = ("", "Args", "Array", "Input", "Map", "Output", "State")


@pytest.fixture(scope="module")
def package() -> Iterator[PackageHost]:
    with package_host() as host:
        yield host


@pytest.fixture(scope="module")
def schema(package: PackageHost) -> Schema:
    return package.schema()


def _name(token: str) -> str:
    return token.rpartition(":")[2]


def _groups(schema: Schema) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Every group of properties: what it is of, the properties, and which are required."""
    for token, found in schema["resources"].items():
        yield f"{_name(token)} (inputs)", found["inputProperties"], found["requiredInputs"]
        yield f"{_name(token)} (outputs)", found["properties"], found["required"]
    for token, found in schema["types"].items():
        yield _name(token), found["properties"], found.get("required") or []


def _python_types(component: type) -> Iterator[type]:
    """The types of a component's arguments."""
    waiting = [inspect.get_annotations(component.__init__)["args"]]
    while waiting:
        found = waiting.pop()
        waiting += list(typing.get_args(found))
        if typing.is_typeddict(found):
            yield found
            waiting += list(inspect.get_annotations(found).values())


def test_it_describes_every_component_and_every_property(schema: Schema):
    assert schema["name"] == PACKAGE
    offered = {name for name in components.__all__ if issubclass(getattr(components, name), pulumi.ComponentResource)}
    assert {_name(token) for token in schema["resources"]} == offered - IN_PYTHON_ALONE
    for token, found in {**schema["resources"], **schema["types"]}.items():
        assert found["description"], token
    for owner, properties, _required in _groups(schema):
        assert properties, owner
        for name, found in properties.items():
            assert found["description"], f"{owner}.{name}"


def test_its_words_are_for_every_language(schema: Schema):
    properties = {name for _owner, group, _required in _groups(schema) for name in group}
    for value in walk(schema):
        if isinstance(value, dict) and isinstance(value.get("description"), str):
            text = value["description"]
            assert "Raises:" not in text
            assert "    " not in text, text
            assert not {word for word in re.findall(r"\w+", text) if "_" in word and camel_case(word) in properties}, text


def test_what_is_required_is_what_python_requires(schema: Schema):
    wanted: dict[str, set[str]] = {}
    for component in package_face.COMPONENTS:
        first, *others = _python_types(component)
        wanted[f"{component.__name__} (inputs)"] = {camel_case(key) for key in first.__required_keys__}
        wanted |= {other.__name__.removesuffix("Args"): {camel_case(key) for key in other.__required_keys__} for other in others}
    found = {owner: set(required) for owner, _properties, required in _groups(schema) if not owner.endswith("(outputs)")}
    assert found == wanted


def test_a_name_means_one_thing_in_every_language(schema: Schema):
    made = [_name(token) + more for token in schema["resources"] for more in ("", "Args", "State")]
    made += [_name(token) + more for token in schema["types"] for more in MADE_BESIDE]
    lower = [name.lower() for name in made]
    assert [name for name in made if lower.count(name.lower()) > 1] == []
    for owner, properties, _required in _groups(schema):
        names = [name.lower() for name in properties]
        assert len(set(names)) == len(names), owner
        # C# has no member that is called as its class; the engine has an id and a URN of every resource.
        own = owner.partition(" ")[0].lower()
        assert not {own, own + "args", "id", "urn", "pulumi"} & set(names), owner


def test_its_types_are_those_that_every_language_has(schema: Schema):
    known = {f"#/types/{token}" for token in schema["types"]}

    def check(place: str, found: Mapping[str, Any]) -> None:
        inner = found.get("items") or found.get("additionalProperties")
        if found.get("$ref"):
            assert found["$ref"] in known, place
        elif inner:
            assert found["type"] == ("array" if found.get("items") else "object"), place
            check(place, inner)
        else:
            assert found["type"] in ("string", "integer", "number", "boolean"), place

    for owner, properties, _required in _groups(schema):
        for name, found in properties.items():
            check(f"{owner}.{name}", found)


def test_secrets_are_marked(schema: Schema):
    marked = {f"{owner}.{name}" for owner, group, _required in _groups(schema) for name in group if group[name].get("secret")}
    assert marked == {
        "DkimKeys (outputs).privateKeys",
        "MailBackup (inputs).repositoryPassword",
        "MailBackup (outputs).repositoryPassword",
        "StalwartServer (inputs).dkimPrivateKeys",
        "StalwartServer (outputs).recipientReaderPassword",
        "Location.accessKeyId",
        "Location.secretAccessKey",
        "RecipientReader.password",
    }


def test_every_property_is_in_a_case(schema: Schema):
    seen: set[tuple[str, str]] = set()

    def see(found: Mapping[str, Any], value: Any) -> None:
        value = value.value if isinstance(value, (Secret, Later)) else value
        if isinstance(value, Mapping) and found.get("$ref"):
            name = _name(found["$ref"])
            for key, item in value.items():
                see_property(name, schema["types"][f"{PACKAGE}:index:{name}"]["properties"], key, item)
        for item in value if isinstance(value, list) else ():
            see(found["items"], item)

    def see_property(owner: str, properties: Mapping[str, Any], key: str, value: Any) -> None:
        if value is not None:
            seen.add((owner, key))
            see(properties[key], value)

    for component, inputs in CASES:
        for key, value in inputs.items():
            properties = schema["resources"][f"{PACKAGE}:index:{component}"]["inputProperties"]
            see_property(f"{component} (inputs)", properties, key, value)
    wanted = {(owner, name) for owner, group, _required in _groups(schema) if not owner.endswith("(outputs)") for name in group}
    assert wanted - seen == set()


def in_python(component: str, inputs: Mapping[str, Any], schema: Schema, preview: bool) -> Constructed:
    """A component made by a Python program."""
    resource = schema["resources"][f"{PACKAGE}:index:{component}"]

    def program() -> None:
        args = _arguments(inputs, resource["inputProperties"], schema, preview)
        made = getattr(components, component)("it", args)
        for output in resource["properties"]:
            pulumi.export(output, getattr(made, package_face.python_name(output)))

    recording = record(STACK, {}, OfflineWorld(), preview=preview, program=program)
    return Constructed(recording, recording.outputs)


def _arguments(inputs: Mapping[str, Any], properties: Mapping[str, Any], schema: Schema, preview: bool) -> dict[str, Any]:
    return {
        package_face.python_name(key): _argument(value, properties[key], schema, preview)
        for key, value in inputs.items()
        if value is not None
    }


def _argument(value: Any, found: Mapping[str, Any], schema: Schema, preview: bool) -> Any:
    match value:
        case Later():
            return pulumi.Output.from_input(UNKNOWN if preview else _argument(value.value, found, schema, preview))
        case Secret():
            return pulumi.Output.secret(_argument(value.value, found, schema, preview))
        case Mapping() if found.get("$ref"):
            properties = schema["types"][found["$ref"].removeprefix("#/types/")]["properties"]
            return _arguments(value, properties, schema, preview)
        case Mapping():
            return {key: _argument(item, found["additionalProperties"], schema, preview) for key, item in value.items()}
        case list():
            return [_argument(item, found["items"], schema, preview) for item in value]
        case _:
            return value


def _in_order(recording: Recording) -> dict[str, Resource]:
    """The resources; the SDK names what a resource depends on in any order."""
    return {urn: replace(found, dependencies=tuple(sorted(found.dependencies))) for urn, found in recording.resources.items()}


@pytest.mark.parametrize("preview", [False, True], ids=["up", "preview"])
@pytest.mark.parametrize(("component", "inputs"), CASES, ids=[f"{number}-{name}" for number, (name, _) in enumerate(CASES)])
def test_it_makes_what_a_python_program_makes(
    package: PackageHost, schema: Schema, component: str, inputs: Mapping[str, Any], preview: bool
):
    wanted = in_python(component, inputs, schema, preview)
    made = package.construct(component, "it", inputs, preview=preview)
    assert _in_order(made.recording) == _in_order(wanted.recording)
    assert made.recording.duplicates == []
    assert made.recording.closed >= {urn for urn, found in made.recording.resources.items() if not found.custom}
    assert made.outputs == wanted.outputs
    outputs = schema["resources"][f"{PACKAGE}:index:{component}"]["properties"]
    assert {name for name, value in made.outputs.items() if has_secret(value)} == {
        name for name, found in outputs.items() if found.get("secret")
    }


def test_a_refusal_names_what_its_user_wrote(package: PackageHost):
    schedule = {"name": "hot", "location": "hot", "cron": "0 2 * * *", "keepDays": 0}
    location = {"name": "hot", "bucket": "example-mail-hot", "region": "eu", "accessKeyId": "without the other half"}
    with pytest.raises(grpc.RpcError) as refused:
        package.construct("MailBackup", "it", {"locations": [location], "schedules": [schedule]})
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details().splitlines() == [
        "MailBackup cannot be built:",
        "  - locations: hot: `accessKeyId` and `secretAccessKey` go together",
        "  - schedules: hot: keepDays is 0; at least 1",
    ]
