"""The page of a preview: one HTML file with the regions drawn, mail's way through them, and tables to filter.

It needs no network, and says the same without scripts; same settings give the same bytes. No secret is in it.
"""

from collections.abc import Mapping
from pathlib import Path

from offline.recorder import Recording

from . import graph, regions
from .facts import platforms, region
from .flow import TITLES, states, wanted, words
from .sections import Stack, tables
from .templating import fill, source, svg

__all__ = ["Stack", "graph_svg", "regions_svg", "render", "write"]


def render(stacks: Mapping[str, Stack]) -> str:
    """The page.

    Args:
        stacks: by name: what was recorded of each, its configuration, and which policies it breaks.
    """
    recordings = {name: stack.recording for name, stack in stacks.items()}
    found = platforms(region(stack.recording, stack.config) for stack in stacks.values())
    drawn = [
        {
            "primary": platform.primary,
            "states": [
                {
                    "id": state.value,
                    "title": TITLES[state],
                    "is_wanted": state == wanted(platform),
                    "wide": svg(regions.drawing(platform, state, number=number)),
                    "narrow": svg(regions.drawing(platform, state, is_narrow=True, number=number)),
                    "words": words(platform, state),
                }
                for state in states(platform)
            ],
        }
        for number, platform in enumerate(found)
    ]
    return fill(
        "page.html",
        platforms=drawn,
        regions=[area for platform in found for area in (platform.primary, platform.backup) if area],
        graph=svg(graph.drawing(recordings)),
        graph_words=graph.sentences(recordings),
        tables=tables(stacks),
        styles=source("colours.css", "drawing.css", "page.css"),
        script=source("page.js"),
    )


def regions_svg(stacks: Mapping[str, Stack]) -> str:
    """The drawing of the first platform in the state that its settings ask for, as a file of its own."""
    platform = platforms(region(stack.recording, stack.config) for stack in stacks.values())[0]
    return svg(regions.drawing(platform, wanted(platform)), is_file=True)


def graph_svg(recordings: Mapping[str, Recording]) -> str:
    """The drawing of every stack's components and what waits for what, as a file of its own.

    Args:
        recordings: by stack.
    """
    return svg(graph.drawing(recordings), is_file=True)


def write(stacks: Mapping[str, Stack], folder: Path) -> None:
    """Write the page and both drawings, replacing what an earlier preview wrote.

    Args:
        stacks: as for `render`.
        folder: where to; made if needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "index.html": render(stacks),
        "regions.svg": regions_svg(stacks),
        "resources.svg": graph_svg({name: stack.recording for name, stack in stacks.items()}),
    }
    for name, text in files.items():
        _ = (folder / name).write_text(text)
