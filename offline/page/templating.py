"""The templates of the page: everything that is put into one is escaped, and nothing may be missing."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .svg import Drawing

FOLDER = Path(__file__).parent / "templates"
STYLES = ("colours.css", "drawing.css")
CODE = re.compile(r"`([^`]+)`")
MAX_UNFOLDED = 100  # characters: four lines of a narrow column

_templates = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def _breakable(name: str) -> Markup:
    """A name that may be broken where people break it: after a dot."""
    return escape(name).replace(".", Markup(".<wbr>"))


def prose(words: str) -> Markup:
    """Words in which what stands between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(words))))  # noqa: S704  escaped before


def folded(code: str) -> Markup:
    """Code, of which only the beginning is shown until it is opened; all of it where it is short."""
    if len(code) <= MAX_UNFOLDED:
        return escape(code)
    return Markup("<details><summary>{}…</summary>{}</details>").format(code[:MAX_UNFOLDED], code)


_templates.filters |= {"breakable": _breakable, "prose": prose}


def fill(name: str, **values: object) -> Markup:
    """A template with values in it."""
    return Markup(_templates.get_template(name).render(values))  # noqa: S704  the template escapes


def source(*names: str) -> Markup:
    """Files beside the templates, as they are."""
    return Markup("".join((FOLDER / name).read_text() for name in names))  # noqa: S704  our own files


def svg(drawing: Drawing, *, is_file: bool = False) -> Markup:
    """A drawing as SVG.

    Args:
        drawing: what to draw.
        is_file: whether it stands alone, with its own colours, for light and for dark.
    """
    return fill("drawing.svg", drawing=drawing, css=source(*STYLES) if is_file else "")
