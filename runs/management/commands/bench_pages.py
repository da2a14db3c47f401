"""`manage.py bench_pages [--runs N]`: how long does the server take for each page over a house that is full?

Every run is real: its entries were written by the engine, one in twenty failed. Needs an empty, throw-away database and
the sandbox mail: `dev.py bench --pages`. Exit code 1 when a list takes longer than the goal.
"""

import json
import statistics
import time
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.test import Client

from audit.models import Entry
from plans import operations as plan_operations
from policies import imports, publishing
from policies.models import Contact
from runs import operations
from runs.management.commands.bench import PLAN, POLICY, TEMPLATE
from runs.models import Run
from runs.tick import Engine

GOAL_MS = 200
TIMES = 5
CONTACTS = 5_000
PAGES = (
    "",
    "failures/",
    "failures/?plan=bench",
    "runs/",
    "runs/?status=FAILED",
    "runs/?status=COMPLETED&plan=bench",
    "runs/?q=c-77",
    "runs/run-77/",
    "runs/tasks/",
    "bulk/",
    "inbox/",
    "contacts/",
    "contacts/?q=c-77",
    "contacts/c-77/",
    "consents/",
    "suppressions/",
    "suppressions/?q=ann.77",
    "limits/",
    "plans/",
    "plans/bench/",
    "audit/",
    "audit/stream/run/77/",
    "mailbox/",
    "channels/",
    "engine/",
)


class Command(BaseCommand):
    help = "Measure the pages over many runs. Needs an empty database and the sandbox mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=102_000)

    def handle(self, *_: Any, runs: int, **__: Any) -> None:
        if Contact.objects.exists():
            raise CommandError("The benchmark needs an empty database; use `python3 dev.py bench --pages`.")
        started = time.perf_counter()
        _fill(runs)
        size = f"{Run.objects.count():,} runs, {Entry.objects.count():,} entries"
        failed = Run.objects.filter(status="FAILED").count()
        self.stdout.write(f"{size}, {failed:,} FAILED, made in {time.perf_counter() - started:.0f} s")
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(username="bench"), "django.contrib.auth.backends.ModelBackend")
        slow = [path for path in PAGES if not self._measure(client, path)]
        if slow:
            raise CommandError(f"Slower than {GOAL_MS} ms: {', '.join(path or 'overview' for path in slow)}")

    def _measure(self, client: Client, path: str) -> bool:
        """Ask for a page some times as its server does, print median and worst, and say if it is in time."""
        taken = []
        for _ in range(TIMES + 1):  # the first one fills what is kept in memory
            before = time.perf_counter()
            answer = client.get(f"/admin/{path}")
            taken.append((time.perf_counter() - before) * 1000)
            if answer.status_code != 200:
                raise CommandError(f"/admin/{path} was answered with {answer.status_code}.")
        median = statistics.median(taken[1:])
        mark = "" if median <= GOAL_MS else "  too slow"
        self.stdout.write(f"{median:8.0f} ms  worst {max(taken[1:]):6.0f} ms  /admin/{path}{mark}")
        return median <= GOAL_MS


def _fill(runs: int) -> None:
    """Import contacts, enrol each as often as it takes, and let the engine work until nothing is left to do."""
    User.objects.create_superuser("bench")
    publishing.publish_policy(actor="cli", text=json.dumps(POLICY), reason="benchmark")
    plan_operations.install_plan(actor="cli", text=json.dumps([TEMPLATE, PLAN]))
    header = "ref,first_name,last_name,email,consent.email.marketing,consent_source,consent_proof"
    lines = (
        f"c-{n},Ann,Example,ann.{n}+{'refused' if n % 20 == 0 else 'silent'}@example.org,express,web form,record {n}"
        for n in range(min(CONTACTS, runs))
    )
    imports.import_contacts(actor="cli", raw="\n".join([header, *lines]).encode())
    refs = list(Contact.objects.order_by("id").values_list("ref", flat=True))
    engine = Engine()
    for again in range(-(-runs // len(refs))):
        chosen = refs[: runs - again * len(refs)]
        operations.enrol(plan_key="bench", contact_refs=chosen, actor="cli", again=str(again) if again else "")
        while engine.drain(budget_s=60):
            pass
    engine.close()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
