"""The templates of the page: everything that is put into one is escaped, and nothing may be missing."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .svg import Drawing

FOLDER = Path(__file__).parent / "templates"
STYLES = ("colours.css", "drawing.css")

_templates = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def _breakable(name: str) -> Markup:
    """A name that may be broken where people break it: after a dot."""
    return escape(name).replace(".", Markup(".<wbr>"))


_templates.filters["breakable"] = _breakable


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
