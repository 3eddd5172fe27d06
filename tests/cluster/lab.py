"""`make lab`: the two regions on this machine, to play with until Ctrl-C."""

import signal
from contextlib import ExitStack
from pathlib import Path

import yaml

from tests.cluster import programs
from tests.cluster.kubelet import Kubelet
from tests.cluster.programs import BUILT, CONSOLE
from tests.cluster.region import Region
from tests.cluster.velero import ACCESS_KEY_ID, S3, SECRET_ACCESS_KEY, Velero

FOLDER = BUILT / "lab"
# As in the stack files: where each region is, what its load balancer hands out, and its buckets.
REGIONS = {
    "primary": ("eu-west-1", "203.0.113.10", ("example-mail-hot",)),
    "backup": ("eu-central-1", "198.51.100.20", ("example-mail-archive", "example-mail-backup")),
}


def main() -> None:
    """Start both regions, say how to use them, and stop them when somebody asks for it."""
    if reason := programs.missing():
        raise SystemExit(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as running:
        stores, configs = [], []
        for name, (place, address, buckets) in REGIONS.items():
            with CONSOLE.status(f"Starting the region {name}"):
                region = running.enter_context(Region(name))
                Velero(region)
                running.enter_context(Kubelet(region.api, [address]))
                storage = S3(region.folder / "s3", place, *buckets)
                running.enter_context(storage.process)
            stores.append(f"  {storage.url} ({place}: {', '.join(buckets)})")
            configs.append(yaml.safe_load(region.kubeconfig.read_text()))
        CONSOLE.print(_help(_kubeconfig(configs), "\n".join(stores)), soft_wrap=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            CONSOLE.print("Stopping")


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
