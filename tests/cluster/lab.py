"""`make lab`: the two regions on this machine, to play with until Ctrl-C."""

import signal
from contextlib import ExitStack
from pathlib import Path

import yaml

from offline.program import stack_config
from tests.cluster import programs
from tests.cluster.kubelet import Kubelet
from tests.cluster.processes import scratch_folder
from tests.cluster.programs import BUILT, CONSOLE
from tests.cluster.region import Region
from tests.cluster.velero import ACCESS_KEY_ID, S3, SECRET_ACCESS_KEY, Velero

FOLDER = BUILT / "lab"
STACKS = ("primary", "backup")


def main() -> None:
    """Start both regions, say how to use them, and stop them when somebody asks for it."""
    if reason := programs.missing():
        raise SystemExit(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as running:
        configs = []
        for stack in STACKS:
            with CONSOLE.status(f"Starting the region {stack}"):
                region = running.enter_context(Region(stack))
                Velero(region)
                running.enter_context(Kubelet(region.api, stack_config(stack)["mail:exposure"]["addresses"]))
            configs.append(yaml.safe_load(region.kubeconfig.read_text()))
        stores = []
        for place, buckets in _buckets().items():
            storage = S3(running.enter_context(scratch_folder(place)), place, *buckets)
            running.enter_context(storage.process)
            stores.append(f"  {storage.url} ({place}: {', '.join(buckets)})")
        kubeconfig = _kubeconfig(configs)
        running.callback(kubeconfig.unlink)
        CONSOLE.print(_help(kubeconfig, "\n".join(stores)), soft_wrap=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            CONSOLE.print("Stopping")


def _buckets() -> dict[str, list[str]]:
    """The buckets that the stacks' files name, by their region."""
    found: dict[str, list[str]] = {}
    for stack in STACKS:
        backup = stack_config(stack)["mail:backup"]
        for location in (backup[key] for key in ("location", "archive") if key in backup):
            found.setdefault(location["region"], []).append(location["bucket"])
    return found


def _kubeconfig(configs: list[dict]) -> Path:
    """One file with a context for each region."""
    FOLDER.mkdir(exist_ok=True)
    lists = {key: [entry for config in configs for entry in config[key]] for key in ("clusters", "users", "contexts")}
    path = FOLDER / "kubeconfig"
    path.write_text(yaml.safe_dump({**configs[0], **lists}))
    return path


def _help(kubeconfig: Path, stores: str) -> str:
    return f"""\
Two regions run on this machine: the API server and its controllers, Velero, and S3. Nodes and load balancers are played:
pods count as ready, Jobs as done, and nothing runs in them.

  export KUBECONFIG={kubeconfig}
  kubectl --context primary get namespaces

What the program would make of the primary, without Pulumi:
  make preview
  kubectl --context primary apply --server-side -f build/primary/manifests

With Pulumi, in a stack of your own:
  pulumi config set kubeContext primary

S3, with the keys {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}, for s3Url of a backup's location:
{stores}

Ctrl-C stops everything and removes it.
"""


if __name__ == "__main__":
    main()
