"""`python -m offline.generated`: writes every generated file. A test keeps them current."""

import sys
from collections.abc import Mapping
from pathlib import Path

from ..page import Stack, graph_svg, regions_svg
from ..preview import configurations, preview, without_prefix
from ..program import PROJECT_FOLDER
from . import blueprint, tables
from .reference import components_page
from .schema import schema_text

DOCS = PROJECT_FOLDER / "docs"


def generated() -> dict[Path, str]:
    """Every generated file, as it must be."""
    configs = configurations(PROJECT_FOLDER)
    stacks = {stack: Stack(recording, without_prefix(configs[stack])) for stack, (recording, _) in preview(configs).items()}
    return {
        DOCS / "stack.schema.json": schema_text(),
        DOCS / "components.md": components_page(),
        DOCS / "settings.md": _with_tables("settings.md", {"settings": tables.settings_table()}),
        DOCS / "server.md": _with_tables("server.md", {"objects": tables.objects_table(stacks)}),
        DOCS / "policies.md": _with_tables(
            "policies.md", {"policies": tables.policies_table(), "policy settings": tables.policy_settings_table()}
        ),
        DOCS / "monitoring.md": _with_tables(
            "monitoring.md", {"exporter": tables.exporter_table(), "alerts": tables.alerts_table()}
        ),
        DOCS / "regions.svg": regions_svg(stacks),
        DOCS / "resources.svg": graph_svg({name: stack.recording for name, stack in stacks.items()}),
        **blueprint.generated(),
    }


def _with_tables(page: str, made: Mapping[str, str]) -> str:
    """A page with its generated tables, by name, brought up to date."""
    text = (DOCS / page).read_text()
    for name, table in made.items():
        start, end = f"<!-- {name}: made by `make schema` -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n{table}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> int:
    """Write them."""
    for path, text in generated().items():
        path.write_text(text)
        print(f"Wrote {path.relative_to(PROJECT_FOLDER)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
