"""The components in other people's projects, on the echo engine: imported in Python, and as a package in YAML and TypeScript."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from offline.program import PROJECT_FOLDER, record
from offline.recorder import Recording
from offline.world import OfflineWorld

from .deployments import Deployment, missing, unless
from .packages import PACKAGE, environment, write_package
from .projects import echoes, python_runtime, write_project

pytestmark = unless(missing())

README = (PROJECT_FOLDER / "README.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(from stalwart_mail .*?)```", README, re.DOTALL)
YAML = """
resources:
  dkim:
    type: stalwart-mail:DkimKeys
    properties: {domains: [{name: example.com}]}
  mail:
    type: stalwart-mail:StalwartServer
    properties:
      hostname: mx1.example.com
      domains: [{name: example.com}]
      dkimPrivateKeys: ${dkim.privateKeys}
  dns:
    type: stalwart-mail:MailDns
    properties:
      hostname: mx1.example.com
      addresses: ["${mail.addresses[0]}"]
      domains: [{name: example.com}]
      exchange: ${mail.exchange}
      dkimPublicKeys: ${dkim.publicKeys}
  backup:
    type: stalwart-mail:MailBackup
    properties:
      locations: [{name: hot, bucket: example-mail-hot, region: eu-west-1}]
      schedules: [{name: hot, location: hot, cron: "17 */6 * * *", keepDays: 30}]
      mailNamespace: ${mail.namespace}
outputs:
  zones: ${dns.zoneFiles}
"""
TYPESCRIPT = """
import { DkimKeys, MailBackup, MailDns, StalwartServer } from "@pulumi/stalwart-mail";

const domains = [{ name: "example.com" }];
const keys = new DkimKeys("dkim", { domains });
const server = new StalwartServer("mail", {
    hostname: "mx1.example.com",
    domains,
    dkimPrivateKeys: keys.privateKeys,
});
const dns = new MailDns("dns", {
    hostname: "mx1.example.com",
    addresses: [server.addresses.apply(found => found[0])],
    domains,
    exchange: server.exchange,
    dkimPublicKeys: keys.publicKeys,
});
new MailBackup("backup", {
    locations: [{ name: "hot", bucket: "example-mail-hot", region: "eu-west-1" }],
    schedules: [{ name: "hot", location: "hot", cron: "17 */6 * * *", keepDays: 30 }],
    mailNamespace: server.namespace,
});
export const zones = dns.zoneFiles;
"""


def needs(*commands: str) -> pytest.MarkDecorator:
    """A test that needs programs beside the engine: its host for a language, and what that runs."""
    absent = [command for command in commands if not shutil.which(command)]
    return pytest.mark.skipif(bool(absent), reason=f"not on PATH: {', '.join(absent)}")


@pytest.fixture
def recorded() -> Recording:
    """The README's example in the offline preview."""
    program = compile(EXAMPLE.replace("stalwart_mail", "components"), "README.md", "exec")
    return record("test", {}, OfflineWorld(), program=lambda: exec(program, {}))


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
    (tmp_path / "__main__.py").write_text(f'import pulumi\n\n{EXAMPLE}\npulumi.export("zones", dns.zone_files)\n')
    assert_it_makes_what_the_example_does(project(runtime=python_runtime()), recorded)


@needs("pulumi-language-yaml")
def test_a_project_in_yaml_uses_them_as_a_package(tmp_path: Path, project: Callable[..., Deployment], recorded: Recording):
    components = write_package(tmp_path / "package")
    stack = project(runtime="yaml", packages={PACKAGE: str(components)}, **yaml.safe_load(YAML))
    assert_it_makes_what_the_example_does(stack, recorded)


@needs("pulumi-language-nodejs", "npm")
def test_a_project_in_typescript_uses_them_as_a_package(tmp_path: Path, project: Callable[..., Deployment], recorded: Recording):
    components = write_package(tmp_path / "package")
    (tmp_path / "index.ts").write_text(TYPESCRIPT)
    dependencies = {"@pulumi/pulumi": "^3.0.0", "@types/node": "^20.0.0", "typescript": "^5.0.0"}
    (tmp_path / "package.json").write_text(json.dumps({"name": "post", "main": "index.ts", "dependencies": dependencies}))
    stack = project(runtime="nodejs")
    stack.run("package", "add", str(components))
    assert_it_makes_what_the_example_does(stack, recorded)
