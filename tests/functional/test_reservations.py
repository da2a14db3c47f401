"""However many try at once, a daily limit of 100 gives exactly 100 reservations: real threads, real PostgreSQL."""

import threading
from typing import Any

import pytest
from django.db import connection

from audit import log
from policies import gate
from policies.models import Counter
from policies.rules import evaluate
from tests.integration.policies.made import make_ask, make_consent, make_contact, publish

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 64
TRIES_EACH = 2
LIMIT = 100


def reserve_if_allowed(ask: gate.Ask) -> str:
    """Pass the gate once, as the engine does: one transaction under the log head lock."""
    with log.writing(by="engine") as writer:
        ledger = gate.Ledger()
        ledger.prefetch([ask])
        facts = ledger.facts(ask, now=writer.clock)
        verdict = evaluate.evaluate(ledger.policy(ask.policy_key), facts)
        if verdict.decision == "allow":
            ledger.reserve(facts["counters"], now=writer.clock)
            ledger.flush()
        return verdict.code


def test_a_limit_of_one_hundred_gives_exactly_one_hundred_reservations() -> None:
    publish(daily_limits=[{"key": "email-day", "channel": "email", "limit": LIMIT}])
    contact = make_contact()
    make_consent(contact)
    ask = make_ask(contact)
    answers: list[str] = []
    errors: list[BaseException] = []
    together = threading.Barrier(THREADS)

    def work() -> None:
        try:
            together.wait(timeout=30)
            answers.extend(reserve_if_allowed(ask) for _ in range(TRIES_EACH))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads: list[Any] = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert errors == []
    assert (answers.count("ok"), answers.count("daily_limit")) == (LIMIT, THREADS * TRIES_EACH - LIMIT)
    day = Counter.objects.get(key__startswith="daily:email-day:")
    assert (day.limit, day.reserved, day.posted) == (LIMIT, LIMIT, 0)
    month = Counter.objects.get(key__startswith="budget:outreach-month:")
    assert month.reserved == LIMIT * 1000
