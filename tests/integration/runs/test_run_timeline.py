"""The timeline of a run: in attempts, filtered and counted, the gate written out, cut into pages, printed."""

from typing import Any

import pytest
from django.urls import reverse

from policies import publishing
from runs.models import Run
from runs.showing import run_timeline
from tests.factories_runs import SEE_RUNS, command, failed_run, make_world, signed_in, start_run, superuser
from tests.functional.engine import advance
from tests.integration.runs.asking import HTMX, evidence, lost_run, queries_of, text
from tests.integration.runs.story import look, loop, opened_or_not
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)


def groups(response: Any) -> list[tuple[str, str, list[int]]]:
    """Return (heading, what came of it, entries) of every group on a page."""
    return [(g.heading, g.part.result, [row.entry.n for row in g.rows]) for g in response.context["timeline"].groups]


def test_what_belongs_to_one_attempt_stands_under_its_heading() -> None:
    make_world()
    run = failed_run()
    client = signed_in(*SEE_RUNS)
    command(run, "retry", actor=f"user:{client.session['_auth_user_id']}")

    page = look(client, run)

    assert groups(page) == [
        ("", "", [1]),
        ("Attempt 1 of mail", "did not leave", [2, 3, 4, 5]),
        ("Attempt 2 of mail, retry by maria", "did not leave", [6, 7, 8, 9, 10]),
    ]
    assert text(page).count('<details class="attempt is-bad"') == 2
    assert 'id="attempt-6" open' in text(page)


def test_evidence_of_an_unknown_message_stands_in_its_attempt() -> None:
    make_world()
    run = lost_run()
    evidence(run, "opened")

    (_, attempt) = groups(look(signed_in(*SEE_RUNS), run))

    assert attempt == ("Attempt 1 of mail", "unknown: may have left", [2, 3, 4, 5, 6])


def test_what_is_learnt_later_keeps_its_place_and_is_named_above_with_a_link() -> None:
    make_world()
    run = opened_or_not(behaves="opens")
    advance(3 * 86_400)

    page = look(signed_in(*SEE_RUNS), run)

    opened = next(row.entry.n for row in page.context["rows"] if row.line.outcome == "opened")
    attempt = page.context["timeline"].groups[1]
    assert opened not in [row.entry.n for row in attempt.rows]
    assert ("opened", opened) in [(news.told, news.n) for news in attempt.later]
    assert f'<a href="?show=all&amp;page=1#e{opened}">opened (#{opened})</a>' in text(page)
    assert "about Attempt 1 of mail" in text(page)


def test_the_head_counts_the_attempts() -> None:
    make_world()
    page = text(look(signed_in(*SEE_RUNS), failed_run()))

    assert "<dt>Attempts</dt><dd>1</dd>" in page


# --- the gate, branches, splits ---


def test_the_gate_is_written_out_rule_by_rule() -> None:
    make_world(daily_limits=[{"key": "email-day", "channel": "email", "limit": 2000}])
    page = text(look(signed_in(*SEE_RUNS), start_run()))

    for sentence in (
        "<strong>Kill switch:</strong> none is engaged for this send → allowed",
        "<strong>Plan:</strong> simple is active → allowed",
        "<strong>Contact:</strong> active, with an email address to reach → allowed",
        "<strong>Suppression list:</strong> no entry covers email for this plan → allowed",
        "<strong>Consent for email, marketing:</strong> granted, basis express written, version 1, since "
        '<time datetime="2023-11-14T22:13:20Z">',
        "<strong>Calling hours:</strong> none apply to email for marketing → allowed",
        "<strong>Daily limit email-day:</strong> 0 of 2,000 used, this is one more → allowed",
        "<strong>Budget open-budget:</strong> 0.00 of 100000.00 EUR used, this costs 0.001 → allowed",
    ):
        assert sentence in page


def test_checks_are_folded_where_all_allow_and_open_where_one_does_not() -> None:
    make_world()
    allowed = start_run("c-1")
    publishing.engage_kill_switch(actor="cli", scope="global", key="", reason="stop")
    held = start_run("c-2")
    client = signed_in(*SEE_RUNS)

    assert '<details class="checks" id="checks-2">' in text(look(client, allowed))
    page = text(look(client, held))
    assert '<details class="checks" id="checks-2" open>' in page
    assert (
        '<li class="is-pause decides"><strong>Kill switch:</strong> engaged for everything; it is asked again' in page
    )
    assert "→ waits until <time" in page


def test_calling_hours_say_what_the_contacts_clock_shows_when_they_open(owner: Any) -> None:
    owner.execute("UPDATE audit_head SET clock = %s", [2_000_000_000])  # Tuesday 23:33 in New York
    monday = [{"days": [1], "from": "09:00", "to": "10:00"}]
    make_world(calling_hours=[{"channels": ["email"], "purposes": ["marketing"], "windows": monday}])
    run = start_run()
    advance(1)

    page = text(look(signed_in(*SEE_RUNS), run))

    assert "<strong>Calling hours in America/New_York:</strong> 23:33 on Tuesday, closed all day → waits until" in page
    assert "(09:00 in America/New_York on Mon 23 May 2033)" in page
    assert "<dt>Contact</dt>" in page and "there it is 23:33 in America/New_York on Tue 17 May 2033" in page


def test_a_branch_shows_the_snapshot_it_saw_and_a_split_the_share_of_its_arm() -> None:
    make_world()
    run = opened_or_not()
    advance(2 * 86_400)

    page = text(look(signed_in(*SEE_RUNS), run))

    assert "<td>opened of mail</td><td>seen</td><td>never</td><td>✗ no</td>" in page
    assert "So it took <strong>no → half</strong>." in page
    arm = "all" if "arm:all" in page else "none"
    assert f"share of {arm}: {'3 of 4' if arm == 'all' else '1 of 4'}" in page


# --- filters and pages ---


def test_filters_are_links_with_counts_over_everything() -> None:
    make_world()
    page = look(signed_in(*SEE_RUNS), failed_run(), "?show=sends")

    counts = page.context["timeline"].counts
    assert counts == {
        "all": 5,
        "decisions": 0,
        "sends": 2,
        "policy": 1,
        "events": 0,
        "operator": 0,
        "recovery": 0,
        "errors": 2,
    }
    assert '<a href="?show=errors#timeline">errors <span class="tally">2</span></a>' in text(page)
    assert '<a href="?show=sends#timeline" aria-current="true">sends' in text(page)


def test_a_filter_keeps_the_headings_and_says_when_nothing_is_left() -> None:
    make_world()
    client, run = signed_in(*SEE_RUNS), failed_run()

    assert groups(look(client, run, "?show=errors")) == [("Attempt 1 of mail", "did not leave", [4, 5])]
    page = text(look(client, run, "?show=operator"))
    assert "This run has no entry of this kind." in page and 'href="?show=all#timeline">Show all 5' in page


def test_a_long_run_is_cut_into_pages_and_opens_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_timeline, "PAGE", 20)
    make_world()
    run, client = loop(20), signed_in(*SEE_RUNS)
    last, first, nonsense = (look(client, run, query) for query in ("", "?page=1", "?page=99"))

    assert [row.entry.n for row in first.context["rows"]] == list(range(1, 21))
    assert [row.entry.n for row in last.context["rows"]] == list(range(61, run.n + 1))
    assert nonsense.context["timeline"].number == last.context["timeline"].number == 4
    assert last.context["timeline"].counts["all"] == run.n == 62
    assert 'href="?show=all&amp;page=3#timeline">\u2039 Earlier</a>' in text(last)
    assert "Later" not in text(last) and "Earlier</a>" not in text(first)


def test_an_attempt_that_goes_over_a_page_says_that_it_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_timeline, "PAGE", 3)
    make_world()
    page = look(signed_in(*SEE_RUNS), failed_run())

    assert groups(page) == [("Attempt 1 of mail", "did not leave", [4, 5])]
    assert "Attempt 1 of mail (continued)" in text(page)


def test_many_attempts_are_listed_with_what_came_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_timeline, "FEW", 1)
    monkeypatch.setattr(run_timeline, "PAGE", 5)
    make_world()
    run, client = failed_run(), signed_in(*SEE_RUNS)
    assert not look(client, run).context["timeline"].jumps
    command(run, "retry")

    page = look(client, run, "?page=1")

    assert [(jump.heading, jump.result, jump.page) for jump in page.context["timeline"].jumps] == [
        ("Attempt 1 of mail", "did not leave", 1),
        ("Attempt 2 of mail, retry by the command line", "did not leave", 2),
    ]
    assert 'href="?show=all&amp;page=2#attempt-6"' in text(page)
    assert "this print holds one page of the timeline" in text(page)


def test_a_page_of_ten_entries_and_one_of_three_hundred_cost_the_same_queries() -> None:
    make_world()
    client = superuser()
    short, long = failed_run("c-1"), loop(99)
    command(short, "retry")
    addresses = [reverse("runs:run", args=[run.no]) for run in (Run.objects.get(no=short.no), long)]

    costs = [queries_of(client, address) for address in addresses]

    assert (Run.objects.get(no=short.no).n, long.n >= 299) == (10, True)
    assert costs[0] <= 15
    assert costs[1] == costs[0] - 1  # nobody gave a reason in the long one


# --- a break, a poll, paper ---


def test_what_lies_behind_a_break_is_in_no_attempt(owner: Any) -> None:
    make_world()
    run = failed_run()
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = replace(body, 'allow', 'ALLOW') WHERE st = %s AND n = 4", [run.stream]
        )
        owner.execute("UPDATE audit_entry SET body = body || ' ' WHERE st = %s AND n = 4", [run.stream])

    found = groups(look(signed_in(*SEE_RUNS), run))

    assert [heading for heading, _, _ in found] == ["", "Attempt 1 of mail", ""]
    assert found[-1][2] == [4, 5]


def test_a_poll_keeps_the_filter_the_page_and_the_inbox() -> None:
    make_world()
    run, client = failed_run(), signed_in(*SEE_RUNS)

    page = text(look(client, run, "?show=sends&page=1&inbox=step%3Dmail"))

    address = f"{reverse('runs:run', args=[run.no])}?n=5&amp;show=sends&amp;page=1&amp;inbox=step%3Dmail"
    assert f'hx-get="{address}" hx-trigger="every 3s"' in page


def test_an_open_dialog_is_told_that_the_run_has_changed_and_nothing_more() -> None:
    make_world()
    run, client = failed_run(), signed_in(*SEE_RUNS)
    address = reverse("runs:run", args=[run.no])

    assert client.get(f"{address}?seen=5", **HTMX).status_code == 204
    told = client.get(f"{address}?seen=4", **HTMX)
    assert "run-1 has changed since you opened this." in text(told)
    assert "every 3s" not in text(told) and "<dialog" not in text(told)


def test_every_dialog_watches_for_a_change() -> None:
    make_world()
    page = text(look(superuser(), failed_run()))

    assert page.count('?seen=5" hx-trigger="every 3s"') == page.count('id="dialog-') == 4


def test_evidence_is_checked_and_handed_on_in_one_place() -> None:
    make_world()
    run = failed_run()
    may, may_not = signed_in(*SEE_RUNS, "audit.verify_log", name="audrey"), signed_in(*SEE_RUNS, name="vic")

    page = text(look(may, run))
    assert "data-verify-start>Verify in this browser</a>" in page
    assert f'href="{reverse("runs:bundle", args=[run.no])}" download>Export bundle</a>' in page
    refused = text(look(may_not, run))
    assert "data-verify-start" not in refused and "bundle.zip" not in refused
    assert refused.count('disabled aria-describedby="no-verify"') == 2
    assert "takes the right “Can verify the log and export evidence”" in refused
    for each in (page, refused):
        assert f'href="{reverse("runs:replay", args=[run.no])}">Replay</a>' in each


def test_on_paper_stand_address_and_whole_hash() -> None:
    make_world()
    run = failed_run()

    page = text(look(signed_in(*SEE_RUNS), run))

    assert f"http://testserver{reverse('runs:run', args=[run.no])} · 5 entries, head {bytes(run.head).hex()}" in page
    assert 'href="/static/dee/print.css" media="print"' in page
