"""Both shipped stacks on the real engine: what each command does to the state and to the clusters."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offline.recorder import walk

from .deployments import PLUGINS, Deployment, missing, unless
from .projects import echoes, shipped
from .regions import SECRETS, Regions, assert_nothing_changes, configure, deployed, setting

KEPT_BY_PRIMARY = {
    *("stalwart-namespace", "stalwart-data"),
    *("dkim-s1-rsa._domainkey.example.com", "dkim-s1-ed25519._domainkey.example.com"),
}
KEPT_BY_BACKUP = {"stalwart-namespace", "stalwart-data"}
NEW_PLAN = {
    "stalwart": "update",
    "stalwart-plan": "replace",
    "stalwart-apply-plan": "replace",
    "stalwart-server": "update",
}
"""What follows when the server is told something else: another plan, another Job, and a restart."""
SHORTEST_SECRET = 16


@pytest.fixture(params=[echoes, None], ids=["echo", "plugins"])
def unreachable(tmp_path: Path, request: pytest.FixtureRequest) -> Deployment:
    """The primary's stack on a machine that reaches no cluster."""
    if request.param is None and (reason := missing(*PLUGINS)):
        pytest.skip(reason)
    shipped(tmp_path, *([request.param(tmp_path)] if request.param else []))
    return Deployment(tmp_path, "primary", {"KUBECONFIG": str(tmp_path / "none")})


def with_selectors(stack: Deployment, *selectors: tuple[str, str, str]) -> dict[str, str]:
    """Give the first domain its selectors, by name, algorithm and state; deploy, and return the steps."""
    first, *others = setting(stack, "domains")
    found = [{"name": name, "algorithm": algorithm, "state": state} for name, algorithm, state in selectors]
    configure(stack, domains=[{**first, "dkimSelectors": found}, *others])
    return deployed(stack).steps


def secrets_in(state: Any) -> Iterator[str]:
    """The texts in what is marked as a secret in an exported state."""
    for found in walk(state):
        if isinstance(found, dict) and isinstance(marked := found.get("plaintext"), str):
            yield from (text for text in walk(json.loads(marked)) if isinstance(text, str))


def telling(text: str) -> set[str]:
    """The lines of a secret that nothing else holds: those at the top of an RSA key hold its public half as well."""
    lines = text.splitlines()
    own = lines[-3:-1] if "PRIVATE KEY" in text else lines
    return {line for line in own if len(line) >= SHORTEST_SECRET and "-----" not in line}


@unless(missing())
def test_a_preview_reaches_nothing(unreachable: Deployment):
    run = unreachable.preview()
    assert not run.failed, run.output
    assert set(run.steps.values()) == {"create"}
    assert run.steps.keys() >= KEPT_BY_PRIMARY


@unless(missing())
def test_a_backup_without_its_primary_is_told_what_to_do_first(tmp_path: Path):
    shipped(tmp_path, echoes(tmp_path))
    run = Deployment(tmp_path, "backup").preview()
    assert run.failed
    assert "Bring the primary up first: pulumi up --stack primary" in run.output
    assert "Traceback" not in run.output


def test_a_second_up_and_a_refresh_change_nothing(regions: Regions):
    for stack in (regions.primary, regions.backup):
        assert_nothing_changes(stack)


def test_a_new_domain_is_told_to_both_servers_and_nothing_else_changes(regions: Regions):
    configure(regions.primary, domains=[*setting(regions.primary, "domains"), {"name": "example.net"}])
    assert deployed(regions.primary).steps == {
        **NEW_PLAN,
        "dkim": "update",
        "dkim-s1-rsa._domainkey.example.net": "create",
        "dkim-s1-ed25519._domainkey.example.net": "create",
        "dns": "update",
        "stalwart-certificate": "update",  # MTA-STS and autoconfiguration are served under the domain's name
        "stalwart-stalwart-dkim-0": "update",
    }
    assert deployed(regions.backup).steps == {**NEW_PLAN, "dns": "update", "stalwart-recipients": "update"}


def test_a_key_is_rotated_without_touching_what_does_not_sign(regions: Regions):
    old, new = ("s1-rsa", "rsa"), ("s2-rsa", "rsa")
    other = ("s1-ed25519", "ed25519", "active")
    told = {"dkim": "update", "stalwart": "update", "dns": "update"}
    primary = regions.primary
    added = with_selectors(primary, (*old, "active"), other, (*new, "pending"))
    assert added == {**told, "dkim-s2-rsa._domainkey.example.com": "create"}
    signed = with_selectors(primary, (*old, "retiring"), other, (*new, "active"))
    assert signed == {**told, **NEW_PLAN, "stalwart-stalwart-dkim-0": "update"}
    assert with_selectors(primary, (*old, "retired"), other, (*new, "active")) == told
    removed = with_selectors(primary, other, (*new, "active"))
    assert removed == {**told, "dkim-s1-rsa._domainkey.example.com": "delete"}
    assert deployed(regions.backup).steps == {}


def test_a_step_that_would_lose_mail_is_refused_before_anything_is_touched(regions: Regions):
    first, *others = setting(regions.primary, "domains")
    configure(regions.primary, domains=[{**first, "dkimSelectors": [{"name": "s1-rsa", "algorithm": "rsa"}]}, *others])
    run = regions.primary.up()
    assert run.failed
    assert "the DKIM selector s1-ed25519._domainkey.example.com was active and would be gone" in run.output
    assert run.steps == {}


def test_a_volume_grows_in_place(regions: Regions):
    configure(regions.primary, storage={"size": "40Gi"})
    assert deployed(regions.primary).steps == {"stalwart": "update", "stalwart-data": "update"}
    (volume,) = regions.primary.of_type("kubernetes:core/v1:PersistentVolumeClaim")
    assert volume["inputs"]["spec"]["resources"]["requests"]["storage"] == "40Gi"


def test_an_up_that_was_killed_goes_on_where_it_was(new_regions: Regions):
    stack = new_regions.primary
    with new_regions.world.held(stack, "stalwart-server"):
        killed = stack.killed_up(lambda: "StatefulSet/stalwart" in new_regions.objects(stack))
    assert killed.failed
    assert "stalwart-server" not in {found["urn"].rpartition("::")[2] for found in stack.resources()}

    # As in docs/runbooks/failover.md.
    stack.stack.cancel()
    refused = stack.up()
    assert refused.failed
    assert "already exists" in refused.output
    stack.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    assert "stalwart-server" in deployed(stack).steps
    del stack.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"]
    assert not stack.refresh(clear_pending_creates=True).failed
    assert deployed(stack).steps == {"kubernetes": "update"}  # the SDK makes the variable an argument of the provider
    assert stack.refresh().counts.keys() == {"same"}


def test_destroy_stops_at_what_is_protected_and_names_it(regions: Regions):
    for stack, kept in ((regions.backup, KEPT_BY_BACKUP), (regions.primary, KEPT_BY_PRIMARY)):
        before = regions.objects(stack)
        run = stack.destroy()
        assert run.failed
        assert "because it is protected" in run.output
        named = set(re.findall(r"pulumi state unprotect '.*::(.*)'", run.output))
        assert named == kept - {"stalwart-namespace"}  # which is not reached, since what is in it stays
        assert regions.objects(stack) >= before


def test_mail_outlives_even_a_destroy_that_was_meant(regions: Regions):
    stack = regions.primary
    stack.unprotect_all()
    run = stack.destroy()
    assert not run.failed, run.output
    assert stack.resources() == []
    assert {"Namespace/mail", "PersistentVolumeClaim/stalwart-data"} <= regions.objects(stack)
    assert "StatefulSet/stalwart" not in regions.objects(stack)


def test_no_secret_is_in_the_clear(regions: Regions):
    for stack in (regions.primary, regions.backup):
        configure(stack, logLevel="debug")
        assert not stack.up(preview=True).failed
        assert not stack.refresh().failed
        secrets = set(SECRETS[stack.name].values()).union(*(telling(text) for text in secrets_in(stack.resources())))
        assert len(secrets) > len(SECRETS[stack.name])
        for seen in ("".join(stack.told), stack.on_disk()):
            assert "mx1.example.com" in seen
            assert [secret for secret in secrets if secret in seen] == []
            assert "PRIVATE KEY" not in seen
