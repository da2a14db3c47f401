"""The command line: what an operator without a browser can do, and how it says no."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from runs.models import Inbox, Run
from tests.factories import DONE, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, enrol, run
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> None:
    make_policy()
    make_template()
    make_plan()
    make_contact("c-1")
    make_contact("c-2")


def output(*command: Any) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def verify(*options: str) -> tuple[int, str]:
    """Return the exit code and the output of verify_log."""
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify_log", *options, stdout=out)
    return int(left.value.code or 0), out.getvalue()


@pytest.mark.usefixtures("world")
def test_enrol_and_drain_do_what_the_pages_and_the_worker_do() -> None:
    assert "2 contacts will be started on simple" in output("enrol", "simple", "--all")
    call_command("drain")
    assert list(Run.objects.values_list("status", flat=True)) == ["COMPLETED", "COMPLETED"]
    assert "2 were enrolled before" in output("enrol", "simple", "--all")


@pytest.mark.usefixtures("world")
def test_enrol_reads_a_file_of_references(tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_text("c-2\n\n")
    assert "1 contacts" in output("enrol", "simple", "--contacts", str(file))


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("plan", "people", "sentence"),
    [("nothing", "c-1", "no active plan “nothing”"), ("simple", "c-9", "Unknown contacts: c-9. Nobody was enrolled")],
)
def test_enrol_refuses_with_a_sentence_and_changes_nothing(
    tmp_path: Path, plan: str, people: str, sentence: str
) -> None:
    file = tmp_path / "people.txt"
    file.write_text(f"c-1\n{people}\n")
    with pytest.raises(CommandError, match=sentence):
        call_command("enrol", plan, "--contacts", str(file))
    assert not Inbox.objects.exists()


def test_advance_clock_moves_days_in_seconds() -> None:
    make_policy()
    make_template()
    steps = {"wait-a-week": {"kind": "wait", "seconds": 604_800, "on": {"completed": "done"}}, "done": DONE}
    make_plan("slow", steps)
    make_contact("c-1")
    enrol("slow", "c-1")
    drain()
    call_command("advance_clock", "604800", stdout=StringIO())
    call_command("drain")
    assert run().status == "COMPLETED"


def test_verify_log_says_when_there_is_nothing_to_verify() -> None:
    code, text = verify("--run", "run-99")
    assert code == 40
    assert "NOTHING TO VERIFY" in text


@pytest.mark.usefixtures("world")
def test_verify_log_of_a_good_log_is_consistent_not_anchored() -> None:
    enrol("simple", "c-1")
    drain()
    assert verify()[0] == 10
    code, text = verify("--run", "run-1", "--json")
    report = json.loads(text)
    assert (code, report["verdict"], report["checked"]) == (10, "consistent", run().n)


@pytest.mark.usefixtures("world")
def test_verify_log_names_the_entry_that_was_changed(owner: psycopg.Connection) -> None:
    enrol("simple", "c-1", "c-2")
    drain()
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'allow', 'alloW') WHERE st = 'run/2' AND n = 2")
    for options in ((), ("--run", "run-2")):
        code, text = verify(*options)
        assert code == 20
        assert "BROKEN at entry 2 of run/2" in text
    assert verify("--run", "run-1")[0] == 10


def test_the_demo_loads_once_and_shows_every_kind_of_end() -> None:
    assert "maria" in output("load_demo")
    assert output("load_demo", "--if-empty") == ""
    with pytest.raises(CommandError, match="empty database"):
        call_command("load_demo")
    call_command("drain")
    call_command("advance_clock", "1814400", stdout=StringIO())
    call_command("drain")
    seen = set(Run.objects.values_list("status", flat=True))
    assert {"COMPLETED", "FAILED", "STOPPED"} <= seen
    results = set(Run.objects.filter(plan_key="sales-outreach", status="COMPLETED").values_list("reason", flat=True))
    assert len(results) >= 5
    gates = [
        json.loads(body)["data"] for body in Entry.objects.filter(type="gate.decided").values_list("body", flat=True)
    ]
    stopped = {data["rule"] for data in gates if data["verdict"] != "allow"}
    assert {"suppression", "consent", "calling_hours", "daily_limit", "budget"} <= stopped
    assert verify()[0] == 10


def test_the_demo_refuses_real_channels(settings: Any) -> None:
    settings.DEE_EMAIL_ADAPTER = "smtp"
    settings.DEE_SMTP_HOST = "127.0.0.1"
    settings.DEE_MAIL_FROM = "dee@example.org"
    with pytest.raises(CommandError, match="sandbox"):
        call_command("load_demo")
