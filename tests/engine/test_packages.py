"""The components in other people's projects, on the echo engine: imported in Python, and as a package in YAML and TypeScript."""

import compileall
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from offline.program import PROJECT_FOLDER, project_file
from offline.recorder import Recording
from tests.program.examples import FOLDER as EXAMPLES
from tests.program.examples import IN_README, in_readme
from tests.program.package import package_host

from .deployments import Deployment, missing, unless
from .packages import PACKAGE, environment, write_package
from .projects import echoes, python_runtime, write_project

pytestmark = unless(missing())


def needs(*commands: str) -> pytest.MarkDecorator:
    """A test that needs programs beside the engine: its host for a language, and what that runs."""
    absent = [command for command in commands if not shutil.which(command)]
    return pytest.mark.skipif(bool(absent), reason=f"not on PATH: {', '.join(absent)}")


@pytest.fixture
def recorded() -> Recording:
    """The README's example in the offline preview."""
    return in_readme()


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Deployment]:
    """Makes the project of a user, in any language."""

    def make(**description: object) -> Deployment:
        write_project(tmp_path, {"name": "post", **description}, echoes(tmp_path))
        return Deployment(tmp_path, environment=environment(tmp_path))

    return make


def assert_it_makes_what_the_example_does(stack: Deployment, recorded: Recording) -> None:
    """Preview, deploy and deploy again."""
    for run in (stack.preview(), stack.up()):
        assert not run.failed, run.output
    made = {found["urn"].split("::", 2)[2] for found in stack.resources() if not found["type"].startswith("pulumi:")}
    assert made == {urn.split("::", 2)[2] for urn in recorded.resources}
    assert "MX 10 mx1.example.com." in stack.outputs()["zones"]["example.com"]
    again = stack.up()
    assert again.counts.keys() == {"same"}, again.output


def test_a_project_in_python_imports_the_components(tmp_path: Path, project: Callable[..., Deployment], recorded: Recording):
    (tmp_path / "stalwart_mail").symlink_to(PROJECT_FOLDER / "components")
    (tmp_path / "__main__.py").write_text(f'import pulumi\n\n{IN_README}\npulumi.export("zones", dns.zone_files)\n')
    assert_it_makes_what_the_example_does(project(runtime=python_runtime()), recorded)


@needs("pulumi-language-yaml")
def test_a_project_in_yaml_uses_them_as_a_package(tmp_path: Path, project: Callable[..., Deployment], recorded: Recording):
    example = project_file(EXAMPLES / "yaml")
    stack = project(**{**example, "packages": {PACKAGE: str(write_package(tmp_path / "package"))}})
    assert_it_makes_what_the_example_does(stack, recorded)


@needs("pulumi-language-nodejs", "npm")
def test_a_project_in_typescript_uses_them_as_a_package(tmp_path: Path, project: Callable[..., Deployment], recorded: Recording):
    for name in ("index.ts", "package.json", "tsconfig.json"):
        shutil.copy(EXAMPLES / "typescript" / name, tmp_path)
    example = project_file(EXAMPLES / "typescript")
    stack = project(**{**example, "packages": {PACKAGE: str(write_package(tmp_path / "package"))}})
    stack.run("install")
    assert_it_makes_what_the_example_does(stack, recorded)


@pytest.mark.parametrize("language", ["dotnet", "go", "java", "nodejs", "python"])
def test_an_sdk_is_made_for_every_language(language: str, tmp_path: Path):
    host = f"pulumi-language-{language}"
    if not shutil.which(host):
        pytest.skip(f"{host} is not on PATH")
    with package_host() as package:
        schema = package.schema()
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    command = ["pulumi", "package", "gen-sdk", "schema.json", "--language", language, "--out", "sdk"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert made.returncode == 0, made.stderr
    written = "".join(path.read_text() for path in (tmp_path / "sdk" / language).rglob("*.*") if path.is_file())
    for token in (*schema["resources"], *schema["types"]):
        assert token.rpartition(":")[2] in written, token
    if language == "python":
        assert compileall.compile_dir(tmp_path / "sdk", quiet=2)
