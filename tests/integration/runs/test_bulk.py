"""Bulk actions: a frozen list, shown before anything is asked, then ordinary commands with a result for each."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from audit.models import Entry, Opening
from plans import queries as plan_queries
from runs import compose, operations
from runs.many import bulk
from runs.models import Bulk, BulkItem, Inbox, Run
from runs.queries import RunFilter
from tests.database import TestDatabase
from tests.factories import DONE, make_contact, make_plan
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in, start_run
from tests.functional.engine import advance, drain, enrol, types
from tests.integration.runs.asking import HTMX, lost_run, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = RunFilter(status="FAILED")


def freeze(client: Client, name: str, runs: list[Run] | None = None, **given: Any) -> Any:
    """Freeze a list of ticked runs, or of all failed ones, through the page; return its page."""
    asked = {"command": name, "list": "failures", "status": "FAILED", **given}
    asked |= {"all": "1"} if runs is None else {"row": [f"{run.no}:{run.n}" for run in runs]}
    return client.post(reverse("runs:freeze"), asked, follow=True)


def confirm(client: Client, frozen: Any, note: str = "the server is back", **given: Any) -> Any:
    return client.post(frozen.redirect_chain[-1][0], {"note": note, **given}, follow=True)


def asked() -> int:
    return Inbox.objects.filter(kind="command").count()


# --- freezing, and what would happen ---


def test_ticked_runs_are_frozen_with_the_entry_that_was_seen_and_nothing_is_asked_yet() -> None:
    make_world()
    runs = [failed_run("c-1"), failed_run("c-2")]
    failed_run("c-3")

    page = freeze(signed_in(*COMMAND), "retry", runs)

    frozen = BulkItem.objects.order_by("place").values_list("run_id", "expected_n")
    assert list(frozen) == [(run.no, run.n) for run in runs]
    assert "Nothing was done yet. 2 of 2 runs can be asked for this now." in re.sub(r"<[^>]+>", "", text(page))
    assert "2 ticked of the FAILED runs;" in text(page)
    assert asked() == 0


def test_all_that_match_the_filter_are_frozen_as_they_stand() -> None:
    make_world()
    failed_run("c-1"), start_run("c-2"), failed_run("c-3"), lost_run("c-4")

    page = freeze(signed_in(*COMMAND), "retry", reason="step_failed", step="mail")

    assert list(BulkItem.objects.order_by("place").values_list("run_id", flat=True)) == [1, 3]
    assert "All 2 FAILED runs at step mail with the reason step_failed;" in text(page)


def test_the_dry_run_says_for_each_what_would_happen_and_counts_what_would_not() -> None:
    make_world()
    runs = [failed_run("c-1"), lost_run("c-2"), failed_run("c-3"), lost_run("c-4")]
    command(runs[2], "cancel")

    page = freeze(signed_in(*COMMAND), "retry", runs)

    dry = page.context["dry"]
    assert (dry.runs, dry.possible, dry.changed) == (4, 1, 0)
    assert [(c, sentence.partition(",")[0]) for sentence, c in dry.refusals] == [
        (2, "Nobody knows whether the message left"),
        (1, "It changed since you ticked it and is STOPPED now."),
    ]
    assert [bool(one.item.refusal) for one in page.context["shown"]] == [False, True, True, True]
    assert "Retry 1 run</button>" in text(page)


def test_a_run_that_moves_on_after_the_freeze_is_said_to_be_stale_and_refused_by_the_engine() -> None:
    make_world()
    runs = [failed_run("c-1"), failed_run("c-2")]
    client = signed_in(*COMMAND)
    frozen = freeze(client, "cancel", runs)
    command(runs[0], "retry")

    again = client.get(frozen.redirect_chain[-1][0])
    confirm(client, frozen)
    drain()
    done = client.get(frozen.redirect_chain[-1][0])

    assert "1 of them has changed since this list was made" in text(again)
    assert (done.context["progress"].applied, done.context["progress"].refused) == (1, 1)
    assert "It changed before the engine took the command." in text(done)
    assert [run.status for run in Run.objects.order_by("no")] == ["FAILED", "STOPPED"]


def test_an_outcome_is_chosen_once_for_all_and_says_which_runs_have_it() -> None:
    make_world()
    steps = {"note": {"kind": "send_email", "template": "hello@1", "on": {"sent": "done", "blocked": "done"}}}
    make_plan("other", {**steps, "done": {"kind": "end", "result": "told"}})
    failed_run("c-1"), failed_run("c-2")
    start_run("c-3", plan="other", behaves="refused")
    client = signed_in(*COMMAND)

    frozen = freeze(client, "resolve")
    choices = dict(frozen.context["form"].fields["label"].choices)
    missing = confirm(client, frozen)
    confirm(client, frozen, label="blocked")
    drain()
    done = client.get(frozen.redirect_chain[-1][0])

    assert choices == {
        "sent": "sent → done (all 3 runs)",
        "blocked": "blocked → done (1 of 3 runs; the other 2 have no such outcome and would be refused)",
    }
    assert missing.status_code == 422 and "Choose one of the outcomes." in text(missing)
    assert done.context["progress"].applied == 1
    assert "“blocked” is not an outcome of mail" in text(done)
    assert [run.status for run in Run.objects.order_by("no")] == ["FAILED", "FAILED", "COMPLETED"]


@pytest.mark.parametrize("name", ["send_again", "complete_task", "undo", ""])
def test_what_needs_a_persons_eye_is_no_bulk_command(name: str) -> None:
    make_world()
    run = failed_run()

    page = freeze(signed_in(*COMMAND), name, [run])

    assert "is not a command for several runs." in text(page)
    assert not Bulk.objects.exists()


def test_a_list_of_nothing_or_of_too_much_is_refused_and_leads_back_to_its_filter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_world()
    failed_run("c-1"), failed_run("c-2")
    client = signed_in(*COMMAND)

    nothing = freeze(client, "retry", [], reason="step_failed")
    monkeypatch.setattr(bulk, "MOST", 1)
    much = freeze(client, "retry")

    assert "No run is meant" in text(nothing)
    assert nothing.redirect_chain == [(f"{reverse('runs:failures')}?reason=step_failed", 302)]
    assert "at most 1 can be asked at once" in text(much)
    assert not Bulk.objects.exists()


def test_waiting_runs_are_held_and_released_from_the_list_of_runs() -> None:
    make_world()
    make_plan("slow", {"wait": {"kind": "wait", "seconds": 3600, "on": {"completed": "done"}}, "done": DONE})
    start_run("c-1", plan="slow"), start_run("c-2", plan="slow")
    client = signed_in(*COMMAND)

    for name, status in (("hold", "WAITING"), ("release", "PAUSED")):
        frozen = freeze(client, name, list="runs", status=status, plan="slow")
        confirm(client, frozen)
        drain()
        states = {(run.status, run.reason) for run in Run.objects.all()}
        assert states == {("PAUSED", "held") if name == "hold" else ("WAITING", "timer")}
        assert frozen.context["bulk"].back == f"{reverse('runs:list')}?status={status}&plan=slow"


# --- confirming ---


def test_confirming_gives_one_command_to_each_run_and_the_page_tells_the_result_of_each() -> None:
    make_world()
    runs = [failed_run("c-1", behaves="flaky"), lost_run("c-2"), failed_run("c-3", behaves="flaky")]
    client = signed_in(*COMMAND)

    frozen = freeze(client, "retry", runs)
    waiting = confirm(client, frozen)
    drain()
    done = client.get(frozen.redirect_chain[-1][0], **HTMX)

    assert asked() == 2
    assert waiting.context["progress"].waiting == 2 and "every 2s" in text(waiting)
    assert "2 waiting for the engine" in text(waiting)
    assert "2 of 3 carried out" in text(done) and "every 2s" not in text(done)
    assert "<html" not in text(done)
    assert [Run.objects.get(no=run.no).status for run in runs] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "“the server is back”" in text(client.get(reverse("runs:run", args=[1])))


def test_confirming_twice_repeats_nothing() -> None:
    make_world()
    runs = [failed_run("c-1"), failed_run("c-2")]
    client = signed_in(*COMMAND)
    frozen = freeze(client, "retry", runs)

    first = confirm(client, frozen)
    again = confirm(client, frozen, note="once more")
    drain()

    assert first.status_code == again.status_code == 200
    assert asked() == 2 and not Inbox.objects.filter(kind="command", deliveries__gt=1).exists()
    assert [types(run.no).count("command.accepted") for run in runs] == [1, 1]
    assert list(Opening.objects.filter(subject__startswith="bulk/").values_list("value", flat=True)) == [
        "the server is back"
    ]


def test_the_operation_confirms_a_list_once() -> None:
    make_world()
    failed_run()
    frozen = bulk.freeze(actor="user:1", command="retry", wanted=FAILED)
    given = {"bulk_id": frozen.pk, "actor": "user:1", "note": "outage over"}

    assert (bulk.confirm(**given), bulk.confirm(**given)) == (1, 0)


def test_ids_of_commands_follow_from_list_run_and_entry() -> None:
    one, other = Bulk(pk=uuid.UUID(int=1)), Bulk(pk=uuid.UUID(int=2))

    assert bulk.command_id(one, 7, 5) == bulk.command_id(one, 7, 5)
    assert len({bulk.command_id(*each) for each in ((one, 7, 5), (other, 7, 5), (one, 8, 5), (one, 7, 6))}) == 4


def test_a_list_is_confirmed_with_a_reason_by_whoever_made_it() -> None:
    make_world()
    failed_run()
    client = signed_in(*COMMAND)
    frozen = freeze(client, "retry")

    silent = confirm(client, frozen, note="  ")
    jon = signed_in(*COMMAND, name="jon")
    page = text(jon.get(frozen.redirect_chain[-1][0]))
    foreign = confirm(jon, frozen)

    assert silent.status_code == 422 and "Give a reason" in text(silent)
    assert "Somebody else made this list, so you cannot confirm it." in page and "<textarea" not in page
    assert foreign.status_code == 422 and "so you cannot confirm it" in text(foreign)
    assert asked() == 0


def test_who_may_only_look_sees_what_would_happen_and_why_they_may_not_confirm() -> None:
    make_world()
    failed_run()
    frozen = freeze(signed_in(*COMMAND), "retry")
    viewer = signed_in(*SEE_RUNS, name="vic")

    page = text(viewer.get(frozen.redirect_chain[-1][0]))

    assert "You may look at runs, but not command them." in page and "<textarea" not in page
    assert viewer.post(frozen.redirect_chain[-1][0], {"note": "x"}).status_code == 403
    assert freeze(viewer, "retry").status_code == 403
    assert asked() == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"note": " "}, "Give a reason"),
        ({"label": "sent"}, "Choose the outcome"),
        ({"actor": "user:9"}, "Somebody else made this list"),
    ],
)
def test_the_operation_refuses_what_the_page_refuses(given: dict[str, str], sentence: str) -> None:
    make_world()
    failed_run()
    frozen = bulk.freeze(actor="user:1", command="retry", wanted=FAILED)

    with pytest.raises(operations.Refused, match=sentence):
        bulk.confirm(**({"bulk_id": frozen.pk, "actor": "user:1", "note": "x"} | given))

    assert asked() == 0


def test_a_list_that_nobody_confirms_is_thrown_away_and_a_confirmed_one_is_found_again(
    owner: psycopg.Connection,
) -> None:
    make_world()
    failed_run()
    client = signed_in(*COMMAND)
    old = freeze(client, "cancel").context["bulk"]
    kept = freeze(client, "retry")
    confirm(client, kept)
    owner.execute("ALTER TABLE runs_bulk DISABLE TRIGGER USER")
    owner.execute("UPDATE runs_bulk SET created_at = created_at - interval '25 hours'")
    owner.execute("ALTER TABLE runs_bulk ENABLE ALWAYS TRIGGER runs_bulk_kept")
    owner.execute("ALTER TABLE runs_bulk ENABLE ALWAYS TRIGGER runs_bulk_all_kept")

    freeze(client, "skip")

    assert {made.command for made in Bulk.objects.all()} == {"retry", "skip"}
    assert client.get(reverse("runs:bulk", args=[old.pk])).status_code == 404
    page = text(client.get(reverse("runs:bulks")))
    assert reverse("runs:bulk", args=[kept.context["bulk"].pk]) in page and "not yet" in page


# --- how much it costs ---


def test_a_list_costs_the_same_number_of_queries_whatever_its_length() -> None:
    make_world()
    client = signed_in(*COMMAND)
    costs = []
    for number in range(1, 4):
        failed_run(f"c-{number}")
        frozen = freeze(client, "resolve")
        dry = queries_of(client, frozen.redirect_chain[-1][0])
        confirm(client, frozen, label="sent")
        costs.append((dry, queries_of(client, frozen.redirect_chain[-1][0])))
        drain()
        failed_run(f"d-{number}")

    assert len(set(costs)) == 1
    assert max(costs[0]) <= 13


def test_a_long_list_is_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAGE", 2)
    make_world()
    for number in range(3):
        failed_run(f"c-{number}")
    client = signed_in(*COMMAND)

    first = freeze(client, "retry")
    second = client.get(first.redirect_chain[-1][0] + first.context["further"])

    assert [one.item.place for one in first.context["shown"]] == [1, 2]
    assert [one.item.place for one in second.context["shown"]] == [3]
    assert second.context["further"] == ""


# --- a bulk action equals its single commands ---

Told = dict[str, str]


@pytest.fixture
def story(test_database: TestDatabase, owner: psycopg.Connection) -> Callable[[Callable[[], None]], Told]:
    """Return a function that lets five runs fail, lets people act, and returns {entry: its text}."""

    def tell(people: Callable[[], None]) -> Told:
        test_database.flush()
        plan_queries.forget()
        owner.execute("UPDATE audit_head SET clock = 2000000000")  # beyond the wall: only the sandbox clock counts
        User.objects.create_user("maria")
        make_world()
        tags = ("flaky", "refused", "timeout-after", "flaky", "timeout-before")
        refs = [make_contact(f"c-{n}", email=f"c-{n}+{tag}@example.org").ref for n, tag in enumerate(tags)]
        enrol("simple", *refs)
        with patch.object(compose.secrets, "token_bytes", lambda size: bytes(size)):
            advance(60)
            people()
            # In the very same second, however long this machine took to get here; ids keep the order.
            Inbox.objects.filter(kind="command").update(received_at="2020-01-01T00:00:00Z")
            advance(60)
        rows = Entry.objects.filter(st__startswith="run/").order_by("st", "n").values_list("st", "n", "body")
        return {f"{st}#{n}": _without_ids_and_notes(body) for st, n, body in rows}

    return tell


def _without_ids_and_notes(body: str) -> str:
    """Return an entry's text without what names one command, and without the links that hold its hash."""
    read = json.loads(body)
    del read["prev"]
    if read["type"] == "command.accepted":
        read["data"] |= {"id": "", "note": {**read["data"]["note"], "c": "", "ref": 0}}
    return json.dumps(read, sort_keys=True)


def in_bulk(name: str, label: str) -> None:
    frozen = bulk.freeze(actor="user:1", command=name, wanted=FAILED)
    bulk.confirm(bulk_id=frozen.pk, actor="user:1", note="outage over", label=label)


def one_by_one(name: str, label: str) -> None:
    for run in Run.objects.filter(status="FAILED").order_by("no"):
        given = {"run_no": run.no, "expected_n": run.n, "actor": "user:1", "note": "outage over", "label": label}
        try:
            operations.send_command(command=name, command_id=str(uuid.uuid4()), **given)
        except operations.Refused:
            assert name in ("retry", "redispatch")


@pytest.mark.parametrize(
    ("name", "label"),
    [("retry", ""), ("resolve", "sent"), ("skip", "sent"), ("redispatch", ""), ("cancel", "")],
)
def test_a_bulk_action_equals_its_single_commands_byte_for_byte(
    story: Callable[[Callable[[], None]], Told], name: str, label: str
) -> None:
    single = story(lambda: one_by_one(name, label))
    assert sum('"command.accepted"' in text for text in single.values()) == {"retry": 4, "redispatch": 1}.get(name, 5)
    together = story(lambda: in_bulk(name, label))

    assert [(key, together.get(key), text) for key, text in single.items() if together.get(key) != text][:1] == []
    assert together.keys() == single.keys()
