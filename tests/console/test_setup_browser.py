"""Set-up in a real browser: every step by its own form, at a desk and on a phone, in light and dark, with no script at all;
up to the first ticket that is observed, in the console."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack

import pytest

from connectors import DESKS
from connectors.sandbox.server import serving
from tests.console.accessibility import violations
from tests.console.test_browser import SHOTS, SIZES, chromium, visit  # noqa: F401
from tests.console.test_demo_page import PATIENCE, expect
from tests.setup_world import Newcomer

pytestmark = pytest.mark.browser

SCHEMES = {"desktop": "light", "phone": "dark"}


@pytest.fixture
def new(vendor, tmp_path, classifier_cache, monkeypatch):
    for name in [
        name for name in os.environ if name.startswith("BACKSTOP_") and name != "BACKSTOP_SCREENSHOTS"
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKSTOP_CLASSIFIER__CACHE", os.environ.get("CACHE", str(classifier_cache)))
    with ExitStack() as stack:
        made = Newcomer(vendor, tmp_path, stack)
        made.lives()
        made.stack = stack
        made.address = stack.enter_context(serving(made.app))
        yield made
        for name in [
            name for name in os.environ if name.startswith("BACKSTOP_") and name != "BACKSTOP_SCREENSHOTS"
        ]:
            os.environ.pop(name)


def looked_at(page, name, vendor):
    """Axe finds nothing, nothing overflows, at each size and in each scheme."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark") if SHOTS else (SCHEMES[size],):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], (name, size, scheme)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/setup-{vendor}-{name}-{size}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, size)


def fills(page, fields):
    """Type as a person does; return how many fields that was."""
    for name, value in fields.items():
        page.fill(f"input[name={name}]", value)
    return len(fields)


def waited(page):
    """Until the page shows that the work in the background has ended."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        page.goto(page.url)
        if not page.locator("progress").count():
            assert not page.locator("[data-live]").count(), "it asks no more when nothing goes on"
            return
        time.sleep(0.5)


def observed(page, new, vendor, look):
    """From the log-in to what would have been done with the first ticket."""
    _, case = new.first_ticket(new.stack)
    number = case.id
    page.goto(new.public)
    fills(page, {"name": "ada@example.com", "password": "correct horse battery"})
    page.click("button.strong")
    look(page, "12-console", vendor)
    page.click("text=See what it would have done")
    page.click(f"text=#{number}")
    text = page.locator("main").inner_text()
    for words in (
        "observed",
        "What Backstop would have done (nothing was written)",
        "Hello Carla",
        "Likely intent",
    ):
        assert words in text, words
    look(page, "13-ticket", vendor)


# without a browser, by the same forms, at every desk: tests/journeys/test_setup.py
@pytest.mark.parametrize("vendor", DESKS if SHOTS else ["zendesk", "freshdesk"])
def test_a_stranger_gets_through_every_step(chromium, new, vendor):  # noqa: F811
    typed, held = 0, threading.Event()

    def waits(_call):
        held.wait(120)
        return ""

    script = vendor != "freshdesk"  # one of them without any script
    for page in visit(chromium, new.address, java_script_enabled=script, timezone_id="Europe/Berlin"):
        # the pages are the same for each vendor; axe is a script itself
        look = looked_at if vendor == "zendesk" or (SHOTS and script) else lambda *_: None
        page.goto(f"/enter?key={new.guard.key}")
        look(page, "1-desk", vendor)
        page.check(f"input[value={vendor}]")
        typed += fills(page, {"public_url": new.public})
        page.click("text=Continue")
        look(page, "2-connect", vendor)
        if not page.is_visible("input[name=base_url]"):
            page.click("text=API address")  # folded away where all accounts have the same one
        typed += fills(page, new.credentials())
        page.click("text=Connect and test")
        assert "/part" in page.url, page.locator(".step").inner_text()
        look(page, "3-part", vendor)
        new.api.plan = waits  # the desk answers when the page has been looked at
        page.click("text=Continue")
        look(page, "4-reading", vendor)
        held.set()
        waited(page)
        look(page, "4-tickets", vendor)
        page.click("text=Continue")
        assert page.locator("fieldset.intent").count() >= 3
        look(page, "5-intents", vendor)
        page.click("text=Continue")
        look(page, "6-people", vendor)
        page.click("text=Continue")
        if not script:
            typed += fills(page, {"timezone": "Europe/Berlin"})
        expect(page.locator("input[name=timezone]")).to_have_value("Europe/Berlin", timeout=PATIENCE)
        look(page, "7-hours", vendor)
        page.click("text=Continue")
        waited(page)
        assert "would have been answered" in page.locator(".step").inner_text()
        look(page, "8-backtest", vendor)
        page.click("text=Continue")
        look(page, "9-review", vendor)
        page.click("text=Write these files")
        look(page, "10-start", vendor)
        typed += fills(page, {"login": "ada@example.com", "password": "correct horse battery"})
        page.click("text=Start observing")
        look(page, "11-over", vendor)
        observed(page, new, vendor, look)
        assert page.problems == []
    assert new.setup.finished.is_set()
    assert (new.home / "backstop.toml").is_file()
    assert typed <= 7
