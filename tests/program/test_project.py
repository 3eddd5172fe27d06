"""Files that are kept current by hand or by `make schema`, and the components as somebody else imports them."""

import re
import subprocess
import sys
import tomllib

import jsonschema
import pytest
import yaml

from components.stalwart import arguments
from offline.generated import schema, tables
from offline.generated.__main__ import DOCS, generated
from offline.program import PROJECT_FOLDER, project_file, stack_config
from region import SERVER_OPTIONS
from settings import Settings, parse

CASES = PROJECT_FOLDER / "tests" / "unit" / "settings_cases"
VALIDATOR = jsonschema.Draft202012Validator(schema.stack_schema())


def test_the_schema_and_the_tables_are_current():
    for path, text in generated().items():
        assert path.read_text() == text, f"{path.name}: run `make schema`"


def test_the_docs_speak_of_settings_that_there_are():
    page = (DOCS / "server.md").read_text()
    known = set(re.findall(r"^\| `([^`]+)`", tables.settings_table().replace("[]", ""), re.MULTILINE))
    rows = re.findall(r"^\| (`[a-z][^|]*`) \|", page, re.MULTILINE)
    named = {name.partition(":")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)} - {"primary", "list", "any"}
    assert len(named) >= 9
    assert named <= known


@pytest.mark.parametrize("stack", ["primary", "backup"])
def test_shipped_stacks_follow_the_schema_and_point_editors_to_it(stack):
    text = (PROJECT_FOLDER / f"Pulumi.{stack}.yaml").read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=./docs/stack.schema.json"
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.happy.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_what_the_settings_accept(path):
    config = {f"mail:{key}": value for key, value in yaml.safe_load(path.read_text()).items() if key != "createNamespace"}
    VALIDATOR.validate({"config": {**config, "aws:region": "eu-west-1"}})


def test_the_schema_refuses_unknown_keys_and_takes_encrypted_secrets():
    config = {"mail:role": "primary", "mail:region": "r", "mail:hostname": "mx1.example.com"}
    assert not VALIDATOR.is_valid({"config": {**config, "mail:hostnam": "x"}})
    assert not VALIDATOR.is_valid({"config": {**config, "mail:role": "third"}})
    assert VALIDATOR.is_valid({"config": {**config, "mail:dns": {"apiToken": {"secure": "AAAB"}}}})


def test_defaults_in_pulumi_yaml_are_those_of_the_settings():
    fields = {field.alias: field for field in Settings.model_fields.values()}
    block = project_file()["config"]
    assert block.keys() == {"namespace", "createNamespace", "image", "cliImage", "logLevel"}
    for key, item in block.items():
        assert item["default"] == fields[key].default, key
        assert item["description"]


def test_defaults_of_the_settings_are_those_of_the_component():
    settings = parse({k.partition(":")[2]: v for k, v in stack_config("primary").items()}, "mail")
    server = arguments.resolve({"hostname": "mx1.example.com", "domains": [{"name": "example.com"}]})
    assert settings.image == server.server_image
    assert settings.cli_image == server.cli_image
    assert settings.job_image == server.job_image
    for option in SERVER_OPTIONS - {"tls", "exposure"}:  # which the shipped stack sets
        assert getattr(settings, option) == getattr(server, option), option
    assert settings.trusted_networks == server.trusted_networks
    assert settings.log_level == server.log_level


def test_every_package_of_the_components_is_installed():
    project = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text())
    folders = {
        path.parent.relative_to(PROJECT_FOLDER / "components") for path in (PROJECT_FOLDER / "components").rglob("__init__.py")
    }
    wanted = {".".join(["stalwart_mail", *folder.parts]) for folder in folders}
    assert set(project["tool"]["setuptools"]["packages"]) == wanted


def test_requirements_are_exact_and_hashed():
    lines = (PROJECT_FOLDER / "requirements.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(packages) > 20
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages)


CONSUMER = """
import sys
sys.path.insert(0, sys.argv[1])
import pulumi
from pulumi.runtime.mocks import Mocks, set_mocks

class Echo(Mocks):
    def new_resource(self, args):
        return args.name + "-id", {**args.inputs, "publicKeyPem": "", "privateKeyPemPkcs8": "key", "result": "password"}
    def call(self, args):
        return {}

set_mocks(Echo(), preview=True)
from stalwart_mail import MailBackup, MailDns, StalwartServer
assert "pulumi_cloudflare" not in sys.modules
domains = [{"name": "example.org", "dkim_selectors": [{"name": "a", "algorithm": "rsa"}]}]
keys = {"a._domainkey.example.org": "k"}
server = StalwartServer("post", {"hostname": "mx.example.org", "domains": domains, "dkim_private_keys": keys})
MailDns("names", {"hostname": "mx.example.org", "addresses": ["192.0.2.1"], "domains": domains, "exchange": server.exchange,
                  "dkim_public_keys": {"a._domainkey.example.org": pulumi.Output.from_input("k")}})
MailBackup("copies", {"locations": [{"name": "far", "bucket": "far-bucket", "region": "eu"}]})
print("made")
"""


def test_the_components_work_in_another_project_under_their_installed_name(tmp_path):
    (tmp_path / "stalwart_mail").symlink_to(PROJECT_FOLDER / "components")
    run = subprocess.run(
        [sys.executable, "-c", CONSUMER, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "made", run.stderr


def test_the_package_runs_with_what_is_tested():
    pins = [
        set(re.findall(r"^[a-z0-9-]+==[^ ]+", (PROJECT_FOLDER / file).read_text(), re.MULTILINE))
        for file in ("components/requirements.txt", "requirements.txt")
    ]
    assert len(pins[0]) >= 30
    assert pins[0] < pins[1]
