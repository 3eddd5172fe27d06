"""The DNS record of a DKIM public key (RFC 6376, section 3.6.1; RFC 8463 for Ed25519)."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MIN_RSA_BITS = 2048  # RFC 8301, section 3.2: signers SHOULD use at least 2048


def record_value(public_key_pem: str) -> str:
    """The text to publish under `<selector>._domainkey.<domain>`.

    Args:
        public_key_pem: an RSA or Ed25519 public key in PEM (SubjectPublicKeyInfo).

    Raises:
        ValueError: it is not a public key, is of another kind, or is RSA with fewer than 2048 bits.
    """
    key = load_pem_public_key(public_key_pem.encode())
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise ValueError(f"the RSA key has {key.key_size} bits; receivers may ignore fewer than {MIN_RSA_BITS}")
        return f"v=DKIM1; k=rsa; h=sha256; p={_base64(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))}"
    if isinstance(key, Ed25519PublicKey):
        # Unlike RSA, the bare 32 bytes: RFC 8463, section 4.
        return f"v=DKIM1; k=ed25519; h=sha256; p={_base64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}"
    raise ValueError(f"a {type(key).__name__} cannot sign mail; DKIM knows RSA and Ed25519")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
