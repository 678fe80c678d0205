"""The pictures of README.md, taken of the running demo: `make pictures` writes docs/pictures."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from demo.samples import samples

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "docs/pictures"
CHROMIUM = os.environ.get("BACKSTOP_CHROMIUM", "/usr/bin/chromium")
PATIENCE = 90_000  # milliseconds
WIDE, HIGH, LOW = 1180, 960, 690  # of the window, in CSS pixels; LOW: of the console's picture
SHARP = 1.25  # pixels of the picture to one of these
TICKET = "Charge on my card"


@contextmanager
def demo() -> Iterator[str]:
    """The demo in a process of its own; the address of its page."""
    command = [sys.executable, "-m", "demo", "--port", "0", "--pace", "0.01"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE)  # noqa: S603 - our own
    try:
        said = process.stdout.readline() if process.stdout else ""
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        if not found:
            raise SystemExit(f"the demo did not start: {said}")
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def wait_for_the_story(page: Page) -> None:
    """Until every message of the story has arrived and been decided."""
    opened = sum(not one.follows for one in samples())
    expect(page.locator("#inbox li")).to_have_count(opened, timeout=PATIENCE)
    expect(page.locator("#inbox .k-none")).to_have_count(0, timeout=PATIENCE)


def wait_for_the_reminders(page: Page) -> None:
    """Until the workers have caught up with a clock that was put forward."""
    late = page.get_by_text(re.compile(r"is a worker running|\d s overdue\s*team"))
    for _ in range(90):
        page.reload()
        if not late.count():
            return
        page.wait_for_timeout(1000)
    raise SystemExit("the reminders of half an hour were not sent within 90 s")


def keep(page: Page, name: str) -> None:
    """Write what the window shows to docs/pictures."""
    HERE.mkdir(exist_ok=True)
    path = HERE / f"{name}.webp"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, quality=68, method=6)
    print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size // 1000} kB")  # noqa: T201 - a command


def main() -> None:
    """Take both pictures: the demo with one ticket open, and the console's list of what waits."""
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            base_url=address, viewport={"width": WIDE, "height": HIGH}, device_scale_factor=SHARP
        )
        page.set_default_timeout(PATIENCE)
        page.goto("/demo")
        wait_for_the_story(page)
        page.locator("#inbox li a", has_text=TICKET).click()
        page.locator("#ticket h1", has_text=TICKET).wait_for()
        keep(page, "demo")
        page.click("text=half an hour later")
        page.locator(".verdict").wait_for()
        page.click("text=Console")
        page.set_viewport_size({"width": WIDE, "height": LOW})
        wait_for_the_reminders(page)
        keep(page, "console")
        browser.close()


if __name__ == "__main__":
    main()
