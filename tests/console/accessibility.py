"""axe in a page of the browser: its program is handed over once a page, and only what it found comes back.

What a page looks like depends on its size and on the scheme. All rules are run at each size and in each scheme once; where size
and scheme meet anew, those of colours, on what has another look than before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle, product
from typing import Any

from axe_playwright_python.sync_playwright import Axe

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
SCHEMES = ("light", "dark")
PROGRAM = Axe().axe_script
LOOKS = """() => {
  const seen = window.looked ??= new WeakMap(), beneath = new Map();
  window.unseen = [];
  for (const one of document.querySelectorAll("body, body *")) {
    const style = getComputedStyle(one);
    const ground = [beneath.get(one.parentElement), style.backgroundColor, style.backgroundImage, style.opacity].join();
    beneath.set(one, ground);
    if (!one.checkVisibility()) continue;
    const look = [ground, style.color, style.fontSize, style.fontWeight, style.textDecorationLine].join();
    const known = seen.get(one) ?? new Set();
    if (!known.has(look)) window.unseen.push(one);
    seen.set(one, known.add(look));
  }
  return window.unseen.length;
}"""
VIOLATIONS = """async ([rules, unseen]) => {
  const where = unseen ? {include: window.unseen} : document;
  const found = await axe.run(where, {runOnly: rules, resultTypes: ["violations"]});
  return found.violations.map(one => [one.id, one.nodes[0].html.slice(0, 200)]);
}"""


def violations(page: Any) -> list[list[str]]:
    """What axe finds on a page as it is shown now: the rule and the element, one each."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(PROGRAM)
    page.evaluate(LOOKS)
    return list(page.evaluate(VIOLATIONS, [RULES, False]))


def wrong_colours(page: Any) -> list[list[str]]:
    """What the rules of colours find on the elements that looked otherwise whenever the page was examined before."""
    return list(page.evaluate(VIOLATIONS, [OF_COLOURS, True])) if page.evaluate(LOOKS) else []


def at_each_size(
    page: Any, sizes: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Show the page at each size in each scheme, one after another; yield both and what axe finds."""
    turns = list(zip(sizes, cycle(SCHEMES), strict=False))
    for size, scheme in (*turns, *(pair for pair in product(sizes, SCHEMES) if pair not in turns)):
        width, height = sizes[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        yield size, scheme, violations(page) if (size, scheme) in turns else wrong_colours(page)
