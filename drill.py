"""`python -m drill`: rehearse a restore now, and show what it says.

It starts a Job of the CronJob that `RestoreDrill` made, with kubectl, and removes the Job when it is done. The Job restores the
newest backup into a namespace from which nothing gets out, and removes it again.
"""

import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import typer

from doctor.deployment import OutputsError
from doctor.findings import COULD_NOT_RUN
from doctor.outputs import read

FAILED = 1
POD_TIMEOUT = "10m"  # an image may have to be pulled
ENDINGS = "{.status.conditions[?(@.status=='True')].type}"
END_TRIES, END_PAUSE_S = 60, 2.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class KubectlError(Exception):
    """kubectl is not there, or said no."""


def drill_of(outputs: Any) -> dict[str, str]:
    """Where a stack's drill is, from its outputs.

    Raises:
        OutputsError: it has none.
    """
    found = cast("dict[str, Any]", outputs).get("drill")
    if not isinstance(found, dict):
        raise OutputsError(
            "this stack has no drill: it has no backup, or its mail is in a database, which a drill does not restore.\n"
            "With mail:backup set, bring it up once with this version: pulumi up"
        )
    return cast("dict[str, str]", found)


def run(kubectl: Sequence[str], namespace: str, cron_job: str, name: str) -> bool:
    """Start a drill, follow its log, and remove its Job; whether it was passed.

    Raises:
        KubectlError: with kubectl's own words.
    """
    inside = [*kubectl, "--namespace", namespace]
    _ = _call([*inside, "create", "job", name, f"--from=cronjob/{cron_job}"])
    try:
        # The log ends when the program does; it goes where this program's output goes.
        _ = _call([*inside, "logs", "--follow", f"--pod-running-timeout={POD_TIMEOUT}", f"job/{name}"], shown=True)
        return _succeeded([*inside, "get", "job", name, f"--output=jsonpath={ENDINGS}"])
    finally:
        _ = _call([*inside, "delete", "job", name, "--wait=false"])


def _succeeded(command: Sequence[str]) -> bool:
    """How a Job ended. The log ends a moment before the Job does; since Kubernetes 1.31 there is more than one condition then."""
    for _ in range(END_TRIES):
        endings = _call(command).split()
        if "Complete" in endings or "Failed" in endings:
            return "Complete" in endings
        time.sleep(END_PAUSE_S)
    raise KubectlError(f"the Job has not ended: {' '.join(command)}")


def _call(command: Sequence[str], shown: bool = False) -> str:
    try:
        out = None if shown else subprocess.PIPE
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - no shell
    except FileNotFoundError:
        raise KubectlError("kubectl is not on PATH; a drill is started with it") from None
    if done.returncode:
        raise KubectlError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout or ""


@app.command()
def main(
    stack: Annotated[str, typer.Option(help="The stack whose region rehearses.")] = "backup",
    outputs: Annotated[str | None, typer.Option(help="A file with its outputs, in place of asking pulumi.")] = None,
) -> None:
    """Rehearse a restore. The exit code is 0 when it was passed, 1 when not, 3 when it could not run."""
    name = f"mail-drill-{datetime.now(UTC):%Y%m%d%H%M%S}"
    try:
        (found,) = read([] if outputs else [stack], [outputs] if outputs else [], "drill").values()
        drill = drill_of(found)
        context = drill.get("kubeContext")
        kubectl = ["kubectl", *(["--context", context] if context else [])]
        passed = run(kubectl, drill["namespace"], drill["cronJob"], name)
    except (OutputsError, KubectlError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    raise typer.Exit(0 if passed else FAILED)


if __name__ == "__main__":
    app(prog_name="python -m drill")
