"""The checker in the browser: it agrees with audit/chain.py on every text, finds what was changed, and says so."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from audit import canon, chain
from audit.models import Entry
from runs.models import Run
from tests.browser.people import sign_in
from tests.factories_runs import failed_run, make_world, start_run
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = [
    '{"a":1}',
    '{"a":1,"b":2}',
    '{"b":2,"a":1}',
    '{"a":1,"a":2}',
    '{"a": 1}',
    '{"a":1.0}',
    '{"a":1e2}',
    '{"a":-0}',
    '{"a":0.5}',
    '{"a":9007199254740991}',
    '{"a":9007199254740992}',
    '{"a":-9007199254740991}',
    '{"a":9007199254740993}',
    '{"a":NaN}',
    '{"a":"\\u0041"}',
    '{"a":"\\/"}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
    '{"a":"\\u00e9"}',
    '{"a":"é"}',
    '{"a":"e\u0301"}',
    '{"a":"\u2028"}',
    '{"a":"\u007f"}',
    '{"a":"\\b\\f\\n\\r\\t\\"\\\\"}',
    '{"a":"\\u001f"}',
    '{"a":"\\u001F"}',
    '{"a":"𝄞"}',
    '{"A":1}',
    '{"a-b":1}',
    '{"":1}',
    '{"' + "a" * 49 + '":1}',
    "[" * 16 + "]" * 16,
    "[" * 17 + "]" * 17,
    '"' + "x" * 17_000 + '"',
    "null",
    "true",
    "",
    "{",
    "{}x",
    "\ufeff{}",
    "[1,2,]",
]


@pytest.fixture
def checker(page: Page, live_server: Any) -> Page:
    """A page that has nothing but the checker."""
    make_world()
    run = start_run()
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/admin/runs/run-{run.no}/")
    return page


def test_its_sha256_is_sha256(checker: Page) -> None:
    texts = ["", "abc", *("é" * length for length in range(26, 70)), "x" * 5000]

    hashes = checker.evaluate("texts => texts.map(text => DeeVerify.sha256(text))", texts)

    assert hashes == [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def test_it_accepts_and_refuses_the_very_texts_that_python_does(checker: Page) -> None:
    ours = [_accepts(text) for text in HOSTILE]

    theirs = checker.evaluate(
        "texts => texts.map(text => { try { DeeVerify.decodeExact(text); return true; } catch { return false; } })",
        HOSTILE,
    )

    assert dict(zip(HOSTILE, theirs, strict=True)) == dict(zip(HOSTILE, ours, strict=True))
    assert 5 < sum(ours) < len(ours) - 5


def _accepts(text: str) -> bool:
    try:
        canon.decode_exact(text)
    except canon.NotCanonical:
        return False
    return True


def row(entry: chain.Entry, seq: int) -> dict[str, Any]:
    stamp = chain.stamp_text(at=f"2026-11-22T09:00:{seq:02}.000000Z", by="cli", entry=entry.hash, seq=seq)
    return {"body": entry.body, "stamp": stamp, "hash": entry.hash.hex(), "seq": seq}


def sound(length: int = 5, st: str = "contact/c-1", seq: int = 0) -> list[dict[str, Any]]:
    rows, prev = [], chain.genesis(st)
    for n in range(1, length + 1):
        entry = chain.link(st, n, prev, chain.Draft("contact.changed", n, {"note": f"é{n}"}))
        rows.append(row(entry, seq + n - 1))
        prev = entry.hash
    return rows


def _rehash(row_: dict[str, Any], old: str, new: str) -> None:
    """Change an entry's text and make its own hash and stamp fit: the next link tells."""
    row_["body"] = row_["body"].replace(old, new)
    row_["hash"] = chain.entry_hash(row_["body"]).hex()
    stamp = json.loads(row_["stamp"]) | {"h": row_["hash"]}
    row_["stamp"] = canon.encode(stamp)


MUTANTS: dict[str, tuple[Callable[[list[dict[str, Any]]], None], str, int]] = {
    "a character of the text": (
        lambda rows: rows[2].update(body=rows[2]["body"].replace("é3", "é9")),
        "altered_text",
        3,
    ),
    "the recorded hash": (lambda rows: rows[1].update(hash="00" * 32), "altered_text", 2),
    "text and own hash": (lambda rows: _rehash(rows[1], "é2", "é9"), "wrong_link", 3),
    "a space, rehashed": (lambda rows: _rehash(rows[4], '"n":5', '"n": 5'), "not_canonical", 5),
    "a float, rehashed": (lambda rows: _rehash(rows[4], '"tick":5', '"tick":5.0'), "not_canonical", 5),
    "a field more, rehashed": (lambda rows: _rehash(rows[4], '"visit":0', '"visit":0,"w":1'), "not_an_entry", 5),
    "an entry in the middle": (lambda rows: rows.pop(2), "missing_entry", 3),
    "the first entry": (lambda rows: rows.pop(0), "missing_entry", 1),
    "two entries swapped": (lambda rows: rows.insert(1, rows.pop(2)), "missing_entry", 2),
    "an entry twice": (lambda rows: rows.insert(2, dict(rows[1])), "missing_entry", 3),
    "the stream's name, rehashed": (lambda rows: _rehash(rows[0], "c-1", "c-2"), "wrong_stream", 1),
    "the beginning, rehashed": (lambda rows: _rehash(rows[0], '"prev":"', '"prev":"f'), "wrong_link", 1),
    "the place in the stamp": (lambda rows: rows[3].update(seq=9), "stamp_differs", 4),
    "the author in the stamp": (
        lambda rows: rows[3].update(stamp=rows[3]["stamp"].replace("cli", "me\\u0041")),
        "bad_stamp",
        4,
    ),
}
CHECK = """([rows, stream, length]) => {
  const checker = new DeeVerify.Checker(stream, {length});
  for (const row of rows) if (!checker.push(row)) break;
  const verdict = checker.finish(), broken = checker.broken || {kind: null, n: null};
  return [verdict, checker.checked, broken.kind, broken.n];
}"""


def test_a_sound_chain_holds(checker: Page) -> None:
    assert checker.evaluate(CHECK, [sound(), "contact/c-1", 5]) == ["CONSISTENT", 5, None, None]


@pytest.mark.parametrize("what", MUTANTS)
def test_a_change_is_found_where_it_is_and_named_as_python_names_it(checker: Page, what: str) -> None:
    rows = sound()
    change, kind, n = MUTANTS[what]
    change(rows)

    assert checker.evaluate(CHECK, [rows, "contact/c-1", 0]) == ["BROKEN", n - 1, kind, n]


def test_zero_entries_and_a_tail_cut_off_are_no_success(checker: Page) -> None:
    assert checker.evaluate(CHECK, [[], "contact/c-1", 0])[0] == "NOTHING"
    assert checker.evaluate(CHECK, [sound()[:3], "contact/c-1", 5]) == ["BROKEN", 3, "cut_off", 4]


def test_in_the_whole_log_no_place_may_be_missing(checker: Page) -> None:
    rows = sound(3) + sound(2, "contact/c-2", seq=3)

    assert checker.evaluate(CHECK, [rows, "", 0])[:2] == ["CONSISTENT", 5]
    assert checker.evaluate(CHECK, [rows[:2] + rows[3:], "", 0])[1:3] == [2, "missing_place"]


# --- on the page ---


@pytest.fixture
def run_page(page: Page, live_server: Any) -> tuple[Page, Run, str]:
    make_world()
    run = failed_run()
    sign_in(page, live_server)
    return page, run, f"{live_server.url}/admin/runs/run-{run.no}/"


def verify(page: Page) -> str:
    page.get_by_text("Verify in this browser").click()
    box = page.locator("[data-verify-result][data-verdict]")
    box.wait_for()
    return box.inner_text()


def marks(page: Page) -> list[str | None]:
    return [row.get_attribute("data-mark") for row in page.locator("tr[data-n]").all()]


def test_a_sound_run_is_consistent_and_compared_with_what_the_page_shows(run_page: tuple[Page, Run, str]) -> None:
    page, run, url = run_page
    page.goto(url)

    said = verify(page)

    assert f"CONSISTENT, NOT ANCHORED: {run.n} entries of run/1 hold." in said
    assert f"the {run.n} rows on this page show what was hashed" in said
    assert "Nobody outside this server has confirmed this history" in said
    assert marks(page) == ["ok"] * run.n


def test_a_byte_changed_by_the_databases_owner_is_found_and_explained(
    run_page: tuple[Page, Run, str], owner: Any
) -> None:
    page, _, url = run_page
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'accepted', 'rejected') WHERE st = 'run/1'")
        owner.execute("UPDATE audit_entry SET body = replace(body, 'hello@1', 'hello@2') WHERE st = 'run/1' AND n = 3")
    page.goto(url)

    said = verify(page)

    assert "BROKEN at entry 3 of run/1 (altered_text)" in said
    assert "the text was changed after it was written" in said
    assert "Expected " in said and ", found " in said
    assert "2 entries before it hold; entries after it prove nothing." in said
    assert marks(page) == ["ok", "ok", "bad", "unknown", "unknown"]


def test_a_column_that_the_page_shows_differently_is_found(run_page: tuple[Page, Run, str], owner: Any) -> None:
    page, _, url = run_page
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET tick = 777 WHERE st = 'run/1' AND n = 4")
    page.goto(url)

    said = verify(page)

    assert "BROKEN at entry 4: this page shows something else than what was hashed." in said
    assert "Its tick reads “777”, the hashed text says “0”." in said


def test_a_page_that_lies_to_the_eye_is_found(run_page: tuple[Page, Run, str]) -> None:
    page, _, url = run_page
    page.goto(url)
    page.evaluate("document.querySelector('#e2 [data-show=type]').textContent = 'gate.allowed'")

    assert "Its type reads “gate.allowed”, the hashed text says “gate.decided”." in verify(page)


def test_a_run_whose_end_was_deleted_is_found(run_page: tuple[Page, Run, str], owner: Any) -> None:
    page, run, url = run_page
    with guards_down(owner):
        owner.execute("DELETE FROM audit_entry WHERE st = 'run/1' AND n = %s", [run.n])
    page.goto(url)

    assert "cut_off" in verify(page)


def rewrite_last_entry(owner: Any, run: Run, *, with_head: bool) -> None:
    """Recompute everything in the log as its owner could; with_head: in the run's row as well."""
    last = Entry.objects.get(st=run.stream, n=run.n)
    text = last.body.replace("smtp_recipient_refused", "smtp_temporary_refused")
    digest = chain.entry_hash(text)
    stamp = canon.encode(json.loads(last.stamp) | {"h": digest.hex()})
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = %s, hash = %s, stamp = %s WHERE st = %s AND n = %s",
            [text, digest, stamp, run.stream, run.n],
        )
    if with_head:
        owner.execute("ALTER TABLE runs_run DISABLE TRIGGER USER")
        owner.execute("UPDATE runs_run SET head = %s WHERE no = %s", [digest, run.no])
        owner.execute("ALTER TABLE runs_run ENABLE TRIGGER USER")


def test_a_rewritten_end_differs_from_the_head_that_the_run_remembers(
    run_page: tuple[Page, Run, str], owner: Any
) -> None:
    page, run, url = run_page
    rewrite_last_entry(owner, run, with_head=False)
    page.goto(url)

    assert "BROKEN at entry 5 of run/1 (head_differs)" in verify(page)


def test_a_history_this_browser_has_seen_differently_is_a_contradiction(
    run_page: tuple[Page, Run, str], owner: Any
) -> None:
    page, run, url = run_page
    page.goto(url)
    verify(page)
    rewrite_last_entry(owner, run, with_head=True)
    page.goto(url)

    assert "CONTRADICTS what this browser saw before" in verify(page)


def test_the_whole_log_is_verified_in_the_browser(run_page: tuple[Page, Run, str], live_server: Any) -> None:
    page, _, _ = run_page
    page.goto(f"{live_server.url}/admin/audit/verify/")

    said = verify(page)

    assert f"CONSISTENT, NOT ANCHORED: {Entry.objects.count()} entries of the whole log hold." in said


def test_a_stream_that_is_not_there_is_nothing_to_verify(run_page: tuple[Page, Run, str], live_server: Any) -> None:
    page, _, _ = run_page
    page.goto(f"{live_server.url}/admin/audit/verify/")
    page.get_by_label("What to verify").fill("run-99")

    assert "NOTHING TO VERIFY: 0 entries of run/99 were read." in verify(page)


def test_a_server_that_does_not_send_gives_no_verdict(run_page: tuple[Page, Run, str], complaints: list[str]) -> None:
    page, _, url = run_page
    page.goto(url)
    page.route("**/chain.ndjson*", lambda route: route.fulfill(status=503, body="busy"))

    said = verify(page)

    assert "NOT CHECKED: no verdict." in said and "503" in said
    complaints.clear()


def test_half_an_answer_gives_no_verdict(run_page: tuple[Page, Run, str]) -> None:
    page, _, url = run_page
    page.goto(url)
    page.route("**/chain.ndjson*", lambda route: route.fulfill(body='{"body":"{}'))

    assert "NOT CHECKED" in verify(page)


def test_an_entry_opens_to_its_exact_text(run_page: tuple[Page, Run, str]) -> None:
    page, _, url = run_page
    page.goto(url)
    page.locator("#entry-2 summary").click()

    expect(page.locator("#full-2 pre")).to_contain_text('"type": "gate.decided"')
    expect(page.locator("#full-2")).to_contain_text(bytes(Entry.objects.get(st="run/1", n=2).hash).hex())
