"""Both shipped stacks on the real engine after their first `up`: the state, the clusters, and what is read by others."""

import re
from collections.abc import Iterator

from offline.program import stack_config
from offline.recorder import Recording
from tests.program.stacks import run

from .deployments import Deployment
from .regions import Regions

ENGINES_OWN = re.compile("::pulumi:pulumi:|::pulumi:providers:[a-z]+::default")


def recordings(regions: Regions) -> Iterator[tuple[Deployment, Recording]]:
    """Each stack, and what the offline preview says of its settings."""
    primary = run("primary", stack_config("primary", regions.folder))
    yield regions.primary, primary
    yield regions.backup, run("backup", stack_config("backup", regions.folder), primary)


def test_the_engine_makes_what_the_offline_preview_shows(deployed_regions: Regions):
    for stack, recording in recordings(deployed_regions):
        made = {found["urn"]: found for found in stack.resources() if not ENGINES_OWN.search(found["urn"])}
        assert made.keys() == recording.resources.keys()
        for urn, resource in recording.resources.items():
            assert bool(made[urn].get("protect")) == resource.protect, urn
            assert bool(made[urn].get("retainOnDelete")) == resource.retain_on_delete, urn


def test_each_cluster_holds_what_the_offline_preview_writes(deployed_regions: Regions):
    for stack, recording in recordings(deployed_regions):
        objects = [found.inputs for found in recording.resources.values() if found.type.startswith("kubernetes:")]
        wanted = {f"{found['kind']}/{found['metadata']['name']}" for found in objects}
        assert deployed_regions.objects(stack) >= wanted


def test_the_backup_relays_for_the_domains_of_the_primary(deployed_regions: Regions):
    primary, backup = deployed_regions.primary.outputs(), deployed_regions.backup.outputs()
    assert [domain["name"] for domain in primary["endpoints"]["domains"]] == ["example.com"]
    assert "MX 20 mx2.example.com." in backup["zones"]["example.com"]
    assert "MX 10 mx1.example.com." in primary["zones"]["example.com"]
