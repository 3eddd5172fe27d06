"""What is seen from outside the server: its certificate, its addresses on DNS blocklists, and the other region's exchange."""

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from ipaddress import ip_address, ip_network

from .metrics import BLOCKLIST_ANSWERS, BLOCKLIST_LISTED, CERTIFICATE_END, CERTIFICATE_TRUSTED, PEER_REACHABLE, Reading

SMTP_PORT = 25
TIMEOUT_S = 20.0
OK, READY = 250, 220  # replies of SMTP

LISTINGS = ip_network("127.0.0.0/8")
REFUSALS = ip_network("127.255.255.0/24")  # what Spamhaus and others answer in place of an error
ALWAYS_LISTED, NEVER_LISTED = "127.0.0.2", "127.0.0.1"  # RFC 5782, section 5

SEQUENCE, CONTEXT_0, UTC_TIME = 0x30, 0xA0, 0x17  # tags of DER (ITU-T X.690)
LONG_LENGTH = 0x80

Resolve = Callable[[str], Sequence[str] | None]


def certificate_end(certificate: bytes) -> float:
    """When a certificate ends (RFC 5280, section 4.1.2.5), in Unix time. It need not be one that can be verified.

    Args:
        certificate: in DER. The standard library decodes only those that it has verified.

    Raises:
        ValueError: it is none.
    """
    try:
        _, body, _ = _element(certificate, 0)
        tag, to_sign, _ = _element(body, 0)
        place = 0
        if to_sign[0] == CONTEXT_0:  # the version
            _, _, place = _element(to_sign, place)
        for _name in ("serialNumber", "signature", "issuer"):
            _, _, place = _element(to_sign, place)
        tag, validity, _ = _element(to_sign, place)
        _, _, place = _element(validity, 0)  # notBefore
        kind, end, _ = _element(validity, place)
        # A year of two digits is of the years from 1950 on, and of strptime's from 1969 on: none of those is in use.
        form = "%y%m%d%H%M%SZ" if kind == UTC_TIME else "%Y%m%d%H%M%SZ"
        moment = datetime.strptime(end.decode(), form).replace(tzinfo=timezone.utc)  # noqa: UP017  Python 3.11 has both
    except (IndexError, ValueError):
        raise ValueError("what the server shows is no certificate") from None
    if tag != SEQUENCE:
        raise ValueError("what the server shows is no certificate")
    return moment.timestamp()


def _element(data: bytes, start: int) -> tuple[int, bytes, int]:
    """The tag and the content of the element that begins there, and where the next one begins."""
    tag, length, place = data[start], data[start + 1], start + 2
    if length >= LONG_LENGTH:
        size = length - LONG_LENGTH
        length, place = int.from_bytes(data[place : place + size], "big"), place + size
    return tag, data[place : place + length], place + length


def certificate(address: str, hostname: str, is_public: bool = False, port: int = SMTP_PORT) -> Iterator[Reading]:
    """The end of the certificate that the server shows after STARTTLS (RFC 3207), and whether clients trust it.

    Args:
        address: of the server inside the cluster.
        hostname: the name that clients ask for.
        is_public: whether clients should trust it. A server without a certificate signs one itself, which hardly ends.
        port: where it takes mail.

    Raises:
        OSError: it cannot be asked.
        smtplib.SMTPException: likewise.
        ValueError: it has none.
    """
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE  # one that has ended is still read
    yield Reading(CERTIFICATE_END, certificate_end(_shown(anything, address, hostname, port)))
    if is_public:
        try:
            _ = _shown(ssl.create_default_context(), address, hostname, port)
        except ssl.SSLCertVerificationError as error:
            print(f"certificate: {error.verify_message}", flush=True)  # noqa: T201
            yield Reading(CERTIFICATE_TRUSTED, 0)
        else:
            yield Reading(CERTIFICATE_TRUSTED, 1)


def _shown(context: ssl.SSLContext, address: str, hostname: str, port: int) -> bytes:
    """The certificate in DER that the server shows."""
    client = smtplib.SMTP(address, port, timeout=TIMEOUT_S, local_hostname=hostname)
    try:
        _ = client.ehlo()
        code, said = client.docmd("STARTTLS")
        if code != READY or client.sock is None:
            raise smtplib.SMTPResponseException(code, said)
        # Not client.starttls(), which would ask for the name it connected to.
        with context.wrap_socket(client.sock, server_hostname=hostname) as connection:
            return connection.getpeercert(binary_form=True) or b""
    finally:
        client.close()


def peer(hostname: str, own_hostname: str, port: int = SMTP_PORT) -> Iterator[Reading]:
    """Whether the other exchange greets and answers EHLO; no mail is sent. That it does not is an answer, and no failure."""
    reason = ""
    try:
        with contextlib.closing(smtplib.SMTP(hostname, port, timeout=TIMEOUT_S, local_hostname=own_hostname)) as client:
            code, said = client.ehlo()
            if code == OK:
                _ = client.docmd("QUIT")
            else:
                reason = f"{code} {said.decode(errors='replace')}"
    except (OSError, smtplib.SMTPException) as error:
        reason = str(error) or type(error).__name__
    if reason:
        print(f"peer: {hostname} port {port}: {reason}", flush=True)  # noqa: T201
    yield Reading(PEER_REACHABLE, float(not reason), (hostname,))


def resolve(name: str) -> Sequence[str] | None:
    """The IPv4 addresses of a name, by the cluster's resolver: none if it has none, and None if that cannot be told."""
    try:
        # The trailing dot: without it every search domain of the pod would be tried first.
        found = socket.getaddrinfo(f"{name}.", None, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return () if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA) else None
    return [str(address[0]) for *_, address in found]


def blocklists(zones: Sequence[str], addresses: Sequence[str], ask: Resolve = resolve) -> Iterator[Reading]:
    """What each list says of each address (RFC 5782).

    A list that does not answer as it must for its test addresses says nothing: it may refuse this resolver, or have been given
    up and list the whole world.
    """
    for zone in zones:
        answers = _is_listed(zone, ALWAYS_LISTED, ask) is True and _is_listed(zone, NEVER_LISTED, ask) is False
        yield Reading(BLOCKLIST_ANSWERS, float(answers), (zone,))
        for address in addresses if answers else ():
            listed = _is_listed(zone, address, ask)
            if listed is not None:
                yield Reading(BLOCKLIST_LISTED, float(listed), (zone, address))


def _is_listed(zone: str, address: str, ask: Resolve) -> bool | None:
    """Whether it is; None if that cannot be told."""
    reverse = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    found = ask(f"{reverse}.{zone}")
    if found is None:
        return None
    codes = [ip_address(text) for text in found]
    if any(code in LISTINGS and code not in REFUSALS for code in codes):
        return True
    return None if codes else False
