"""Tables against the log: nothing differs in a busy world; what is changed behind DEE's back is named, only that."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from runs.rebuild import check
from runs.rebuild.report import Report, Verdict
from tests.integration.runs.busy import changed, make_busy_world

pytestmark = pytest.mark.django_db(transaction=True)

# Everything a comparison can be about happens in the busy world.
AREAS = (
    "activations, consents, contacts, counters, decisions, drafts, inputs, intents, kill switches, local times,"
    " messages, plan versions, plans, policies, policy versions, recoveries, replays, runs, streams, suppressions,"
    " template versions, vault"
)
NAMES = re.compile(r"\b[0-9a-f]{32,64}\b|\b[0-9a-f]{12}…")

BUDGET = "key = 'budget:open-budget:lifetime'"
MAIL = "run = 'run/6' AND channel = 'email'"
# table, what is done to it, and what is named; # stands for an id or a hash.
CHANGES: list[tuple[str, str, list[str]]] = []


def case(table: str, statement: str, *named: str) -> None:
    CHANGES.append((table, statement.replace("TABLE", table), list(named)))


case(
    "runs_run",
    "UPDATE TABLE SET status = 'FAILED', ended_at = NULL WHERE no = 1",
    "runs: run/1 ended_at: recorded nothing, the log gives 2000036908",
    "runs: run/1 status: recorded FAILED, the log gives COMPLETED",
)
case(
    "runs_run",
    "UPDATE TABLE SET reason = 'goal' WHERE no = 1",
    "runs: run/1 reason: recorded goal, the log gives finished",
)
case(
    "runs_run",
    "UPDATE TABLE SET state = replace(state, 'c-1', 'c-2') WHERE no = 1",
    "runs: run/1 state/contact: recorded c-2, the log gives c-1",
)
case("runs_run", "UPDATE TABLE SET head = sha256('x') WHERE no = 2", "runs: run/2 head: recorded #, the log gives #")
case(
    "runs_run",
    "UPDATE TABLE SET contact_id = (SELECT id FROM policies_contact WHERE ref = 'c-2') WHERE no = 1",
    "runs: run/1 contact: recorded c-2, the log gives c-1",
)
case(
    "runs_run",
    "UPDATE TABLE SET due_at = start_at WHERE no = 1",
    "runs: run/1 due_at: recorded 2000000000, the log gives nothing",
)
case(
    "runs_run",
    "INSERT INTO TABLE SELECT 99, plan_key, status, reason, step, visit, due_at, turn, since, n, head, start_at,"
    " ended_at, epoch, state, contact_id, plan_version_id FROM TABLE WHERE no = 1",
    "runs: run/99: recorded a row, the log gives nothing",
)
case(
    "runs_intent",
    f"UPDATE TABLE SET attempt = 9 WHERE id = (SELECT intent FROM channels_outboxmessage WHERE {MAIL})",
    "intents: # attempt: recorded 9, the log gives 1",
)
case("runs_intent", "DELETE FROM TABLE WHERE run_id = 5", "intents: #: recorded nothing, the log gives a row")
case(
    "channels_outboxmessage",
    f"UPDATE TABLE SET outcome = 'unknown' WHERE {MAIL}",
    "messages: # outcome: recorded unknown, the log gives accepted",
)
case(
    "channels_outboxmessage",
    f"UPDATE TABLE SET body = 'Pay.' WHERE {MAIL}",
    "messages: # text: recorded another message, the log gives the one it commits to",
)
case("channels_outboxmessage", f"DELETE FROM TABLE WHERE {MAIL}", "messages: #: recorded nothing, the log gives a row")
case(
    "policies_counter",
    f"UPDATE TABLE SET reserved = reserved + 1, posted = posted - 1 WHERE {BUDGET}",
    "counters: budget:open-budget:lifetime posted: recorded 587999, the log gives 588000",
    "counters: budget:open-budget:lifetime reserved: recorded 1001, the log gives 1000",
)
for column in ("overrun", "freed", '"limit"'):
    case(
        "policies_counter",
        f"UPDATE TABLE SET {column} = 700000 WHERE {BUDGET}",
        f"counters: budget:open-budget:lifetime {column.strip(chr(34))}: recorded 700000, the log gives "
        + ("100000000000" if "limit" in column else "0"),
    )
case(
    "policies_counter",
    "INSERT INTO TABLE VALUES ('daily:x:2033-05-18', 5, 5, 0, 0, 0, 0)",
    "counters: daily:x:2033-05-18: recorded a row, the log gives nothing",
)
case(
    "policies_counter",
    f"DELETE FROM TABLE WHERE {BUDGET}",
    "counters: budget:open-budget:lifetime: recorded nothing, the log gives a row",
)
case(
    "policies_consent",
    "UPDATE TABLE SET status = 'granted', kind = 'express' WHERE status = 'revoked'",
    "consents: c-4 email marketing 2 kind: recorded express, the log gives an empty text",
    "consents: c-4 email marketing 2 status: recorded granted, the log gives revoked",
)
case(
    "policies_consent",
    "DELETE FROM TABLE WHERE status = 'revoked'",
    "consents: c-4 email marketing 2: recorded nothing, the log gives a row",
)
case(
    "policies_consent",
    "UPDATE TABLE SET version = 3 WHERE status = 'revoked'",
    "consents: c-4 email marketing 3: recorded a row, the log gives nothing",
    "consents: c-4 email marketing 2: recorded nothing, the log gives a row",
)
case(
    "policies_suppression",
    "UPDATE TABLE SET removed_at = 1, removed_by = 'x', removed_ref = 1 WHERE reason = 'complaint'",
    "suppressions: 4 removed_at: recorded 1, the log gives nothing",
    "suppressions: 4 removed_by: recorded x, the log gives an empty text",
    "suppressions: 4 removed_ref: recorded 1, the log gives nothing",
)
case(
    "policies_suppression",
    "UPDATE TABLE SET address = 'somebody@example.org' WHERE reason = 'complaint'",
    "suppressions: 4 address: recorded another value, the log gives the one it commits to",
)
case(
    "policies_suppression",
    "DELETE FROM TABLE WHERE reason = 'complaint'",
    "suppressions: 4: recorded nothing, the log gives a row",
)
case(
    "policies_contact",
    "UPDATE TABLE SET email = 'other@example.org', phone = '' WHERE ref = 'c-1'",
    "contacts: c-1 email: recorded another value, the log gives the one it commits to",
    "contacts: c-1 phone: recorded nothing, the log gives a value",
)
case(
    "policies_contact",
    "UPDATE TABLE SET state = 'closed', version = 9, zone = 'Etc/UTC' WHERE ref = 'c-1'",
    "contacts: c-1 state: recorded closed, the log gives active",
    "contacts: c-1 version: recorded 9, the log gives 2",
    "contacts: c-1 zone: recorded Etc/UTC, the log gives America/New_York",
)
case(
    "policies_contact",
    "UPDATE TABLE SET ref = 'c-9' WHERE ref = 'c-7'",
    "contacts: c-9: recorded a row, the log gives nothing",
    "contacts: c-7: recorded nothing, the log gives a row",
    "consents: c-9 email marketing 1: recorded a row, the log gives nothing",
    "consents: c-9 voice marketing 1: recorded a row, the log gives nothing",
    "consents: c-7 email marketing 1: recorded nothing, the log gives a row",
    "consents: c-7 voice marketing 1: recorded nothing, the log gives a row",
)
case(
    "policies_killswitch",
    "UPDATE TABLE SET engaged = true",
    "kill switches: channel email engaged: recorded True, the log gives False",
)
case("plans_plan", "UPDATE TABLE SET state = 'retired'", "plans: busy state: recorded retired, the log gives active")
case(
    "plans_planversion",
    "UPDATE TABLE SET body = replace(body, '09:00', '10:00')",
    "plan versions: busy 1 hash of the text: recorded #, the log gives #",
)
case("plans_plandraft", "UPDATE TABLE SET body = '{}'", "drafts: busy hash of the text: recorded #, the log gives #")
case(
    "plans_activation", "UPDATE TABLE SET by = 'user:9'", "activations: busy #1 by: recorded user:9, the log gives cli"
)
case(
    "plans_templateversion",
    "UPDATE TABLE SET document = replace(document, 'Hello', 'Pay') WHERE key = 'hello'",
    "template versions: hello 1 hash of the text: recorded #, the log gives #",
)
case(
    "policies_policy",
    "UPDATE TABLE SET active_version_id = (SELECT id FROM policies_policyversion WHERE number = 1)",
    "policies: open active_version: recorded 1, the log gives 2",
)
case(
    "policies_policyversion",
    "UPDATE TABLE SET body = replace(body, '20:00', '23:00') WHERE number = 1",
    "policy versions: open 1 hash of the text: recorded #, the log gives #",
)
case(
    "policies_policyversion",
    "UPDATE TABLE SET published_by = 'user:9' WHERE number = 2",
    "policy versions: open 2 published_by: recorded user:9, the log gives cli",
)
case("audit_stream", "UPDATE TABLE SET n = 1 WHERE st = 'engine'", "streams: engine n: recorded 1, the log gives 8")
case(
    "audit_opening",
    "UPDATE TABLE SET value = 'x' WHERE kind = 'email' AND subject = 'contact/c-6'",
    "vault: contact/c-6 entry 1 value 34: recorded another value, the log gives the one it commits to",
)
case(
    "audit_opening",
    "DELETE FROM TABLE WHERE kind = 'proof' AND subject = 'contact/c-6'",
    "vault: contact/c-6 values: recorded 2 missing, the log gives them, or an entry that they were erased",
)
case(
    "audit_entry",
    "UPDATE TABLE SET body = replace(body, 'allow', 'alloW') WHERE st = 'run/1' AND type = 'gate.decided'",
    "log: run/1 entry 5 altered_text: recorded entry 5 of run/1: its text does not hash to #, "
    "the log gives a log that verifies",
)
case(
    "runs_inbox",
    "UPDATE TABLE SET verdict = 'applied', reason = '' WHERE verdict = 'unmatched'",
    "inbox: row 21 run: recorded nothing, the log gives the run it was applied to",
)
case(
    "runs_inbox",
    "UPDATE TABLE SET verdict = 'refused', reason = 'x' WHERE kind = 'command'",
    "inbox: row 19 verdict: recorded refused, the log gives applied",
)
case(
    "runs_inbox",
    "UPDATE TABLE SET run_id = 2 WHERE external_id = 'e-1'",
    "inbox: run/1 event # applied rows: recorded 0, the log gives 1",
    "inbox: run/2 event # applied rows: recorded 1, the log gives 0",
)
case(
    "runs_inbox",
    "DELETE FROM TABLE WHERE verdict = 'unmatched'",
    "inbox: places rows: recorded 30, the log gives 31",
)
case(
    "runs_inbox",
    "DELETE FROM TABLE WHERE id = (SELECT min(id) FROM TABLE WHERE kind = 'clock.advance')",
    "inbox: places rows: recorded 30, the log gives 31",
    "inbox: applied clock.advance rows: recorded 2, the log gives 3",
)
case(
    "runs_engine",
    "UPDATE TABLE SET next_run = 99, halted = 'clock_gap'",
    "engine: its row halted: recorded clock_gap, the log gives an empty text",
    "engine: its row next_run: recorded 99, the log gives 9",
)


def named(report: Report) -> list[str]:
    return [NAMES.sub("#", str(found)) for found in report.differences]


@pytest.fixture
def report_of_a_busy_world(owner: psycopg.Connection) -> Iterator[Report]:
    make_busy_world(owner)
    yield check.check()


def test_what_is_changed_behind_its_back_is_named_and_nothing_else(
    report_of_a_busy_world: Report, owner: psycopg.Connection
) -> None:
    untouched = report_of_a_busy_world
    assert (untouched.verdict, named(untouched)) == (Verdict.SAME, [])
    assert ", ".join(sorted(untouched.compared)) == AREAS
    assert all(untouched.compared.values())
    for table, statement, expected in CHANGES:
        with changed(owner, table, statement):
            report = check.check()
        assert named(report) == expected, statement
        assert report.verdict is Verdict.DIFFERENT
    again = check.check()
    assert (again.verdict, again.compared) == (Verdict.SAME, untouched.compared)


def test_a_run_whose_plan_or_policy_is_not_what_it_was_is_said_to_be_left_out(
    report_of_a_busy_world: Report, owner: psycopg.Connection
) -> None:
    with changed(owner, "plans_planversion", "UPDATE plans_planversion SET body = replace(body, '09:00', '10:00')"):
        report = check.check()
    assert report.skipped == {"the text of the plan is not what the log says": [f"run/{no}" for no in range(1, 9)]}
    assert "replays" not in report.compared
    statement = "UPDATE policies_policyversion SET body = replace(body, '20:00', '23:00') WHERE number = 1"
    with changed(owner, "policies_policyversion", statement):
        report = check.check()
    assert report.skipped.keys() == {
        "the text of its policy is not what the log says",
        "the core tells the run again only up to a difference",
    }
    assert 0 < report.compared["decisions"] < report_of_a_busy_world.compared["decisions"]
