"""Tells the backup exchange which addresses the primary takes mail for: `python -m jobs.recipients`.

They come from a list (RECIPIENTS_FOLDER) or from the primary itself (PRIMARY_URL, PRIMARY_USER, PRIMARY_PASSWORD), and go
to the backup (STALWART_URL, STALWART_USER, STALWART_PASSWORD) as lookup keys. DOMAINS says which domains it relays, as a
JSON list of `{"name", "aliases", "subAddressing", "catchAll"}`. Whatever fails, the backup keeps the last list.
"""

# ruff: noqa: T201 (what it prints is the Job's log)

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .jmap import JmapError, Object, Server, server_of

NAMESPACE = "relay-rcpts"
# Not `MemoryLookupKey`, of which the plan has some too: applying a plan reads all objects of a kind, and here are 100,000.
OBJECT = "MemoryLookupKeyValue"
KNOWN = "known"  # the key that says a whole list was written once
KEY_LIMIT_BYTES = 255  # the server's


@dataclass(frozen=True)
class Domain:
    """A mail domain and what it takes beside its addresses.

    Args:
        names: its name and its aliases, which all have the same addresses; lower case.
        sub_addressing: whether `alice+shop@` is `alice@`.
        catch_all: whether it takes every address.
    """

    names: tuple[str, ...]
    sub_addressing: bool
    catch_all: bool


def domains_of_json(text: str) -> list[Domain]:
    """What DOMAINS says.

    Raises:
        ValueError: it is not a list of domains, or an empty one.
    """
    try:
        entries: list[Object] = json.loads(text)
        domains = [
            Domain(
                tuple(name.lower() for name in (entry["name"], *entry.get("aliases", ()))),
                bool(entry.get("subAddressing")),
                bool(entry.get("catchAll")),
            )
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("DOMAINS: not a JSON list of domains, each with a name") from None
    if not domains:
        raise ValueError("DOMAINS: no domain")
    return domains


def keys_of_list(domains: Sequence[Domain], addresses: Iterable[str]) -> set[str]:
    """The lookup keys of a list of addresses. Addresses outside the domains give none.

    Args:
        domains: what the backup relays.
        addresses: such as `alice@example.com`.

    Raises:
        ValueError: something is not an address, or too long for a key.
    """
    by_name = {name: domain for domain in domains for name in domain.names}
    mailboxes: list[tuple[str, Domain]] = []
    for address in addresses:
        local, at, name = address.rpartition("@")
        if not (local and at and name) or any(character.isspace() for character in address):
            raise ValueError(f"not an e-mail address: {address}")
        if domain := by_name.get(name.lower()):
            mailboxes.append((local, domain))
    return _keys(domains, mailboxes)


def keys_of_primary(
    domains: Sequence[Domain], primary_domains: Sequence[Object], accounts: Sequence[Object], lists: Sequence[Object]
) -> set[str]:
    """The lookup keys of what the primary knows. Domains and aliases that are not in `domains` give none.

    Args:
        domains: what the backup relays. Only the names count: the primary says what it does with them.
        primary_domains: its Domain objects: `id`, `name`, `aliases`, `catchAllAddress`, `subAddressing`.
        accounts: its Account objects, users and groups: `name`, `domainId`, `aliases`.
        lists: its MailingList objects: `name`, `domainId`, `aliases`.

    Raises:
        ValueError: an address is too long for a key.
    """
    relayed = {name for domain in domains for name in domain.names}
    by_id = {
        entry["id"]: Domain(
            tuple(name for name in (entry["name"].lower(), *map(str.lower, entry["aliases"])) if name in relayed),
            entry["subAddressing"]["@type"] == "Enabled",
            bool(entry["catchAllAddress"]),
        )
        for entry in primary_domains
    }
    mailboxes: list[tuple[str, Domain]] = []
    for entry in (*accounts, *lists):
        aliases = (alias for alias in entry["aliases"].values() if alias["enabled"])
        mailboxes += [(name["name"], by_id[name["domainId"]]) for name in (entry, *aliases) if name["domainId"] in by_id]
    return _keys(by_id.values(), mailboxes)


def _keys(domains: Iterable[Domain], mailboxes: Iterable[tuple[str, Domain]]) -> set[str]:
    keys = {f"{local}@{name}".lower() for local, domain in mailboxes for name in domain.names}
    keys |= {f"@{name}" for domain in domains if domain.catch_all for name in domain.names}
    keys |= {f"+{name}" for domain in domains if domain.sub_addressing for name in domain.names}
    for key in keys:
        if len(key.encode()) > KEY_LIMIT_BYTES:
            raise ValueError(f"longer than {KEY_LIMIT_BYTES} bytes: {key}")
    return keys


def addresses_in(folder: Path) -> Iterator[str]:
    """The addresses in all files below a folder, one a line, file by file in order of their names.

    Raises:
        OSError: the folder or a file cannot be read.
        ValueError: a file is not UTF-8.
    """
    for path in sorted(folder.iterdir()):
        # Kubernetes keeps the files of a mounted ConfigMap or Secret in hidden folders, and links to them.
        if path.name.startswith(".."):
            continue
        if path.is_dir():
            yield from addresses_in(path)
        else:
            yield from filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines()))


def keys_from_primary(primary: Server, domains: Sequence[Domain]) -> set[str]:
    """Reads the primary's recipients.

    Raises:
        JmapError: the primary did not answer all of it.
        ValueError: it has not one recipient in the domains, which is no answer to act on.
    """

    def read(kind: str, *properties: str) -> list[Object]:
        return primary.get_all(kind, primary.query_all(kind), properties)

    primary_domains = read("Domain", "name", "aliases", "catchAllAddress", "subAddressing")
    for domain in primary_domains:
        if domain["subAddressing"]["@type"] == "Custom":
            print(f"recipients: {domain['name']} has its own rule of sub-addressing; they are refused here", file=sys.stderr)
    accounts = [account for account in read("Account", "name", "domainId", "aliases", "permissions") if _takes_mail(account)]
    keys = keys_of_primary(domains, primary_domains, accounts, read("MailingList", "name", "domainId", "aliases"))
    if all(key.startswith("+") and "@" not in key for key in keys):
        raise ValueError("the primary has no recipient in any relayed domain")
    return keys


def _takes_mail(account: Object) -> bool:
    """Whether it may: the accounts of programs may not, and the primary would refuse what was taken for them here."""
    permissions: Object = account.get("permissions") or {}
    return permissions.get("@type") != "Replace" or "emailReceive" in permissions.get("enabledPermissions", {})


def write(backup: Server, keys: set[str]) -> tuple[int, int]:
    """Makes the backup's keys these ones, and live.

    Returns:
        How many were added and removed.

    Raises:
        JmapError: the backup refused something. What was live before still is, and the next run completes the work.
    """
    ids = backup.query_all(OBJECT, {"namespace": NAMESPACE})
    stored: dict[str, str] = {entry["key"]: entry["id"] for entry in backup.get_all(OBJECT, ids, ("key",))}
    missing, surplus = sorted(keys - stored.keys()), sorted(stored.keys() - keys - {KNOWN})
    # A server that starts halfway through this loads what is there: more than it should be rather than less.
    backup.set(OBJECT, create=[_entry(key) for key in missing])
    backup.set(OBJECT, destroy=[stored[key] for key in surplus])
    if KNOWN not in stored:
        backup.set(OBJECT, create=[_entry(KNOWN)])
    # Also where nothing changed: an earlier run may have ended before this.
    backup.set("Action", create=[{"@type": "ReloadLookupStores"}])
    return len(missing), len(surplus)


def _entry(key: str) -> Object:
    return {"namespace": NAMESPACE, "key": key, "value": "1", "isGlobPattern": False}


def run(environment: Mapping[str, str]) -> str:
    """One run.

    Returns:
        What was done, in one line.

    Raises:
        JmapError: a server did not do its part, or a variable is missing.
        OSError: the list cannot be read.
        ValueError: the domains or the list are wrong.
    """
    start = time.monotonic()
    domains = domains_of_json(environment.get("DOMAINS", ""))
    if folder := environment.get("RECIPIENTS_FOLDER"):
        keys = keys_of_list(domains, addresses_in(Path(folder)))
    else:
        with server_of(environment, "PRIMARY") as primary:
            keys = keys_from_primary(primary, domains)
    with server_of(environment, "STALWART") as backup:
        added, removed = write(backup, keys)
    count = sum(key.find("@") > 0 for key in keys)
    return f"recipients: {count}, {added} added, {removed} removed, {time.monotonic() - start:.1f} s"


def main() -> int:
    """Runs with the process's environment.

    Returns:
        The exit status: 1 when it failed, with the reason in one line.
    """
    try:
        print(run(os.environ))
    except (JmapError, OSError, ValueError) as error:
        print(f"recipients: {error}; the last list stays in force", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
