"""What the runbooks ship and type: manifests, the program that saves a mailbox, and the cluster that a command is for."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import kubernetes_validate
import pytest
import yaml

from components.stalwart.jobs.jmap import JmapError
from docs.runbooks import save_mailbox
from offline.build import manifest
from offline.program import PROJECT_FOLDER
from tests.conftest import changed, named, recorded
from tests.contract.judges import KUBERNETES_VERSIONS
from tests.docs.pages import commands
from tests.program.test_storage import DISTRIBUTED

FOLDER = PROJECT_FOLDER / "docs" / "runbooks"
NAMES_A_CLUSTER = {
    "kubectl": re.compile(r" --context (primary|backup) | config "),
    "velero": re.compile(r" --kubecontext (primary|backup) "),
}


def of_any_cluster(line: str) -> Iterator[str]:
    """The commands of a line that do not say which cluster they are for."""
    for program, rest in re.findall(r"(?:^|[|;&(]) *(kubectl|velero)( [^|;&)]*)", line):
        if not NAMES_A_CLUSTER[program].search(rest):
            yield program + rest


def test_every_command_of_a_runbook_names_its_cluster():
    shown = [(place, line) for place, line in commands() if place.startswith(("README.md", "docs/going-live", "docs/runbooks/"))]
    clusters = [line for _place, line in shown if re.search(r"(kubectl|velero) ", line)]
    assert len(clusters) >= 50
    assert [(place, command) for place, line in shown for command in of_any_cluster(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n mail scale statefulset stalwart --replicas 0",
        "kubectl --context other -n mail get pods",
        "velero --namespace velero backup create --from-schedule mail-backup",
        "velero --context primary backup create",
        "jq . a.json | kubectl apply --filename -",
        'export A="$(kubectl get pods)"',
    ],
)
def test_a_command_for_any_cluster_is_noticed(line):
    assert list(of_any_cluster(line))


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_manifests_are_valid(path, version):
    for found in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(found, version, strict=True)


def moving(stack, do):
    """The pod that `move.jq` makes of a stack's server, and the server's own."""
    server = manifest(named(stack, "stalwart-server"))
    run = subprocess.run(
        ["jq", "--arg", "do", do, "-f", str(FOLDER / "move.jq")],
        input=json.dumps(server),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout), server["spec"]["template"]["spec"]


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not on PATH")
@pytest.mark.parametrize("do", ["export", "import"])
@pytest.mark.parametrize("kind", ["embedded", "distributed"])
def test_what_moves_a_store_is_the_server_with_other_arguments(kind, do):
    pod, server = moving(recorded("primary") if kind == "embedded" else changed("primary", storage=DISTRIBUTED), do)
    for version in KUBERNETES_VERSIONS:
        kubernetes_validate.validate(pod, version, strict=True)
    (container,), (usual,) = pod["spec"]["containers"], server["containers"]
    assert container["args"] == [*usual["args"], f"--{do}", "/export"]
    for key in ("image", "env", "securityContext", "resources"):
        assert container[key] == usual[key], key
    # A pod of the mail Service that is ready would be sent mail, and one that is not alive in time would be stopped.
    assert "readinessProbe" in container
    assert not {"livenessProbe", "startupProbe", "lifecycle"} & container.keys()
    assert "initContainers" not in pod["spec"]
    assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["spec"]["volumes"]}
    (claim,) = yaml.safe_load_all((FOLDER / "export-volume.yaml").read_text())
    claims = [found["persistentVolumeClaim"]["claimName"] for found in pod["spec"]["volumes"] if "persistentVolumeClaim" in found]
    assert claim["metadata"]["name"] in claims


class Copy:
    """A server with one mailbox with one message."""

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def query_all(self, _kind):
        return ["a"]

    def get_all(self, _kind, _ids, _properties):
        return [{"id": "a", "emailAddress": "alice@example.com"}]

    def call(self, method, arguments):
        match method:
            case "Mailbox/get":
                return {"list": [{"id": "m", "name": "In/box"}]}
            case "Email/query":
                return {"ids": ["e"] if arguments["position"] == 0 else []}
            case _:
                return {"list": [{"blobId": "b"}]}

    def download(self, _account, _blob):
        return b"From: bob@example.net\n\nHello\n"


def test_a_mailbox_is_saved_once_it_is_found(tmp_path, monkeypatch):
    target = tmp_path / "saved"
    for name in ("COPY_URL", "COPY_USER", "COPY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(JmapError, match="COPY_URL is not set"):
        save_mailbox.main("alice@example.com", target)
    monkeypatch.setattr(save_mailbox, "server_of", lambda *_given: Copy())
    with pytest.raises(JmapError, match=r"no mailbox bob@example\.com"):
        save_mailbox.main("bob@example.com", target)
    assert not target.exists()
    save_mailbox.main("alice@example.com", target)
    (saved,) = target.iterdir()
    assert saved.name == "In_box-m.mbox"
    assert "Hello" in saved.read_text()
    with pytest.raises(FileExistsError):
        save_mailbox.main("alice@example.com", target)
    assert list(target.iterdir()) == [saved]
