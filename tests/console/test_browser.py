"""The pages in a real browser: a person's ways through them, without a mouse, without a script, in the dark."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.ledger.schema import changes, tickets
from core.pipeline import claims
from core.web.users import add_user
from tests.console.accessibility import SCHEMES, at_each_size
from tests.console.world import NOW, make_app, waiting
from tests.stores import BOTH_STORES

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("BACKSTOP_SCREENSHOTS", "")  # a folder to keep pictures in
ARGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
PAGES = {
    "now": "/",
    "tickets": "/tickets",
    "ticket": "/tickets/generated/g1812",
    "waiting": "/tickets/support/4711",
    "quality": "/quality?auto=0.9",
    "week": "/week",
    "going-live": "/going-live",
    "try": "/try",
    "intents": "/intents",
    "intent": "/intents/refund_request",
    "text": "/texts/acknowledgment.txt",
    "health": "/health",
    "changes": "/changes",
    "login": "/login",
}
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS.split())
        yield browser
        browser.close()


@pytest.fixture
def store_kind(request):
    """One database for what looks alike on both; tests/console/test_pages.py reads every page on either. An action that
    writes names both with `BOTH_STORES`."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def page(chromium, serve, engine):
    yield from visit(chromium, serve(make_app(engine)))


def visit(chromium, address, **more):
    context = chromium.new_context(base_url=address, **({"viewport": {"width": 1280, "height": 800}} | more))
    made = context.new_page()
    made.problems = []
    made.on("pageerror", lambda err: made.problems.append(str(err)))
    made.on("console", lambda line: made.problems.append(line.text) if line.type == "error" else None)
    yield made
    context.close()


def test_axe_finds_nothing_and_nothing_overflows(chromium, serve, engine):
    late = {
        "state": "claimed",
        "claimed_by": "Ann Agent",
        "claimed_at": NOW,
        "promise_at": NOW - timedelta(hours=1),
    }
    with engine.begin() as db:
        db.execute(tickets.insert(), [waiting("4702", 300, subject="The battery does not charge", **late)])
    for page in visit(chromium, serve(make_app(engine)), locale="en-GB", timezone_id="Europe/Berlin"):
        for name, where in PAGES.items():
            page.goto(where)
            for size, scheme, found in at_each_size(page, SIZES):
                assert found == [], (name, size, scheme)
                assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], (name, size)
                if SHOTS:
                    page.screenshot(
                        path=f"{SHOTS}/{name}-{size}-{scheme}.png", full_page="FULL_PAGE" in os.environ
                    )
        assert page.problems == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_colour_that_is_wrong_at_one_size_in_one_scheme_is_found_there(chromium, size, scheme):
    wide = "(min-width: 60rem)" if size == "desktop" else "(max-width: 60rem)"
    for page in visit(chromium, "http://unused.example"):
        page.set_content(
            f"""<!doctype html><html lang=en><title>x</title><style>:root {{ color-scheme: light dark }} p {{ display: none }}
            @media {wide} {{ p {{ display: block }} }}
            @media {wide} and (prefers-color-scheme: {scheme}) {{ h1, p {{ color: #777; background: #888 }} }}
            </style><main><h1>Words</h1><p>More words</p></main>"""
        )
        found = {(where, light): wrong for where, light, wrong in at_each_size(page, SIZES)}
        assert [rule for rule, _ in found.pop((size, scheme))] == ["color-contrast"]
        assert not any(found.values())


@pytest.mark.parametrize("filled", ["sqlite"], indirect=True)
def test_pages_fit_the_narrowest_and_the_widest_screen(chromium, serve, filled):
    for page in visit(chromium, serve(make_app(filled))):
        for name, where in (PAGES | {"hostile": "/tickets/support/666"}).items():
            page.goto(where)
            for width in (320, 700, 2200):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


@pytest.mark.parametrize("filled", ["sqlite"], indirect=True)
def test_a_hostile_ticket_runs_nothing_in_a_browser(chromium, serve, filled):
    for page in visit(chromium, serve(make_app(filled))):
        for where in (*PAGES.values(), "/tickets/support/666", "/tickets?q=script", "/quality"):
            page.goto(where)
            assert page.title() != "owned"
            assert page.locator("script").count() == 1
            assert page.locator("img").count() == 0
        assert page.problems == []


def test_from_what_waits_to_the_whole_story_by_keyboard(page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(20):
        page.keyboard.press("Tab")
        if "4711" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets/support/4711")
    assert "Charged twice" in page.locator("h1").inner_text()


def test_times_are_shown_in_the_readers_zone_and_as_utc_without_a_script(chromium, serve, engine):
    address = serve(make_app(engine))
    for page in visit(chromium, address, timezone_id="Asia/Tokyo", locale="en-GB"):
        page.goto("/tickets/support/4720")
        assert "23:14" in page.locator(".facts-card").inner_text()  # 14:14 UTC
    for page in visit(chromium, address, java_script_enabled=False):
        page.goto("/tickets/support/4720")
        assert "14:14 UTC" in page.locator(".facts-card").inner_text()


@BOTH_STORES
def test_every_action_works_without_a_script(chromium, serve, engine):
    for page in visit(chromium, serve(make_app(engine)), java_script_enabled=False):
        page.goto("/quality")
        before = page.locator(".check").first.inner_text()
        page.locator(".check button[value=right]").first.click()
        assert "Noted: right." in page.locator("[role=status]").inner_text()
        assert page.locator(".check").first.inner_text() != before
        page.goto("/tickets")
        page.fill("input[name=q]", "larger model")
        page.click("text=Search >> nth=-1")
        assert page.locator("tbody tr").count() == 1
        page.goto("/health")
        page.click("button[value=yes]")
        assert "paused" in page.locator(".troubles").inner_text()


def test_the_slider_says_its_value_and_the_replay_is_shown(page):
    page.goto("/quality")
    page.locator("input[name=auto]").fill("0.97")
    assert page.locator("output[data-of=auto]").inner_text() == "0.97"
    page.click("text=Replay")
    row = page.locator(".whatif tbody tr").first.locator("td")
    assert int(row.nth(0).inner_text()) > int(row.nth(1).inner_text())


@BOTH_STORES
def test_a_user_logs_in_claims_and_logs_out(chromium, serve, engine, monkeypatch):
    def claim_by_person(app, desk, ticket_id, email, via, now, *, name=""):
        own = (tickets.c.desk == desk, tickets.c.ticket_id == ticket_id)
        with app.engine.begin() as db:
            db.execute(
                tickets.update().where(*own).values(state="claimed", claimed_by=email, claimed_via=via)
            )
        return claims.Outcome(True, f"Ticket {ticket_id} is claimed by {name}.")

    monkeypatch.setattr(claims, "claim_by_person", claim_by_person)
    add_user(engine, "ada", now=NOW, role="agent", email="ada@example.com", password="correct horse battery")
    for page in visit(chromium, serve(make_app(engine))):
        page.goto("/")
        page.fill("form[action='/login'] input[name=name]", "ada")
        page.fill("input[name=password]", "correct horse battery")
        page.click("form[action='/login'] button")
        page.locator("tr", has_text="4711").get_by_role("button", name="Claim").click()
        assert "claimed" in page.locator("[role=status]").inner_text()
        page.goto("/")
        assert page.locator(".glance .big").inner_text().startswith("2")
        page.click("text=Log out")
        page.goto("/")
        assert page.url.endswith("/login?next=/")
    with engine.connect() as db:
        assert (
            db.scalar(select(tickets.c.claimed_by).where(tickets.c.ticket_id == "4711")) == "ada@example.com"
        )
        assert db.execute(select(changes.c.who, changes.c.what, changes.c.new)).all()[-1] == (
            "ada",
            "claim support:4711",
            "ada@example.com",
        )


def test_now_refreshes_itself_while_it_is_looked_at(chromium, serve, engine):
    for page in visit(chromium, serve(make_app(engine))):
        page.clock.install(time=NOW)
        page.goto("/")
        with engine.begin() as db:
            db.execute(tickets.update().where(tickets.c.ticket_id == "4711").values(state="answered"))
        page.clock.run_for(31_000)
        page.locator(".glance .big b", has_text="2").wait_for()
        assert page.title().startswith("2 waiting")
        assert page.locator("tbody tr").count() == 2
