"""A stand-in of Cloudflare's API on this machine: zones, their records and their DNSSEC, as much as the provider asks for."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from .cloudflare_records import JSON, ApiError, check_beside, error, stored, zone_line

ROOT = "/client/v4"
TOKEN = "0123456789abcdefghijABCDEFGHIJ0123456789"  # the provider wants 40 characters or more
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PER_PAGE = 100


@dataclass(frozen=True)
class Request:
    """A request that was answered."""

    method: str
    path: str
    """Below the root, without the query."""
    body: JSON
    status: int


@dataclass
class _Zone:
    id: str
    name: str
    records: dict[str, JSON] = field(default_factory=dict)
    dnssec: JSON = field(default_factory=lambda: {"status": "disabled"})


class CloudflareApi:
    """The API, served while the `with` block runs.

    Args:
        zones: zone ids to zone names.
        token: the one that is accepted.
        mx_data: return `data` for MX records, as the API has done at times.
        ds_at_registrar: whether DNSSEC that is switched on is `active` at once, or `pending` as it is until the parent zone
            has the DS record.
    """

    def __init__(
        self, zones: Mapping[str, str], *, token: str = TOKEN, mx_data: bool = False, ds_at_registrar: bool = True
    ) -> None:
        self.token = token
        self.mx_data = mx_data
        self.ds_at_registrar = ds_at_registrar
        self.requests: list[Request] = []
        """Every request, in the order of the answers."""
        self._zones = {zone_id: _Zone(zone_id, name) for zone_id, name in zones.items()}
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base URL to give to the provider as `CLOUDFLARE_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_port}{ROOT}"

    def records(self, zone_id: str) -> list[JSON]:
        """The records of a zone, as the API returns them."""
        with self._lock:
            return [dict(record) for record in self._zones[zone_id].records.values()]

    def dnssec(self, zone_id: str) -> JSON:
        """The DNSSEC settings of a zone."""
        with self._lock:
            return dict(self._zones[zone_id].dnssec)

    def export(self, zone_id: str) -> str:
        """The records of a zone as BIND text, without SOA and NS."""
        with self._lock:
            return _bind(self._zones[zone_id])

    def writes(self) -> list[Request]:
        """The requests that were to change something."""
        return [request for request in self.requests if request.method != "GET"]

    def forget_requests(self) -> None:
        """Begin a new count."""
        self.requests.clear()

    def answer(self, method: str, target: str, authorization: str, body: JSON) -> tuple[int, JSON | str]:
        """Handle one request: the status, and an envelope or the text of a zone."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(ROOT)
        with self._lock:
            try:
                self._authenticate(authorization)
                status, found = 200, self._route(method, path, dict(parse_qsl(parts.query)), body)
            except ApiError as refusal:
                status = refusal.status
                found = {"success": False, "errors": refusal.errors, "messages": [], "result": None}
            self.requests.append(Request(method, path, body, status))
        return status, found

    def _authenticate(self, authorization: str) -> None:
        if not re.fullmatch(r"Bearer [0-9A-Za-z_-]{40,80}", authorization):
            chain = error(6111, "Invalid format for Authorization header")
            raise ApiError(400, error(6003, "Invalid request headers", chain))
        if authorization != f"Bearer {self.token}":
            raise ApiError(403, error(10000, "Authentication error"))

    def _route(self, method: str, path: str, query: Mapping[str, str], body: JSON) -> JSON | str:
        match method, *path.strip("/").split("/"):
            case "GET", "zones":
                found = [_zone_object(zone) for zone in self._zones.values()]
                return _page([zone for zone in found if query.get("name", zone["name"]) == zone["name"]], query)
            case _, "zones", zone_id, "dns_records", *rest if zone_id in self._zones:
                return self._records(method, self._zones[zone_id], rest, query, body)
            case "GET", "zones", zone_id if zone_id in self._zones:
                return _result(_zone_object(self._zones[zone_id]))
            case _, "zones", zone_id, "dnssec" if zone_id in self._zones:
                return _result(self._change_dnssec(self._zones[zone_id], method, body))
            case _:
                raise ApiError(404, error(7003, f"Could not route to {ROOT}{path}, perhaps your object identifier is invalid?"))

    def _records(self, method: str, zone: _Zone, rest: list[str], query: Mapping[str, str], body: JSON) -> JSON | str:
        match method, *rest:
            case ("GET",):
                wanted = {key: query[key] for key in ("name", "type", "content") if key in query}
                return _page([record for record in zone.records.values() if wanted.items() <= record.items()], query)
            case "GET", "export":
                return _bind(zone)
            case ("POST",):
                found = self._write(zone, body, None)
            case "GET", record_id if record_id in zone.records:
                found = zone.records[record_id]
            case "PUT", record_id if record_id in zone.records:
                found = self._write(zone, body, record_id)
            case "DELETE", record_id if record_id in zone.records:
                found = {"id": zone.records.pop(record_id)["id"]}
            case _:
                raise ApiError(404, error(81044, "Record does not exist."))
        return _result(found)

    def _write(self, zone: _Zone, body: JSON, record_id: str | None) -> JSON:
        record = stored(body, zone.name, self.mx_data)
        check_beside(record, (other for other_id, other in zone.records.items() if other_id != record_id))
        now = self._now()
        old = zone.records[record_id] if record_id else None
        record_id = record_id or f"{next(self._numbers):032x}"
        record |= {"id": record_id, "created_on": old["created_on"] if old else now, "modified_on": now}
        if record["comment"]:
            unchanged = old is not None and old["comment"] == record["comment"]
            record["comment_modified_on"] = old["comment_modified_on"] if old and unchanged else now
        zone.records[record_id] = record
        return record

    def _change_dnssec(self, zone: _Zone, method: str, body: JSON) -> JSON | str:
        if method == "DELETE":
            zone.dnssec = {"status": "disabled"}
            return ""
        if method == "PATCH" and body.get("status") == "disabled":
            zone.dnssec = {"status": "disabled"}
        elif method == "PATCH":
            digest = "AB" * 32
            zone.dnssec = {
                "status": "active" if self.ds_at_registrar else "pending",
                "flags": 257,
                "algorithm": "13",
                "key_type": "ECDSAP256SHA256",
                "key_tag": 42,
                "digest_type": "2",
                "digest_algorithm": "SHA256",
                "digest": digest,
                "ds": f"{zone.name}. 3600 IN DS 42 13 2 {digest}",
                "public_key": "cHVibGljIGtleQ==",
                "modified_on": zone.dnssec.get("modified_on") or self._now(),
            }
        return zone.dnssec

    def _now(self) -> str:
        return (EPOCH + timedelta(seconds=next(self._numbers))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _zone_object(zone: _Zone) -> JSON:
    return {
        "id": zone.id,
        "name": zone.name,
        "status": "active",
        "type": "full",
        "paused": False,
        "account": {"id": "f" * 32, "name": "account"},
        "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
        "plan": {"id": "0" * 32, "name": "Free Website"},
    }


def _bind(zone: _Zone) -> str:
    return "".join(f"{zone_line(record)}\n" for record in zone.records.values())


def _result(found: object) -> JSON:
    return {"success": True, "errors": [], "messages": [], "result": found}


def _page(found: list[JSON], query: Mapping[str, str]) -> JSON:
    page, size = int(query.get("page", 1)), int(query.get("per_page", PER_PAGE))
    shown = found[(page - 1) * size : page * size]
    counts = {"count": len(shown), "total_count": len(found), "total_pages": -(-len(found) // size)}
    return _result(shown) | {"result_info": {"page": page, "per_page": size, **counts}}


def _handler(api: CloudflareApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = api.answer(self.command, self.path, self.headers.get("Authorization", ""), json.loads(sent or b"{}"))
            text = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: the requests are kept."""

    return Handler
