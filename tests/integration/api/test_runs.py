"""Runs and commands through the API: what is read, what is asked, and what the engine makes of it."""

import hashlib
import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Entry
from policies import operations as policy_operations
from runs import operations
from runs.models import Inbox, Run
from tests.factories_runs import failed_run, make_world, start_run
from tests.functional.engine import drain
from tests.integration.api.caller import READ, Caller, caller
from tests.integration.runs.asking import evidence, lost_run
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator() -> Caller:
    make_world()
    return caller(*READ, "runs.command_run")


def command(run: Run, **changes: Any) -> dict[str, Any]:
    """Return the body of a retry of a run as it stands."""
    asked = {"command": "retry", "expected_n": run.n, "command_id": str(uuid.uuid4()), "note": "the server is back"}
    return asked | changes


def commands(run: Run) -> str:
    return f"runs/{run.no}/commands/"


# --- reading ---


def test_runs_are_listed_newest_first_and_narrowed(operator: Caller) -> None:
    failed, done = failed_run("c-1"), start_run("c-2")

    rows = operator.get("runs/").data["results"]

    assert [row["no"] for row in rows] == [done.no, failed.no]
    assert rows[1] == {
        "no": failed.no,
        "ref": f"run-{failed.no}",
        "plan": "simple",
        "version": 1,
        "contact": "c-1",
        "status": "FAILED",
        "reason": failed.reason,
        "step": "mail",
        "visit": 1,
        "n": failed.n,
        "start_at": failed.start_at,
        "due_at": None,
        "ended_at": None,
    }

    def found(**query: str) -> list[int]:
        return [row["no"] for row in operator.get("runs/", **query).data["results"]]

    assert found(status="FAILED") == found(reason="step_failed") == found(contact="c-1") == [failed.no]
    assert found(plan="simple") == [done.no, failed.no]
    assert found(plan="other") == found(contact="c-") == []


def test_a_list_is_cut_by_its_limit_and_followed_by_next(operator: Caller) -> None:
    numbers = [start_run(f"c-{n}").no for n in range(1, 4)]

    first = operator.get("runs/", limit=2)
    second = operator.get(first.data["next"].partition("/api/v1/")[2])

    assert [row["no"] for row in first.data["results"]] == [numbers[2], numbers[1]]
    assert [row["no"] for row in second.data["results"]] == [numbers[0]]
    assert second.data["next"] is None
    assert f"after={numbers[1]}" in first.data["next"] and "limit=2" in first.data["next"]


def test_a_run_says_where_it_stands_and_what_may_be_asked(operator: Caller) -> None:
    run = failed_run()

    shown = operator.get(f"runs/{run.no}/").data

    assert shown["status"] == "FAILED" and shown["plan_hash"] == run.plan_version.hash
    assert shown["standing"].startswith("Stopped at mail: ")
    assert shown["labels"] == {"sent": "done"}
    refusals = shown["refusals"]
    assert [name for name, refusal in refusals.items() if refusal is None] == ["retry", "resolve", "skip", "cancel"]
    assert refusals["hold"] == "Hold is possible for PAUSED or READY or WAITING runs; this one is FAILED."
    assert (shown["evidence"], shown["key_left_s"]) == ("", 0)


def test_a_run_of_unknown_fate_says_what_is_known_and_how_long_its_key_lives(operator: Caller) -> None:
    run = lost_run()
    before = operator.get(f"runs/{run.no}/").data
    evidence(run, "opened")
    after = operator.get(f"runs/{run.no}/").data

    assert before["evidence"] == "" and 86_000 < before["key_left_s"] < 86_400
    assert before["refusals"]["redispatch"] is None and "a retry could send it twice" in before["refusals"]["retry"]
    assert after["evidence"] == "sent" and "resolve it with that outcome" in after["standing"]


def test_a_run_that_ended_says_why_nothing_may_be_asked(operator: Caller) -> None:
    shown = operator.get(f"runs/{start_run().no}/").data

    assert shown["status"] == "COMPLETED"
    assert all("this one is COMPLETED" in sentence for sentence in shown["refusals"].values())


def test_entries_come_with_the_text_that_was_hashed(operator: Caller) -> None:
    run = start_run()

    rows = operator.get(f"runs/{run.no}/entries/").data["results"]

    assert [row["n"] for row in rows] == list(range(1, run.n + 1))
    assert rows[0]["type"] == "run.started" and rows[-1]["type"] == "run.completed"
    for row in rows:
        assert hashlib.sha256(b"dee.entry/1\n" + row["text"].encode()).hexdigest() == row["hash"]
        assert json.loads(row["text"]) == row["body"]
        assert json.loads(row["stamp"])["h"] == row["hash"]
    assert [row["n"] for row in operator.get(f"runs/{run.no}/entries/", after=2, limit=1).data["results"]] == [3]


def test_a_changed_text_is_shown_but_not_read(operator: Caller, owner: Any) -> None:
    run = start_run()
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'simple', 'other') WHERE st = %s", [run.stream])

    row = operator.get(f"runs/{run.no}/entries/").data["results"][0]

    assert '"other"' in row["text"] and row["body"] is None


# --- commands ---


def test_a_command_is_queued_and_its_verdict_read_afterwards(operator: Caller) -> None:
    run, body = failed_run(), None
    body = command(run, command="resolve", label="sent")

    queued = operator.post(commands(run), body)

    assert queued.status == 202 and queued.data["verdict"] is None and queued.data["external_id"] == body["command_id"]
    there = queued.headers["Location"].partition("/api/v1/")[2]
    assert there == f"inputs/{queued.data['id']}/"
    drain()
    assert operator.get(there).data | {"verdict": "applied", "run": run.no} == operator.get(there).data
    assert Run.objects.get(no=run.no).status == "COMPLETED"


def test_a_new_command_is_202_however_fast_the_engine_is(operator: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    run = failed_run()
    send = operations.send_command
    monkeypatch.setattr(operations, "send_command", lambda **asked: (send(**asked), drain()))

    queued = operator.post(commands(run), command(run, command="cancel"))

    assert (queued.status, queued.data["verdict"]) == (202, "applied")


def test_the_log_names_the_person_behind_the_token_and_not_the_reason(operator: Caller) -> None:
    run = failed_run()
    operator.post(commands(run), command(run, command="cancel", note="Ann asked us to stop"))
    drain()

    body = Entry.objects.get(st=run.stream, type="command.accepted").body

    assert json.loads(body)["data"]["actor"] == f"user:{operator.user.pk}"
    assert "Ann" not in body


def test_the_same_command_again_is_the_same_command(operator: Caller) -> None:
    run = failed_run()
    body = command(run, command="cancel")
    first = operator.post(commands(run), body)
    again = operator.post(commands(run), body)
    drain()

    late = operator.post(commands(run), body)

    assert (first.status, again.status, late.status) == (202, 202, 200)
    assert first.data["id"] == again.data["id"] == late.data["id"]
    assert late.data["verdict"] == "applied"
    assert Entry.objects.filter(st=run.stream, type="command.accepted").count() == 1


def test_a_second_send_is_confirmed_by_the_runs_name(operator: Caller) -> None:
    run = lost_run()
    asked = command(run, command="send_again", confirmation="run-9")

    wrong = operator.post(commands(run), asked)
    right = operator.post(commands(run), asked | {"confirmation": run.ref})
    again = operator.post(commands(run), asked | {"confirmation": run.ref})
    drain()

    assert wrong.status == 409 and f"Type {run.ref} to say that you mean it." in wrong.error
    assert (right.status, again.status) == (202, 202)
    assert Entry.objects.filter(st=run.stream, body__contains="may_duplicate_of").count() == 1


@pytest.mark.parametrize("change", [{"command": "cancel"}, {"expected_n": 1}])
def test_a_command_id_belongs_to_one_command(operator: Caller, change: dict[str, Any]) -> None:
    run = failed_run()
    body = command(run)
    operator.post(commands(run), body)

    other = operator.post(commands(run), body | change)

    assert other.status == 409 and "belongs to another command" in other.error
    assert Inbox.objects.filter(source="command").count() == 1


def test_a_command_id_of_somebody_else_is_refused(operator: Caller) -> None:
    run = failed_run()
    body = command(run)
    operator.post(commands(run), body)

    assert caller("runs.command_run").post(commands(run), body).status == 409


def test_a_command_on_a_run_that_moved_on_does_nothing(operator: Caller) -> None:
    run = failed_run()

    stale = operator.post(commands(run), command(run, expected_n=run.n - 1))

    assert stale.status == 409
    assert f"you saw entry {run.n - 1} of run-{run.no}, it is now at entry {run.n} (FAILED)" in stale.error
    assert not Inbox.objects.filter(source="command").exists()


def test_a_command_that_is_not_possible_is_refused_in_the_words_of_the_page(operator: Caller) -> None:
    done = start_run()

    refused = operator.post(commands(done), command(done))

    assert refused.status == 409 and "Retry is possible for FAILED runs; this one is COMPLETED." in refused.error


def test_a_retry_on_broken_evidence_is_refused(operator: Caller, owner: Any) -> None:
    run = failed_run()
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'simple', 'other') WHERE st = %s", [run.stream])

    refused = operator.post(commands(run), command(run))

    assert refused.status == 409 and "evidence is broken at entry 1" in refused.error
    assert operator.post(commands(run), command(run, command="cancel")).status == 202


def test_a_retry_passes_the_same_gate_as_the_first_attempt(operator: Caller) -> None:
    run = failed_run()
    policy_operations.add_suppression(actor="cli", address=run.contact.email, scope="global", reason="manual")

    assert operator.post(commands(run), command(run)).status == 202
    drain()

    assert operator.get(f"runs/{run.no}/").data["reason"] == "policy_denied:suppression"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"command": "undo"}, "command"),
        ({"command": "skip"}, "label"),
        ({"command": "complete_task"}, "label"),
        ({"command": "hold", "label": "sent"}, "label"),
        ({"command": "send_again"}, "confirmation"),
        ({"confirmation": "run-1"}, "confirmation"),
        ({"command_id": "7"}, "command_id"),
        ({"expected_n": "4"}, "expected_n"),
        ({"expected_n": True}, "expected_n"),
        ({"expected_n": 0}, "expected_n"),
        ({"note": "  "}, "note"),
        ({"note": 7}, "note"),
        ({"note": "x" * 501}, "note"),
        ({"label": "sent"}, "label"),
        ({"command": "resolve"}, "label"),
        ({"command": "resolve", "label": "answered"}, "label"),
        ({"force": True}, "force"),
    ],
)
def test_a_command_that_is_not_right_names_its_field(operator: Caller, change: dict[str, Any], field: str) -> None:
    run = failed_run()

    refused = operator.post(commands(run), command(run) | change)

    assert refused.status == 422 and refused.data["fields"].keys() == {field}
    assert field in refused.error
    assert not Inbox.objects.filter(source="command").exists()


# --- how much it costs ---


@pytest.mark.parametrize(("address", "queries"), [("runs/", 4), ("inputs/", 4), ("runs/1/entries/", 5)])
def test_a_list_costs_the_same_whatever_its_length(operator: Caller, address: str, queries: int) -> None:
    costs = []
    for ref in ("c-1", "c-2", "c-3"):
        start_run(ref)
        with CaptureQueriesContext(connection) as seen:
            assert operator.get(address).status == 200
        costs.append(len(seen))

    assert costs == [queries] * 3
