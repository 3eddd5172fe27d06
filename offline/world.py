"""The world the offline preview runs in: what it answers for everything that only exists after `pulumi up`.

Every stand-in is made from the resource's name, so two previews give the same bytes. The public keys have no private
half, anywhere; the addresses are from the ranges that documentation uses (RFC 5737).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pulumi.runtime.mocks import MockResourceArgs

RSA_BYTES = 256
STAND_IN_ADDRESS = "192.0.2.1"


class OfflineWorld:
    """Answers for new resources, and for the stacks that were recorded before."""

    def __init__(self, stacks: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Make a world.

        Args:
            stacks: outputs of other stacks by `project/stack`, whatever their organization.
        """
        self.stacks = stacks or {}

    def stack_outputs(self, name: str) -> Mapping[str, Any] | None:
        """The recorded outputs of another stack."""
        return self.stacks.get("/".join(name.split("/")[-2:]))

    def create(self, args: MockResourceArgs) -> Mapping[str, Any]:
        """What a new resource answers beside its inputs."""
        inputs = cast("dict[str, Any]", args.inputs)
        if args.typ == "random:index/randomPassword:RandomPassword":
            return {"result": secret_text(args.name)}
        if args.typ == "random:index/randomBytes:RandomBytes":
            stand_in = hashlib.shake_256(args.name.encode()).digest(int(inputs["length"]))
            return {"base64": base64.b64encode(stand_in).decode(), "hex": stand_in.hex()}
        if args.typ == "tls:index/privateKey:PrivateKey":
            public = public_key_pem(args.name, inputs["algorithm"])
            return {"publicKeyPem": public, "privateKeyPemPkcs8": secret_text(args.name)}
        if args.typ == "kubernetes:core/v1:Secret":
            return {"metadata": {**inputs["metadata"], "resourceVersion": "1"}}
        if args.typ == "kubernetes:core/v1:Service" and inputs["spec"].get("type") == "LoadBalancer":
            return {"status": {"loadBalancer": {"ingress": [{"ip": STAND_IN_ADDRESS}]}}}
        return {}


def secret_text(name: str) -> str:
    """A stand-in for a secret, which a test can look for in what is written."""
    return "stand-in-secret-" + hashlib.sha256(name.encode()).hexdigest()


def public_key_pem(name: str, algorithm: str) -> str:
    """A well-formed public key that nobody has the private half of."""
    if algorithm == "ED25519":
        key = Ed25519PublicKey.from_public_bytes(hashlib.sha256(name.encode()).digest())
    else:
        modulus = bytearray(hashlib.shake_256(name.encode()).digest(RSA_BYTES))
        modulus[0] |= 0x80
        modulus[-1] |= 0x01
        key = RSAPublicNumbers(65537, int.from_bytes(modulus)).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
