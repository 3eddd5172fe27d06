"""Registers the objects of a server, a group a function: what `server.py` puts in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler, HorizontalPodAutoscalerInitArgs
from pulumi_kubernetes.batch.v1 import CronJob, CronJobInitArgs, Job, JobInitArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    Namespace,
    NamespaceInitArgs,
    PersistentVolumeClaim,
    PersistentVolumeClaimInitArgs,
    Secret,
    SecretInitArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicyInitArgs
from pulumi_random import RandomPassword

from .. import checks, labels, secret_data
from . import database, follow_up, job_pod, names, network, scaling, workload
from .arguments import DEFAULT_NAMESPACE, RecipientReaderArgs, Role, Server, StalwartServerArgs
from .certificates import certificates
from .operations import digest
from .options.recipients import RecipientSource

PASSWORD_LENGTH = 32
JOB_TIMEOUT = "20m"  # a first start pulls two images, provisions a volume and may wait for a certificate
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
PATCH_FORCE = {"pulumi.com/patchForce": "true"}
DKIM_KEYS_PER_SECRET = 400  # an RSA key takes some 2.3 kB encoded, and a Secret holds 1 MiB


@dataclass(frozen=True)
class Scope:
    """Whose children are registered, and where."""

    name: str
    server: Server
    namespace: Output[str]
    parent: pulumi.Resource

    def meta(
        self, object_name: str, component: str = names.SERVER, annotations: Mapping[str, str] | None = None
    ) -> ObjectMetaArgs:
        """The metadata of an object."""
        return ObjectMetaArgs(
            name=object_name,
            namespace=self.namespace,
            labels=labels.recommended(names.APPLICATION, component),
            annotations=dict(annotations) if annotations else None,
        )

    def secret_meta(self, object_name: str) -> ObjectMetaArgs:
        """The metadata of a Secret that is made here, and so is not in backups: keys stay out of buckets, and are made again."""
        found = {**labels.recommended(names.APPLICATION, names.SERVER), labels.NOT_IN_BACKUPS: "true"}
        return ObjectMetaArgs(name=object_name, namespace=self.namespace, labels=found)

    def child(
        self,
        after: Sequence[pulumi.Resource] = (),
        timeout: str | None = None,
        ignore_changes: list[str] | None = None,
        delete_before_replace: bool = False,
    ) -> ResourceOptions:
        """The options of a child that is made after others, and waited for at most so long (`20m`)."""
        return ResourceOptions(
            parent=self.parent,
            depends_on=list(after),
            ignore_changes=ignore_changes,
            delete_before_replace=delete_before_replace or None,
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout) if timeout else None,
        )

    def kept(self, after: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        """The options of a child that holds mail: neither a change nor a removal of the stack deletes it.

        A fenced server's data no longer counts, so it may leave Pulumi's hands. It stays in the cluster all the same.
        """
        return ResourceOptions(parent=self.parent, depends_on=list(after), protect=not self.server.fenced, retain_on_delete=True)

    @property
    def credentials_name(self) -> str:
        """The Secret with the admin's and the metrics reader's password."""
        return self.server.admin_secret_name or names.CREDENTIALS_SECRET


def namespace(name: str, server: Server, args: StalwartServerArgs, parent: pulumi.Resource) -> Output[str]:
    """The namespace, made or given."""
    given = Output.from_input(args.get("namespace", DEFAULT_NAMESPACE))
    if not server.create_namespace:
        return given
    made = Namespace(
        f"{name}-namespace",
        NamespaceInitArgs(
            metadata=ObjectMetaArgs(
                name=given,
                labels={**labels.recommended(names.APPLICATION, "namespace"), **labels.pod_security(server.pod_security)},
            )
        ),
        # The volume claim lives in it: to delete it is to delete the mail. Fenced: as `Scope.kept`.
        ResourceOptions(parent=parent, protect=not server.fenced, retain_on_delete=True),
    )
    return made.metadata.apply(lambda metadata: str(metadata.name))


def credentials(scope: Scope) -> list[pulumi.Resource]:
    """The admin's and the metrics reader's password, unless a Secret with them is given."""
    if scope.server.admin_secret_name:
        return []
    passwords = {
        names.ADMIN_PASSWORD_KEY: _password(scope, "admin-password"),
        names.METRICS_PASSWORD_KEY: _password(scope, "metrics-password"),
    }
    return [_secret(scope, "credentials", names.CREDENTIALS_SECRET, Output.all(**passwords))]


def recipient_reader(scope: Scope, given: RecipientReaderArgs | None) -> tuple[list[pulumi.Resource], Output[str] | None]:
    """The account that reads recipients: on the primary its password is made unless it is given, on the backup it is given.

    Returns:
        The Secret with it, if there is one, and the password.
    """
    if scope.server.has_recipient_reader:
        password = Output.secret(given["password"]) if given else _password(scope, "reader-password")
    elif given and follow_up.syncs_recipients(scope.server):
        password = Output.secret(given["password"])
    else:
        return [], None
    data = Output.all(**{names.READER_PASSWORD_KEY: password})
    return [_secret(scope, "recipient-reader", names.READER_SECRET, data)], password


def exporter(scope: Scope) -> list[pulumi.Resource]:
    """The Secret with the password of the exporter's account, if there is one."""
    if not scope.server.has_exporter_account:
        return []
    data = Output.all(**{names.EXPORTER_PASSWORD_KEY: _password(scope, "exporter-password")})
    return [_secret(scope, "exporter", names.EXPORTER_SECRET, data)]


def _password(scope: Scope, name: str) -> Output[str]:
    return RandomPassword(f"{scope.name}-{name}", length=PASSWORD_LENGTH, special=False, opts=scope.child()).result


def _secret(
    scope: Scope, name: str, object_name: str, texts: Output[dict[str, Any]], opts: ResourceOptions | None = None
) -> Secret:
    data = Output.secret(texts.apply(secret_data.encode))
    return Secret(
        f"{scope.name}-{name}", SecretInitArgs(metadata=scope.secret_meta(object_name), data=data), opts or scope.child()
    )


def storage(scope: Scope) -> list[pulumi.Resource]:
    """The volume, or the database; none when a database is given, or the volume is restored and there already."""
    if scope.server.is_distributed:
        return [] if scope.server.storage.database else [_database(scope)]
    if scope.server.restored:
        return []
    claim = PersistentVolumeClaimInitArgs(
        # Many storage classes bind a volume only once a pod uses it, so waiting here would wait for ever.
        metadata=scope.meta(names.VOLUME_CLAIM, annotations=SKIP_AWAIT),
        spec=workload.volume_claim(scope.server),
    )
    return [PersistentVolumeClaim(f"{scope.name}-data", claim, scope.kept())]


def _database(scope: Scope) -> pulumi.Resource:
    """The database, after what its archive needs and before what backs it up."""
    server = scope.server
    # They stay as long as the database does: without them its log is not archived, and fills its volume.
    stays = ResourceOptions(parent=scope.parent, retain_on_delete=True)
    needed: list[pulumi.Resource] = []
    regions = database.regions(server)
    if regions:
        needed.append(_secret(scope, "database-regions", names.DATABASE_REGIONS, Output.from_input(regions), stays))
    needed += [
        CustomResource(
            f"{scope.name}-database-{role}",
            api_version=database.STORE_API_VERSION,
            kind="ObjectStore",
            metadata=scope.meta(database.STORES[role], "database"),
            spec=spec,
            opts=stays,
        )
        for role, spec in database.object_stores(server).items()
    ]
    cluster = CustomResource(
        f"{scope.name}-database",
        api_version=database.API_VERSION,
        kind="Cluster",
        metadata=scope.meta(names.DATABASE, "database"),
        spec=database.cluster(server),
        opts=scope.kept(needed),
    )
    if server.storage.archive:
        _ = CustomResource(
            f"{scope.name}-database-backups",
            api_version=database.API_VERSION,
            kind="ScheduledBackup",
            metadata=scope.meta(names.DATABASE, "database"),
            spec=database.scheduled_backup(server.storage.archive),
            opts=scope.child([cluster]),
        )
    return cluster


def dkim_secrets(scope: Scope, args: StalwartServerArgs) -> dict[str, Secret]:
    """The Secrets with the keys a primary signs with, by their names: as many as the size of the keys needs."""
    server = scope.server
    if server.role == Role.BACKUP:
        return {}
    keys = [
        selector.record_name(domain.name)
        for domain in server.mail_domains
        for selector in domain.selectors
        if selector.signs_here
    ]
    groups = [keys[start : start + DKIM_KEYS_PER_SECRET] for start in range(0, len(keys), DKIM_KEYS_PER_SECRET)]
    return {
        f"{names.DKIM_SECRET}-{number}": Secret(
            f"{scope.name}-{names.DKIM_SECRET}-{number}",
            SecretInitArgs(metadata=scope.secret_meta(f"{names.DKIM_SECRET}-{number}"), data=_dkim_data(args, group)),
            scope.child(),
        )
        for number, group in enumerate(groups)
    }


def _dkim_data(args: StalwartServerArgs, wanted: Sequence[str]) -> Output[dict[str, str]]:
    def encode(given: Mapping[str, Any]) -> dict[str, str]:
        missing = [key for key in wanted if key not in given]
        if missing:
            raise checks.ArgumentsError("StalwartServer", [f"dkim_private_keys: no key is given for {key}" for key in missing])
        return secret_data.encode({key: given[key] for key in wanted})

    return Output.secret(Output.from_input(args.get("dkim_private_keys", {})).apply(encode))


def certificate_requests(scope: Scope) -> list[pulumi.Resource]:
    """What cert-manager is asked for; nothing when certificates come from elsewhere."""
    tls = scope.server.tls
    if not tls.issuer:
        return []
    issuer = {"group": "cert-manager.io", "kind": tls.issuer_kind.value, "name": tls.issuer}
    return [
        CustomResource(
            f"{scope.name}-certificate" if number == 0 else f"{scope.name}-certificate-{number}",
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=scope.meta(found.secret_name),
            spec={
                "secretName": found.secret_name,
                "dnsNames": list(found.names),
                "issuerRef": issuer,
                # Since 1.18 cert-manager makes a new key at every renewal.
                **({"privateKey": {"rotationPolicy": "Never"}} if tls.keep_key else {}),
            },
            opts=scope.child(),
        )
        for number, found in enumerate(certificates(scope.server))
    ]


def policies(scope: Scope) -> list[pulumi.Resource]:
    """Who may talk to whom."""
    wanted = {
        "server": (names.SERVER, network.server_policy(scope.server)),
        "plan": (names.PLAN, network.plan_policy()),
    }
    if scope.server.role == Role.BACKUP:
        wanted["recipients"] = (names.RECIPIENTS, network.recipients_policy(scope.server))
    return [
        NetworkPolicy(
            f"{scope.name}-{name}-policy",
            NetworkPolicyInitArgs(metadata=scope.meta(f"stalwart-{name}", component), spec=spec),
            scope.child(),
        )
        for name, (component, spec) in wanted.items()
    ]


def autoscaler(scope: Scope, after: Sequence[pulumi.Resource]) -> None:
    """The autoscaler, where one is wanted."""
    if scope.server.storage.max_replicas:
        _ = HorizontalPodAutoscaler(
            f"{scope.name}-autoscaler",
            HorizontalPodAutoscalerInitArgs(metadata=scope.meta(names.APPLICATION), spec=scaling.autoscaler(scope.server)),
            scope.child(after),
        )


@dataclass(frozen=True)
class _Files:
    """A ConfigMap under a name that says what is in it."""

    name: str
    resource: pulumi.Resource


def later_jobs(scope: Scope, reader: RecipientReaderArgs | None, after: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
    """The Jobs for a server that runs: passwords, directory, recipients, renewed certificates.

    Args:
        scope: whose they are.
        reader: on a backup, how recipients are read from the primary.
        after: what must be there, among it the running server.

    Returns:
        The Jobs that must be done before mail may come.
    """
    server = scope.server
    texts = {"follow-up-files": follow_up.files(server), "programs": job_pod.programs()}
    files, programs = (_config_map(scope, name, names.FOLLOW_UP, found) for name, found in texts.items())
    contents = [text for found in texts.values() for text in found.values()]
    done: list[pulumi.Resource] = []
    work = follow_up.work(server, files.name, programs.name)
    if work:
        digest_of = follow_up.work_digest(work, *contents, *(account.model_dump_json() for account in server.accounts))
        done.append(_job(scope, "follow-up", work, digest_of, [*after, files.resource, programs.resource]))
    if certificates(server):
        work = follow_up.reload_tls_work(server, files.name)
        _cron_job(scope, "reload-tls", work, follow_up.RELOAD_TLS_CRON, [*after, files.resource], follow_up.SYNC_DEADLINE_S)
    if follow_up.syncs_recipients(server) and reader:
        work = follow_up.recipients_work(server, programs.name, [], follow_up.Primary(reader["url"], reader["username"]))
        cron = f"*/{server.recipients.sync_minutes} * * * *"
        _cron_job(scope, names.RECIPIENTS, work, cron, [*after, programs.resource], follow_up.SYNC_DEADLINE_S)
    if server.recipients.source == RecipientSource.LIST:
        done.append(_list_job(scope, programs, contents, after))
    return done


def _list_job(scope: Scope, programs: _Files, contents: Sequence[str], after: Sequence[pulumi.Resource]) -> pulumi.Resource:
    texts = follow_up.recipient_files(scope.server)
    lists = [
        _config_map(scope, f"recipients-{number}", names.RECIPIENTS, {f"{number}.txt": text}) for number, text in enumerate(texts)
    ]
    work = follow_up.recipients_work(scope.server, programs.name, [found.name for found in lists], None)
    digest_of = follow_up.work_digest(work, *texts, *contents, *(repr(domain) for domain in scope.server.mail_domains))
    return _job(scope, names.RECIPIENTS, work, digest_of, [*after, programs.resource, *(found.resource for found in lists)])


def _config_map(scope: Scope, name: str, component: str, data: Mapping[str, str]) -> _Files:
    object_name = f"stalwart-{name}-{digest(''.join(data.values()))}"
    made = ConfigMap(
        f"{scope.name}-{name}",
        ConfigMapInitArgs(metadata=scope.meta(object_name, component), data=dict(data)),
        scope.child(),
    )
    return _Files(object_name, made)


def _job(scope: Scope, name: str, work: job_pod.Work, work_digest: str, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
    return Job(
        f"{scope.name}-{name}",
        JobInitArgs(
            metadata=scope.meta(f"stalwart-{name}-{work_digest}", work.component, job_pod.RETRY_FAILED),
            spec=follow_up.job(work, scope.credentials_name),
        ),
        scope.child(after, timeout=JOB_TIMEOUT),
    )


def _cron_job(
    scope: Scope,
    name: str,
    work: job_pod.Work,
    cron: str,
    after: Sequence[pulumi.Resource],
    deadline_s: int | None = None,
) -> None:
    _ = CronJob(
        f"{scope.name}-{name}",
        CronJobInitArgs(
            metadata=scope.meta(f"stalwart-{name}", work.component),
            spec=follow_up.cron_job(work, scope.credentials_name, cron, deadline_s),
        ),
        scope.child(after),
    )
