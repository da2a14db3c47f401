"""`manage.py bench [--runs N]`: durable steps a second, beside raw COPY of the same rows and bare commits.

One run is send, wait 0, branch, send, end: five durable steps with gate, reservations, intents and every check of the
database on, through an adapter that accepts at once. Meant for an empty, throw-away database: use `dev.py bench`.
"""

import json
import os
import time
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from audit import verify
from audit.models import Entry
from plans import operations as plan_operations
from policies import imports, publishing
from policies.models import Contact
from runs import operations
from runs.models import Run
from runs.tick import Engine

STEPS = 5
COLUMNS = "seq, st, n, type, tick, step, prev, hash, body, stamp"
POLICY = {
    "schema": "dee.policy/1",
    "key": "bench",
    "zone": "UTC",
    "currency": "EUR",
    "prices": {"email": 1000},
    "daily_limits": [{"key": "bench-day", "channel": "email", "limit": 100_000_000}],
    "budgets": [{"key": "bench-total", "limit": 1_000_000_000_000, "period": "lifetime"}],
    "calling_hours": [],
}
TEMPLATE = {
    "schema": "dee.template/1",
    "key": "bench",
    "channel": "email",
    "subject": "Hello {{ first_name }}",
    "body": "Hello {{ full_name }}, this is a message of the benchmark.",
}
SEEN = {"op": "event_seen", "event": "opened", "of": "first"}
PLAN = {
    "schema": "dee.plan/1",
    "key": "bench",
    "entry": "first",
    "purpose": "marketing",
    "policy": "bench",
    "limits": {"max_steps": 10, "max_duration_s": 86_400},
    "steps": {
        "first": {"kind": "send_email", "template": "bench@1", "on": {"sent": "wait-0"}},
        "wait-0": {"kind": "wait", "seconds": 0, "on": {"completed": "check-open"}},
        "check-open": {
            "kind": "branch",
            "cases": [{"name": "yes", "when": SEEN, "goto": "done"}],
            "else": {"name": "no", "goto": "second"},
        },
        "second": {"kind": "send_email", "template": "bench@1", "on": {"sent": "done"}},
        "done": {"kind": "end", "result": "finished"},
    },
}


class Command(BaseCommand):
    help = "Measure the engine. Needs an empty database and DEE_EMAIL_ADAPTER=null."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=10_000)

    def handle(self, *_: Any, runs: int, **__: Any) -> None:
        if settings.DEE_EMAIL_ADAPTER != "null":
            raise CommandError("The benchmark measures the engine alone: set DEE_EMAIL_ADAPTER=null.")
        if Contact.objects.exists():
            raise CommandError("The benchmark needs an empty database; use `python3 dev.py bench`.")
        _prepare(runs)
        seconds = _drain(runs)
        rows = Entry.objects.filter(st__startswith="run/").count()
        copy_s = _raw_copy()
        commits = _bare_commits()
        verified = time.perf_counter()
        report = verify.check()
        verify_s = time.perf_counter() - verified
        if report.verdict != verify.Verdict.CONSISTENT:
            raise CommandError(report.message)
        self._table(
            [
                ("runs, durable steps, entries", f"{runs:,}, {runs * STEPS:,}, {rows:,}"),
                (
                    "engine",
                    f"{seconds:.2f} s = {runs * STEPS / seconds:,.0f} durable steps/s, {runs / seconds:,.0f} runs/s",
                ),
                ("raw COPY of the same entries", f"{copy_s:.2f} s = {rows / copy_s:,.0f} rows/s"),
                ("engine against raw COPY", f"1/{seconds / copy_s:.1f}"),
                ("bare commits (one UPDATE each)", f"{commits:,.0f}/s"),
                ("durable steps per bare commit", f"{runs * STEPS / seconds / commits:.1f}"),
                (
                    "full verification",
                    f"{report.checked:,} entries in {verify_s:.2f} s = {report.checked / verify_s:,.0f}/s",
                ),
            ]
        )

    def _table(self, rows: list[tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.stdout.write(f"{name:<{width}}  {value}")


def _prepare(runs: int) -> None:
    publishing.publish_policy(actor="cli", text=json.dumps(POLICY), reason="benchmark")
    plan_operations.install_plan(actor="cli", text=json.dumps([TEMPLATE, PLAN]))
    header = "ref,first_name,last_name,email,consent.email.marketing,consent_source,consent_proof"
    lines = (f"c-{n},Ann,Example,ann.{n}@example.org,express,web form,record {n}" for n in range(runs))
    imports.import_contacts(actor="cli", raw="\n".join([header, *lines]).encode())
    refs = list(Contact.objects.order_by("id").values_list("ref", flat=True))
    operations.enrol(plan_key="bench", contact_refs=refs, actor="cli")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _drain(runs: int) -> float:
    engine = Engine()
    started = time.perf_counter()
    while engine.drain(budget_s=60):
        pass
    seconds = time.perf_counter() - started
    engine.close()
    done = Run.objects.filter(status="COMPLETED").count()
    if done != runs:
        raise CommandError(f"{runs} runs were started, but {done} completed.")
    return seconds


def _raw_copy() -> float:
    """Copy the very rows of the runs into a plain table with the same keys, 500 rows a commit; return the seconds."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        rows = owner.execute(f"SELECT {COLUMNS} FROM audit_entry WHERE st LIKE 'run/%%' ORDER BY seq").fetchall()
        owner.execute(
            "CREATE TABLE bench_plain (seq bigint PRIMARY KEY, st text, n bigint, type text, tick bigint, step text,"
            " prev bytea, hash bytea, body text, stamp text, UNIQUE (st, n))"
        )
        started = time.perf_counter()
        for at in range(0, len(rows), 500):
            with (
                owner.cursor() as cursor,
                cursor.copy(f"COPY bench_plain ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.set_types(["int8", "text", "int8", "text", "int8", "text", "bytea", "bytea", "text", "text"])
                for row in rows[at : at + 500]:
                    copy.write_row(row)
        seconds = time.perf_counter() - started
        owner.execute("DROP TABLE bench_plain")
    return seconds


def _bare_commits(count: int = 1_000) -> float:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        started = time.perf_counter()
        for _ in range(count):
            owner.execute("UPDATE runs_engine SET beat_at = clock_timestamp()")
        return count / (time.perf_counter() - started)
