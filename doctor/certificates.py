"""What a served certificate says of itself: its names, its end, its key (RFC 5280)."""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HASHES = {"1": hashlib.sha256, "2": hashlib.sha512}  # RFC 6698, section 2.1.3


def names(der: bytes) -> tuple[str, ...]:
    """The DNS names of a certificate; the common name is no longer one (RFC 9525)."""
    try:
        extension = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))


def names_host(der: bytes, host: str) -> bool:
    """Whether the certificate is for the host; a wildcard stands for one label (RFC 9525, section 6.3)."""
    wildcard = f"*.{host.partition('.')[2]}"
    return any(name in (host, wildcard) for name in names(der))


def validity(der: bytes) -> tuple[datetime, datetime]:
    """From when to when the certificate is good."""
    certificate = x509.load_der_x509_certificate(der)
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def association(der: bytes, selector: str, matching: str) -> str:
    """The data of a TLSA record for a certificate (RFC 6698, section 2.1), in lower-case hexadecimal.

    Args:
        der: the certificate.
        selector: `0` the whole certificate, `1` its public key.
        matching: `0` as it is, `1` SHA-256, `2` SHA-512.
    """
    if selector == "1":
        key = x509.load_der_x509_certificate(der).public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return HASHES[matching](der).hexdigest() if matching in HASHES else der.hex()
