"""A recursive resolver for a small world: zones, aliases, wildcards, signed zones, and the ways a name can fail."""

import socketserver
import struct
import threading
import time
from contextlib import contextmanager
from functools import cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.zone

KINDS = ("SOA", "NS", "A", "AAAA", "CNAME", "MX", "TXT", "SRV", "TLSA", "CAA", "PTR", "DNSKEY", "DS")


class LocalDns:
    """What it knows, to be changed by tests while it runs."""

    def __init__(self):
        self.records = {}
        self.signed = set()
        self.validates = True
        self.broken = {}
        self.udp_limit = 1232

    def load(self, origin, text):
        """Add a zone in BIND format."""
        for name, kind, value in _parsed(origin, text):
            self.add(name, kind, value)

    def add(self, name, kind, *values):
        self.records.setdefault((_key(name), kind), []).extend(values)

    def set(self, name, kind, *values):
        """Put records in place of those of the type; none deletes them."""
        self.records.pop((_key(name), kind), None)
        if values:
            self.add(name, kind, *values)

    def fail(self, name, how, kind=None):
        """Let questions for a name, and for those below it, be answered with `drop`, `servfail`, `bogus` or `refused`."""
        self.broken[_key(name), kind] = how

    def forget(self, name):
        """Delete a name, and all below it."""
        for owner, kind in list(self.records):
            if owner == name or owner.endswith(f".{name}"):
                del self.records[owner, kind]

    def reply(self, query):
        """The response, or None for none."""
        answer = self.answer(query)
        return None if answer is None else _response(query, *answer)

    def answer(self, query):
        """What there is to say: the response code, whether it is authentic, and the records; None for no response."""
        question = query.question[0]
        name, kind = _key(question.name.to_text()), dns.rdatatype.to_text(question.rdtype)
        how = next((how for (at, of), how in self.broken.items() if of in (None, kind) and f".{name}".endswith(f".{at}")), None)
        if how == "drop":
            return None
        if how in ("servfail", "refused") or (how == "bogus" and not query.flags & dns.flags.CD):
            return dns.rcode.REFUSED if how == "refused" else dns.rcode.SERVFAIL, False, ()
        found, rcode = [], dns.rcode.NOERROR
        for _ in range(10):
            if records := self._at(name, kind):
                found.append((name, kind, *records))
                break
            alias = self._at(name, "CNAME")
            if not alias or kind == "CNAME":
                if not self._exists(name):
                    rcode = dns.rcode.NXDOMAIN
                break
            found.append((name, "CNAME", *alias))
            name = _key(alias[0])
        signed = any(name == zone or name.endswith(f".{zone}") for zone in self.signed)
        return rcode, bool(self.validates and query.flags & dns.flags.AD and signed), tuple(found)

    def _at(self, name, kind):
        if any((name, other) in self.records for other in KINDS):
            return self.records.get((name, kind))
        return self.records.get((f"*.{name.partition('.')[2]}", kind))

    def _exists(self, name):
        wildcard = f"*.{name.partition('.')[2]}"
        return any(owner in (name, wildcard) or owner.endswith(f".{name}") for owner, _ in self.records)


@cache
def _parsed(origin, text):
    """Name, type and value of every record of a zone: parsed once, since every world begins with the same zones."""
    zone = dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)
    return [(n.to_text(), dns.rdatatype.to_text(r.rdtype), r.to_text()) for n, _ttl, r in zone.iterate_rdatas()]


def _response(query, rcode, authentic, found):
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    if authentic:
        response.flags |= dns.flags.AD
    for name, kind, *values in found:
        response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *values))
    return response


class InProcess(dns.nameserver.Nameserver):
    """What a resolver asks instead of a server on a port: no packets and no threads, for half of the time."""

    def __init__(self, local):
        super().__init__()
        self.local = local

    def __str__(self):
        return "in process"

    def kind(self):
        return "in process"

    def is_always_max_size(self):
        return True

    def answer_nameserver(self):
        return "127.0.0.1"

    def answer_port(self):
        return 53

    def query(self, request, timeout, *_arguments, **_options):
        answer = self.local.answer(request)
        if answer is None:
            time.sleep(timeout)
            raise dns.exception.Timeout(timeout=timeout)
        (question,) = request.question
        key = question.name, question.rdtype, request.flags, answer
        if key not in _RECEIVED:
            _RECEIVED[key] = dns.message.from_wire(_response(request, *answer).to_wire())
        return _RECEIVED[key]


_RECEIVED = {}
"""Responses as they come off the wire, made once a process: most worlds answer most questions alike."""


@contextmanager
def serving(local):
    """Serve over UDP and TCP on one port of 127.0.0.1; gives the port."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self):
            data, sock = self.request
            response = local.reply(dns.message.from_wire(data))
            if response is not None:
                try:
                    wire = response.to_wire(max_size=local.udp_limit)
                except dns.exception.TooBig:
                    response.answer.clear()
                    response.flags |= dns.flags.TC
                    wire = response.to_wire()
                sock.sendto(wire, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self):
            while head := self.rfile.read(2):
                response = local.reply(dns.message.from_wire(self.rfile.read(struct.unpack("!H", head)[0])))
                if response is not None:
                    wire = response.to_wire()
                    self.wfile.write(struct.pack("!H", len(wire)) + wire)

    class TcpServer(socketserver.ThreadingTCPServer):
        daemon_threads = True

    udp, tcp = _on_one_port(Udp, TcpServer, Tcp)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True) for server in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield udp.server_address[1]
    finally:
        for server in (udp, tcp):
            server.shutdown()
            server.server_close()


def _on_one_port(udp_handler, tcp_server, tcp_handler):
    for _ in range(50):
        udp = socketserver.UDPServer(("127.0.0.1", 0), udp_handler)
        try:
            return udp, tcp_server(udp.server_address, tcp_handler)
        except OSError:  # another process has this TCP port
            udp.server_close()
    raise AssertionError("no port is free for both UDP and TCP")


def _key(name):
    return name.lower().rstrip(".")
