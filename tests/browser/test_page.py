"""Clicks through the page of a preview: the drawing, tables, keyboard, phone, dark, paper, no scripts, a screen reader."""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from offline.program import PROJECT_FOLDER

from .conftest import PHONE, SCREEN, Look

TABLES = ("objects", "records", "settings", "backups", "losses", "alerts", "risks", "others")
SCREENSHOTS = PROJECT_FOLDER / "build/screenshots"
REMAKE = "REMAKE_PICTURE"
"""A variable of the environment: when it is set, the picture of the docs is made anew."""
PICTURE_SIZE = {"width": 1200, "height": 1150}
PICTURE = PROJECT_FOLDER / "docs/pictures/preview.png"
MAX_PICTURE = 200_000  # bytes


def _state(page: Page, name: str):
    return page.locator(f".state-{name}")


def _visible_rows(page: Page, table: str) -> int:
    return page.locator(f"#{table} tbody tr:visible").count()


def test_the_drawing_is_switched_between_states(look: Look, shipped: Path):
    page = look.at(shipped)
    expect(_state(page, "well")).to_be_visible()
    expect(_state(page, "down")).to_be_hidden()
    page.get_by_text("The primary is down", exact=True).first.click()
    expect(_state(page, "well")).to_be_hidden()
    expect(_state(page, "down").locator(".wide svg")).to_be_visible()
    expect(page.get_by_text("mx1.example.com does not answer.", exact=False).locator("visible=true").first).to_be_visible()


def test_what_the_settings_ask_for_is_shown_first(look: Look, full: Path):
    page = look.at(full)
    expect(page.get_by_role("radio", name="Failed over")).to_be_checked()
    expect(_state(page, "over")).to_be_visible()


def test_the_keyboard_reaches_everything(look: Look, shipped: Path):
    page = look.at(shipped)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="All is well")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(_state(page, "down")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("tab", name="Objects")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="DNS records")).to_be_focused()
    expect(page.locator("#records")).to_be_visible()
    expect(page.locator("#objects")).to_be_hidden()
    page.keyboard.press("End")
    expect(page.locator("#others")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#objects")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#objects").get_by_label("Text")).to_be_focused()


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_filtered(look: Look, full: Path, table: str):
    page = look.at(full)
    sheet = page.locator(f"#{table}")
    page.locator(f"#tab-{table}").click()
    total = _visible_rows(page, table)
    assert total > 0
    status = sheet.get_by_role("status")
    expect(status).to_have_text(f"{total} of {total} shown")
    rows = sheet.locator("tbody tr:visible")

    kind = sheet.locator("td.kind").last.inner_text()
    sheet.locator("select[name=kind]").select_option(kind)
    assert set(sheet.locator("tbody tr:visible td.kind").all_inner_texts()) == {kind}
    stack = rows.last.locator("td").nth(1).inner_text()
    sheet.locator("select[name=stack]").select_option(stack)
    of_both = _visible_rows(page, table)
    assert 0 < of_both <= total
    expect(status).to_have_text(f"{of_both} of {total} shown")

    sheet.get_by_label("Text").fill("nothing has this")
    expect(sheet.get_by_text("No row has all of that.")).to_be_visible()
    expect(status).to_have_text(f"0 of {total} shown")
    sheet.locator(".none button").click()
    expect(status).to_have_text(f"{total} of {total} shown")

    words = rows.first.locator("td").nth(1).inner_text().upper() + " " + kind
    sheet.get_by_label("Text").fill(words)
    assert 0 < _visible_rows(page, table) <= total
    for text in rows.all_inner_texts():
        assert all(word in text.lower() for word in words.lower().split())


def test_a_table_has_an_address(look: Look, shipped: Path):
    page = look.at(shipped, fragment="#records")
    expect(page.get_by_role("tab", name="DNS records")).to_have_attribute("aria-selected", "true")
    page.locator("#tab-backups").click()
    assert page.url.endswith("#backups")


def test_another_address_in_an_open_tab_is_followed(look: Look, shipped: Path):
    page = look.at(shipped, fragment="#records")
    page.evaluate("location.hash = 'settings'")
    expect(page.get_by_role("tab", name="Server settings")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#settings")).to_be_visible()
    page.evaluate("location.hash = 'graph'")
    expect(page.locator("#settings")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.locator("#records")).to_be_visible()


def test_a_long_expression_is_opened_by_the_keyboard_and_is_on_paper(look: Look, full: Path):
    page = look.at(full, fragment="#alerts")
    heights = page.locator("#alerts tbody tr").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert max(heights) < 330
    assert page.locator("#alerts td", has_text="`").count() == 0
    expect(page.locator("#alerts td code").first).to_be_visible()
    folded = page.locator("#alerts details").first
    height = folded.bounding_box()["height"]
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.bounding_box()["height"] > height + 20
    page.keyboard.press("Enter")
    assert folded.bounding_box()["height"] == height
    page.emulate_media(media="print")
    expect(folded.locator("summary")).to_be_hidden()
    assert folded.bounding_box()["height"] > 20


@pytest.mark.parametrize("width", [320, 390, 760, 1100])
def test_the_page_never_scrolls_sideways(look: Look, full: Path, width: int):
    page = look.at(full, viewport={"width": width, "height": 800})
    for table in TABLES:
        page.locator(f"#tab-{table}").click()
        assert page.evaluate("document.documentElement.scrollWidth") == width, table


def test_a_phone_gets_a_drawing_and_tables_of_its_width(look: Look, shipped: Path):
    page = look.at(shipped, viewport=PHONE)
    expect(page.locator(".state-well .narrow svg")).to_be_visible()
    expect(page.locator(".state-well .wide svg")).to_be_hidden()
    row = page.locator("#objects tbody tr").first
    label = row.locator("th").evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"name"'
    # As small as text gets: the labels in the drawing.
    assert page.locator(".state-well .narrow .d-label").first.bounding_box()["height"] >= 11


def test_dark_is_dark(look: Look, shipped: Path):
    def brightness(scheme: str) -> int:
        page = look.at(shipped, scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    assert brightness("dark") < 100
    assert brightness("light") > 600


def test_paper_has_everything_and_no_controls(look: Look, full: Path):
    page = look.at(full, scheme="dark")
    page.locator("#objects").get_by_label("Text").fill("nothing has this")
    page.emulate_media(media="print", color_scheme="dark")
    for table in TABLES:
        expect(page.locator(f"#{table} tbody tr").first).to_be_visible()
    assert _visible_rows(page, "objects") > 100
    for state in ("well", "down", "over"):
        expect(_state(page, state).locator(".wide svg")).to_be_visible()
    for control in (".tabs", ".filter >> nth=0", ".switch", ".top nav"):
        expect(page.locator(control)).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_all_is_there(look: Look, full: Path):
    page = look.at(full, scripts=False)
    for table in TABLES:
        expect(page.locator(f"#{table} tbody tr").first).to_be_visible()
    expect(page.locator(".filter").first).to_be_hidden()
    page.get_by_text("All is well", exact=True).first.click()
    expect(_state(page, "well")).to_be_visible()
    expect(_state(page, "over")).to_be_hidden()


@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_a_screen_reader(look: Look, full: Path, scheme: str, viewport):
    page = look.at(full, scheme=scheme, viewport=viewport)
    # All tables at once, of each some rows: they are alike, and each takes axe its time.
    page.evaluate("document.querySelectorAll('.sheet').forEach(sheet => { sheet.hidden = false; })")
    page.evaluate("document.querySelectorAll('tbody tr:nth-child(n+6)').forEach(row => row.remove())")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_screen_reader_hears_the_drawings(look: Look, shipped: Path):
    page = look.at(shipped)
    drawing = page.get_by_role("img", name="All is well: the regions and mail's way")
    expect(drawing).to_have_accessible_description(re.compile(r"^Other servers bring mail to mx1.example.com \(MX 10\)"))
    expect(page.get_by_role("table", name="Objects")).to_be_visible()
    assert page.get_by_role("columnheader").count() == 6
    assert page.get_by_role("rowheader").count() == _visible_rows(page, "objects")
    for landmark in ("banner", "main", "contentinfo", "navigation"):
        expect(page.get_by_role(landmark)).to_be_visible()


def test_names_do_not_leave_their_cards_with_the_fonts_that_are_here(look: Look, full: Path):
    page = look.at(full)
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".state-over .wide svg, #graph + p + figure svg")].flatMap(svg => {
          const boxes = [...svg.querySelectorAll(".d-card")].map(card => card.getBoundingClientRect());
          return [...svg.querySelectorAll("text")].filter(text => {
            const own = text.getBoundingClientRect();
            return boxes.some(box => own.top >= box.top && own.bottom <= box.bottom
              && own.left >= box.left && own.left < box.right && own.right > box.right);
          }).map(text => text.textContent);
        })"""
    )
    assert outside == []


@pytest.mark.parametrize(
    ("name", "viewport", "scheme"),
    [("light", PICTURE_SIZE, "light"), ("dark", PICTURE_SIZE, "dark"), ("phone", PHONE, "light")],
)
def test_pictures_are_kept(look: Look, shipped: Path, name: str, viewport, scheme: str):
    page = look.at(shipped, viewport=viewport, scheme=scheme)
    picture = page.screenshot(path=SCREENSHOTS / f"{name}.png")
    # One that shows nothing is a few kilobytes.
    assert 20_000 < len(picture) < MAX_PICTURE
    if name == "light" and os.environ.get(REMAKE):
        PICTURE.write_bytes(picture)
