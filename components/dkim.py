"""DKIM keys (RFC 6376; RFC 8463 for Ed25519): the life of a selector, what makes a key good, and its DNS record."""

import base64
import binascii
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, NotRequired, TypedDict

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import AfterValidator, Field, model_validator

from . import checks
from .model import Model

MIN_RSA_BITS = 2048  # RFC 8301, section 3.2: signers SHOULD use at least 2048
ED25519_BYTES = 32

PublicKey = RSAPublicKey | Ed25519PublicKey


class DkimAlgorithm(StrEnum):
    """How a selector's key signs."""

    RSA = "rsa"  # RSA-2048: every receiver verifies it
    ED25519 = "ed25519"  # small and strong, but not verified everywhere: always beside an RSA key


class SelectorState(StrEnum):
    """Where a selector is in its life. After `retired` it is taken out of the settings."""

    PENDING = "pending"  # published, so that receivers know it before the first signature
    ACTIVE = "active"  # published and signing
    RETIRING = "retiring"  # published, for mail that is still on its way
    RETIRED = "retired"  # published as revoked: an empty key (RFC 6376, section 3.6.1)


class DkimSelectorArgs(TypedDict):
    """One DKIM key of a domain."""

    name: str
    """The selector: the label below `_domainkey` where the public key is published."""
    algorithm: str
    """`rsa` or `ed25519`."""
    state: NotRequired[str]
    """`pending`, `active` (default), `retiring` or `retired`. Publish a new selector first, and make it active one `up` later."""
    public_key: NotRequired[str]
    """The public half of a key that signs elsewhere: PEM, or what stands after `p=`. This server does not sign with it."""


def _public_key(text: str) -> str:
    return public_pem(parse_public_key(text))


class DkimSelector(Model):
    """A checked `DkimSelectorArgs`."""

    name: Annotated[str, AfterValidator(checks.selector)] = Field(
        description="the label the public key is published under", examples=["s202611-rsa"]
    )
    algorithm: DkimAlgorithm = Field(description="rsa (2048 bits) or ed25519", examples=["rsa"])
    state: SelectorState = Field(
        SelectorState.ACTIVE, description="pending, active, retiring or retired; see docs/runbooks/dkim.md", examples=["pending"]
    )
    public_key: Annotated[str, AfterValidator(_public_key)] | None = Field(
        None, description="the public half of a key that signs elsewhere: PEM, or what stands after p=", examples=["MIIBIjAN..."]
    )

    @model_validator(mode="after")
    def _key_of_its_algorithm(self) -> "DkimSelector":
        if self.public_key and algorithm_of(parse_public_key(self.public_key)) != self.algorithm:
            raise ValueError(f"has a public key that is not {self.algorithm}")
        return self

    @property
    def signs_here(self) -> bool:
        """Whether this server signs with it."""
        return self.state == SelectorState.ACTIVE and self.public_key is None

    @property
    def is_relied_on(self) -> bool:
        """Whether mail that was sent verifies with it."""
        return self.state in (SelectorState.ACTIVE, SelectorState.RETIRING)

    @property
    def is_revoked(self) -> bool:
        """Whether its record says that the key is no longer good."""
        return self.state == SelectorState.RETIRED

    def record_name(self, domain: str) -> str:
        """The name the public key is published under; Secrets and the plan call the key by it too (RFC 6376, section 3.6.2.1)."""
        return f"{self.name}._domainkey.{domain}"


DEFAULT_SELECTORS = tuple(
    DkimSelector.model_validate({"name": f"s1-{algorithm}", "algorithm": algorithm}) for algorithm in DkimAlgorithm
)


def selectors_of_a_domain(selectors: Sequence[DkimSelector]) -> None:
    """Nothing, or a `ValueError` when the domain's mail would not be signed, or one name stands for two keys."""
    checks.no_duplicates([selector.name for selector in selectors])
    active = [selector for selector in selectors if selector.state == SelectorState.ACTIVE]
    if not active:
        raise ValueError("has no selector whose state is active, so its mail would not be signed")
    if not any(selector.algorithm == DkimAlgorithm.RSA for selector in active):
        raise ValueError("has no active rsa selector, and not every receiver verifies ed25519; keep one beside it")


def parse_public_key(text: str) -> PublicKey:
    """A public key that receivers take.

    Args:
        text: PEM (SubjectPublicKeyInfo), or base64 as it stands after `p=` in a record.

    Raises:
        ValueError: it is not a public key, is of another kind, or is RSA with fewer than 2048 bits.
    """
    try:
        if "-----BEGIN" in text:
            return _good(load_pem_public_key(text.encode()))
        raw = base64.b64decode(re.sub(r"\s", "", text), validate=True)
        # Unlike RSA, the bare 32 bytes: RFC 8463, section 4.
        return Ed25519PublicKey.from_public_bytes(raw) if len(raw) == ED25519_BYTES else _good(load_der_public_key(raw))
    except (binascii.Error, UnsupportedAlgorithm):
        raise ValueError("is not a public key: PEM, or base64 as it stands after p=") from None


def private_key(pem: str, algorithm: DkimAlgorithm) -> tuple[str, str]:
    """A private key that somebody brings: it as PKCS#8 PEM, and its public half as PEM.

    Raises:
        ValueError: it is no private key without a passphrase, not of this algorithm, or too weak. The text is not shown.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("is not a private key in PEM without a passphrase") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("is neither an RSA nor an Ed25519 key, and DKIM knows no other")
    public = _good(key.public_key())
    if algorithm_of(public) != algorithm:
        raise ValueError(f"is an {algorithm_of(public)} key, and its selector says {algorithm}")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public_pem(public)


def algorithm_of(key: PublicKey) -> DkimAlgorithm:
    """How a key signs."""
    return DkimAlgorithm.RSA if isinstance(key, RSAPublicKey) else DkimAlgorithm.ED25519


def public_pem(key: PublicKey) -> str:
    """A public key as PEM (SubjectPublicKeyInfo)."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def record_value(public_key: str) -> str:
    """The text to publish under `<selector>._domainkey.<domain>` (RFC 6376, section 3.6.1).

    Args:
        public_key: as `parse_public_key` takes it.

    Raises:
        ValueError: as `parse_public_key`.
    """
    key = parse_public_key(public_key)
    if isinstance(key, RSAPublicKey):
        data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        data = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={algorithm_of(key)}; h=sha256; p={base64.b64encode(data).decode()}"


def revoked_value(algorithm: DkimAlgorithm) -> str:
    """The text that says a key is revoked (RFC 6376, section 3.6.1)."""
    return f"v=DKIM1; k={algorithm}; p="


def _good(key: object) -> PublicKey:
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise ValueError(f"is an RSA key of {key.key_size} bits; receivers may ignore fewer than {MIN_RSA_BITS}")
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise ValueError("cannot sign mail: it is neither an RSA nor an Ed25519 key")
