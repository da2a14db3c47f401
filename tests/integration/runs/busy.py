"""A small world in which every kind of row and fact occurs, and ways to change it behind DEE's back."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from plans import drafts
from policies import operations as policy_operations
from policies import publishing
from runs import inbox, operations
from tests.factories import DONE, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, enrol, run

WEDNESDAY = 2_000_000_000  # 2033-05-18 03:33:20 UTC: beyond the database's clock, so only driving moves it
HOUR, DAY = 3600, 86_400
DAYTIME = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "08:00", "to": "20:00"}]
RECOVERY = [
    {"on": ["smtp_temporary_refused"], "action": "retry", "max_attempts": 2, "backoff_ticks": [600]},
    {"on": ["smtp_timeout_after_data"], "action": "resolve_on_evidence"},
]
STEPS = {
    "nine": {"kind": "wait_until", "time": "09:00", "on": {"completed": "mail"}},
    "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "ring"}},
    "ring": {
        "kind": "call",
        "template": "script@1",
        "on": {"answered": "done", "no_answer": "done", "busy": "done", "voicemail": "done", "blocked": "done"},
    },
    "done": DONE,
}
# How the mailbox of each contact behaves; see channels.adapters.script.
MAILBOXES = {
    "c-1": "delivered",
    "c-2": "timeout-after",
    "c-3": "flaky",
    "c-4": "complains",
    "c-5": "refused",
    "c-6": "bounces",
}
IDLE = "c-7"  # a contact without a run


def make_busy_world(owner: psycopg.Connection) -> None:
    """Let people, an operator, policies and the sandbox's recipients do everything once."""
    owner.execute("UPDATE audit_head SET clock = %s", [WEDNESDAY])
    hours = [{"channels": ["voice"], "purposes": ["marketing"], "windows": DAYTIME}]
    make_policy(calling_hours=hours, recovery=RECOVERY)
    make_template()
    make_template("script", "voice", "Hello {{ first_name }}.")
    make_plan("busy", STEPS)
    drafts.save_text(plan_key="busy", body='{"key":"busy"}', expected_revision=0, actor="user:1")
    for ref, behaves in (*MAILBOXES.items(), (IDLE, "opens")):
        make_contact(ref, email=f"{ref}+{behaves}@example.org")
    policy_operations.add_suppression(actor="user:1", address="nobody@example.org", scope="global", reason="manual")
    held = policy_operations.add_suppression(
        actor="user:1", address="c-1+delivered@example.org", scope="plan", plan_key="other", reason="manual"
    )[0]
    enrol("busy", *MAILBOXES)
    publishing.engage_kill_switch(actor="user:1", scope="channel", key="email", reason="stop")
    advance(10 * HOUR)
    publishing.release_kill_switch(actor="user:1", scope="channel", key="email", reason="over")
    policy_operations.remove_suppression(actor="user:1", suppression_id=held.pk, reason="settled", approver=True)
    policy_operations.update_contact(actor="user:1", ref="c-1", last_name="Other")
    advance(2 * HOUR)
    make_policy(calling_hours=hours, recovery=RECOVERY, prices={"email": 2000, "voice": 90_000})
    cancel(5)
    inbox.put(source="hook:p", external_id="e-1", kind="event", body={"event": "opened", "intent": intent_of(1)})
    inbox.put(source="hook:p", external_id="e-2", kind="event", body={"event": "opened", "intent": "0" * 32})
    enrol("busy", "c-1", "c-3", again="b")
    advance(2 * DAY)


def cancel(no: int) -> None:
    """Give a command on a run as it stands."""
    given = {"command": "cancel", "actor": "user:1", "note": "because"}
    operations.send_command(run_no=no, expected_n=run(no).n, command_id=str(uuid.UUID(int=no)), **given)


def intent_of(no: int) -> str:
    return run(no).intents.order_by("n").first().id


@contextmanager
def changed(owner: psycopg.Connection, table: str, statement: str) -> Iterator[None]:
    """Run a statement on a table as nobody but its owner can; afterwards its rows are what they were."""
    named = sql.Identifier(table)
    with unguarded(owner, table):
        owner.execute(sql.SQL("CREATE TEMP TABLE kept AS TABLE {}").format(named))
        owner.execute(statement)
        yield
        with owner.transaction():  # foreign keys are looked at when it ends
            owner.execute(sql.SQL("DELETE FROM {}").format(named))
            owner.execute(sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE TABLE kept").format(named))
        owner.execute("DROP TABLE kept")


@contextmanager
def unguarded(owner: psycopg.Connection, table: str) -> Iterator[None]:
    """Take a table's triggers and checks away, and put them back so that new rows are checked as before."""
    named = sql.Identifier(table)
    checks = owner.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
        [table],
    ).fetchall()
    triggers = owner.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'A'", [table]
    ).fetchall()
    owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(named))
    for name, _ in checks:
        owner.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(named, sql.Identifier(name)))
    try:
        yield
    finally:
        for name, definition in checks:
            body = sql.SQL(definition.removesuffix(" NOT VALID"))
            again = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID")
            owner.execute(again.format(named, sql.Identifier(name), body))
        owner.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(named))
        for (name,) in triggers:
            owner.execute(sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(named, sql.Identifier(name)))
