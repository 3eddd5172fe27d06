"""The Job that applies the server plan with stalwart-cli before the server starts, and the ConfigMap it reads.

First the whole plan, then the mark that tells the server's pod that the whole plan is in. Both are named after the plan, so
another plan is another Job.
"""

from pulumi_kubernetes.batch.v1 import JobSpecArgs

from .. import checks
from . import job_pod, names
from .arguments import Server
from .job_pod import Work
from .operations import Plan, Reconcile, digest, to_ndjson
from .plans.dialect import server_plan
from .registry.mta import MemoryLookupKey

PLAN_FILE = "plan.ndjson"
MARK_FILE = "applied.ndjson"
RETRIES = 30  # the server may still be pulling its image
# https://kubernetes.io/docs/concepts/configuration/configmap: 1 MiB for the whole object
CONFIG_MAP_LIMIT_BYTES = 1_048_576
CONFIG_MAP_MARGIN_BYTES = 4_096


def plan_text(server: Server) -> str:
    """The server's plan as NDJSON.

    Raises:
        ArgumentsError: it is above what one ConfigMap holds.
    """
    text = to_ndjson(server_plan(server))
    limit = CONFIG_MAP_LIMIT_BYTES - CONFIG_MAP_MARGIN_BYTES
    if len(text) > limit:
        count = f"{len(server.mail_domains)} domains and {len(server.accounts)} accounts"
        problem = f"domains: the plan for {count} takes {len(text)} bytes, and a ConfigMap holds {limit}; divide the domains"
        raise checks.ArgumentsError("StalwartServer", [problem])
    return text


def mark(plan_digest: str) -> Plan:
    """The one operation that says which plan was applied in full."""
    applied = MemoryLookupKey(namespace=names.MARK_NAMESPACE, key=plan_digest)
    return (Reconcile(MemoryLookupKey, {"applied": applied}, scope={"namespace": names.MARK_NAMESPACE}),)


def config_map_data(text: str) -> dict[str, str]:
    """The files of the plan's ConfigMap."""
    return {PLAN_FILE: text, MARK_FILE: to_ndjson(mark(digest(text)))}


def job(server: Server, config_map_name: str, credentials_name: str) -> JobSpecArgs:
    """The Job.

    Args:
        server: the checked arguments.
        config_map_name: the ConfigMap with the plan's files.
        credentials_name: the Secret with the admin's password.
    """
    work = Work(
        names.PLAN,
        [job_pod.apply_step(server, "apply", PLAN_FILE), job_pod.apply_step(server, "mark", MARK_FILE)],
        [job_pod.config_map_volume("plan", config_map_name)],
    )
    return JobSpecArgs(backoff_limit=RETRIES, template=job_pod.template(work, credentials_name))
