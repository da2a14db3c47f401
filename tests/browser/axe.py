"""What does axe-core say about a page? Its rules for WCAG 2.2 A and AA, run in the page as it stands."""

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_SOURCE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    """Return a line for each violation: the rule, the first element it was found at, and what axe says of it."""
    page.evaluate(_SOURCE)
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    assert len(found["passes"]) > 5, "axe looked at nothing"
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}: {each['nodes'][0]['failureSummary']}"
        for each in found["violations"]
    ]
