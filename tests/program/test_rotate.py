"""`make rotate`: each step of a key's life, and that a key signs only once DNS shows it."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import rotate
from components.dkim import DkimSelector, SelectorState
from dns_steps import NEXT_STATES
from doctor.deployment import OutputsError
from offline.world import public_key_pem
from rotate import next_step, selectors_text
from tests.conftest import changed
from tests.doctor.world import Local
from tests.unit.domains import domain

RSA_KEY = public_key_pem("esp", "RSA")
NEXT = [{"name": "s1-rsa", "algorithm": "rsa"}, {"name": "s2-rsa", "algorithm": "rsa", "state": "pending"}]


def _walk(found):
    """The selectors of a domain from step to step, until a new key would be made again."""
    while True:
        step = next_step(found)
        yield step
        found = found.model_copy(update={"dkim_selectors": step.selectors})
        if all(selector.state == SelectorState.ACTIVE for selector in step.selectors):
            return


def test_a_rotation_takes_four_steps_and_leaves_new_keys():
    steps = list(_walk(domain()))
    assert [step.title for step in steps] == [
        "publish the next keys",
        "sign with the next keys",
        "revoke the keys that signed before",
        "take the revoked keys out",
    ]
    assert [(s.name, s.state) for s in steps[-1].selectors] == [("s2-rsa", "active"), ("s2-ed25519", "active")]


selectors = st.lists(
    st.builds(
        lambda number, algorithm, state: DkimSelector.model_validate(
            {"name": f"s{number}-{algorithm}", "algorithm": algorithm, "state": state}
        ),
        st.integers(1, 20),
        st.sampled_from(["rsa", "ed25519"]),
        st.sampled_from(list(SelectorState)),
    ),
    max_size=4,
    unique_by=lambda found: found.name,
).map(lambda found: [DkimSelector.model_validate({"name": "now", "algorithm": "rsa"}), *found])


@given(selectors)
def test_no_step_is_one_that_the_program_would_refuse(found):
    given_domain = domain().model_copy(update={"dkim_selectors": tuple(found)})
    for before, step in zip(
        [given_domain.selectors, *(s.selectors for s in _walk(given_domain))], _walk(given_domain), strict=False
    ):
        old, new = ({s.name: s.state for s in selectors} for selectors in (before, step.selectors))
        for name in {*old, *new}:
            assert new.get(name) in NEXT_STATES[old.get(name)]
        assert any(selector.state == SelectorState.ACTIVE for selector in step.selectors)


@pytest.mark.parametrize(
    ("name", "taken", "following"),
    [
        ("s1-rsa", [], "s2-rsa"),
        ("s202609", [], "s202610"),
        ("s09-rsa", [], "s10-rsa"),
        ("key", [], "key2"),
        ("a1", ["a2"], "a3"),
        ("rsa2048-1", [], "rsa2048-2"),
    ],
)
def test_the_next_key_has_the_next_name(name, taken, following):
    others = [
        {"name": other, "algorithm": "ed25519", "public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="} for other in taken
    ]
    step = next_step(domain(dkim_selectors=[{"name": name, "algorithm": "rsa"}, *others]))
    assert step.selectors[-1].name == following


def test_hosted_keys_take_the_names_that_lead_to_us():
    hosted = {"zone": "dkim.example.net", "selectors": ["b-ed25519", "b-rsa"]}
    step = next_step(domain(hosted_dkim=hosted))
    assert [s.name for s in step.selectors[2:]] == ["b-rsa", "b-ed25519"]
    assert "no free name" in next_step(domain(hosted_dkim={**hosted, "selectors": ["b-rsa"]}))


def test_keys_that_sign_elsewhere_are_left_alone():
    theirs = {"name": "esp", "algorithm": "rsa", "public_key": RSA_KEY}
    for state in ("pending", "active", "retiring", "retired"):
        found = domain(dkim_selectors=[{"name": "s1", "algorithm": "rsa"}, {**theirs, "state": state}])
        for step in _walk_of_ours(found):
            assert [s.state for s in step.selectors if s.name == "esp"] == [state]
    assert next_step(domain(dkim_selectors=[theirs])) == "all its keys sign elsewhere"


def _walk_of_ours(found):
    for _ in range(4):
        step = next_step(found)
        yield step
        found = found.model_copy(update={"dkim_selectors": step.selectors})


def test_what_is_printed_can_be_pasted():
    key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    numbers = [{"name": "202611", "algorithm": "rsa"}, {"name": "on", "algorithm": "rsa", "state": "pending"}]
    given_domain = domain(dkim_selectors=[*NEXT, *numbers, {"name": "hsm", "algorithm": "ed25519", "public_key": key}])
    pasted = yaml.safe_load(selectors_text(given_domain.selectors))["dkimSelectors"]
    assert domain().model_validate({"name": "example.com", "dkimSelectors": pasted}).selectors == given_domain.selectors


@pytest.fixture
def rotating(monkeypatch, tmp_path):
    """The command, in a world that shows what the stack has deployed."""
    recording = changed("primary", domains=[{"name": "example.com", "dkimSelectors": NEXT}])
    config = {"mail:domains": [{"name": "example.com", "dkimSelectors": NEXT}]}
    monkeypatch.setattr(rotate, "stack_config", lambda _stack: config)
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({key: recording.outputs[key] for key in recording.outputs if key != "endpoints"}))
    local = Local()
    for origin, text in recording.outputs["zones"].items():
        local.dns.load(origin, "\n".join(line for line in text.splitlines() if "_domainkey" in line))

    def run():
        with local.world() as world:
            monkeypatch.setattr(rotate, "real_world", lambda _resolvers, _timeout: world)
            return CliRunner().invoke(rotate.app, ["--outputs", str(file)])

    return run, local, config


def test_a_key_signs_once_dns_shows_it(rotating):
    run, _local, _config = rotating
    result = run()
    assert result.exit_code == 0, result.output
    assert "sign with the next keys" in result.output
    assert "{name: s2-rsa, algorithm: rsa, state: active}" in result.output
    assert "{name: s1-rsa, algorithm: rsa, state: retiring}" in result.output


@pytest.mark.parametrize("values", [(), ('"v=DKIM1; k=rsa; p="',), ('"v=DKIM1; k=rsa; p=MIIB"',)])
def test_a_key_that_dns_does_not_show_does_not_sign(rotating, values):
    run, local, _config = rotating
    local.dns.set("s2-rsa._domainkey.example.com", "TXT", *values)
    result = run()
    assert result.exit_code == rotate.WAITING
    assert "not yet: sign with the next keys" in result.output
    assert "s2-rsa._domainkey.example.com" in result.output
    assert "state: active" not in result.output


def test_a_key_that_is_not_deployed_does_not_sign(rotating):
    run, _local, config = rotating
    config["mail:domains"][0] = {"name": "example.com", "dkimSelectors": [NEXT[0], {**NEXT[1], "name": "s3-rsa"}]}
    result = run()
    assert result.exit_code == rotate.WAITING
    assert "s3-rsa._domainkey.example.com is not deployed yet: run `pulumi up`" in result.output


def test_mistakes_are_said_in_words(monkeypatch):
    def says(config):
        monkeypatch.setattr(rotate, "stack_config", lambda _stack: config)
        result = CliRunner().invoke(rotate.app, [])
        assert result.exit_code == 3
        assert "Traceback" not in result.output
        return result.output

    assert "keys are the primary's" in says({})
    assert "make preview explains it" in says({"mail:domains": [{"name": "no name"}]})
    assert "pulumi" in says({"mail:domains": [{"name": "example.com", "dkimSelectors": NEXT}]})
    monkeypatch.undo()
    with pytest.raises(OutputsError, match="is not here"):
        rotate._settings("nowhere")


def test_keys_that_are_brought_are_told_of(rotating):
    run, _local, config = rotating
    config["mail:dkimKeys"] = {"s0._domainkey.example.com": {"secure": "v1:x"}}
    config["mail:domains"][0] = {"name": "example.com", "dkimSelectors": [{"name": "s1-rsa", "algorithm": "rsa"}]}
    assert "made here, unless you bring them in dkimKeys: s2-rsa._domainkey.example.com." in run().output


def test_a_domain_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(rotate, "stack_config", lambda _stack: {"mail:domains": [{"name": "example.com"}]})
    result = CliRunner().invoke(rotate.app, ["--domain", "typo.example"])
    assert result.exit_code == 3
    assert "typo.example is no mail domain of Pulumi.primary.yaml" in result.output
