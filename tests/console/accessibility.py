"""axe in a page of the browser: its program is handed over once a page, and only what it found comes back."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PROGRAM = Axe().axe_script
VIOLATIONS = """async rules => {
  const found = await axe.run({runOnly: rules, resultTypes: ["violations"]});
  return found.violations.map(one => [one.id, one.nodes[0].html.slice(0, 200)]);
}"""


def violations(page: Any) -> list[list[str]]:
    """What axe finds on a page as it is shown now: the rule and the element, one each."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(PROGRAM)
    return list(page.evaluate(VIOLATIONS, RULES))
