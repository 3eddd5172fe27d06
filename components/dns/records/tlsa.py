"""What a host's certificate is pinned to (RFC 6698; RFC 7672 for SMTP)."""

import re
from dataclasses import dataclass

# Usages 0 and 1 are not for mail (RFC 7672, section 3.1.3). Selector 0 is of a whole certificate, and wrong at every renewal;
# type 0 holds all of it, too large for DNS.
TLSA = re.compile(r"^(?P<usage>[23]) (?P<selector>1) (?P<type>[12]) (?P<digest>[0-9A-Fa-f]+)$")
DIGEST_LENGTHS = {1: 64, 2: 128}  # of SHA-256 and SHA-512 in hex


@dataclass(frozen=True)
class Tlsa:
    """What a host's certificate or its authority is pinned to (RFC 6698; RFC 7672 for SMTP)."""

    usage: int
    """3 for the host's own key, 2 for an authority in its chain; mail takes no other."""
    selector: int
    """1: the public key."""
    matching_type: int
    """1 for SHA-256, 2 for SHA-512."""
    digest: str
    """In upper-case hex, as Cloudflare gives it back."""


def parse_tlsa(text: str) -> Tlsa:
    """What a certificate is pinned to, as a zone file has it: usage, selector, matching type, digest.

    Raises:
        ValueError: mail would not use it, or the digest has another length.
    """
    match = TLSA.match(text)
    if not match or len(match["digest"]) != DIGEST_LENGTHS[int(match["type"])]:
        raise ValueError("is not a TLSA record for mail: `3 1 1` or `2 1 1`, and SHA-256 in hex (RFC 7672, section 3.1)")
    return Tlsa(int(match["usage"]), int(match["selector"]), int(match["type"]), match["digest"].upper())
