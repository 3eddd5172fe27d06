"""The examples without an engine: programs in Python through the recorder, those in other languages through the package."""

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import components
from offline.program import PROJECT_FOLDER, project_file, record, stack_config
from offline.recorder import Recording, Secret
from offline.world import OfflineWorld
from tests.program.invariants import UNKNOWN
from tests.program.package import PACKAGE, Later, PackageHost

FOLDER = PROJECT_FOLDER / "examples"
SUITE = "relay"  # it is more than an example of the components, and has tests of its own
IN_PYTHON = tuple(
    (path.parent.name, re.findall(r"Pulumi\.(.*)\.yaml", stack.name)[0])
    for path in sorted(FOLDER.glob("*/__main__.py"))
    if path.parent.name != SUITE
    for stack in sorted(path.parent.glob("Pulumi.*.yaml"), reverse=True)
)
"""Every stack of every example in Python; a primary before its backup."""
(IN_README,) = re.findall(r"```python\n(from stalwart_mail .*?)```", (PROJECT_FOLDER / "README.md").read_text(), re.DOTALL)
REFERENCE = re.compile(r"\$\{(\w+)\.(\w+)(?:\[(\d+)\])?\}")
# Stands in for the SDK that the engine makes: it notes what a program constructs, in the form of Pulumi's YAML.
SDK = """
const resources = {};
const reference = (path) => new Proxy({ path }, {
    get(target, key) {
        if (key === "toJSON") return () => "${" + path + "}";
        if (key === "apply") return (map) => map(reference(path));
        return /^\\d+$/.test(key) ? reference(`${path}[${key}]`) : target[key];
    },
});
const component = (type) => class {
    constructor(name, properties) {
        resources[name] = { type: "PACKAGE:" + type, properties };
        return new Proxy(this, { get: (_, output) => reference(`${name}.${output}`) });
    }
};
process.on("exit", () => console.log(JSON.stringify({ resources })));
"""


@cache
def previewed(example: str, stack: str, preview: bool = False) -> Recording:
    """A stack of an example in Python; a backup runs on what its primary put out."""
    stacks = {}
    if stack == "backup":
        stacks[f"{project_file(FOLDER / example)['name']}/primary"] = dict(previewed(example, "primary").outputs)
    return run_example(example, stack, stacks, preview)


def run_example(example: str, stack: str, stacks: Mapping[str, Mapping[str, Any]], preview: bool = False) -> Recording:
    """A stack of an example in Python, beside other stacks with their outputs."""
    folder = FOLDER / example
    with _as_in(folder):
        return record(
            stack,
            stack_config(stack, folder),
            OfflineWorld(stacks),
            preview=preview,
            program=lambda: _run(folder),
            folder=folder,
        )


def _run(folder: Path) -> None:
    runpy.run_path(str(folder / "__main__.py"), run_name="__main__")


@contextmanager
def _as_in(folder: Path) -> Iterator[None]:
    """As the engine runs a program: its folder is where modules are looked for, and the components have their installed name."""
    before = dict(sys.modules)
    sys.path.insert(0, str(folder))
    sys.modules["stalwart_mail"] = components
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in ("stalwart_mail", *(path.stem for path in folder.glob("*.py"))):
            sys.modules.pop(name, None)
            if name in before:
                sys.modules[name] = before[name]


def in_readme() -> Recording:
    """The example of the README."""
    program = compile(IN_README.replace("stalwart_mail", "components"), "README.md", "exec")
    return record("test", {}, OfflineWorld(), program=lambda: exec(program, {}))


def in_yaml() -> Mapping[str, Any]:
    """The resources of the example in YAML."""
    return project_file(FOLDER / "yaml")["resources"]


def in_typescript(schema: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """What the example in TypeScript constructs, in the form of Pulumi's YAML. It has no types in it, so it is JavaScript too.

    Args:
        schema: of the package, whose components the program finds.
        folder: an empty one, to run it in.
    """
    sdk = folder / "node_modules" / "@pulumi" / PACKAGE
    sdk.mkdir(parents=True)
    names = [token.rpartition(":")[2] for token in schema["resources"]]
    made = "".join(f'export const {name} = component("{name}");\n' for name in names)
    (sdk / "package.json").write_text('{"type": "module", "main": "index.js"}')
    (sdk / "index.js").write_text(SDK.replace("PACKAGE", PACKAGE) + made)
    program = folder / "index.mjs"
    program.write_text((FOLDER / "typescript" / "index.ts").read_text())
    run = subprocess.run(["node", str(program)], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["resources"]


def constructed(host: PackageHost, resources: Mapping[str, Any], schema: Mapping[str, Any], preview: bool = False) -> Recording:
    """What becomes of the resources of a program: what they refer to is there before them.

    Raises:
        AssertionError: one has a property that there is not, or lacks one that is required.
    """
    recording, outputs = Recording("test"), dict[str, Mapping[str, Any]]()

    def resolved(value: Any) -> Any:
        match value:
            case str() if found := REFERENCE.fullmatch(value):
                output = outputs[found[1]][found[2]]
                if output == UNKNOWN:
                    return Later(None)
                inside = output.value if isinstance(output, Secret) else output
                inside = inside[int(found[3])] if found[3] else inside
                return Secret(inside) if isinstance(output, Secret) else Later(inside) if inside == UNKNOWN else inside
            case dict():
                return {key: resolved(item) for key, item in value.items()}
            case list():
                return [resolved(item) for item in value]
            case _:
                return value

    for name, resource in resources.items():
        component = resource["type"].rpartition(":")[2]
        check_properties(resource["properties"], schema["resources"][f"{PACKAGE}:index:{component}"], schema, name)
        made = host.construct(component, name, resolved(resource["properties"]), recording, preview)
        outputs[name] = made.outputs
    recording.outputs = {"zones": outputs["dns"]["zoneFiles"]}
    return recording


def check_properties(given: Mapping[str, Any], owner: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> None:
    """Hold properties against the schema, and those inside them."""
    known = owner.get("inputProperties") or owner["properties"]
    assert given.keys() <= known.keys(), place
    assert given.keys() >= set(owner.get("requiredInputs") or owner.get("required") or []), place
    for key, value in given.items():
        found, values = known[key], [value]
        if isinstance(value, list):
            found, values = found["items"], value
        for item in values:
            if isinstance(item, Mapping) and found.get("$ref"):
                check_properties(item, schema["types"][found["$ref"].removeprefix("#/types/")], schema, f"{place}.{key}")
