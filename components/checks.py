"""The rules single values must follow, in one place for the settings and for the components.

Every function returns the value in its canonical form or raises `ValueError` with a message that says what is wrong and
what is allowed. Nothing here knows which setting a value came from.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import pulumi
from pydantic import BaseModel, ValidationError

MAX_HOSTNAME_LENGTH = 253  # RFC 1035, section 2.3.4: 255 octets on the wire
LABEL = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")  # RFC 1123, section 2.1
SELECTOR = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$")  # RFC 6376, 3.1
KUBERNETES_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")  # RFC 1123 label, as namespaces need
QUANTITY = re.compile(r"^[1-9][0-9]*(Mi|Gi|Ti)$")
# Of a prefix: no `*`, `?` or `$`, which mean something in an IAM policy, and no empty part, which would be another folder.
FOLDER = re.compile(r"[A-Za-z0-9!_'()-][A-Za-z0-9!_.'()-]*(/[A-Za-z0-9!_'()-][A-Za-z0-9!_.'()-]*)*")
BUCKET = re.compile(r"^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")  # S3 bucket naming rules
IMAGE = re.compile(
    r"^(?P<repository>[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?$"
)
EXACT_TAG = re.compile(r"^v?(?P<major>[0-9]+)\.(?P<minor>[0-9]+)\.(?P<patch>[0-9]+)([-.][A-Za-z0-9.-]+)?$")
# What another image has tomorrow, whatever number stands beside it. The policies have the same (policy/rules/workloads.py).
MOVING_TAG = re.compile(r"(?<![a-z])(latest|nightly|edge|main|master|dev|canary|snapshot)(?![a-z])", re.IGNORECASE)
SERVER_LINES = ((0, 16),)
# `reconcile` came with 1.0.11, `scope` and matching by value with 1.0.12 (changelog of stalwartlabs/cli).
FIRST_CLI = (1, 0, 12)
MIN_PREFIX_LENGTH = 8


BLOCKLIST_ERRORS = ipaddress.ip_network("127.255.255.0/24")  # what Spamhaus and others answer instead of an error
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")

Choice = TypeVar("Choice", bound=StrEnum)
Checked = TypeVar("Checked", bound=BaseModel)


class ArgumentsError(pulumi.RunError):
    """A component was given arguments it cannot work with; the message lists every one. The engine prints no traceback."""

    def __init__(self, component: str, problems: list[str]) -> None:
        super().__init__(f"{component} cannot be built:\n" + "\n".join(f"  - {problem}" for problem in problems))


class Problems:
    """Collects what is wrong with a component's arguments, so that all of it can be told at once."""

    def __init__(self, component: str) -> None:
        """Start with none.

        Args:
            component: whose arguments are checked.
        """
        self.component = component
        self.found: list[str] = []

    def add(self, problem: str) -> None:
        """Note a problem: the argument's name, then what is wrong with it."""
        self.found.append(problem)

    def checked(self, field: str, rule: Callable[[str], str], value: str) -> str:
        """The value in the form that `rule` gives it, or as it is when the rule refuses it."""
        try:
            return rule(value)
        except ValueError as error:
            self.add(f"{field}: `{value}` {error}")
            return value

    def all_checked(self, field: str, rule: Callable[[str], str], values: Sequence[str]) -> tuple[str, ...]:
        """Every value in the form that `rule` gives it, each once."""
        return tuple(dict.fromkeys(self.checked(field, rule, value) for value in values))

    def one_of(self, field: str, choices: type[Choice], value: str) -> Choice:
        """The choice of this name, or the first one when there is none."""
        known = list(choices)
        if value not in known:
            self.add(f"{field}: `{value}` is not one of {', '.join(known)}")
            return known[0]
        return choices(value)

    def model(self, field: str, model: type[Checked], value: Mapping[str, Any]) -> Checked:
        """The value as `model` checks it, by the names that programs use; an unchecked one when it is wrong."""
        try:
            return model.model_validate(value, by_name=True, by_alias=False)
        except ValidationError as error:
            for mistake in error.errors(include_url=False, include_input=False, include_context=False):
                place = ".".join([field, *(str(part) for part in mistake["loc"])])
                self.add(f"{place}: {mistake['msg'].removeprefix('Value error, ')}")
            return model.model_construct()

    def refuse(self) -> None:
        """Raise `ArgumentsError` when there was any problem."""
        if self.found:
            raise ArgumentsError(self.component, self.found)


def no_duplicates(names: Sequence[str]) -> None:
    """Nothing, or a `ValueError` that names what is there twice."""
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ValueError(f"lists {', '.join(twice)} twice")


def hostname(value: str) -> str:
    """A fully qualified host name (RFC 1123), lower-case and without the trailing dot."""
    name = value.lower().rstrip(".")
    labels = name.split(".")
    if len(name) > MAX_HOSTNAME_LENGTH or len(labels) == 1 or not all(LABEL.match(label) for label in labels):
        raise ValueError("is not a fully qualified host name; international names are written in punycode (xn--...)")
    if labels[-1].isdigit():
        raise ValueError("is not a host name: its last label is a number; an IP address is not allowed here")
    return name


def dns_name(value: str) -> str:
    """A name in DNS that need not be a host's: labels may begin with an underscore (RFC 8552), as those of SPF includes do."""
    name = value.lower().rstrip(".")
    try:
        _ = hostname(".".join(label.removeprefix("_") for label in name.split(".")))
    except ValueError:
        raise ValueError("is not a fully qualified DNS name") from None
    return name


def selector(value: str) -> str:
    """A DKIM selector (RFC 6376, section 3.1): one or more host name labels."""
    if not SELECTOR.match(value):
        raise ValueError("is not a DKIM selector: lower-case letters, digits and inner hyphens")
    return value


def kubernetes_name(value: str) -> str:
    """An RFC 1123 label, as Kubernetes requires of a namespace."""
    if not KUBERNETES_NAME.match(value):
        raise ValueError("is not a Kubernetes name: at most 63 lower-case letters, digits and inner hyphens")
    return value


def ip_address(value: str) -> str:
    """An IPv4 or IPv6 address in compressed form (RFC 5952), which is what DNS providers give back."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("is not an IPv4 or IPv6 address") from None
    if address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local:
        raise ValueError("is not the address of a host that others can reach")
    return address.compressed


def ip_network(value: str) -> str:
    """A network in CIDR notation with no host bits set, of the sizes the server takes (its type `IpAddrOrMask`)."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("is not a network in CIDR notation") from None
    if ipaddress.ip_interface(value).ip != network.network_address:
        raise ValueError("is not a network: its address has host bits set")
    if network.prefixlen < MIN_PREFIX_LENGTH:
        raise ValueError(f"is too large; the server takes /{MIN_PREFIX_LENGTH} and longer prefixes")
    return network.compressed


def quantity(value: str) -> str:
    """A Kubernetes quantity of storage: a whole number of Mi, Gi or Ti."""
    if not QUANTITY.match(value):
        raise ValueError("is not a storage size: a whole number followed by Mi, Gi or Ti")
    return value


def bucket(value: str) -> str:
    """An S3 bucket name."""
    if not BUCKET.match(value):
        raise ValueError("is not an S3 bucket name: 3 to 63 lower-case letters, digits, dots and hyphens")
    return value


def s3_url(value: str) -> str:
    """The URL of an S3-compatible server outside this cluster: a backup that dies with its cluster is none."""
    match = re.match(r"^https?://(?P<host>[a-z0-9.-]+)(:[0-9]+)?/?$", value)
    if not match:
        raise ValueError("is not the URL of an S3 server: https://, a host, and no path")
    if match["host"].endswith((".svc", ".cluster.local")) or "." not in match["host"]:
        raise ValueError("is inside this cluster, so the backup would be lost together with it")
    return value.rstrip("/")


def folder(value: str) -> str:
    """A prefix in a bucket, less the slashes around it, which Velero and barman leave out too."""
    name = value.strip("/")
    if not FOLDER.fullmatch(name):
        raise ValueError(
            "is not a folder in a bucket: parts of letters, digits and -_.!'(), none with a dot first, and / between them"
        )
    return name


def web_url(value: str) -> str:
    """The URL of a web service: http or https, a host, and no user or password in it."""
    if not re.match(r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-?A-~]*)?$", value):
        raise ValueError("is not an http or https URL of a host, in ASCII and without a user or a password in it")
    return value


def blocklist_answer(value: str) -> str:
    """An answer of a DNS blocklist that means a listing (RFC 5782, section 2.1)."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("is not an IPv4 address, as blocklists answer") from None
    if address not in LOOPBACK or address in BLOCKLIST_ERRORS:
        raise ValueError("is not a listing: those are in 127.0.0.0/8, and 127.255.255.x is an error of the list")
    return address.compressed


def email_address(value: str) -> str:
    """A mailbox address with a fully qualified domain."""
    local, at, domain = value.rpartition("@")
    if not at or not re.match(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$", local):
        raise ValueError("is not an e-mail address")
    try:
        return f"{local}@{hostname(domain)}"
    except ValueError:
        raise ValueError("is not an e-mail address with a fully qualified domain") from None


def exact_image(value: str) -> str:
    """An image reference with an exact version tag, with or without a digest; never a tag that moves."""
    match = IMAGE.match(value)
    if not match:
        raise ValueError("is not an image reference: repository/name:tag")
    tag = match["tag"]
    if tag is None:
        raise ValueError("has no tag, which means `latest`; only an exact version is allowed, so that a restart changes nothing")
    if not EXACT_TAG.match(tag) or MOVING_TAG.search(tag):
        raise ValueError(f"has the floating tag `{tag}`; only an exact version is allowed, so that a restart changes nothing")
    return value


def server_line(image: str) -> tuple[int, int]:
    """The line of a server image, such as (0, 16): servers of one line read the same store and the same plans."""
    return _version(image)[:2]


def server_image(value: str) -> str:
    """A server image of a line this project has plans for."""
    line = server_line(value)
    if line not in SERVER_LINES:
        known = ", ".join(f"{major}.{minor}" for major, minor in SERVER_LINES)
        reason = (
            "cannot open the data store of 0.16 (it must be migrated to a new store)"
            if line[0] >= 1
            else "is configured differently"
        )
        raise ValueError(f"is Stalwart {line[0]}.{line[1]}, which {reason}; only {known} is supported")
    return value


def cli_image(value: str) -> str:
    """An image of stalwart-cli that knows every operation a plan is made of."""
    version = _version(value)
    if version < FIRST_CLI:
        wanted = ".".join(str(part) for part in FIRST_CLI)
        raise ValueError(f"is too old to apply a plan (`reconcile` with `scope` came with {wanted}); {wanted} or newer is needed")
    return value


def _version(image: str) -> tuple[int, int, int]:
    tag = exact_image(image).partition("@")[0].rpartition(":")[2]
    version = EXACT_TAG.match(tag)
    assert version is not None
    return int(version["major"]), int(version["minor"]), int(version["patch"])
