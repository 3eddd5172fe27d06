"""Every example, previewed as its user would: with outputs that are not known yet, and with known ones."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dns.rdatatype
import dns.zone
import pulumi
import pytest

from offline.program import project_file, stack_config
from offline.recorder import Recording, reveal
from tests.contract import judges
from tests.program.examples import (
    FOLDER,
    IN_PYTHON,
    SUITE,
    check_properties,
    constructed,
    in_readme,
    in_typescript,
    in_yaml,
    previewed,
    run_example,
)
from tests.program.invariants import INVARIANTS
from tests.program.package import PACKAGE, PackageHost, package_host

SERVER = "mail"
FOLDERS = sorted(path.parent for path in FOLDER.glob("*/Pulumi.yaml"))
SMALL = [folder for folder in FOLDERS if folder.name != SUITE]
KNOWN = re.compile(
    r"kubectl create namespace mail|kubectl --context primary delete namespace mail-look"
    r"|pulumi (up|install|destroy|state unprotect --all|config set kubernetes:context \w+)( --stack \w+)?"
    r"""|pulumi stack output( --stack \w+)? --json zones \| jq -r '\."example\.com"' > example\.com(\.\w+)?\.zone"""
)
"""Commands of the examples' pages that name nothing of their own."""

both_modes = pytest.mark.parametrize("preview", [False, True], ids=["known", "unknown"])


@pytest.fixture(scope="module")
def package() -> Iterator[PackageHost]:
    with package_host() as host:
        yield host


@both_modes
@pytest.mark.parametrize("holds", INVARIANTS, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize(("example", "stack"), IN_PYTHON)
def test_what_holds_for_every_program_holds(example: str, stack: str, holds: Callable[[Recording], None], preview: bool):
    holds(previewed(example, stack, preview))


@pytest.mark.parametrize(("example", "stack"), IN_PYTHON)
def test_a_first_preview_shows_every_resource(example: str, stack: str):
    assert previewed(example, stack, preview=True).resources.keys() == previewed(example, stack).resources.keys()


@pytest.mark.parametrize(("example", "stack"), IN_PYTHON)
def test_the_judges_accept_it(example: str, stack: str):
    recording = previewed(example, stack)
    assert judges.check_manifests(recording) >= 14
    assert judges.check_plan(recording, SERVER) >= 15
    if "zones" in recording.outputs:
        assert judges.check_zones(recording) >= 3


def test_two_regions_are_one_mx_set_and_one_mail_system():
    stacks = [previewed("two-regions", stack) for stack in ("primary", "backup")]
    judges.check_record_sets(stacks)
    text = "\n".join(stack.outputs["zones"]["example.com"] for stack in stacks)
    zone = dns.zone.from_text(text, origin="example.com", relativize=False, check_origin=False)
    exchanges = zone.find_rdataset("example.com.", dns.rdatatype.MX)
    assert sorted(found.to_text() for found in exchanges) == ["10 mx1.example.com.", "20 mx2.example.com."]
    # Each trusts the other's address, and the archive can be read on the other side.
    primary, backup = (judges.plan_of(stack, SERVER) for stack in stacks)
    assert "198.51.100.20" in primary
    assert '"address":"mx1.example.com"' in backup
    keys = [
        reveal(found.inputs["data"])["repository-password"]
        for stack in stacks
        for found in stack.of_type("kubernetes:core/v1:Secret")
        if "repository-password" in reveal(found.inputs["data"])
    ]
    assert len(keys) == 2
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (None, "Bring it up first: pulumi up --stack primary"),
        ({"version": 0}, "has version 0"),
        ({"archive": None}, "lack the recipient reader, or the archive"),
    ],
)
def test_a_backup_without_its_primary_says_what_to_do(changes: Mapping[str, Any] | None, words: str):
    endpoints = reveal(previewed("two-regions", "primary").outputs["endpoints"])
    outputs = {} if changes is None else {"endpoints": {**endpoints, **changes}}
    with pytest.raises(pulumi.RunError, match=words):
        run_example("two-regions", "backup", {"mail-two-regions/primary": outputs})


def _resources(recording: Recording) -> set[str]:
    return {urn.split("::", 2)[2] for urn in recording.resources}


@both_modes
def test_the_example_in_yaml_makes_what_that_of_the_readme_does(package: PackageHost, preview: bool):
    recording = constructed(package, in_yaml(), package.schema(), preview)
    assert _resources(recording) == _resources(in_readme())
    for holds in INVARIANTS:
        holds(recording)
    if not preview:
        assert judges.check_manifests(recording) >= 14
        assert judges.check_plan(recording, SERVER) >= 15
        assert judges.check_zones(recording) >= 3


@pytest.mark.skipif(not shutil.which("node"), reason="node is not on PATH")
def test_the_example_in_typescript_makes_what_that_in_yaml_does(package: PackageHost, tmp_path: Path):
    schema = package.schema()
    resources = in_typescript(schema, tmp_path)
    assert resources == {**in_yaml()}
    assert _resources(constructed(package, resources, schema, preview=True)) == _resources(in_readme())


def test_a_property_that_there_is_not_is_seen(package: PackageHost):
    schema = package.schema()
    keys = schema["resources"][f"{PACKAGE}:index:DkimKeys"]
    for given in ({}, {"domain": []}, {"domains": [{"name": "example.com", "alias": []}]}, {"domains": [{}]}):
        with pytest.raises(AssertionError):
            check_properties(given, keys, schema, "dkim")


@pytest.mark.parametrize("folder", SMALL, ids=lambda folder: folder.name)
def test_an_example_works_by_itself_and_says_how(folder: Path):
    project = project_file(folder)
    assert project["name"] == f"mail-{folder.name}"
    assert project["description"]
    page = (folder / "README.md").read_text()
    assert "What must be there" in page
    settings = project.get("config", {})
    for name, setting in settings.items():
        assert setting["description"], name
    commands = [line for block in re.findall(r"```\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert any(re.fullmatch(r"pulumi up( --stack \w+)?", command) for command in commands)
    for command in commands:
        if found := re.match(r"pulumi config set (\w+) ", command):
            assert found[1] in settings, command
        elif found := re.match(r"pulumi stack init (\w+)", command):
            assert not settings or stack_config(found[1], folder), command
        elif found := re.match(r"kubectl -n (\w+) create secret generic ([\w-]+)", command):
            program = (folder / "__main__.py").read_text()
            assert f'"{found[2]}"' in program, command
        else:
            assert KNOWN.fullmatch(command), command
    for output in re.findall(r"--json (\w+)", page):
        outputs = project.get("outputs") or "".join(path.read_text() for path in folder.glob("*.[pt]*"))
        assert output in outputs, output


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_does_not_begin_with_an_enforced_policy(folder: Path):
    # docs/going-live.md: first the reports must be quiet.
    programs = [path.read_text() for path in folder.rglob("*") if path.suffix in (".py", ".ts", ".yaml")]
    assert programs
    assert not any(re.search(r"mta_?sts\W+mode\W+enforce", text, re.IGNORECASE) for text in programs)


def test_the_page_of_the_examples_lists_them_all():
    listed = re.findall(r"^\| \[([\w-]+)\]\(([\w-]+)/README\.md\)", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert [name for name, _link in listed] == [link for _name, link in listed]
    assert {name for name, _link in listed} == {folder.name for folder in FOLDERS}
