"""Headless Chromium, the page of a preview to look at, and what must not happen meanwhile."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from offline import page as preview_page
from policy.rules import RULES, Violation
from tests.conftest import changed, recorded
from tests.program.test_failover import active
from tests.program.test_page import ALERTS, stack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# A browser of its own accord looks for updates; nothing here may leave the machine.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SCREEN = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


LEVELS = {rule.name: rule.level for rule in RULES}
RISKS = [
    Violation(rule, LEVELS[rule], "stalwart-server", "urn:pulumi:primary::stalwart-mail::pulumi:pulumi:Stack::it", message)
    for rule, message in (
        ("image-not-floating", "the image a/stalwart:latest has the tag `latest`; name an exact version, or a digest"),
        ("dmarc-not-weaker", "DMARC of example.com: the policy is none, which is weaker than quarantine; raise it"),
    )
]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of the shipped stacks, and one with rows in every table: alerts, broken rules, a backup that took over."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not here: apt-get install chromium")
    primary = stack(changed("primary", backup=ALERTS, monitoring={}), RISKS, backup=ALERTS)
    stacks = {
        "shipped": {name: stack(recorded(name)) for name in ("primary", "backup")},
        "full": {"primary": primary, "backup": stack(active(checked=True), [])},
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, found in stacks.items():
        preview_page.write(found, folder / name)
    return {name: folder / name / "index.html" for name in stacks}


@pytest.fixture(scope="session")
def browser(pages: dict[str, Path]) -> Iterator[Browser]:
    # After the pages are made: the program runs in an event loop, and so does what drives the browser.
    assert pages
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def shipped(pages: dict[str, Path]) -> Path:
    return pages["shipped"]


@pytest.fixture
def full(pages: dict[str, Path]) -> Path:
    return pages["full"]


@pytest.fixture
def look(browser: Browser) -> Iterator["Look"]:
    looking = Look(browser)
    yield looking
    looking.end()


class Look:
    """Opens pages, and notes what a page must not do: ask the network, or complain."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.opened: list[Page] = []
        self.faults: list[str] = []

    def at(self, path: Path, *, fragment: str = "", viewport=SCREEN, scheme="light", scripts=True) -> Page:
        context = self.browser.new_context(
            viewport=viewport, color_scheme=scheme, java_script_enabled=scripts, reduced_motion="reduce"
        )
        page = context.new_page()
        wanted = path.as_uri()
        page.on(
            "request", lambda request: request.url.partition("#")[0] == wanted or self.faults.append(f"asked for {request.url}")
        )
        page.on("console", lambda message: self.faults.append(f"said {message.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"failed with {error}"))
        page.goto(wanted + fragment)
        self.opened.append(page)
        return page

    def end(self) -> None:
        for page in self.opened:
            page.context.close()
        assert [fault for fault in self.faults if "data:," not in fault] == []
