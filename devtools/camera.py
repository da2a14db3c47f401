"""`python -m devtools.camera URL DIRECTORY`: every page of the desk in light, dark and on a phone. See showing.py.

Whatever the browser complains about is printed, and makes the exit code 1.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

PASSWORD = "dee-demo"
WIDE = {"width": 1360, "height": 900}
LOOKS: dict[str, tuple[dict[str, int], str]] = {
    "light": (WIDE, "light"),
    "dark": (WIDE, "dark"),
    "phone": ({"width": 390, "height": 844}, "light"),
}
# What the menu does not lead to: person, path; {run} is a failed run, {done} one that ended.
BEYOND = (
    ("dan", "plans/sales-outreach/"),
    ("dan", "plans/sales-outreach/v/1/"),
    ("dan", "plans/sales-outreach/design/"),
    ("dan", "plans/sales-outreach/design/?step=check-open"),
    ("dan", "plans/sales-outreach/draft/"),
    ("dan", "plans/sales-outreach/draft/rehearse/"),
    ("dan", "plans/new/"),
    ("dan", "account/"),
    ("ann", "plans/sales-outreach/v/2/review/"),
    ("ann", "plans/sales-outreach/compare/?from=1&to=2"),
    ("maria", "runs/{run}/"),
    ("maria", "runs/{run}/act/resolve/"),
    ("maria", "runs/{done}/"),
    ("maria", "runs/{done}/replay/"),
    ("maria", "runs/enrol/"),
    ("maria", "contacts/c-1001/"),
    ("maria", "suppressions/add/"),
    ("maria", "limits/outreach/"),
    ("maria", "runs/run-404/"),
)


def main(url: str, folder: Path) -> int:
    """Take all pictures and return how many pages the browser complained about."""
    folder.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for look, (size, scheme) in LOOKS.items():
            context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.goto(f"{url}/admin/login/")
            page.screenshot(path=folder / f"{look}-login.png")
            for person, path in _pages(page, url):
                log_in(page, url, person)
                page.goto(f"{url}{path}")
                page.wait_for_timeout(300)
                name = path.removeprefix("/admin").strip("/").replace("/", "-").replace("?", "-") or "overview"
                page.evaluate("document.activeElement?.blur()")  # a caret would blink
                page.screenshot(path=folder / f"{look}-{name}.png", full_page=True)
                print(f"{look} {path}", flush=True)
                complaints[:] = [said for said in complaints if not ("404" in said and "404" in path)]
            context.close()
        browser.close()
    for said in complaints:
        print(f"The browser complained: {said}", file=sys.stderr)
    return len(complaints)


def launch(playwright: Playwright) -> Browser:
    """Start Chromium as the tests do."""
    path = os.environ["DEE_TEST_BROWSER"]
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


def _pages(page: Page, url: str) -> list[tuple[str, str]]:
    """Return (person, path) of every page: those of the administrator's menu, then those beyond it."""
    log_in(page, url, "admin")
    menu = [str(link.get_attribute("href")) for link in page.locator("#nav-sidebar a[href]").all()]
    failed, done = (_first_run(page, f"{url}/admin/{path}") for path in ("failures/", "runs/?status=COMPLETED"))
    beyond = [(person, f"/admin/{path.format(run=failed, done=done)}") for person, path in BEYOND]
    return [("admin", path) for path in menu] + beyond


def _first_run(page: Page, url: str) -> str:
    """Return the run that a list shows first."""
    page.goto(url)
    link = page.locator("a[href*='/runs/run-']").first.get_attribute("href") or ""
    return link.partition("?")[0].rstrip("/").rsplit("/", 1)[-1]


def log_in(page: Page, url: str, person: str) -> None:
    """Be this person; whoever is there already stays."""
    if getattr(page, "dee_person", "") == person:
        return
    page.context.clear_cookies()
    page.goto(f"{url}/admin/login/")
    page.get_by_label("Username").fill(person)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("h1", has_text="Overview").wait_for()
    page.dee_person = person  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1], Path(sys.argv[2]))))
