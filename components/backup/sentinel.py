"""The sentinel: a message that says when a backup was made and what was there, so that a restore can be compared with it.

The hook before a backup puts it into a mailbox. It is one line of text, and the only message with its keyword:

    stalwart-mail-sentinel <time, UTC> <random UUID> <accounts> <messages in that mailbox> <SHA-256 of the line so far>
"""

import json
import shlex

from ..stalwart.paths import DATA_DIRECTORY

KEYWORD = "stalwart-mail-sentinel"

# Inbox has the id `a` in every account (the server's INBOX_ID), also in one that has no mailbox yet.
_WRITE = {
    "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
    "methodCalls": [
        ["Email/query", {"accountId": "ACCOUNT", "filter": {"hasKeyword": KEYWORD}}, "old"],
        [
            "Email/set",
            {
                "accountId": "ACCOUNT",
                "create": {
                    "new": {
                        "mailboxIds": {"a": True},
                        "keywords": {"$seen": True, KEYWORD: True},
                        "from": [{"email": "backup@localhost"}],
                        "subject": "Backup sentinel",
                        "textBody": [{"partId": "t", "type": "text/plain"}],
                        "bodyValues": {"t": {"value": "LINE"}},
                    }
                },
                "#destroy": {"resultOf": "old", "name": "Email/query", "path": "/ids"},
            },
            "set",
        ],
    ],
}
_COUNT = {
    "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:stalwart:jmap"],
    "methodCalls": [
        ["Email/query", {"accountId": "ACCOUNT", "limit": 1, "calculateTotal": True}, "messages"],
        ["x:Account/query", {"limit": 1, "calculateTotal": True}, "accounts"],
    ],
}

# What the server's image has: sh, curl, grep, sed, cut and coreutils. Passwords stay off the command line.
_SCRIPT = """\
ask() {
  printf 'user = "%s"' "$(printf %s "$1" | sed 's/[\\\\"]/\\\\&/g')" |
    curl --silent --show-error --fail --max-time 60 --config - --header 'Content-Type: application/json' \
      "$2" "$3" "http://127.0.0.1:8080$4"
}
sentinel() (
  set -eu
  account=$(ask "$MAILBOX%$STALWART_RECOVERY_ADMIN" --header 'Accept: application/json' /jmap/session |
    grep -o '"urn:ietf:params:jmap:mail":"[^"]*"' | cut -d'"' -f4)
  test -n "$account"
  counts=$(ask "$STALWART_RECOVERY_ADMIN" --data "$(printf %s "$COUNT" | sed "s/ACCOUNT/$account/g")" /jmap |
    grep -o '"total":[0-9]*' | cut -d: -f2)
  test "$(printf %s "$counts" | grep -c .)" = 2
  line="$KEYWORD $(date -u +%Y-%m-%dT%H:%M:%SZ) $(cat /proc/sys/kernel/random/uuid)"
  line="$line $(printf %s "$counts" | sed -n 2p) $(printf %s "$counts" | sed -n 1p)"
  line="$line $(printf %s "$line" | sha256sum | cut -d' ' -f1)"
  ask "$STALWART_RECOVERY_ADMIN" --data "$(printf %s "$WRITE" | sed "s/ACCOUNT/$account/g; s/LINE/$line/")" /jmap |
    grep -q '"created":{"new":{"id"'
  echo "$line"
)
# A backup without a sentinel is a backup: the drill says that it is missing. Before `||` itself, `set -e` would not count.
sentinel &
wait $! || echo "no sentinel was written" >&2
"""
_FLUSH = f"sync -f {DATA_DIRECTORY}\n"  # without it the newest writes, the sentinel among them, are not in a snapshot


def before_backup(mailbox: str | None) -> list[str]:
    """The command that runs in the server's container before a backup: leave a sentinel, and flush everything to the volume.

    Args:
        mailbox: the address of the mailbox that the sentinel is put into; None for no sentinel.
    """
    if mailbox is None:
        return ["sync", "-f", DATA_DIRECTORY]
    values = {"MAILBOX": mailbox, "KEYWORD": KEYWORD, "COUNT": _compact(_COUNT), "WRITE": _compact(_WRITE)}
    settings = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return ["/bin/sh", "-c", settings + _SCRIPT + _FLUSH]


def _compact(request: object) -> str:
    return json.dumps(request, separators=(",", ":"))
