"""Two builds compared: what changes, as data."""

import json

import pytest
from hypothesis import given as generated
from hypothesis import settings, strategies

from offline.build import PLACEHOLDER, write
from offline.diff.__main__ import main
from offline.diff.as_json import from_json, to_json
from offline.diff.comparison import compare
from offline.diff.reading import BuildError, read
from tests.conftest import recorded
from tests.unit.builds import (
    BACKUP,
    PRIMARY,
    all_of,
    dns,
    full,
    given,
    option,
    output,
    planned,
    renamed,
    shipped,
    without,
)

PARTS = ("objects", "records", "settings", "bucket_policies", "alerts", "outputs")
CLAIM = (PRIMARY, "PersistentVolumeClaim", "stalwart-data")
SERVER = (PRIMARY, "StatefulSet", "stalwart-server")
CHANGES = [
    given(*SERVER, "spec.replicas", 2),
    given(*SERVER, "spec.template.spec.containers.0.env.1", {"name": "NEW", "value": "x"}),
    given(PRIMARY, "ConfigMap", "stalwart-plan", "metadata.name", "stalwart-plan-0"),
    without(PRIMARY, "PodDisruptionBudget", "stalwart-budget"),
    without(BACKUP, "Schedule", "backup-schedule-mail-backup"),
    renamed(*CLAIM, "volume", alias=False),
    dns(PRIMARY, "example.com", "MX", "10", "5 mx1.example.com."),
    dns(PRIMARY, "example.com", "MX", None, "40 mx4.example.com."),
    dns(BACKUP, "mx2.example.com", "A", "198", None),
    output(PRIMARY, "hostname", "mail.example.com"),
    output(BACKUP, "ports", None),
    lambda build: {PRIMARY: build[PRIMARY]},
]


def difference(change, base=shipped):
    return compare(base(), change(base()))


def primary(change, base=shipped):
    return next(stack for stack in difference(change, base).stacks if stack.stack == PRIMARY)


def counted(stack, how):
    return {
        (part, change.kind, change.name, change.place) for part in PARTS for change in getattr(stack, part) if change.how == how
    }


@pytest.mark.parametrize("base", [shipped, full])
def test_a_build_is_the_same_as_itself(base):
    found = compare(base(), base())
    assert found.risks == ()
    assert [(stack.stack, stack.state) for stack in found.stacks] == [(PRIMARY, "same"), (BACKUP, "same")]
    assert not any(getattr(stack, part) for stack in found.stacks for part in PARTS)


@settings(max_examples=30)
@generated(strategies.lists(strategies.sampled_from(range(len(CHANGES))), unique=True, max_size=4))
def test_what_one_way_adds_the_other_way_removes(numbers):
    old = shipped()
    new = old
    for number in sorted(numbers):  # the last takes a stack away
        new = CHANGES[number](new)
    there, back = compare(old, new), compare(new, old)
    assert (there == back) == (not numbers)
    for one, other in zip(there.stacks, back.stacks, strict=True):
        assert counted(one, "added") == counted(other, "removed")
        assert counted(one, "removed") == counted(other, "added")
        assert counted(one, "changed") | counted(one, "replaced") == counted(other, "changed") | counted(other, "replaced")
    assert from_json(to_json(there)) == there


def test_the_fields_that_changed_are_said_by_their_path():
    stack = primary(given(*SERVER, "spec.replicas", 2))
    (change,) = stack.objects
    assert (change.how, change.kind, change.name, change.place) == ("changed", "StatefulSet", "stalwart-server", "mail")
    assert [(field.path, field.old, field.new) for field in change.fields] == [("spec.replicas", "1", "2")]
    assert stack.state == "changed"
    assert not stack.records
    assert not stack.outputs


def test_an_item_that_comes_first_does_not_change_those_after_it():
    containers = shipped()[PRIMARY].of_kind("StatefulSet")[0].inputs["spec"]["template"]["spec"]["containers"]
    stack = primary(given(*SERVER, "spec.template.spec.containers", [{"name": "first", "image": "a:1"}, *containers]))
    assert [field.path for field in stack.objects[0].fields] == [
        "spec.template.spec.containers[first].image",
        "spec.template.spec.containers[first].name",
    ]


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (given(PRIMARY, "ConfigMap", "stalwart-plan", "metadata.name", "stalwart-plan-0"), "replaced"),
        (given(PRIMARY, "Job", "stalwart-apply-plan", "spec.template.spec.restartPolicy", "Always"), "replaced"),
        (given(PRIMARY, "RandomPassword", "stalwart-admin-password", "length", 40), "replaced"),
        (given(PRIMARY, "Role", "drill-velero-role", "rules", []), "changed"),
        (given(PRIMARY, "RoleBinding", "drill-velero-binding", "roleRef.name", "x"), "replaced"),
        (renamed(*CLAIM, "volume", alias=True), "renamed"),
        (all_of(given(*CLAIM, "spec.volumeName", "x"), renamed(*CLAIM, "volume", alias=True)), "replaced"),
        (option(*CLAIM, protect=False), "changed"),
    ],
)
def test_a_replacement_is_told_from_a_change(change, how):
    assert [found.how for found in primary(change).objects] == [how]


def test_a_renamed_object_without_an_alias_is_another():
    assert [found.how for found in primary(renamed(*CLAIM, "volume", alias=False)).objects] == ["removed", "added"]


def test_records_are_compared_by_set():
    (change,) = primary(dns(PRIMARY, "example.com", "MX", "10", "5 mx1.example.com.")).records
    assert (change.kind, change.name, change.place) == ("MX", "example.com", "example.com")
    assert [(field.old, field.new) for field in change.fields] == [
        ("10 mx1.example.com. (TTL 3600)", "5 mx1.example.com. (TTL 3600)")
    ]


def test_text_records_are_put_together_and_keys_that_up_makes_are_not_shown():
    values = {record.name: record.value for record in shipped()[PRIMARY].records if record.type == "TXT"}
    assert values["s1-rsa._domainkey.example.com"] == "v=DKIM1; k=rsa; h=sha256; p=(a key that `pulumi up` makes)"
    assert values["*._domainkey.example.org"] == "v=DKIM1; p="
    assert values["mx1.example.com"] == "v=spf1 a -all"


def test_texts_of_several_lines_show_the_lines_that_changed():
    script = given(PRIMARY, "ConfigMap", "drill-config", "data|config.json", "one\ntwo\nthree\n")(shipped())
    other = given(PRIMARY, "ConfigMap", "drill-config", "data|config.json", "one\n2\nthree\n")(script)
    (change,) = compare(script, other).stacks[0].objects
    assert [(field.path, field.old, field.new) for field in change.fields] == [("data.config.json", "two", "2")]


def test_settings_are_told_in_words(tmp_path):
    def edit(value):
        value["maxMessageSize"]["else"] = "1"

    for name, build in (("old", shipped()), ("new", planned(PRIMARY, "MtaStageData", edit)(shipped()))):
        write(recorded("primary"), "", tmp_path / name / PRIMARY)
        text = "".join(f"{json.dumps(operation)}\n" for operation in build[PRIMARY].plans[""])
        (tmp_path / name / PRIMARY / "plan.ndjson").write_text(text)
    (stack,) = compare(read(tmp_path / "old"), read(tmp_path / "new")).stacks
    (change,) = stack.settings
    assert (change.kind, [(field.old, field.new) for field in change.fields]) == (
        "MtaStageData",
        [("maxMessageSize 104857600", "maxMessageSize 1")],
    )


def test_a_secret_is_a_placeholder_in_every_part():
    change = given(PRIMARY, "Secret", "stalwart-credentials", "data", {"admin-password": PLACEHOLDER, "new": PLACEHOLDER})
    fields = [field for found in primary(change).objects for field in found.fields]
    assert {field.old for field in fields} | {field.new for field in fields} == {"", PLACEHOLDER}


def test_a_stack_is_new_or_gone():
    new, old = compare({}, shipped()), compare(shipped(), {})
    assert [stack.state for stack in new.stacks] == ["new", "new"]
    assert [stack.state for stack in old.stacks] == ["gone", "gone"]
    assert new.risks == ()
    assert [risk.rule for risk in old.risks] == ["stack-gone", "stack-gone"]


def build_in(folder):
    for stack in (PRIMARY, BACKUP):
        write(recorded(stack), "", folder / stack)
    return folder


def test_the_command_says_and_writes_what_changes(tmp_path, capsys):
    old, new = build_in(tmp_path / "old"), build_in(tmp_path / "new")
    assert main([str(old), str(new)]) == 0
    assert capsys.readouterr().out == "Nothing changes in any region.\n"
    zone = new / BACKUP / "zones" / "example.com.zone"
    zone.write_text(zone.read_text().replace("MX 20", "MX 5"))
    target = tmp_path / "difference.json"
    assert main([str(old), str(new), "--json", str(target), "--fail-on", "warning"]) == 1
    assert "**1 danger**" in capsys.readouterr().out
    assert [risk.rule for risk in from_json(target.read_text()).risks] == ["mx-order"]
    assert main([str(old), str(new), "--fail-on", "danger"]) == 1
    assert main([str(old), str(new)]) == 0


@pytest.mark.parametrize("level", ["danger", "warning"])
def test_only_a_risk_that_is_asked_for_fails(tmp_path, level):
    old, new = build_in(tmp_path / "old"), build_in(tmp_path / "new")
    zone = new / PRIMARY / "zones" / "example.com.zone"
    zone.write_text(zone.read_text().replace("sp=quarantine", "sp=none"))
    assert main([str(old), str(new), "--fail-on", level]) == (level == "warning")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: folder / "nowhere", "nowhere: there is no such folder"),
        (lambda folder: folder / PRIMARY / "zones", "no stack has a resources.json here"),
        (lambda folder: folder / PRIMARY, "it is one stack of a build: name the folder above it"),
        (lambda folder: _write(folder, "resources.json", "{"), "resources.json: Expecting"),
        (lambda folder: _write(folder, "resources.json", "[]"), "is no JSON object"),
        (lambda folder: _write(folder, "resources.json", '{"urn:x": {}}'), "its registration in resources.json is incomplete"),
        (lambda folder: _write(folder, "plan.ndjson", '{"object": 1}\n'), "is none of this project"),
        (lambda folder: _write(folder, "zones/example.com.zone", "a b c"), "example.com.zone"),
        (lambda folder: _remove(folder, "outputs.json"), "outputs.json: there is no such file"),
    ],
)
def test_a_folder_that_is_no_build_is_said_in_one_line(tmp_path, capsys, spoil, said):
    folder = build_in(tmp_path / "build")
    with pytest.raises(BuildError) as refused:
        read(spoil(folder))
    assert said in str(refused.value)
    assert main([str(folder), str(spoil(folder))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def _write(folder, name, text):
    (folder / PRIMARY / name).write_text(text)
    return folder


def _remove(folder, name):
    (folder / PRIMARY / name).unlink(missing_ok=True)
    return folder


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda found: found.update(version=2), "version is not 1"),
        (lambda found: found.update(more=1), "difference must have exactly risks, stacks"),
        (lambda found: found.update(risks="x"), "difference.risks is no list"),
        (lambda found: found["risks"][0].update(level="fine"), "difference.risks[0].level is none of danger, warning"),
        (lambda found: found["risks"][0].update(message=1), "difference.risks[0].message is no text"),
        (lambda found: found["risks"].append([]), "difference.risks[1] is no object"),
        (lambda found: found["stacks"][0].pop("state"), "difference.stacks[0] must have exactly"),
    ],
)
def test_json_of_another_shape_is_refused(spoil, said):
    found = json.loads(to_json(difference(option(*CLAIM, protect=False))))
    spoil(found)
    with pytest.raises(ValueError, match=r"difference|version") as refused:
        from_json(json.dumps(found))
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "1", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        from_json(text)
