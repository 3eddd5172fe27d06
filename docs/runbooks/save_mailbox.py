"""Save one mailbox of a server in recovery mode, a file in mbox form (RFC 4155) for each folder. See restore.md.

COPY_URL, COPY_USER and COPY_PASSWORD name the server, as its admin. Nothing on the server changes.
"""

import mailbox
import os
import re
import sys
from pathlib import Path

from components.stalwart.jobs.jmap import JmapError, Server, server_of

PAGE = 500  # the server's maxObjectsInGet


def account_of(server: Server, address: str) -> str:
    """The id of the account with this address.

    Raises:
        JmapError: there is none, or the server cannot be asked.
    """
    accounts = server.get_all("Account", server.query_all("Account"), ("emailAddress",))
    for account in accounts:
        if account.get("emailAddress") == address:
            return account["id"]
    raise JmapError(f"there is no mailbox {address} among {len(accounts)}")


def save(server: Server, account: str, folder: str, file: Path) -> int:
    """Write all messages of a folder to a new file, and say how many."""
    position = 0
    messages = mailbox.mbox(file, create=True)
    while True:
        page = {"accountId": account, "filter": {"inMailbox": folder}, "position": position, "limit": PAGE}
        ids = server.call("Email/query", page)["ids"]
        if not ids:
            messages.close()
            return position
        for email in server.call("Email/get", {"accountId": account, "ids": ids, "properties": ["blobId"]})["list"]:
            messages.add(server.download(account, email["blobId"]))
        position += len(ids)


def main(address: str, target: Path) -> None:
    """Save every folder of a mailbox into a new folder here.

    Raises:
        FileExistsError: the folder is there; it may be all that is left of somebody's mail.
        JmapError: the server cannot be asked, or has no such mailbox. Then no folder is made.
    """
    with server_of(os.environ, "COPY") as server:
        account = account_of(server, address)
        target.mkdir(parents=True)
        for box in server.call("Mailbox/get", {"accountId": account, "properties": ["name"]})["list"]:
            file = target / f"{re.sub(r'[^A-Za-z0-9 ]', '_', box['name'])}-{box['id']}.mbox"
            print(f"{save(server, account, box['id'], file)} messages in {file}")


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except IndexError:
        sys.exit("usage: save_mailbox.py <address> <new folder>")
    except FileExistsError as error:
        sys.exit(f"error: {error.filename} is there already; name a new folder, or delete this one if nothing in it is needed")
    except (JmapError, OSError) as error:
        sys.exit(f"error: {error}")
