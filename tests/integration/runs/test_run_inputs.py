"""What came in and what people asked: in order, with how it met the run, by name and with the reason that was given."""

import uuid

import pytest

from audit.models import Opening
from runs import inbox, operations
from runs.models import Run
from runs.showing import run_reads
from tests.factories_runs import SEE_RUNS, command, failed_run, make_world, signed_in, start_run, superuser
from tests.functional.engine import advance, drain
from tests.integration.runs.asking import lost_run, text
from tests.integration.runs.story import READ, look, opened_or_not

pytestmark = pytest.mark.django_db(transaction=True)


def tell(run: Run, event: str, *, times: int = 1, **more: object) -> None:
    """Let a provider tell an event of the run's first message, once or more often under the same name."""
    intent = run.intents.order_by("n").first()
    assert intent is not None
    for _ in range(times):
        body = {"event": event, "intent": intent.id, **more}
        inbox.put(source="hook:test", external_id=f"{intent.id}/{event}", kind="event", body=body)
    drain()


def test_events_stand_in_order_with_how_they_met_the_run() -> None:
    make_world()
    run = opened_or_not(behaves="silent")
    tell(run, "clicked", machine=True)
    tell(run, "opened", times=3)
    advance(2 * 86_400)
    tell(run, "replied")

    page = look(signed_in(*SEE_RUNS), run)
    events = [each for each in page.context["events"] if each.row.source == "hook:test"]

    assert [(each.event, each.how, each.row.deliveries) for each in events] == [
        ("clicked", "machine", 1),
        ("opened", "late", 3),
        ("replied", "after the end", 1),
    ]
    assert "delivered 3 times, counted once" in text(page)
    assert [each.n for each in events] == sorted(each.n for each in events)


def test_only_the_newest_inputs_are_looked_through_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reads, "MOST", 2)
    make_world()
    run = start_run(behaves="silent")
    for event in ("opened", "clicked", "replied"):
        tell(run, event)

    page = look(signed_in(*SEE_RUNS), run)

    assert [each.event for each in page.context["events"]] == ["clicked", "replied"]
    assert "Only the newest 2 inputs of a run are looked through here" in text(page)


def test_an_event_nobody_knows_is_shown_as_refused_with_the_reason() -> None:
    make_world()
    run = start_run()
    tell(run, "abducted")

    event = look(signed_in(*SEE_RUNS), run).context["events"][-1]

    assert (event.how, event.n) == ("refused", 0)
    assert "“abducted” is not an event DEE knows." in event.why


def test_a_late_report_of_a_replaced_engine_is_evidence() -> None:
    make_world()
    run = lost_run()
    intent = run.intents.get()
    body = {"intent": intent.id, "kind": "not_sent", "code": "smtp_421", "label": ""}
    inbox.put(source=inbox.ENGINE, external_id=f"{intent.id}/report", kind="report", body=body)
    drain()

    event = look(signed_in(*SEE_RUNS), run).context["events"][-1]

    assert (event.event, event.how) == ("smtp 421", "late report")


def test_an_event_that_waits_for_the_engine_says_so() -> None:
    make_world()
    run = start_run()
    intent = run.intents.get()
    row = inbox.put(source="hook:test", external_id="x", kind="event", body={"event": "opened", "intent": intent.id})
    type(run).inputs.rel.related_model.objects.filter(pk=row.id).update(run=run)

    assert look(signed_in(*SEE_RUNS), run).context["events"][-1].how == "waiting"


def test_the_kept_payload_is_for_those_who_may_see_addresses() -> None:
    make_world()
    run = start_run()
    tell(run, "opened")

    assert "&quot;event&quot;: &quot;opened&quot;" in text(look(signed_in(*READ, name="ann"), run))
    page = text(look(signed_in(*SEE_RUNS, name="vic"), run))
    assert "Kept payload" not in page and "The kept payloads are hidden" in page


def test_an_empty_list_says_what_would_fill_it() -> None:
    make_world()
    page = text(look(signed_in(*SEE_RUNS), failed_run()))

    assert "No event has reached this run." in page
    assert "Nobody has acted on this run." in page


# --- what people asked ---


def test_what_an_operator_did_stands_with_name_and_reason() -> None:
    make_world()
    run, client = failed_run(), superuser("maria")
    command(run, "retry", actor=f"user:{client.session['_auth_user_id']}", note="the server is back")

    page = text(look(client, run))

    assert "<strong>maria</strong>: retry, “the server is back”" in page
    assert '<a href="?show=operator#e6">entry 6</a> of the chain, tick ' in page


def test_an_erased_reason_is_said_to_be_erased() -> None:
    make_world()
    run = failed_run()
    command(run, "retry", note="private")
    Opening.objects.filter(kind="note").delete()

    page = text(look(signed_in(*SEE_RUNS), run))

    assert "private" not in page
    assert "<strong>the command line</strong>: retry, (the reason was erased)" in page


def test_a_refused_command_is_shown_beside_the_chain_with_its_reason() -> None:
    make_world()
    run = failed_run()
    operations.send_command(
        run_no=run.no, command="retry", expected_n=run.n, command_id=str(uuid.uuid4()), actor="cli", note="one"
    )
    operations.send_command(
        run_no=run.no, command="retry", expected_n=run.n, command_id=str(uuid.uuid4()), actor="cli", note="two"
    )
    drain()

    page = look(signed_in(*SEE_RUNS), run)

    assert [(act.n, act.verdict, act.reason) for act in page.context["acts"]] == [
        (6, "carried out", "“one”"),
        (0, "refused", "“two”"),
    ]
    assert "refused: Stale: decided on entry 5, the run is at entry 6." in text(page)
    assert "so it is no entry of the chain" in text(page)
