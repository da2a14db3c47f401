"""A run's mail to a provider with a ledger of its own, and what must hold between that ledger and the log."""

from typing import Any

from audit import verify
from channels.models import OutboxMessage
from policies.models import Counter
from runs import doorbell
from runs.models import Engine, Run
from tests.channels_fakes.provider import Provider, Script
from tests.factories import make_contact
from tests.functional.engine import enrol, run
from tests.functional.invariants import Log, check_replays

LOST_OUTCOME = ("FAILED", "unknown_outcome:outcome_lost")
FINISHED = ("COMPLETED", "finished")


class Mail:
    """A provider, and the environment of a process that sends through it."""

    def __init__(self, provider: Provider, settings: Any) -> None:
        self.provider = provider
        given = {"DEE_EMAIL_ADAPTER": "smtp", "DEE_SMTP_HOST": "127.0.0.1", "DEE_SMTP_PORT": provider.port}
        given |= {"DEE_SMTP_TLS": "none", "DEE_MAIL_FROM": "DEE <dee@example.org>"}
        for name, value in given.items():  # for engines in this process
            setattr(settings, name, value)
        self.environment = {name: str(value) for name, value in given.items()}

    def behaves(self, script: Script) -> None:
        """Change what the provider does from the next connection on."""
        self.provider.script.update(script)

    @property
    def left(self) -> list[str]:
        """The intents whose messages are with the provider, as often as it took them."""
        return self.provider.intents()


def check_evidence(provider: Provider) -> None:
    """Compare ledger and log: at most one message for an intent, and what left was sent or is unknown."""
    assert verify.check().verdict == verify.Verdict.CONSISTENT, verify.check().message
    check_replays(Log())
    left = provider.intents()
    assert len(left) == len(set(left)), "a message left twice"
    outcomes = dict(OutboxMessage.objects.values_list("intent", "outcome"))
    assert set(left) <= outcomes.keys()
    assert {outcomes[intent] for intent in left} <= {"accepted", "unknown"}
    assert {intent for intent, outcome in outcomes.items() if outcome == "accepted"} <= set(left)


def start_runs(people: int = 1) -> None:
    """Ask for one run of the plan `simple` for each of these contacts: one mail, then the end."""
    # An address and a phone for each: who shares one may have to wait for the other's message.
    made = [make_contact(f"c-{n}", phone=f"+1212555{n:04}") for n in range(1, people + 1)]
    enrol("simple", *(contact.ref for contact in made))


def stands(no: int = 1) -> tuple[str, str]:
    return run(no).status, run(no).reason


def reserved() -> int:
    return Counter.objects.get(key__startswith="daily:").reserved


def ring_and_look(status: str) -> bool:
    """Ring the doorbell; return whether a run has this status."""
    doorbell.ring()
    return Run.objects.filter(status=status).exists()


def let_the_lease_run_out() -> None:
    Engine.objects.update(beat_at="2001-01-01T00:00Z")
