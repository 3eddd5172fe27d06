"""The `make preview` command: its files, its words, and what must never be in them."""

import base64
import filecmp
import json
import subprocess
import sys

import pytest
import yaml

from offline.__main__ import main
from offline.build import hide, is_manifest, write
from offline.program import PROJECT_FOLDER, record, stack_config
from offline.recorder import Secret, map_secrets, reveal, walk
from offline.summary import summarize
from offline.world import OfflineWorld
from tests.conftest import recorded
from tests.program.test_failover import active

HEAVY = """
import sys, offline.__main__ as command
code = command.main(["--output", sys.argv[1]])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"pulumi_cloudflare", "dns", "pytest", "requests", "jsonschema"}))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What the command writes for both stacks in a process of its own, and what is printed there: at last, what is heavy."""
    folder = tmp_path_factory.mktemp("build")
    command = [sys.executable, "-c", HEAVY, str(folder)]
    return folder, subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def build(built):
    return built[0]


def _files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_every_part_is_written_for_both_stacks(build):
    for stack in ("primary", "backup"):
        names = {str(path) for path in _files(build / stack)}
        assert names >= {"plan.ndjson", "outputs.json", "summary.md", "zones/example.com.zone"}
        assert any(name.startswith("manifests/") for name in names)


def test_the_same_input_gives_the_same_bytes(build, tmp_path):
    assert main(["--output", str(tmp_path)]) == 0
    assert _files(tmp_path) == _files(build)
    for path in _files(build):
        assert filecmp.cmp(build / path, tmp_path / path, shallow=False), path


def test_no_secret_is_in_any_file_or_plain_output(build, stack):
    recording = recorded(stack)
    secrets = {
        value
        for resource in recording.resources.values()
        for found in walk(resource.inputs)
        if isinstance(found, Secret)
        for value in walk(reveal(found))
        if isinstance(value, str)
    }
    plain = {base64.b64decode(value).decode() for value in secrets if resource_is_base64(value)}
    assert any("stand-in-secret" in value for value in plain)
    text = "".join((build / path).read_text() for path in _files(build))
    outputs = json.dumps(hide(dict(recording.outputs)))
    for value in secrets | plain:
        assert value not in text
        assert value not in outputs
    assert "stand-in-secret" not in text


def test_no_secret_of_the_settings_is_in_any_file(tmp_path):
    keys = {"accessKeyId": {"secure": "hush-id"}, "secretAccessKey": {"secure": "hush-key"}}
    config = stack_config("primary")
    backup = config["mail:backup"]
    config["mail:domains"] = [{"name": "example.com", "zoneId": "zone"}]
    config["mail:dns"] = {"provider": "cloudflare", "apiToken": {"secure": "hush-token"}}
    config["mail:backup"] = {
        "location": {**backup["location"], **keys},
        "archive": {**backup["archive"], **keys},
        "installVelero": True,
        "repositoryPassword": {"secure": "hush-password"},
    }
    recording = record("primary", config, OfflineWorld())
    assert reveal(recording.outputs["endpoints"])["archive"]["repositoryPassword"] == "hush-password"
    write(recording, summarize(recording, {key.partition(":")[2]: value for key, value in config.items()}), tmp_path)
    assert any(path.name == "velero.yaml" for path in _files(tmp_path))
    assert '"repositoryPassword": "<secret>"' in (tmp_path / "outputs.json").read_text()
    for path in _files(tmp_path):
        assert "hush" not in (tmp_path / path).read_text(), path
        assert base64.b64encode(b"hush").decode()[:4] not in (tmp_path / path).read_text(), path
    for resource in recording.resources.values():
        if resource.type != "kubernetes:core/v1:Secret":
            assert "hush" not in str(map_secrets(dict(resource.inputs), lambda _secret: "")), resource.urn


def resource_is_base64(value):
    try:
        return base64.b64encode(base64.b64decode(value)).decode() == value
    except ValueError:
        return False


def test_secrets_are_placeholders_that_can_be_read(build):
    (path,) = (build / "primary" / "manifests").glob("*secret-stalwart-credentials.yaml")
    manifest = yaml.safe_load(path.read_text())
    assert manifest["stringData"] == {"admin-password": "<secret>", "metrics-password": "<secret>"}
    assert "data" not in manifest


def test_one_object_a_file_and_namespaces_first(build):
    paths = sorted((build / "primary" / "manifests").iterdir())
    manifests = [list(yaml.safe_load_all(path.read_text())) for path in paths]
    assert all(len(found) == 1 for found in manifests)
    assert manifests[0][0]["kind"] == "Namespace"


def test_stand_ins_are_marked_in_the_zone(build):
    assert "; Offline preview. The DKIM public keys" in (build / "primary/zones/example.com.zone").read_text()
    assert "Offline preview" not in (build / "backup/zones/example.com.zone").read_text()


def test_the_summary_is_printed_and_names_both_exchanges(build, capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert main(["--output", str(tmp_path), "--stack", "backup"]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "backup/summary.md").read_text() in printed
    assert "mx2.example.com (MX 20, 198.51.100.20)" in printed
    assert not (tmp_path / "primary").exists()
    # The page is about both: mail's way leads through both.
    assert "stack primary" in (tmp_path / "index.html").read_text()


def test_ci_prints_a_line_a_stack(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert main(["--output", str(tmp_path)]) == 0
    first, second, *written = capsys.readouterr().out.splitlines()
    assert first.startswith("primary: mx1.example.com in ")
    assert second.startswith("backup: mx2.example.com in ")
    assert len(written) == 1


def test_an_unknown_stack_is_named_with_those_there_are(capsys, tmp_path):
    assert main(["--output", str(tmp_path), "--stack", "third"]) == 1
    assert "there are: backup, primary" in capsys.readouterr().err


@pytest.fixture
def broken_project(tmp_path):
    for name in ("Pulumi.yaml", "Pulumi.primary.yaml", "Pulumi.backup.yaml"):
        (tmp_path / name).write_text((PROJECT_FOLDER / name).read_text())
    path = tmp_path / "Pulumi.primary.yaml"
    path.write_text(path.read_text().replace("mx1.example.com", "mx1.elsewhere.example").replace("eu-west-1", "EU", 1))
    return tmp_path


def test_mistakes_are_printed_without_traceback_and_nothing_is_written(broken_project):
    command = [sys.executable, "-m", "offline", "--project", str(broken_project), "--output", str(broken_project / "build")]
    run = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("Pulumi.primary.yaml: The configuration of this stack has 2 mistakes; nothing was created.")
    assert "Traceback" not in run.stderr
    assert not (broken_project / "build").exists()


def test_nothing_heavy_is_imported_unless_it_is_used(built):
    _folder, printed = built
    assert printed.splitlines()[-1] == "[]"


def test_the_settings_of_the_server_are_shown(build, stack):
    page = (build / stack / "server.md").read_text()
    summary = summarize(recorded(stack), {key.partition(":")[2]: value for key, value in stack_config(stack).items()})
    for words in ("| MtaOutboundStrategy", "| NetworkListener", "| Security"):
        assert words in page
        assert words in summary
    assert all(len(line) < 200 for line in summary.splitlines())


def test_every_object_has_a_file_of_its_own(tmp_path):
    for name, recording in {"primary": recorded("primary"), "active": active(checked=True)}.items():
        write(recording, "", tmp_path / name)
        objects = [resource for resource in recording.resources.values() if is_manifest(resource)]
        assert len(list((tmp_path / name / "manifests").iterdir())) == len(objects)
