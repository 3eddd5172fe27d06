"""Every page of the documentation, read as Markdown (CommonMark with tables)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from offline.program import PROJECT_FOLDER

COMMANDS = ("make", "pulumi", "kubectl", "velero", "pip", ".venv/bin/python", "openssl", "export", "git", "nc", "swaks", "cd")
SHELLS = ("sh", "bash", "shell", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: str
    line: int
    language: str
    text: str

    @property
    def is_shell(self) -> bool:
        """Whether it is typed into a terminal: it says so, or says nothing and begins with a command."""
        return self.language in SHELLS or (not self.language and self.text.startswith(tuple(f"{name} " for name in COMMANDS)))

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page."""

    path: Path
    name: str
    """Its path in the project."""
    anchors: frozenset[str]
    links: tuple[str, ...]
    blocks: tuple[Block, ...]
    spans: tuple[str, ...]
    """Code inside of text."""


@cache
def pages() -> tuple[Page, ...]:
    """All of them."""
    found = {*PROJECT_FOLDER.glob("*.md"), *PROJECT_FOLDER.glob("docs/**/*.md"), *PROJECT_FOLDER.glob("examples/**/*.md")}
    return tuple(read(path, path.read_text()) for path in sorted(found) if "node_modules" not in path.parts)


def read(path: Path, text: str) -> Page:
    """A page from its text."""
    name = str(path.relative_to(PROJECT_FOLDER))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inside = [child for token in tokens for child in token.children or []]
    return Page(
        path=path,
        name=name,
        anchors=frozenset(_anchors(tokens)),
        links=tuple(str(href) for token in inside for href in (token.attrGet("href"), token.attrGet("src")) if href is not None),
        blocks=tuple(
            Block(name, (token.map or [0])[0] + 1, token.info.strip(), token.content) for token in tokens if token.type == "fence"
        ),
        spans=tuple(token.content for token in inside if token.type == "code_inline"),
    )


def _anchors(tokens: list[Token]) -> Iterator[str]:
    """Where links into the page lead, as code hosts name headings."""
    seen: Counter[str] = Counter()
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            text = "".join(child.content for child in content.children or [])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            yield f"{slug}-{seen[slug]}" if seen[slug] else slug
            seen[slug] += 1


def commands() -> Iterator[tuple[str, str]]:
    """Every command that is shown, on one line, with where it is."""
    for page in pages():
        for block in page.blocks:
            if block.is_shell:
                for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
                    yield str(block), line.removeprefix("$ ")
        for span in page.spans:
            if span.startswith(tuple(f"{name} " for name in COMMANDS)):
                yield page.name, span
