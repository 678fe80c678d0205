"""The demo's page in a real browser: what a visitor sees, writes and sets going."""

from __future__ import annotations

import os
import re
import signal
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import started, until

from demo.samples import samples
from tests.console.accessibility import at_each_size

pytestmark = pytest.mark.browser

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(?=\S*/demo)")
CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("BACKSTOP_SCREENSHOTS", "")  # a folder to keep pictures in
ARGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
SIZES = {"wide": (1440, 1000), "middle": (1024, 768), "phone": (390, 844)}
PATIENCE = 90_000  # milliseconds: the demo and its browser share the machine with the rest of the suite
OPENED = sum(not one.follows for one in samples())


@pytest.fixture(scope="module")
def demo(tmp_path_factory, classifier_cache):
    """A demo with a still clock: tests in any order read it and write tickets of their own."""
    with playing(tmp_path_factory.mktemp("demo"), classifier_cache) as address:
        yield address


@contextmanager
def playing(home, classifiers):
    """The demo in a process of its own, its story played; return the page's address."""
    log = home / "demo.log"
    args = ["--port", "0", "--pace", "0.01"]
    pid = started(classifiers, run="demo.run.command", args=args, ahead=0.0, log=str(log))
    try:
        until(lambda: (log.exists() and ADDRESS.search(log.read_text())) or ended(pid), PATIENCE / 1000)
        found = ADDRESS.search(log.read_text())
        assert found, log.read_text()
        yield found.group()
    finally:
        os.kill(pid, signal.SIGINT)
        until(lambda: ended(pid), 60)


def ended(pid):
    """Whether a process is gone: the starter leaves none of its children behind as a zombie."""
    return not Path(f"/proc/{pid}").exists()


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
def visit(chromium, demo):
    """Opens pages of the demo that all share."""
    with opening(chromium, demo) as open_page:
        yield open_page


@pytest.fixture
def visit_own(chromium, tmp_path, classifier_cache):
    """Opens pages of a demo of this test's own, which moves its clock."""
    with playing(tmp_path, classifier_cache) as address, opening(chromium, address) as open_page:
        yield open_page


@contextmanager
def opening(chromium, demo):
    """Opens pages; in the end none of them may have complained."""
    contexts, problems = [], []

    def open_page(path="/demo", size="wide", **more):
        width, height = SIZES[size]
        context = chromium.new_context(base_url=demo, viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda err: problems.append(str(err)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def expect(found):
    """Playwright's own, loaded only in the process that runs a browser."""
    from playwright.sync_api import expect

    return expect(found)


def write(page, subject: str, text: str, name: str = "Ina Falk") -> None:
    page.fill("[name=name]", name)
    page.fill("[name=subject]", subject)
    page.fill(".write [name=text]", text)
    page.click("text=Send it to the desk")
    page.locator("#ticket h1", has_text=subject).wait_for()


def verdict(page, words: str):
    return page.locator(".verdict", has_text=words).wait_for()


def waits(page, number: str) -> bool:
    page.goto(f"/demo?ticket={number}")
    return "still waiting" in page.locator(".verdict").inner_text()


def shot(page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/demo-{name}.png")


def test_the_story_fills_the_inbox_with_every_ticket_and_what_became_of_it(visit):
    page = visit()
    page.locator("#inbox li").nth(OPENED - 1).wait_for()
    expect(page.locator("#inbox .k-none")).to_have_count(0, timeout=PATIENCE)
    words = page.locator("#inbox").inner_text()
    for expected in (
        "answered, came back",
        "to Billing",
        "to Security",
        "general queue, flagged",
        "ai_routed",
    ):
        assert expected in words
    shot(page, "home")
    page.locator("#inbox a", has_text="Charge on my card").click()
    verdict(page, "routed to Billing: billing dispute")
    ticket = page.locator("#ticket").inner_text()
    assert "Likely intent: billing_dispute" in ticket
    assert "never answered automatically" in ticket
    assert "the team is told, if nobody has taken it by then" in ticket
    shot(page, "ticket")


def test_a_message_of_my_own_is_handled_and_a_reply_brings_a_human(visit):
    page = visit()
    write(page, "Where is it", "Where is my order 90011? The tracking page has not changed for a week.")
    verdict(page, "answered (order status")
    assert "Hello Ina," in page.locator(".m-bot").inner_text()
    page.fill("#reply", "This does not help me at all, I want my parcel!")
    page.click(".reply button")
    verdict(page, "the customer wrote again, so a human takes over")
    shot(page, "own-message")


def test_what_is_typed_stays_while_the_page_renews_itself(visit):
    page = visit()
    write(
        page, "Opening hours in May", "Somebody said that you close in May, is that so or not?", name="Otto"
    )
    page.fill("#reply", "half a sentence")
    verdict(page, "Backstop:")
    page.locator(".talk .m-bot").first.wait_for()
    assert page.input_value("#reply") == "half a sentence"
    assert page.evaluate("document.activeElement.id") == "reply"


def test_claims_by_button_and_by_link_stop_the_ladder_and_time_moves_it_for_the_others(visit_own):
    page = visit_own()
    take_by_the_link_in_a_text_message(page)
    page.goto("/demo")
    charge = "There is a charge of 45 euros on my card that I never authorised, please reverse it."
    write(page, "Unknown charge", charge, name="Ben")
    verdict(page, "still waiting")
    page.locator(".story", has_text="slack:urgent").wait_for()
    waiting = page.url
    write(page, "Strange payment", charge, name="Cleo")
    verdict(page, "still waiting")
    number = re.search(r"#\d+", page.locator(".sub .id").inner_text()).group()[1:]
    page.click("text=an agent claims it")
    verdict(page, "taken by Ann Sorensen")
    page.locator(".rungs .r-ahead", has_text="if it has no answer by then").first.wait_for()
    before = page.locator("#clock").inner_text()
    page.click("text=half an hour later")
    expect(page.locator("#clock")).not_to_have_text(before, timeout=PATIENCE)
    page.goto(waiting)
    page.locator(".rungs .r-done", has_text="told that nobody has taken it").wait_for()
    other = re.search(r"#\d+", page.locator(".sub .id").inner_text()).group()[1:]
    page.locator("#people li", has_text=f"Nobody has taken ticket {other}").first.wait_for()
    assert page.locator("#people li", has_text=f"Nobody has taken ticket {number}").count() == 0
    shot(page, "half-an-hour-later")
    page.click("text=an agent answers")
    verdict(page, "answered by Ann Sorensen")
    assert page.locator(".rungs .r-ahead").count() == 0
    two_hours_later_the_manager_has_mail(page)


def two_hours_later_the_manager_has_mail(page):
    page.goto("/demo")
    write(page, "Strange charge", "I did not make this payment of 20 dollars, it is a fraud.", name="Dora")
    verdict(page, "still waiting")
    page.click("text=two hours later")
    mail = page.locator("#people .w-email", has_text="mira.castellan@shop.example").first
    mail.wait_for()
    shot(page, "two-hours-later")
    number = re.search(r"ticket (\d+)", mail.inner_text()).group(1)
    page.goto(mail.locator("a", has_text="agent/tickets").get_attribute("href"))
    assert page.locator(".sub .id").inner_text() == f"#{number}"


def take_by_the_link_in_a_text_message(page):
    # the story tells one phone as much as it is told singly: the link is one of its own, of a ticket that waits
    sent = page.locator("#people .w-sms", has_text="Take it")
    sent.first.wait_for()
    links = {
        re.search(r"Ticket (\d+)", one.inner_text()).group(1): one.locator("a").first.get_attribute("href")
        for one in sent.all()
    }
    number = next(one for one in links if waits(page, one))
    page.goto(links[number])
    page.locator("button", has_text=re.compile("take", re.IGNORECASE)).first.click()
    page.goto(f"/demo?ticket={number}")
    verdict(page, "taken by")


def test_without_a_script_links_and_forms_do_the_same(visit):
    page = visit(java_script_enabled=False)
    page.fill("[name=subject]", "Plain")
    page.fill(".write [name=text]", "I want to talk to a real person please")
    page.click("text=Send it to the desk")
    assert page.locator("#ticket h1").inner_text() == "Plain"
    # the desk's lock is a second coarse: a claim in the very second of our routing can be written over by it
    for _ in range(60):
        if "ai_acknowledged" in page.locator(".props").inner_text():
            break
        page.wait_for_timeout(500)
        page.reload()
    page.click("text=an agent claims it")
    assert "Ann Sorensen" in page.locator(".props").inner_text()


def test_what_a_visitor_writes_is_shown_as_written_and_never_run(visit):
    page = visit()
    evil = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script> {{ 7*7 }}"
    write(page, "<b>bold</b>", evil, name="<i>Eve</i>")
    verdict(page, "Backstop:")
    assert evil in page.locator(".m-customer .text").inner_text()
    assert page.locator("#inbox b b, #ticket h1 b").count() == 0
    assert page.title() != "owned"


def test_axe_finds_nothing_and_nothing_overflows(visit):
    page = visit()
    page.locator("#inbox li").nth(OPENED - 1).wait_for()
    page.locator("#inbox a", has_text="charged twice").click()
    verdict(page, "routed to Billing")
    for size, scheme, found in at_each_size(page, SIZES):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
        shot(page, f"{size}-{scheme}")
        assert found == [], (size, scheme)


def test_the_configuration_is_shown_without_a_secret(demo):
    with urllib.request.urlopen(f"{demo}/demo/backstop.toml") as answer:
        text = answer.read().decode()
    assert "[desks.support]" in text
    assert not re.search(r"secret\s*=|token\s*=|api_key\s*=", text)


def test_a_stranger_s_page_cannot_press_the_buttons(demo):
    request = urllib.request.Request(f"{demo}/demo/later", data=b"jump=two", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)
