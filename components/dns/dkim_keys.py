"""`DkimKeys`: the key pairs that sign for mail domains. They live in the stack's state and are never made twice."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_tls import PrivateKey

from .. import checks, dkim
from ..dkim import DkimAlgorithm, DkimSelector
from ..mail_domain import MailDomainArgs, resolve


class DkimKeysArgs(TypedDict):
    """Arguments of `DkimKeys`."""

    domains: list[MailDomainArgs]
    """The domains that sign; a key pair is made for every selector that has no key. Plain: they decide which resources exist."""
    private_keys: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Keys you bring: `<selector>._domainkey.<domain>` to private key in PEM. The names are plain, the keys secret."""


class DkimKeys(pulumi.ComponentResource):
    """A key pair for every DKIM selector of every domain: the private halves for `StalwartServer`, the public ones for `MailDns`.

    A pair is protected while mail relies on it, that is while its selector is `active` or `retiring`: with a lost key mail does
    not verify until DNS has caught up.

    Raises:
        ArgumentsError: listing every argument that is wrong; for a key that is only known later, once it is.
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
        selectors = {
            selector.record_name(domain.name): selector
            for domain in domains
            for selector in domain.selectors
            if not selector.public_key
        }
        given = args.get("private_keys", {})
        problems.found += [
            f"private_keys: `{key}` is no selector here; there are: {', '.join(sorted(selectors))}"
            for key in sorted(given.keys() - selectors)
        ]
        problems.refuse()
        super().__init__("stalwart-mail:index:DkimKeys", name, {"domains": args["domains"]}, opts)

        pairs = {
            key: _given(key, selector, given[key]) if key in given else _made(f"{name}-{key}", selector, self)
            for key, selector in selectors.items()
        }
        self.private_keys = Output.secret(Output.all(**{key: private for key, (private, _public) in pairs.items()}))
        self._public_keys = {key: public for key, (_private, public) in pairs.items()}
        self.public_keys = Output.all(**self._public_keys)
        self.register_outputs({"private_keys": self.private_keys, "public_keys": self.public_keys})

    def each_public_key(self) -> Mapping[str, Output[str]]:
        """`public_keys` one by one: a program in Python hands these to `MailDns`, and a new key leaves other records alone."""
        return self._public_keys


def _made(name: str, selector: DkimSelector, parent: pulumi.Resource) -> tuple[Output[str], Output[str]]:
    is_rsa = selector.algorithm == DkimAlgorithm.RSA
    pair = PrivateKey(
        name,
        algorithm="RSA" if is_rsa else "ED25519",
        rsa_bits=dkim.MIN_RSA_BITS if is_rsa else None,
        opts=ResourceOptions(parent=parent, protect=selector.is_relied_on, retain_on_delete=True),
    )
    return pair.private_key_pem_pkcs8, pair.public_key_pem


def _given(key: str, selector: DkimSelector, pem: pulumi.Input[str]) -> tuple[Output[str], Output[str]]:
    def pair(text: str) -> tuple[str, str]:
        try:
            return dkim.private_key(text, selector.algorithm)
        except ValueError as error:
            raise checks.ArgumentsError("DkimKeys", [f"private_keys: {key}: {error}"]) from None

    both = Output.secret(pem).apply(pair)
    return both.apply(lambda found: found[0]), Output.unsecret(both.apply(lambda found: found[1]))
