"""Triage: who looks after a failed run, notes, snoozes; each act with its entry, and never over what nobody saw."""

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from audit.models import Entry, Opening
from runs import clock
from runs.models import Run, Triage
from runs.operations import Refused
from runs.rebuild import check
from runs.rebuild.report import Verdict
from runs.triaging import triage, triage_views
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in
from tests.functional.engine import advance
from tests.integration.runs.asking import HTMX, queries_of, text
from tests.integration.runs.busy import changed

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = 3600, 86_400


def actor(name: str = "maria") -> str:
    return f"user:{User.objects.get(username=name).pk}"


def seen(*runs: Run) -> dict[int, tuple[int, int]]:
    """What a page shows of runs just now."""
    return {run.no: (Run.objects.get(no=run.no).n, len(triage.of(run).acts)) for run in runs}


def now() -> int:
    return clock.state().wall


def said(run: Run) -> list[tuple[str, dict[str, Any]]]:
    rows = Entry.objects.filter(st=f"triage/{run.no}").order_by("n")
    return [(row.type, json.loads(row.body)["data"]) for row in rows]


def act(client: Client, what: str, *runs: Run, **given: Any) -> Any:
    """Press a button of the inbox with these runs ticked, as the page shows them now unless `seen` says otherwise."""
    shown = given.pop("shown", None) or seen(*runs)
    headers = given.pop("headers", {})
    rows = {
        "row": [f"{no}:{n}" for no, (n, _) in shown.items()],
        "seen": [f"{no}:{acts}" for no, (_, acts) in shown.items() if acts],
    }
    return client.post(reverse("runs:triage"), {"act": what, **rows, **given}, **headers)


def in_inbox(client: Client, query: str = "") -> list[int]:
    page = client.get(f"{reverse('runs:failures')}?{query}")
    return [run.no for run in page.context["page"].rows]


@pytest.fixture
def maria() -> Client:
    return signed_in(*COMMAND)


@pytest.fixture
def run(maria: Client) -> Run:
    make_world()
    return failed_run("c-1")


# --- acts and their entries ---


def test_every_act_is_an_entry_of_the_runs_own_triage_stream_and_none_of_the_run(run: Run, maria: Client) -> None:
    until = now() + HOUR

    act(maria, "mine", run)
    act(maria, "note", run, note="  Ada changed her address.  ")
    triage.snooze(actor=actor(), seen=seen(run), until=until)
    triage.wake(actor=actor(), seen=seen(run))
    act(maria, "assign", run, to="")

    types = [type for type, _ in said(run)]
    assert types == ["triage.assigned", "triage.noted", "triage.snoozed", "triage.woken", "triage.assigned"]
    assert said(run)[0][1] == {"to": actor()} and said(run)[4][1] == {"to": ""}
    assert said(run)[2][1] == {"until": until, "failure": run.n}
    assert Run.objects.get().n == run.n


def test_the_words_of_a_note_are_in_the_vault_alone(run: Run, maria: Client) -> None:
    act(maria, "note", run, note="Ada moved to Oslo.")

    note = said(run)[0][1]["note"]
    assert note.keys() == {"c", "kind", "ref"}
    assert Opening.objects.get(ref=note["ref"]).value == "Ada moved to Oslo."
    assert not Entry.objects.filter(body__contains="Oslo").exists()
    assert "Ada moved to Oslo." in text(maria.get(reverse("runs:failures")))
    viewer = signed_in(*SEE_RUNS, name="vic")
    page = text(viewer.get(reverse("runs:failures")))
    assert "Oslo" not in page and "1 note" in page


def test_an_act_that_changes_nothing_leaves_no_entry(run: Run, maria: Client) -> None:
    act(maria, "mine", run)
    act(maria, "mine", run)
    act(maria, "wake", run)
    act(maria, "note", run, note="asked")
    act(maria, "note", run, note="asked ")  # the same form, sent again after a lost answer

    assert [type for type, _ in said(run)] == ["triage.assigned", "triage.noted"]


def test_what_was_done_is_told_with_names_oldest_first(run: Run, maria: Client) -> None:
    jon = signed_in(*COMMAND, name="jon")
    act(maria, "mine", run)
    act(maria, "note", run, note="asked the provider")
    act(maria, "assign", run, to=actor("jon"))
    act(jon, "1h", run)

    state = triage.of(run)

    assert [(one.by, one.text, one.note) for one in state.acts] == [
        ("maria", "took it", ""),
        ("maria", "noted", "asked the provider"),
        ("maria", "assigned it to jon", ""),
        ("jon", "snoozed it", ""),
    ]
    assert (state.assignee_name, state.notes) == ("jon", 1)
    assert state.snoozed_until is not None and 0 <= now() + HOUR - state.snoozed_until < 60
    assert triage.of(failed_run("c-2")).acts == ()


def test_several_runs_are_assigned_at_once(run: Run, maria: Client) -> None:
    other = failed_run("c-2")

    answer = act(maria, "mine", run, other, headers=HTMX)

    assert "2 runs assigned to you." in text(answer) and "<html" not in text(answer)
    assert set(Triage.objects.values_list("assignee", flat=True)) == {actor()}


# --- a snooze ---


def test_a_snoozed_run_is_out_of_the_way_counted_and_comes_back_by_itself(run: Run, maria: Client) -> None:
    act(maria, "1h", run)

    page = maria.get(reverse("runs:failures"))
    assert "Snoozed (1)" in text(page) and "Nothing is to do" in text(page)
    assert in_inbox(maria) == [] and in_inbox(maria, "snoozed=only") == [1]
    assert Run.objects.get().status == "FAILED"

    advance(HOUR + 60)
    assert in_inbox(maria) == [1] and in_inbox(maria, "snoozed=only") == []
    assert triage.of(run).snoozed_until is None


def test_a_run_that_fails_anew_is_back_at_once_and_stays_assigned(run: Run, maria: Client) -> None:
    act(maria, "mine", run)
    act(maria, "3d", run)

    command(Run.objects.get(), "retry")

    assert Run.objects.get().status == "FAILED"
    assert in_inbox(maria) == [1] and in_inbox(maria, "who=me") == [1]
    assert triage.of(run).snoozed_until is None


def test_a_snoozed_run_is_woken_from_the_list_of_what_is_snoozed(run: Run, maria: Client) -> None:
    act(maria, "3d", run)
    shown = text(maria.get(f"{reverse('runs:failures')}?snoozed=only"))
    act(maria, "wake", run, snoozed="only")

    assert "Bring back now" in shown
    assert in_inbox(maria) == [1]


def test_triage_keeps_no_command_from_the_run(run: Run, maria: Client) -> None:
    act(maria, "3d", run)
    act(maria, "mine", run)

    command(Run.objects.get(), "cancel", actor="cli")

    assert Run.objects.get().status == "STOPPED"


@pytest.mark.parametrize(
    ("given", "offset"),
    [
        ({"act": "tomorrow", "zone": "Europe/Berlin"}, 2),
        ({"act": "tomorrow", "zone": "Pacific/Kiritimati"}, 14),
        ({"act": "tomorrow", "zone": "no/zone"}, 0),
        ({"act": "date", "date": "2033-05-30", "zone": "America/New_York"}, -4),
        ({"act": "date", "date": "2033-05-30", "zone": "Pacific/Kiritimati"}, 14),
    ],
)
def test_a_day_begins_at_nine_where_the_browser_is(
    given: dict[str, str], offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = int(datetime(2033, 5, 18, 12, tzinfo=UTC).timestamp())
    monkeypatch.setattr(clock, "state", lambda: clock.ClockState(wall, wall, None, 0, "", True, None))
    query = QueryDict(mutable=True)
    query.update(given)

    until = triage_views.until(query)

    there = datetime.fromtimestamp(until + offset * HOUR, UTC)
    assert f"{there:%H:%M}" == "09:00"
    if given["act"] == "date":
        assert f"{there:%Y-%m-%d}" == given["date"]
    else:
        today = datetime.fromtimestamp(wall + offset * HOUR, UTC).date()
        assert (there.date() - today).days == 1


# --- what is refused ---


@pytest.mark.parametrize(
    ("what", "given", "sentence"),
    [
        ("note", {"note": "   "}, "Write something"),
        ("note", {"note": "x" * 2001}, "at most 2000 characters"),
        ("date", {"date": ""}, "Choose the day"),
        ("date", {"date": "2001-01-01"}, "Choose a time to come"),
        ("date", {"date": "9000-01-01"}, "at most a year ahead"),
        ("assign", {"to": "user:4711"}, "Choose somebody who is active"),
        ("assign", {"to": "engine"}, "Choose somebody who is active"),
        ("undo", {}, "Press one of the buttons"),
        ("", {}, "Press one of the buttons"),
    ],
)
def test_bad_input_gets_a_sentence_and_changes_nothing(
    what: str, given: dict[str, str], sentence: str, run: Run, maria: Client
) -> None:
    answer = act(maria, what, run, **given)

    assert answer.status_code == 422 and sentence in text(answer)
    assert not Triage.objects.exists() and not said(run) and not Opening.objects.filter(subject="triage/1").exists()


def test_nothing_ticked_or_too_much_is_refused(run: Run, maria: Client) -> None:
    assert "tick the runs you mean" in text(act(maria, "mine"))
    with pytest.raises(Refused, match="At most 100 runs"):
        triage.wake(actor=actor(), seen=dict.fromkeys(range(101), (1, 0)))


def test_nobody_is_given_a_run_they_can_do_nothing_with(run: Run, maria: Client) -> None:
    signed_in(*SEE_RUNS, name="vic")
    gone = signed_in(*COMMAND, name="gone")
    User.objects.filter(username="gone").update(is_active=False)

    for name in ("vic", "gone"):
        with pytest.raises(Refused, match="who is active and may command runs"):
            triage.assign(actor=actor(), seen=seen(run), to=actor(name))
    assert gone and [name for _, name in triage.people()] == ["maria"]


def test_two_people_one_run_the_slower_one_is_told_who_was_faster(run: Run, maria: Client) -> None:
    jon = signed_in(*COMMAND, name="jon")
    shown = seen(run)
    act(maria, "mine", run)

    late = act(jon, "mine", run, shown=shown)

    assert late.status_code == 409
    assert "Nothing was done." in text(late) and "maria was faster: took it." in text(late)
    assert triage.of(run).assignee == actor()


def test_the_same_form_sent_twice_is_no_quarrel_with_oneself(run: Run, maria: Client) -> None:
    shown = seen(run)
    act(maria, "mine", run, shown=shown)
    again = act(maria, "mine", run, shown=shown)
    act(maria, "1h", run, shown=shown)

    assert again.status_code == 302 and len(said(run)) == 2
    assert act(signed_in(*COMMAND, name="jon"), "assign", run, shown=shown, to=actor()).status_code == 302


def test_a_note_is_added_whoever_was_faster(run: Run, maria: Client) -> None:
    shown = seen(run)
    act(maria, "mine", run)

    act(signed_in(*COMMAND, name="jon"), "note", run, shown=shown, note="I know the reason")

    assert triage.of(run).notes == 1


def test_a_run_that_moved_on_is_left_alone_and_the_others_are_done(run: Run, maria: Client) -> None:
    moved, again = failed_run("c-2"), failed_run("c-3")
    shown = seen(run, moved, again)
    command(moved, "cancel")
    command(again, "retry")

    page = act(maria, "mine", shown=shown, headers=HTMX)

    assert page.status_code == 200 and "Run-1 assigned to you." in text(page)
    assert "It has moved on since you saw it and is STOPPED now." in text(page)
    assert "It was tried again since you saw it, and has failed anew." in text(page)
    assert list(Triage.objects.values_list("run_id", flat=True)) == [1]


def test_only_who_may_command_runs_may_triage(run: Run, maria: Client) -> None:
    viewer = signed_in(*SEE_RUNS, name="vic")

    assert act(viewer, "mine", run).status_code == 403
    assert maria.get(reverse("runs:triage")).status_code == 405
    assert not Triage.objects.exists()


def test_without_a_script_the_answer_leads_back_to_the_filtered_list(run: Run, maria: Client) -> None:
    answer = act(maria, "mine", run, reason="step_failed", sort="newest")

    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('runs:failures')}?reason=step_failed&sort=newest"
    assert "Run-1 assigned to you." in text(maria.get(answer["Location"]))


# --- what the database itself holds ---


def refused(sql: str) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return str(error.value)


@pytest.mark.parametrize(
    ("sql", "guard"),
    [
        ("UPDATE runs_triage SET assignee = 'user:9'", "only with a further entry"),
        ("UPDATE runs_triage SET n = n + 1, assignee = 'user:9'", "its stream has no entry 2"),
        ("INSERT INTO runs_triage (run_id, assignee, notes, n) VALUES (2, '', 0, 1)", "its stream has no entry 1"),
        ("DELETE FROM runs_triage", "DELETE on runs_triage refused"),
        ("UPDATE runs_triage SET n = 2, snoozed_until = 5", "runs_triage_snoozes_a_failure"),
        ("UPDATE runs_triage SET n = 2, assignee = 'engine'", "runs_triage_assigned_to_a_person"),
        ("UPDATE runs_triage SET n = 2, notes = -1", "runs_triage_numbers"),
    ],
)
def test_triage_changes_only_with_its_entry(sql: str, guard: str, run: Run, maria: Client) -> None:
    failed_run("c-2")
    act(maria, "mine", run)

    assert guard in refused(sql)


def test_not_even_the_owner_empties_the_table(run: Run, maria: Client, owner: psycopg.Connection) -> None:
    act(maria, "mine", run)

    with pytest.raises(psycopg.errors.RaiseException, match="TRUNCATE on runs_triage refused"):
        owner.execute("TRUNCATE runs_triage CASCADE")


def test_the_table_follows_from_the_log(run: Run, maria: Client, owner: psycopg.Connection) -> None:
    act(maria, "mine", run)
    act(maria, "note", run, note="asked")
    act(maria, "3d", run)
    sound = check.check()

    with changed(owner, "runs_triage", "UPDATE runs_triage SET assignee = 'user:9', notes = 2"):
        report = check.check()

    assert (sound.verdict, sound.compared["triage"], sum(sound.unread.values())) == (Verdict.SAME, 1, 0)
    assert report.verdict is Verdict.DIFFERENT
    assert {(one.area, one.what) for one in report.differences} == {("triage", "assignee"), ("triage", "notes")}


def test_reading_triage_costs_a_fixed_number_of_queries(run: Run, maria: Client) -> None:
    for text_of_note in ("one", "two", "three"):
        act(maria, "note", run, note=text_of_note)
    before = queries_of(maria, reverse("runs:failures"))
    act(maria, "note", run, note="four")

    assert queries_of(maria, reverse("runs:failures")) == before
