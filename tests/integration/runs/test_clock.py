"""The engine's clock: what moves it, what halts it, and who may drive it."""

import psycopg
import pytest
from django.test import override_settings

from audit.models import Entry, Head
from runs import clock, operations
from runs.models import Engine, Inbox, Run
from tests.factories import make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, enrol
from tests.tampering import turn_back

pytestmark = pytest.mark.django_db(transaction=True)

# A real adapter, whose mail server on this machine's port 1 refuses every connection.
REAL = override_settings(
    DEE_EMAIL_ADAPTER="smtp",
    DEE_SMTP_HOST="127.0.0.1",
    DEE_SMTP_PORT=1,
    DEE_SMTP_TLS="none",
    DEE_MAIL_FROM="dee@example.org",
)
DAY = 86_400


def test_an_idle_clock_follows_the_wall(owner: psycopg.Connection) -> None:
    turn_back(owner, 3600)
    before = Head.objects.get().clock
    drain()
    assert Head.objects.get().clock >= before + 3600 - clock.LATENESS_TOLERANCE_S


def test_the_clock_never_goes_back(owner: psycopg.Connection) -> None:
    owner.execute("UPDATE audit_head SET clock = clock + 3600")
    before = Head.objects.get().clock
    drain()
    assert Head.objects.get().clock == before


def test_a_sandbox_clock_stood_still_while_nobody_ran_the_engine(owner: psycopg.Connection) -> None:
    turn_back(owner, 10 * DAY)
    before = Head.objects.get().clock
    drain()
    assert Head.objects.get().clock < before + DAY
    assert Engine.objects.get().halted == ""
    assert Engine.objects.get().offset_s <= -9 * DAY


@REAL
def test_a_jump_of_more_than_a_day_halts_until_an_operator_confirms(owner: psycopg.Connection) -> None:
    turn_back(owner, 10 * DAY)
    make_policy()
    make_template()
    make_plan()
    make_contact("c-1")
    enrol("simple", "c-1")
    drain()
    assert Engine.objects.get().halted == "clock_gap"
    assert not Run.objects.exists()
    drain()
    assert Entry.objects.filter(type="engine.halted").count() == 1
    operations.confirm_clock(actor="user:1")
    drain()
    assert Engine.objects.get().halted == ""
    assert Run.objects.get().reason == "step_failed:smtp_connect_refused"


@REAL
def test_the_clock_of_real_channels_cannot_be_driven() -> None:
    with pytest.raises(operations.Refused, match="sandbox"):
        operations.advance_clock(seconds=60, actor="user:1")


def test_a_confirmation_without_a_halt_is_refused() -> None:
    operations.confirm_clock(actor="user:1")
    drain()
    row = Inbox.objects.get()
    assert (row.verdict, row.reason) == ("refused", "The engine is not halted by a jump of the clock.")


@pytest.mark.parametrize("seconds", [0, -5])
def test_the_clock_is_only_driven_forward(seconds: int) -> None:
    with pytest.raises(operations.Refused, match="forward"):
        operations.advance_clock(seconds=seconds, actor="user:1")


def test_driving_to_the_next_thing_needs_something_that_waits() -> None:
    operations.advance_clock(actor="user:1")
    drain()
    row = Inbox.objects.get()
    assert row.verdict == "refused"
    assert "Nothing is waiting" in row.reason


def test_driving_to_the_next_thing_stops_there() -> None:
    make_policy()
    make_template()
    steps = {
        "wait-a-day": {"kind": "wait", "seconds": DAY, "on": {"completed": "done"}},
        "done": {"kind": "end", "result": "finished"},
    }
    make_plan("waiting", steps)
    make_contact("c-1")
    enrol("waiting", "c-1")
    drain()
    start = Run.objects.get().start_at
    operations.advance_clock(actor="user:1")
    drain()
    assert Run.objects.get().status == "COMPLETED"
    assert start + DAY <= Head.objects.get().clock < start + DAY + 60
