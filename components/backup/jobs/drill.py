"""Rehearses a restore: `python -m jobs.drill`.

The newest backup is restored into a scratch namespace from which nothing can get out, a server is started on it in recovery
mode, in which it takes and sends no mail, and what is in it is compared with what the backup's sentinel says. Everything is
removed again, also what an earlier drill that was stopped has left. Neither DNS, nor a load balancer, nor live mail is touched.

The environment: as for `jobs.restore`, where TARGET_NAMESPACE is the scratch namespace; SERVER_IMAGE; CONFIG, the
ConfigMap there with the server's `config.json`; MAILBOX, with the sentinel; RESULT, the ConfigMap that keeps the result.
"""

# ruff: noqa: T201 (what it prints is the Job's log)

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from .check import Findings, check
from .cluster import (
    CLAIMS,
    CONFIG_MAPS,
    PODS,
    RESTORES,
    SECRETS,
    Cluster,
    ClusterError,
    Kind,
    Object,
    WaitedTooLong,
    await_,
    keep,
    own_cluster,
)
from .jmap import JmapError, Server
from .metrics import Result, render
from .restore import MARK, CannotRestore, Request, request_of, restore
from .scratch import ADMIN_USER, PASSWORD_KEY, PORT, SCRATCH, scratch_pod

CLEAN_TIMEOUT_S = 600.0
# Where nothing gets out, a server waits for its web interface before it listens; and a large volume is slow to open.
START_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Drill:
    """What is rehearsed, and with what."""

    request: Request
    server_image: str
    config: str
    mailbox: str
    result: str


def clean(cluster: Cluster, request: Request) -> None:
    """Remove what a drill makes: pod and password first, then the Restore, then the volume. What does not go keeps nothing else.

    Raises:
        WaitedTooLong: something did not go.
    """
    things: list[tuple[Kind, str, str]] = [
        (PODS, request.target_namespace, SCRATCH),
        (SECRETS, request.target_namespace, SCRATCH),
        (RESTORES, request.velero_namespace, request.name),
        (CONFIG_MAPS, request.velero_namespace, request.name),
        (CONFIG_MAPS, request.target_namespace, MARK),
        (CLAIMS, request.target_namespace, request.claim),
    ]
    problems: list[str] = []
    for kind, namespace, name in things:
        try:
            _ = await_(
                f"{kind.plural}/{name} to be gone",
                lambda kind=kind, namespace=namespace, name=name: _gone(cluster, kind, namespace, name),
                CLEAN_TIMEOUT_S,
            )
        except (ClusterError, WaitedTooLong) as error:
            problems.append(str(error))
    if problems:
        raise WaitedTooLong("; ".join(problems))


def _gone(cluster: Cluster, kind: Kind, namespace: str, name: str) -> bool | None:
    cluster.delete(kind, namespace, name)
    return None if cluster.get(kind, namespace, name) else True


def rehearse(cluster: Cluster, drill: Drill) -> tuple[dict[str, str], Findings, float]:
    """Restore, start and look.

    Returns:
        What was restored, what is in it, and how many seconds it took until the mail could be read.

    Raises:
        CannotRestore: saying why.
        WaitedTooLong: saying for what.
        ClusterError: the API server refused something.
        JmapError: the restored server cannot be asked.
    """
    began = datetime.now(UTC)
    password = secrets.token_urlsafe(32)
    namespace = drill.request.target_namespace
    login: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SCRATCH, "namespace": namespace},
        "stringData": {PASSWORD_KEY: f"{ADMIN_USER}:{password}"},
    }
    cluster.create(SECRETS, namespace, login)
    pod = scratch_pod(namespace, drill.server_image, drill.config, drill.request.claim)
    restored = restore(cluster, drill.request, lambda: cluster.create(PODS, namespace, pod))
    address = await_("an address for the restored server", lambda: _address(cluster, namespace), START_TIMEOUT_S)
    host = f"[{address}]" if ":" in address else address
    with Server(f"http://{host}:{PORT}", ADMIN_USER, password) as server:
        _ = await_("the restored server to answer", lambda: server.is_ready() or None, START_TIMEOUT_S)
        findings = check(server, drill.mailbox, _time(restored["made"]))
    return restored, findings, (datetime.now(UTC) - began).total_seconds()


def run(cluster: Cluster, drill: Drill) -> bool:
    """Rehearse, say what was found, and keep it for the metrics; whether all is well."""
    location, now = drill.request.location, datetime.now(UTC)
    earlier = _kept(cluster, drill)
    rpo = rto = None
    try:
        clean(cluster, drill.request)
        restored, findings, rto = rehearse(cluster, drill)
        problems = findings.problems
        print(f"backup:   {restored['backup']} in {location}")
        print(f"contents: {findings.accounts} accounts, {findings.messages} messages")
        # Were the region lost now, what came after this moment would be.
        last = findings.sentinel.time if findings.sentinel else _time(restored["made"])
        if last:
            rpo = (now - last).total_seconds()
            print(f"RPO:      {_minutes(rpo)} of mail would be lost if the region were lost now")
        print(f"RTO:      {_minutes(rto)} until the mail could be read")
    except (CannotRestore, WaitedTooLong, ClusterError, JmapError) as error:
        problems = [str(error)]
    except Exception as error:  # a restored volume must not stay, whatever was wrong
        problems = [f"{type(error).__name__}: {error}"]
    try:
        clean(cluster, drill.request)
    except (WaitedTooLong, ClusterError) as error:
        problems.append(f"something was left behind: {error}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    success = not problems
    ended = datetime.now(UTC).timestamp()
    last_success = ended if success else earlier.last_success if earlier else None
    _keep(cluster, drill, Result(location, ended, last_success, success, rpo, rto))
    print("the drill is passed" if success else "the drill is failed", flush=True)
    return success


def _address(cluster: Cluster, namespace: str) -> str | None:
    pod = cluster.get(PODS, namespace, SCRATCH)
    status = (pod or {}).get("status", {})
    if status.get("phase") == "Failed":
        raise CannotRestore(f"the restored server stopped: {status.get('message') or status.get('containerStatuses')}")
    return status.get("podIP") or None


def _kept(cluster: Cluster, drill: Drill) -> Result | None:
    namespace = drill.request.velero_namespace
    (found,) = await_("the last result", lambda: (cluster.get(CONFIG_MAPS, namespace, drill.result),), CLEAN_TIMEOUT_S)
    try:
        return Result(**json.loads(found["data"]["result"])) if found else None
    except (KeyError, TypeError, ValueError):
        return None


def _keep(cluster: Cluster, drill: Drill, result: Result) -> None:
    data = {"result": json.dumps(result.__dict__), "metrics": render(result)}
    keep(cluster, drill.request.velero_namespace, drill.result, data)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _minutes(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min {rest % 60} s"


def drill_of(environment: Mapping[str, str]) -> Drill:
    """The drill that the environment states."""
    # Passwords have no place in a rehearsal.
    request = replace(request_of(environment), secrets=False, advice="Everything of this drill is removed")
    return Drill(request, *(environment[name] for name in ("SERVER_IMAGE", "CONFIG", "MAILBOX", "RESULT")))


def main() -> int:
    """Rehearse what the environment states; the exit code."""
    try:
        return 0 if run(own_cluster(), drill_of(os.environ)) else 1
    except (ClusterError, WaitedTooLong) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
