"""Both shipped stacks with the real providers: their clusters are local, and they share the zones of a stand-in of Cloudflare."""

from pathlib import Path

from pulumi.automation import ConfigValue

from . import local
from .cloudflare_api import TOKEN, CloudflareApi
from .deployments import unless
from .regions import Regions, assert_nothing_changes, configure, setting
from .test_cloudflare import COM, ZONES, parsed

pytestmark = unless(local.missing())


def test_both_regions_publish_in_the_same_zones_and_leave_them_alone_after(tmp_path: Path):
    with local.LocalWorld() as world, CloudflareApi(ZONES) as api:
        regions = Regions(tmp_path, world)
        zone_ids = {name: zone_id for zone_id, name in ZONES.items()}
        domains = [{**domain, "zoneId": zone_ids[domain["name"]]} for domain in setting(regions.primary, "domains")]
        configure(regions.primary, domains=domains)
        for stack in (regions.primary, regions.backup):
            configure(stack, dns={"provider": "cloudflare"})
            stack.stack.set_config("mail:dns.apiToken", ConfigValue(TOKEN, secret=True), path=True)
            stack.environment["CLOUDFLARE_BASE_URL"] = api.url
        regions.up()

        records = api.records(COM)
        assert {(found["priority"], found["content"]) for found in records if found["type"] == "MX"} == {
            (10, "mx1.example.com"),
            (20, "mx2.example.com"),
        }
        files = [stack.outputs()["zones"]["example.com"] for stack in (regions.primary, regions.backup)]
        assert parsed(api.export(COM), "example.com") == set().union(*(parsed(text, "example.com") for text in files))

        api.forget_requests()
        for stack in (regions.primary, regions.backup):
            assert_nothing_changes(stack)
            assert TOKEN not in "".join([stack.on_disk(), *stack.told])
        assert api.writes() == []
