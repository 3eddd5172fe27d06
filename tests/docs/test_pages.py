"""What the documentation says is there: where links lead, and files that it names."""

import re

import pytest

from offline.program import PROJECT_FOLDER
from tests.docs.pages import Page, pages, read

FILE = re.compile(r"^(components|docs|doctor|examples|offline|tests)(/[\w.*-]+)+/?$")
HERE = PROJECT_FOLDER / "docs" / "here.md"


def faults(page: Page) -> list[str]:
    """The links of a page that lead nowhere."""
    anchors = {other.path: other.anchors for other in pages()} | {page.path: page.anchors}
    found = []
    for link in page.links:
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", place):
            if not place.startswith(("https:", "mailto:")):
                found.append(f"{link} is not https")
            continue
        target = (page.path.parent / place).resolve() if place else page.path
        if not (target.exists() or target == page.path) or not target.is_relative_to(PROJECT_FOLDER):
            found.append(f"{link} leads to no file of the project")
        elif anchor and anchor not in anchors.get(target, ()):
            found.append(f"{link} leads to no heading there; there are: {', '.join(sorted(anchors.get(target, ())))}")
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert faults(page) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a](nowhere.md)", "nowhere.md leads to no file"),
        ("[a](dns.md#nowhere)", "dns.md#nowhere leads to no heading"),
        ("[a](#nowhere)", "#nowhere leads to no heading"),
        ("![a](nowhere.svg)", "nowhere.svg leads to no file"),
        ("| a |\n|---|\n| [a](../../elsewhere) |", "elsewhere leads to no file of the project"),
        ("[a](http://example.com)", "is not https"),
    ],
)
def test_a_link_that_leads_nowhere_is_noticed(text, says):
    (fault,) = faults(read(HERE, text))
    assert says in fault


def test_a_heading_is_found_by_the_name_that_code_hosts_give_it():
    page = read(HERE, "# It's `a`, of 2\n\n## It's `a`, of 2\n\n[a](#its-a-of-2) [b](#its-a-of-2-1) [c](dns.md#cloudflare)")
    assert page.anchors == {"its-a-of-2", "its-a-of-2-1"}
    assert faults(page) == []


def test_files_that_are_named_are_there():
    named = {(page.name, span) for page in pages() for span in page.spans if FILE.match(span)}
    assert len(named) >= 20
    assert {found for found in named if not any(PROJECT_FOLDER.glob(found[1].rstrip("/")))} == set()


def test_every_page_is_reached_from_the_readme():
    linked = {page.path: {(page.path.parent / link.partition("#")[0]).resolve() for link in page.links} for page in pages()}
    reached, waiting = set(), [PROJECT_FOLDER / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in linked and page not in reached:
            reached.add(page)
            waiting += linked[page]
    assert {page.name for page in pages() if page.path not in reached} <= {"docs/index.md"}
