"""Mail and web servers on local ports, and their certificates. Made once a process: worlds share those that are alike."""

import asyncio
import datetime
import hashlib
import ssl
import threading
from functools import cache

import trustme
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
REAL_NAMES = (
    *("mx1.example.com", "mx2.example.com", "mta-sts.mail.example.org"),
    *(f"mta-sts.{name}" for name in ("example.com", "example.net", "example.org", "example.info")),
    *(f"mta-sts.{label}.example.com" for label in ("sub", "shop", "www")),
)
MX1_NAMES = ("mx1.example.com", "mta-sts.example.com", "mta-sts.example.net")

# kind of certificate: the names it has, and how many days it is good for
KINDS = {
    "mx1": (MX1_NAMES, 90),
    "mx2": (("mx2.example.com",), 90),
    "real": (REAL_NAMES, 90),
    "other": (("mail.other.example",), 90),
    "expired": (MX1_NAMES, -1),
    "soon": (MX1_NAMES, 5),
    "wrong-name": (("www.example.com", "mta-sts.example.com", "mta-sts.example.net"), 90),
    "no-policy-name": (("mx1.example.com",), 90),
    "untrusted": (MX1_NAMES, 90),
    "untrusted-mx2": (("mx2.example.com",), 90),
    "rekeyed": (MX1_NAMES, 90),
    "short-lived": (("mx2.example.com",), 3),
    "wildcard": (("*.example.com", "exact.org"), 90),
}


@cache
def authority(trusted):
    return trustme.CA(organization_name="Trusted" if trusted else "Stranger")


@cache
def issued(kind):
    names, days = KINDS[kind]
    age = 3 if kind == "short-lived" else 100
    ca = authority(not kind.startswith("untrusted"))
    return ca.issue_cert(*names, not_before=NOW - age * DAY, not_after=NOW + days * DAY)


def certificate(kind):
    return x509.load_pem_x509_certificate(issued(kind).cert_chain_pems[0].bytes())


def der(kind):
    return certificate(kind).public_bytes(Encoding.DER)


def key_digest(kind):
    """SHA-256 of the public key of a kind of certificate, as TLSA `3 1 1` has it."""
    key = certificate(kind).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def trust():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority(True).configure_trust(context)
    return context


@cache
def smtp(name, kind="mx1", starttls=True):
    """An SMTP server that calls itself by a name."""
    context = _server_context(kind) if starttls else None
    return _listening(lambda loop: loop.create_server(lambda: _smtp(name, context, loop), "127.0.0.1", 0))


@cache
def says(greeting):
    """A server that says one thing and leaves."""

    async def answer(_reader, writer):
        writer.write(greeting.encode())
        await _leave(writer)

    return _listening(lambda _loop: asyncio.start_server(answer, "127.0.0.1", 0))


@cache
def says_nothing():
    """A server that takes connections and keeps silent, as some firewalls do for every address."""

    async def wait(reader, writer):
        await reader.read()
        await _leave(writer)

    return _listening(lambda _loop: asyncio.start_server(wait, "127.0.0.1", 0))


@cache
def web(kind, body="", status="200 OK", content_type="text/plain"):
    """An HTTPS server that gives one response to every request; also any other server with implicit TLS."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nLocation: https://x.example/\r\n\r\n"

    async def answer(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write((head + body).encode())
        except (asyncio.IncompleteReadError, OSError):
            pass  # it only wanted a handshake
        await _leave(writer)

    return _listening(lambda _loop: asyncio.start_server(answer, "127.0.0.1", 0, ssl=_server_context(kind)))


async def _leave(writer):
    try:
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:
        pass


def _smtp(name, context, loop):
    return SMTP(Sink(), hostname=name, ident="ESMTP", tls_context=context, loop=loop)


@cache
def _server_context(kind):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued(kind).configure_cert(context)
    return context


def _listening(create):
    async def start():
        return await create(asyncio.get_running_loop())

    server = asyncio.run_coroutine_threadsafe(start(), _loop()).result(10)
    _servers.append(server)
    return server.sockets[0].getsockname()[1]


_servers = []


@cache
def _loop():
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # clients that leave in the middle are what is tested
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
