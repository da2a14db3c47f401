"""`python -m devtools.gestures URL`: how long does a gesture in the designer take, on a plan of 200 steps?

From the press of a key to the redrawn and painted page, in Chromium, over a demo that runs beside it. Exit code 1 when
a kind of gesture takes longer than the goal in its median.
"""

import json
import statistics
import sys
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, sync_playwright

from devtools.camera import launch, log_in

GOAL_MS = 300
STEPS = 200
TIMES = 15
PLAN = "two-hundred-steps"
REST_MS = 700  # a person looks before they act again, and the panel follows the focus meanwhile

# Does something, waits for the revision that it leads to, and for the frame that shows it. Returns milliseconds.
WATCH = """async ([selector, act, key]) => {
  const revision = () => document.querySelector("#designer-tools").dataset.rev;
  const target = selector ? document.querySelector(selector) : document.activeElement;
  const before = revision(), start = performance.now();
  if (act === "click") target.click();
  else target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...key }));
  while (revision() === before) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (performance.now() - start > 10000) throw new Error("no answer");
  }
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""
ANSWERS = """() => performance.getEntriesByType("resource").filter((each) => each.name.endsWith("/design/act/"))
  .map((each) => [each.responseEnd - each.requestStart, each.decodedBodySize])"""

Act = Callable[[Page, int], list[Any]]


def _key(key: str, **held: bool) -> Act:
    def act(page: Page, turn: int) -> list[Any]:
        page.locator(".ds-card").nth(5 + 7 * turn).focus()
        return ["", "key", {"key": key, **held}]

    return act


GESTURES: dict[str, Act] = {
    "duplicate a step": _key("d"),
    "move a step": _key("ArrowRight", altKey=True),
    "remove a step": _key("Delete"),
    "undo": lambda page, turn: ["#designer-canvas", "key", {"key": "z", "ctrlKey": True}],
    "redo": lambda page, turn: ["#designer-canvas", "key", {"key": "y", "ctrlKey": True}],
    "add a step": lambda page, turn: ["#add-wait", "click", {}],
}


def main(url: str) -> int:
    """Measure, print a table, and return how many kinds of gesture were too slow."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        log_in(page, url, "dan")
        _import(page, url)
        page.goto(f"{url}/admin/plans/{PLAN}/design/")
        page.locator(".ds-canvas.is-live").wait_for()
        print(
            f"{page.locator('.ds-card').count()} steps, {TIMES} times each; milliseconds, goal {GOAL_MS} in the median"
        )
        print(f"{'gesture':20} {'median':>7} {'least':>6} {'most':>6} {'server':>7} {'kB':>5}")
        slow = sum(_measure(page, name, act) for name, act in GESTURES.items())
        browser.close()
    return slow


def _measure(page: Page, name: str, act: Act) -> bool:
    page.evaluate("performance.clearResourceTimings()")
    times: list[float] = []
    for turn in range(TIMES):
        given = act(page, turn)
        page.wait_for_timeout(REST_MS)
        times.append(page.evaluate(WATCH, given))
    answers = page.evaluate(ANSWERS)
    server, size = statistics.median(ms for ms, _ in answers), statistics.median(size for _, size in answers)
    middle = statistics.median(times)
    print(f"{name:20} {middle:7.0f} {min(times):6.0f} {max(times):6.0f} {server:7.0f} {size / 1000:5.0f}", flush=True)
    return middle > GOAL_MS


def _import(page: Page, url: str) -> None:
    """Make the plan of a file, as an author would."""
    page.goto(f"{url}/admin/plans/new/")
    text = json.dumps(document()).encode()
    page.locator("input[type=file]").set_input_files(
        {"name": f"{PLAN}.json", "mimeType": "application/json", "buffer": text}
    )
    page.locator("form .btn-primary").click()
    page.wait_for_url(f"**/plans/{PLAN}/**")


def document() -> dict[str, Any]:
    """Return a plan of 200 steps: mails, waits, branches, events and calls, with short cuts and ways back."""
    names = [f"s{index:03}" for index in range(STEPS - 1)]
    steps: dict[str, Any] = {"done": {"kind": "end", "result": "finished", "goal": True}}
    for index, name in enumerate(names):
        steps[name] = _step(index, [*names, "done"])
    return {
        "schema": "dee.plan/1",
        "key": PLAN,
        "entry": names[0],
        "purpose": "marketing",
        "policy": "outreach",
        "limits": {"max_steps": 9000, "max_duration_s": 150_000_000},
        "steps": steps,
    }


def _step(index: int, names: list[str]) -> dict[str, Any]:
    after, further = names[index + 1], names[min(len(names) - 1, index + 2 + index % 7)]
    kinds: list[dict[str, Any]] = [
        {"kind": "send_email", "template": "outreach-intro@1", "on": {"sent": after}},
        {"kind": "wait", "seconds": 86_400, "on": {"completed": after}},
        {
            "kind": "branch",
            "cases": [{"name": "opened", "when": {"op": "event_seen", "event": "opened"}, "goto": after}],
            "else": {"name": "not-opened", "goto": further},
        },
        {"kind": "wait_for_event", "event": "replied", "timeout_s": 3600, "on": {"event": further, "timeout": after}},
        {
            "kind": "call",
            "template": "outreach-call@1",
            "on": {"answered": after, "no_answer": names[max(0, index - 3)], "busy": after, "voicemail": after},
        },
    ]
    return kinds[index % len(kinds)]


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1])))
