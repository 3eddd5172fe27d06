"""Commands in the documentation: every target, module, setting, output and object that they name is there."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
import yaml

from offline.generated import tables
from offline.program import PROJECT_FOLDER
from tests.conftest import manifests, recorded
from tests.docs.pages import commands, pages

STACKS = ("primary", "backup")
PLACEHOLDER = re.compile(r"<[^>]*>|\.\.\.|\$\(|\$[A-Z]")
VALUED = ("--stack", "--file")  # options with a value that is a word of its own
VELERO_KINDS = {
    "--from-backup": "Schedule",
    "--from-schedule": "Schedule",
    "--storage-location": "BackupStorageLocation",
    "pause": "Schedule",
    "unpause": "Schedule",
}
KUBECTL_KINDS = {
    "cronjob": "CronJob",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "pod": "Pod",
    "secret": "Secret",
    "service": "Service",
    "statefulset": "StatefulSet",
}
PATH_KEY = re.compile(r"^[a-z][A-Za-z]*(\[\])?(\.[a-z][A-Za-z]*(\[\])?)+$")


@cache
def targets() -> frozenset[str]:
    """The targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z./-]+):", (PROJECT_FOLDER / "Makefile").read_text(), re.MULTILINE))


@cache
def keys() -> frozenset[str]:
    """Every setting, as `a.b[].c`."""
    return frozenset(re.findall(r"^\| `([^`]+)`", tables.settings_table(), re.MULTILINE))


@cache
def outputs() -> frozenset[str]:
    """The outputs of both stacks."""
    return frozenset(name for stack in STACKS for name in recorded(stack).outputs) | {"mailboxes"}


@cache
def objects() -> frozenset[tuple[str, str]]:
    """Kind and name of every object of both stacks, of what comes of them, and of what the documentation lets people make."""
    made = [entry for stack in STACKS for entry in manifests(recorded(stack))]
    made += [entry for file in PROJECT_FOLDER.glob("docs/**/*.yaml") for entry in yaml.safe_load_all(file.read_text())]
    found = {(entry["kind"], entry["metadata"]["name"]) for entry in made}
    found |= {("Pod", f"{name}-0") for kind, name in found if kind == "StatefulSet"}
    found |= {("Pod", f"stalwart-{do}") for do in ("export", "import")}  # docs/runbooks/move.jq
    found |= {("Secret", entry["spec"]["secretName"]) for entry in made if entry["kind"] == "Certificate"}
    by_hand = (re.search(r"kubectl .*\bcreate secret (?:generic|tls) ([a-z0-9-]+)", line) for _place, line in commands())
    return frozenset(found | {("Secret", match[1]) for match in by_hand if match})


def faults(line: str) -> list[str]:
    """What a command names that is not there, and what the commands inside of it do."""
    inner = [fault for command in re.findall(r"\$\(([^)]*)\)", line) for fault in faults(command)]
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|;&<>"):
            parts.append([])  # the next command, or a file that one reads or writes
        else:
            parts[-1].append(word)
    return inner + [fault for words in parts for fault in _of_one(words)]


def _of_one(words: list[str]) -> list[str]:
    while words and re.match(r"^[A-Z_0-9]+=", words[0]):
        words = words[1:]
    match words:
        case ["make", *rest]:
            named = [word for word in rest if "=" not in word and not word.startswith("-")]
            found = [f"make has no target {name}" for name in named if name not in targets()]
        case ["pulumi", "config", "set" | "rm" | "get", *rest]:
            found = _stack(rest) + _setting(rest)
        case ["pulumi", "stack", "output", *rest]:
            found = _stack(rest) + [f"no stack puts out {name}" for name in _named(rest) if name not in outputs()]
        case ["pulumi", *rest]:
            found = _stack(rest)
        case ["kubectl", *rest]:
            found = [f"there is no {kind} {name}" for kind, name in sorted(set(_objects_of_kubectl(rest)) - objects())]
        case ["velero", *rest]:
            found = [f"there is no {kind} {name}" for kind, name in sorted(set(_objects_of_velero(rest)) - objects())]
        case [program, "-m", module, *_] if program.endswith("python"):
            found = [] if importlib.util.find_spec(module) else [f"there is no module {module}"]
        case _:
            found = []
    return found


def _named(words: list[str]) -> list[str]:
    """The words that are no options, nor values of options, and that stand for themselves."""
    found = [word for before, word in pairwise(["", *words]) if not word.startswith("-") and before not in VALUED]
    return [word for word in found if not PLACEHOLDER.search(word)]


def _stack(words: list[str]) -> list[str]:
    named = [word for before, word in pairwise(words) if before == "--stack"]
    return [f"there is no stack {name}" for name in named if name not in STACKS and not PLACEHOLDER.search(name)]


def _setting(words: list[str]) -> list[str]:
    for given in _named(words)[:1]:
        key = re.sub(r"\[\".*?\"\]", "", re.sub(r"\[[0-9]+\]", "[]", given.removeprefix("mail:"))).removesuffix("[]")
        if key not in keys():
            return [f"there is no setting {key}"]
        if re.search(r"[.\[]", given) and "--path" not in words:
            return [f"{given} is a path, and needs --path"]
    return []


def _objects_of_kubectl(words: list[str]) -> Iterator[tuple[str, str]]:
    for before, word in pairwise(words):
        kind, _, name = word.rpartition("/") if "/" in word else (before, "", word)
        if before in ("logs", "exec", "port-forward") and "/" not in word:
            kind = "pod"
        if kind in KUBECTL_KINDS and re.match("[a-z]", name) and name not in ("generic", "tls") and not PLACEHOLDER.search(name):
            yield KUBECTL_KINDS[kind], name


def _objects_of_velero(words: list[str]) -> Iterator[tuple[str, str]]:
    for before, word in pairwise(words):
        if before in VELERO_KINDS and not PLACEHOLDER.search(word):
            yield VELERO_KINDS[before], re.sub(r"-[0-9]{14}$", "", word)  # a backup is named for its schedule and its moment


def test_everything_that_commands_name_is_there():
    # The examples have settings and stacks of their own, and tests of their own.
    shown = [(place, line) for place, line in commands() if not place.startswith("examples/")]
    assert len(shown) >= 150
    found = [f"{place}: {line}: {fault}" for place, line in shown for fault in faults(line)]
    assert found == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("make previw STACK=backup", "make has no target previw"),
        (".venv/bin/python -m offlin --stack primary", "there is no module offlin"),
        ("pulumi config set --stack primary --path storage.sise 1Gi", "there is no setting storage.sise"),
        ("pulumi config set --stack primary storage.size 1Gi", "storage.size is a path, and needs --path"),
        ("pulumi config set --path 'domains[0].dmark.policy' none", "there is no setting domains[].dmark.policy"),
        ("pulumi config set --secret --path 'dkimKey[\"a._domainkey.b\"]' < key.pem", "there is no setting dkimKey"),
        ("pulumi config rm --stack primry returnTo", "there is no stack primry"),
        ("pulumi stack output --stack primary --json zone", "no stack puts out zone"),
        ("kubectl -n mail scale statefulset stalwarts --replicas 0", "there is no StatefulSet stalwarts"),
        ("kubectl -n mail logs stalwart-server-0 --follow", "there is no Pod stalwart-server-0"),
        ("kubectl -n mail get secret stalwart-cert | base64 -d", "there is no Secret stalwart-cert"),
        ('export A="$(kubectl get secret stalwart-cert)"', "there is no Secret stalwart-cert"),
        ("velero backup create --from-schedule mail-archive --wait", "there is no Schedule mail-archive"),
        ("velero backup create a --storage-location mail-archive", "there is no BackupStorageLocation mail-archive"),
        ("velero restore create --from-backup hot-20261103061700", "there is no Schedule hot"),
    ],
)
def test_a_command_that_names_what_is_not_there_is_noticed(line, says):
    assert faults(line) == [says]


def test_settings_that_text_names_are_there():
    tops = {key.partition(".")[0].removesuffix("[]") for key in keys()}
    plain = {key.replace("[]", "") for key in keys()}
    named = {
        (page.name, span.removeprefix("mail:").partition(":")[0])
        for page in pages()
        for span in page.spans
        if PATH_KEY.match(span.removeprefix("mail:").partition(":")[0])
    }
    ours = {(page, key) for page, key in named if re.split(r"[.\[]", key)[0] in tops and not key.endswith((".py", ".md"))}
    assert len(ours) >= 60
    assert {(page, key) for page, key in ours if key.replace("[]", "") not in plain} == set()
