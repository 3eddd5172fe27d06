"""`StalwartServer`: one Stalwart mail server on Kubernetes, configured entirely by its arguments."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetInitArgs
from pulumi_kubernetes.batch.v1 import Job, JobInitArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    Service,
    ServiceAccount,
    ServiceAccountInitArgs,
    ServiceInitArgs,
)
from pulumi_kubernetes.core.v1.outputs import ServiceStatus
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetInitArgs

from .. import checks
from . import follow_up, job_pod, listeners, names, network, plan_job, register, scaling, workload
from .arguments import SECRET_ARGUMENTS, Role, Server, StalwartServerArgs, resolve
from .operations import digest
from .plans.stores import config_json

SERVER_TIMEOUT = "25m"  # the pod is ready only after the plan
DATABASE_RESTORE_TIMEOUT = "25h"  # and the database only after all of it has come from the archive


class StalwartServer(pulumi.ComponentResource):
    """One Stalwart 0.16 mail server: a primary that holds mailboxes, or a backup that relays to it.

    The server takes no mail, and has no public address, before its plan has been applied in full.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    hostname: Output[str]
    """The host name."""
    exchange: Output[str]
    """The host name as the target of MX records: the same text, but known to depend on the plan having been applied."""
    addresses: Output[Sequence[str]]
    """The public addresses."""
    ports: Output[Mapping[str, int]]
    """Listener name to public port."""
    jmap_url: Output[str]
    """Where JMAP sessions start (RFC 8620, section 2.2); empty on a backup."""
    submission_url: Output[str]
    """Where mail clients submit (RFC 6409), as `smtp://host:587`; empty on a backup."""
    relay_endpoint: Output[str]
    """`host:port` at which other workloads of the cluster submit mail; on a backup, the SMTP port."""
    recipient_reader_username: Output[str]
    """On a primary with a peer: the account with which a backup reads the recipients; else empty."""
    recipient_reader_password: Output[str]
    """Its password, a secret; else empty."""
    exporter_username: Output[str]
    """The account with which an exporter reads the queue, when `monitored`; its password is in the Secret `stalwart-exporter`.
    Empty where there is none: accounts are in a directory."""
    namespace: Output[str]
    """The Kubernetes namespace."""

    def __init__(self, name: str, args: StalwartServerArgs, opts: ResourceOptions | None = None) -> None:
        """Register the server's resources.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `StalwartServerArgs`.
            opts: the usual options. `protect`, `providers` and `depends_on` reach every child.
        """
        server = resolve(args)
        plan = plan_job.plan_text(server)
        # Without what is secret: the inputs recorded here are shown in previews, and a caller may have given plain text.
        inputs = {key: value for key, value in args.items() if key not in SECRET_ARGUMENTS}
        super().__init__("stalwart-mail:index:StalwartServer", name, inputs, opts)

        self.namespace = register.namespace(name, server, args, self)
        scope = register.Scope(name, server, self.namespace, self)
        service_account = ServiceAccount(
            f"{name}-service-account",
            ServiceAccountInitArgs(metadata=scope.meta(names.APPLICATION), automount_service_account_token=False),
            scope.child(),
        )
        credentials = register.credentials(scope)
        reader, reader_password = register.recipient_reader(scope, args.get("recipient_reader"))
        exporter = register.exporter(scope)
        storage = register.storage(scope)
        dkim = register.dkim_secrets(scope, args)
        certificates = register.certificate_requests(scope)
        policies = register.policies(scope)
        config_name = f"stalwart-config-{digest(config_json(server))}"
        config = ConfigMap(
            f"{name}-config",
            ConfigMapInitArgs(metadata=scope.meta(config_name), data={"config.json": config_json(server)}),
            scope.child(),
        )
        internal = Service(
            f"{name}-internal",
            # Nothing answers yet: the pod needs the plan, and the plan's Job needs this Service.
            ServiceInitArgs(
                metadata=scope.meta(names.INTERNAL_SERVICE, annotations=register.SKIP_AWAIT), spec=network.internal_service()
            ),
            scope.child(),
        )
        plan_name = f"stalwart-plan-{digest(plan)}"
        plan_files = ConfigMap(
            f"{name}-plan",
            ConfigMapInitArgs(metadata=scope.meta(plan_name, names.PLAN), data=plan_job.config_map_data(plan)),
            scope.child(),
        )
        stateful_set = StatefulSet(
            f"{name}-server",
            StatefulSetInitArgs(
                # Whoever scaled the pods by hand, as the runbooks do, does not own their number.
                metadata=scope.meta(names.APPLICATION, annotations=register.PATCH_FORCE),
                spec=workload.stateful_set(
                    server,
                    config_name=config_name,
                    credentials_name=scope.credentials_name,
                    dkim_names=list(dkim),
                    plan_digest=digest(plan),
                ),
            ),
            scope.child(
                [service_account, *storage, config, *credentials, *dkim.values(), *certificates],
                timeout=DATABASE_RESTORE_TIMEOUT if server.restored and server.restored.database else SERVER_TIMEOUT,
                # With an autoscaler the number is its own. Left out of the spec, it would be one until the autoscaler acts.
                ignore_changes=["spec.replicas"] if server.storage.max_replicas and not server.fenced else None,
            ),
        )
        # Not after the StatefulSet: its pod becomes ready only once this Job is done.
        applied = Job(
            f"{name}-apply-plan",
            JobInitArgs(
                metadata=scope.meta(plan_name, names.PLAN, job_pod.RETRY_FAILED),
                spec=plan_job.job(server, config_map_name=plan_name, credentials_name=scope.credentials_name),
            ),
            scope.child([service_account, plan_files, internal, *policies, *credentials], timeout=register.JOB_TIMEOUT),
        )
        done: list[pulumi.Resource] = [applied]
        if not server.fenced:
            done += register.later_jobs(
                scope, args.get("recipient_reader"), [stateful_set, applied, internal, *policies, *reader, *exporter]
            )
            register.autoscaler(scope, [stateful_set])
        # Also of a fenced server, where nothing listens: with the Service its address would go, and with the address its record
        # in DNS; a host that has none is no reason to try again for who holds mail for it, but one to give the mail up.
        service = Service(
            f"{name}-mail",
            ServiceInitArgs(
                metadata=scope.meta(names.MAIL_SERVICE, annotations=server.exposure.annotations),
                spec=network.mail_service(server),
            ),
            # Restored mailboxes are in another namespace, and two Services cannot have one address.
            scope.child([applied], delete_before_replace=True),
        )
        _ = PodDisruptionBudget(
            f"{name}-budget",
            PodDisruptionBudgetInitArgs(metadata=scope.meta(names.APPLICATION), spec=scaling.disruption_budget()),
            scope.child(),
        )

        is_primary = server.role == Role.PRIMARY
        host = Output.from_input(server.hostname)
        relay_port = listeners.SUBMISSION_PORT if is_primary else listeners.SMTP_PORT
        self.hostname = host
        # URNs are known in a preview and resolve only after the Jobs are done: dependencies that leave the value known.
        self.exchange = Output.all(host, *(job.urn for job in done)).apply(lambda known: str(known[0]))
        self.addresses = _addresses(server, args, service)
        self.ports = Output.from_input({listener.name: listener.port for listener in listeners.public(server)})
        self.jmap_url = Output.from_input(f"https://{server.hostname}/.well-known/jmap" if is_primary else "")
        self.submission_url = Output.from_input(f"smtp://{server.hostname}:{listeners.SUBMISSION_PORT}" if is_primary else "")
        self.relay_endpoint = Output.format("{0}.{1}.svc:{2}", names.MAIL_SERVICE, self.namespace, relay_port)
        has_reader = server.has_recipient_reader
        self.recipient_reader_username = Output.from_input(follow_up.reader_address(server) if has_reader else "")
        self.recipient_reader_password = Output.secret(reader_password if reader_password and has_reader else "")
        self.exporter_username = Output.from_input(follow_up.exporter_address(server) if server.has_exporter_account else "")
        self.register_outputs(
            {
                "hostname": self.hostname,
                "exchange": self.exchange,
                "addresses": self.addresses,
                "ports": self.ports,
                "jmap_url": self.jmap_url,
                "submission_url": self.submission_url,
                "relay_endpoint": self.relay_endpoint,
                "recipient_reader_username": self.recipient_reader_username,
                "recipient_reader_password": self.recipient_reader_password,
                "exporter_username": self.exporter_username,
                "namespace": self.namespace,
            }
        )


def _addresses(server: Server, args: StalwartServerArgs, service: Service) -> Output[Sequence[str]]:
    if "addresses" in args:
        return Output.from_input(args["addresses"]).apply(lambda given: [checks.ip_address(str(address)) for address in given])
    if server.exposure.addresses:
        return Output.from_input(list(server.exposure.addresses))
    return service.status.apply(_load_balancer_addresses)


def _load_balancer_addresses(status: ServiceStatus | None) -> Sequence[str]:
    points = (status.load_balancer.ingress if status and status.load_balancer else None) or []
    addresses = [point.ip for point in points if point.ip]
    if not addresses:
        raise checks.ArgumentsError(
            "StalwartServer",
            [
                "exposure.addresses: the load balancer gave no address, and a host name of its own cannot be an MX"
                " target; give its fixed addresses"
            ],
        )
    return addresses
