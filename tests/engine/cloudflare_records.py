"""What Cloudflare makes of a DNS record: the form its API stores, and what it refuses.

Written from the terraform provider's and cloudflare-go's sources and the errors their users report; no line is Cloudflare's.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

JSON = dict[str, Any]
"""An object of the API."""

DATA_FIELDS = {
    "SRV": ("priority", "weight", "port", "target"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
    "CAA": ("flags", "tag", "value"),
}
"""The types that are given by `data`, from which the API makes `content`."""
PROXIABLE = ("A", "AAAA", "CNAME")
TXT_STRING_BYTES = 255
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
CHARACTER = re.compile(r"\\\d{3}|\\.|[^\\]", re.DOTALL)  # an escape is one byte on the wire


class ApiError(Exception):
    """A refusal: an HTTP status, and the errors of its envelope."""

    def __init__(self, status: int, *errors: JSON) -> None:
        super().__init__(status, errors)
        self.status = status
        self.errors = list(errors)


def error(code: int, message: str, *chain: JSON) -> JSON:
    """One error of an envelope, with the errors behind it."""
    return {"code": code, "message": message} | ({"error_chain": list(chain)} if chain else {})


def stored(body: Mapping[str, Any], zone: str, mx_data: bool = False) -> JSON:
    """A record as the API stores and returns it, less its id and times.

    Args:
        body: what was sent.
        zone: the name of the zone.
        mx_data: return `data` for MX records too, as the API has done at times.

    Raises:
        ApiError: it is no record.
    """
    kind = str(body.get("type", "")).upper()
    record: JSON = {
        "name": _whole(str(body.get("name", "")), zone),
        "type": kind,
        "content": str(body.get("content") or ""),
        "proxiable": kind in PROXIABLE,
        "proxied": bool(body.get("proxied")),
        "ttl": body.get("ttl", 1),
        "settings": {},
        "meta": {},
        "comment": body.get("comment"),
        "tags": body.get("tags") or [],
    }
    if kind in DATA_FIELDS:
        return record | _from_data(kind, body.get("data") or {})
    if kind == "MX":
        return record | _mx(record["content"], body.get("priority"), mx_data)
    if kind == "CNAME":
        # Settings that are off are not returned.
        settings: JSON = body.get("settings") or {}
        record["settings"] = {key: True for key, value in settings.items() if value}
    return record | {"content": _content(kind, record["content"])}


def check_beside(record: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> None:
    """Whether a record may stand beside the others of its zone.

    Raises:
        ApiError: it is there already, or a CNAME would not be alone with its addresses.
    """
    for other in others:
        if other["name"] != record["name"]:
            continue
        kinds = (record["type"], other["type"])
        if record["type"] == "CNAME" and other["type"] in PROXIABLE:
            raise ApiError(400, error(81053, "An A, AAAA, or CNAME record with that host already exists."))
        if kinds in (("A", "CNAME"), ("AAAA", "CNAME")):
            raise ApiError(400, error(81054, "A CNAME record with that host already exists."))
        if all(record.get(field) == other.get(field) for field in ("type", "content", "priority")):
            same = all(record[field] == other[field] for field in ("ttl", "proxied", "comment", "tags"))
            raise ApiError(
                400,
                error(81058, "An identical record already exists.") if same else error(81057, "The record already exists."),
            )


def zone_line(record: Mapping[str, Any]) -> str:
    """A stored record as a line of a BIND zone file."""
    kind, content = record["type"], record["content"]
    if kind == "TXT" and not content.startswith('"'):
        content = _quoted([content])
    elif kind in ("CNAME", "MX", "SRV"):
        content = content.rstrip(".") + "."
    if kind in ("MX", "SRV"):
        content = f"{record['priority']} {content}"
    return f"{record['name']}. {record['ttl']} IN {kind} {content}"


def _whole(name: str, zone: str) -> str:
    name = name.rstrip(".").lower()
    if name in ("", "@", zone):
        return zone
    return name if name.endswith(f".{zone}") else f"{name}.{zone}"


def _host(target: str) -> str:
    return target.rstrip(".") or target[:1]


def _content(kind: str, content: str) -> str:
    if not content:
        raise ApiError(400, error(9100, "content is a required field."))
    if kind == "A":
        return _address(content, ipaddress.IPv4Address, error(9005, "Content for A record must be a valid IPv4 address."))
    if kind == "AAAA":
        return _address(content, ipaddress.IPv6Address, error(9006, "Content for AAAA record must be a valid IPv6 address."))
    if kind == "TXT":
        return _text(content)
    return _host(content) if kind == "CNAME" else content


def _address(content: str, family: type[ipaddress.IPv4Address | ipaddress.IPv6Address], refusal: JSON) -> str:
    try:
        return family(content).compressed
    except ValueError:
        raise ApiError(400, refusal) from None


def _mx(content: str, priority: object, mx_data: bool) -> JSON:
    problems: list[JSON] = []
    if priority is None:
        problems.append(error(9100, "priority is a required field."))
    if not content or _is_address(content):
        problems.append(error(9009, "Change the content of your MX record to be a hostname (and not an IP address)."))
    if problems:
        raise ApiError(400, *problems)
    target = _host(content)
    data = {"data": {"priority": priority, "target": target}} if mx_data else {}
    return {"content": target, "priority": priority, **data}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _from_data(kind: str, data: Mapping[str, Any]) -> JSON:
    missing = [error(9101, f"{field} is a required data field.") for field in DATA_FIELDS[kind] if data.get(field) is None]
    if missing:
        raise ApiError(400, error(1004, "DNS Validation Error", *missing))
    if kind == "SRV":
        data = {**data, "target": _host(data["target"])}
        content = f"{data['weight']} {data['port']} {data['target']}"
        return {"content": content, "data": data, "priority": data["priority"]}
    if kind == "TLSA":
        data = {**data, "certificate": data["certificate"].upper()}
        return {"content": f"{data['usage']} {data['selector']} {data['matching_type']} {data['certificate']}", "data": data}
    return {"content": f'{data["flags"]} {data["tag"]} "{data["value"]}"', "data": dict(data)}


def _text(content: str) -> str:
    if content.startswith('"'):
        return _quoted(QUOTED.findall(content))
    # Text without quotes stays as it is, while it fits one string.
    return content if len(content) <= TXT_STRING_BYTES else _quoted([content])


def _quoted(strings: Iterable[str]) -> str:
    parts: list[str] = []
    for string in strings:
        characters = CHARACTER.findall(string)
        starts = range(0, len(characters), TXT_STRING_BYTES) or (0,)
        parts += ["".join(characters[start : start + TXT_STRING_BYTES]) for start in starts]
    return " ".join(f'"{part}"' for part in parts)
