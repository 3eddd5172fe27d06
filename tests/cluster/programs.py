"""The programs that judge: those that a local region is made of, and Prometheus' own. Where they are, and how they come there.

`python -m tests.cluster.programs` builds those that are missing, from the modules whose go.mod pins them.
`KUBEBUILDER_ASSETS` names a folder that has some of them already, as for Kubernetes' own envtest.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

MODULES = Path(__file__).parent
BUILT = MODULES.parents[1] / ".tools"
CONSOLE = Console(highlight=False)

(KUBERNETES_VERSION,) = re.findall(r"^\tk8s.io/kubernetes v([0-9.]+)$", (MODULES / "go.mod").read_text(), re.MULTILINE)
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_SAID = "k8s.io/component-base/version"
# What the API server says of itself; providers and Velero ask.
_KUBERNETES_FLAGS = f"-s -w -X {_SAID}.gitVersion=v{KUBERNETES_VERSION} -X {_SAID}.gitMajor={_MAJOR} -X {_SAID}.gitMinor={_MINOR}"
# Velero's libraries also listen at :8080, for which there is no flag, and two servers on one machine cannot.
_VELERO_FLAGS = "-s -w -X sigs.k8s.io/controller-runtime/pkg/metrics/server.DefaultBindAddress=0"


@dataclass(frozen=True)
class Program:
    """A program: the folder of the module that pins it, its package, what the linker is told, and build tags."""

    module: Path
    package: str
    flags: str = "-s -w"
    tags: str = ""

    @property
    def recipe(self) -> str:
        """What it is made of: another recipe makes another program."""
        parts = [self.package, self.flags, self.tags, *((self.module / file).read_text() for file in ("go.mod", "go.sum"))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


PROGRAMS = {
    "etcd": Program(MODULES, "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": Program(MODULES, "k8s.io/kubernetes/cmd/kube-apiserver", _KUBERNETES_FLAGS),
    "kube-controller-manager": Program(MODULES, "k8s.io/kubernetes/cmd/kube-controller-manager", _KUBERNETES_FLAGS),
    "versitygw": Program(MODULES / "velero", "github.com/versity/versitygw/cmd/versitygw"),
    "velero-plugin-for-aws": Program(MODULES / "velero", "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws"),
    "velero": Program(MODULES / "velero", "github.com/vmware-tanzu/velero/cmd/velero", _VELERO_FLAGS),
    # Without service discovery, which is most of it.
    "promtool": Program(MODULES.parent / "alerts", "github.com/prometheus/prometheus/cmd/promtool", tags="remove_all_sd"),
    "actionlint": Program(MODULES.parent / "workflows", "github.com/rhysd/actionlint/cmd/actionlint"),
}
DEFINITIONS = BUILT / "crds"
REGION = [name for name in PROGRAMS if name not in ("promtool", "actionlint")]


def find(name: str) -> Path | None:
    """Where a program is, or None."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    places = [*([Path(given)] if given else []), BUILT]
    return next((place / name for place in places if (place / name).is_file()), None)


def path(name: str) -> Path:
    """Where a program is that is there."""
    found = find(name)
    assert found, missing()
    return found


def missing() -> str | None:
    """What a local region needs and is not here, as the reason of what cannot be done without; or None."""
    absent = [name for name in REGION if find(name) is None]
    if not DEFINITIONS.exists():
        absent.append("the definitions of other people's objects")
    return f"not here: {', '.join(absent)}; `make tools` brings them" if absent else None


def build(name: str) -> None:
    """Build a program, with its packages as they are compiled on a terminal, and a line before and after elsewhere.

    Raises:
        SystemExit: there is no Go, or Go's answer when it cannot be built.
    """
    if not shutil.which("go"):
        raise SystemExit(f"{name} is not built: Go is not on the PATH. Install Go 1.26 or newer, or set KUBEBUILDER_ASSETS.")
    program, began = PROGRAMS[name], time.monotonic()
    target = BUILT / f"{name}.part"
    command = ["go", "build", "-v", "-o", str(target), "-ldflags", program.flags, "-tags", program.tags, program.package]
    started = subprocess.Popen(
        command, cwd=program.module, env={**os.environ, "CGO_ENABLED": "0"}, stderr=subprocess.PIPE, text=True
    )
    assert started.stderr
    told: list[str] = []
    CONSOLE.print(f"Building {name} ({program.package})", soft_wrap=True)
    with CONSOLE.status("") as status:
        for line in started.stderr:
            told.append(line)
            status.update(f"{time.monotonic() - began:.0f} s: {line.strip()}")
    if started.wait():
        raise SystemExit(f"{name} cannot be built:\n{''.join(told[-20:])}")
    target.rename(BUILT / name)
    (BUILT / f"{name}.recipe").write_text(program.recipe)
    CONSOLE.print(f"Built {name} in {time.monotonic() - began:.0f} s")


def main() -> None:
    """Build what is missing, or was made by another recipe."""
    BUILT.mkdir(exist_ok=True)
    for name, program in PROGRAMS.items():
        found, recipe = find(name), BUILT / f"{name}.recipe"
        is_given = found is not None and found.parent != BUILT
        if not is_given and not (found and recipe.exists() and recipe.read_text() == program.recipe):
            build(name)


if __name__ == "__main__":
    sys.exit(main())
