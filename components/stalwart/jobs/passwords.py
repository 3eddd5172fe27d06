"""Sets the passwords of accounts: `python -m jobs.passwords`.

PASSWORDS_FOLDER has a file for each account, named after its address, with the password in it:

- in `initial/`, for people: set once and never again, since they may have changed it.
- in `kept/`, for machines: set whenever the server does not accept it.

The server is STALWART_URL, with STALWART_USER and STALWART_PASSWORD.
"""

# ruff: noqa: T201 (what it prints is the Job's log)

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from .jmap import JmapError, Object, Server, server_of


def set_initial(server: Server, address: str, password: str) -> bool:
    """Gives an account its first password.

    Returns:
        Whether it was set: not if the account has one.

    Raises:
        JmapError: the server refused it.
        LookupError: there is no such account.
    """
    account = _account(server, address)
    if _password_place(account) is not None:
        return False
    _set(server, account, password)
    return True


def keep(server: Server, address: str, password: str) -> bool:
    """Makes sure that an account has this password.

    Returns:
        Whether it was set: not if the server accepts it.

    Raises:
        JmapError: the server refused it.
        LookupError: there is no such account.
    """
    if server.accepts(address, password):
        return False
    _set(server, _account(server, address), password)
    return True


def _account(server: Server, address: str) -> Object:
    name, _, domain = address.lower().rpartition("@")
    for domain_id in server.query_all("Domain", {"name": domain}):
        ids = server.query_all("Account", {"name": name, "domainId": domain_id})
        for account in server.get_all("Account", ids, ("credentials",)):
            return account
    raise LookupError("no such account")


def _password_place(account: Object) -> str | None:
    credentials: dict[str, Object] = account.get("credentials", {})
    return next((place for place, credential in credentials.items() if credential["@type"] == "Password"), None)


def _set(server: Server, account: Object, password: str) -> None:
    # A patch of one place: the user's app passwords are beside it.
    if (place := _password_place(account)) is not None:
        patch: Object = {f"credentials/{place}/secret": password}
    else:
        place = len(account.get("credentials", {}))
        patch = {f"credentials/{place}": {"@type": "Password", "secret": password}}
    server.set("Account", update={account["id"]: patch})


def _passwords(folder: Path) -> Iterator[tuple[str, str]]:
    # Kubernetes keeps the files of a mounted Secret in hidden folders, and links to them.
    for path in sorted(folder.glob("*@*")) if folder.is_dir() else ():
        if path.is_file():
            yield path.name, path.read_text(encoding="utf-8").rstrip("\r\n")


def run(environment: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """One run over both folders.

    Returns:
        The addresses whose password was set, and one line for each that failed.

    Raises:
        JmapError: a variable is missing, or STALWART_URL is no address.
        OSError: a file cannot be read.
        ValueError: PASSWORDS_FOLDER is no folder, or a file is not UTF-8.
    """
    name = environment.get("PASSWORDS_FOLDER", "")
    if not name or not Path(name).is_dir():
        raise ValueError(f"PASSWORDS_FOLDER: no such folder: {name}")
    done: list[str] = []
    failures: list[str] = []
    with server_of(environment, "STALWART") as server:
        for folder, act in (("initial", set_initial), ("kept", keep)):
            for address, password in _passwords(Path(name) / folder):
                try:
                    if act(server, address, password):
                        done.append(address)
                except (JmapError, LookupError) as error:
                    failures.append(f"{address}: {error}")
    return done, failures


def main() -> int:
    """Runs with the process's environment.

    Returns:
        The exit status: 1 when an account failed, after all others were done.
    """
    try:
        done, failures = run(os.environ)
    except (JmapError, OSError, ValueError) as error:
        done, failures = [], [str(error)]
    print(f"passwords: {', '.join(done) or 'none'} set")
    for failure in failures:
        print(f"passwords: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
