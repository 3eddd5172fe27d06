"""The suite: mail, chat and calls, and what they give each other."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions
from stalwart_mail import DkimKeys, MailDns, StalwartServer
from stalwart_mail.mail_domain import MailDomainArgs
from stalwart_mail.stalwart.arguments import StalwartServerArgs

from . import stunner
from .cluster import GatewayRef
from .homeserver import IssuerRef, SubmissionRef
from .livekit import MEDIA_PORT, LiveKit
from .matrix import Matrix
from .settings import Settings
from .stunner import Stunner


def deploy(settings: Settings) -> Mapping[str, pulumi.Input[Any]]:
    """Register every resource of the suite.

    Returns:
        The stack's outputs by name.
    """
    provider = kubernetes.Provider(
        "kubernetes",
        context=settings.kube_context or None,
        # The provider is replaced, and all objects with it, when this changes; a new kubeconfig must not do that.
        cluster_identifier=settings.domain,
        enable_secret_mutable=True,
    )
    options = ResourceOptions(providers=[provider])
    gateway = GatewayRef(
        name=settings.gateway.name,
        namespace=settings.gateway.namespace,
        proxy_namespace=settings.gateway.proxy_namespace or settings.gateway.namespace,
    )
    server, dns = _mail(settings, options)
    turn = Stunner(
        "stunner",
        {"options": settings.stunner, "media_namespace": settings.livekit.namespace, "media_port": MEDIA_PORT},
        options,
    )
    calls = LiveKit(
        "livekit",
        {
            "options": settings.livekit,
            "domain": settings.domain,
            "turn": {
                "address": settings.stunner.address,
                "port": stunner.TURN_PORT,
                "gateway": turn.gateway_name,
                "namespace": settings.stunner.namespace,
                "secret": turn.secret,
            },
            "gateway": gateway,
        },
        options,
    )
    submission = _submission(settings, server)
    chat = Matrix(
        "matrix",
        {
            "options": settings.matrix,
            "domain": settings.domain,
            "issuer": _issuer(settings),
            "gateway": gateway,
            "calls_url": calls.url,
            "submission": submission,
        },
        options,
    )
    return {
        "jmapUrl": server.jmap_url,
        "submissionUrl": server.submission_url,
        "relayEndpoint": server.relay_endpoint,
        "matrixUrl": chat.url,
        "callsUrl": calls.url,
        "turn": Output.format("turn:{0}:{1}?transport=udp", turn.address, stunner.TURN_PORT),
        "zones": dns.zone_files,
        "ptr": dns.ptr,
        "notifications": f"sent as {_sender(settings)}" if submission else _how_to_notify(settings),
    }


def _mail(settings: Settings, options: ResourceOptions) -> tuple[StalwartServer, MailDns]:
    """Stalwart with the shared identity provider, and an account that chat sends as."""
    mail = settings.mail
    domains: list[MailDomainArgs] = [{"name": settings.domain}]
    keys = DkimKeys("dkim", {"domains": domains}, options)
    oidc = {"issuer_url": settings.issuer.url, "username_claim": "email"}
    if settings.issuer.mail_audience:
        oidc["audience"] = settings.issuer.mail_audience
    args: dict[str, Any] = {
        **mail.model_dump(mode="json", exclude_unset=True, exclude_none=True),
        "domains": domains,
        "directory": {"oidc": oidc},
        "accounts": [{"address": _sender(settings), "description": "Notifications of chat"}],
        "dkim_private_keys": keys.private_keys,
    }
    server = StalwartServer("mail", cast("StalwartServerArgs", args), options)
    addresses: list[pulumi.Input[str]] = [*mail.exposure.addresses] or [server.addresses.apply(lambda found: found[0])]
    dns = MailDns(
        "dns",
        {
            "hostname": mail.hostname,
            "addresses": addresses,
            "domains": domains,
            "exchange": server.exchange,
            "dkim_public_keys": keys.each_public_key(),
            "mta_sts": {},
        },
        options,
    )
    return server, dns


def _issuer(settings: Settings) -> IssuerRef:
    found: IssuerRef = {"url": settings.issuer.url, "client_id": settings.issuer.matrix_client_id}
    if settings.issuer.matrix_client_secret:
        found["client_secret"] = Output.secret(settings.issuer.matrix_client_secret.get_secret_value())
    return found


def _submission(settings: Settings, server: StalwartServer) -> SubmissionRef | None:
    password = settings.notifications.app_password
    if password is None:
        return None
    return {
        "endpoint": server.relay_endpoint,
        "namespace": server.namespace,
        "hostname": server.hostname,
        "address": _sender(settings),
        "password": Output.secret(password.get_secret_value()),
    }


def _sender(settings: Settings) -> str:
    return f"{settings.notifications.local_part}@{settings.domain}"


def _how_to_notify(settings: Settings) -> str:
    return (
        f"not sent: make an app password for {_sender(settings)} as README.md says, then"
        " pulumi config set --secret --path notifications.appPassword"
    )
