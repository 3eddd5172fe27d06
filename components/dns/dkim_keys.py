"""`DkimKeys`: the key pairs that sign for mail domains. They live in the stack's state and are never made twice."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_tls import PrivateKey

from .. import checks
from ..mail_domain import DkimAlgorithm, MailDomainArgs, resolve
from .dkim import MIN_RSA_BITS


class DkimKeysArgs(TypedDict):
    """Arguments of `DkimKeys`."""

    domains: list[MailDomainArgs]
    """The domains that sign; a key pair is made for every selector. Plain: they decide which resources exist."""


class DkimKeys(pulumi.ComponentResource):
    """A key pair for every DKIM selector of every domain: the private halves for `StalwartServer`, the public ones for `MailDns`.

    Every pair is protected and retained: a lost key means mail that no longer verifies until DNS has caught up.

    Raises:
        ArgumentsError: listing every argument that is wrong.
    """

    private_keys: Output[Mapping[str, str]]
    """`<selector>._domainkey.<domain>` to PEM (PKCS#8); a secret."""
    public_keys: Output[Mapping[str, str]]
    """`<selector>._domainkey.<domain>` to PEM (SubjectPublicKeyInfo)."""

    def __init__(self, name: str, args: DkimKeysArgs, opts: ResourceOptions | None = None) -> None:
        """Register the key pairs.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `DkimKeysArgs`.
            opts: the usual options.
        """
        problems = checks.Problems("DkimKeys")
        domains = resolve(args["domains"], problems)
        problems.refuse()
        super().__init__("stalwart-mail:index:DkimKeys", name, {**args}, opts)

        keys = {
            selector.record_name(domain.name): PrivateKey(
                f"{name}-{selector.record_name(domain.name)}",
                algorithm="RSA" if selector.algorithm == DkimAlgorithm.RSA else "ED25519",
                rsa_bits=MIN_RSA_BITS if selector.algorithm == DkimAlgorithm.RSA else None,
                opts=ResourceOptions(parent=self, protect=True, retain_on_delete=True),
            )
            for domain in domains
            for selector in domain.dkim_selectors
        }
        self.private_keys = Output.secret(Output.all(**{key: pair.private_key_pem_pkcs8 for key, pair in keys.items()}))
        self.public_keys = Output.all(**{key: pair.public_key_pem for key, pair in keys.items()})
        self.register_outputs({"private_keys": self.private_keys, "public_keys": self.public_keys})
