"""What does the failure inbox say of one failed run? What happened, what may be asked of it, and who looks after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from audit import queries as audit_queries
from plans import document
from plans import queries as plan_queries
from runs import operations
from runs.commands import NO_RIGHT, WORDS
from runs.engine import transitions
from runs.engine.transitions import COMMANDS, NOT_SENT, UNKNOWN_OUTCOME
from runs.models import Run
from runs.showing import reasons
from runs.triaging import triage
from runs.triaging.failure_filter import FailureFilter

CORRUPT = "Its plan version is not what it was; verify the stream of its plan first."
ASKED = [command for command in WORDS if transitions.Status.FAILED in COMMANDS[command]]
SECOND = "It may have arrived. Only “Send again” and “Redispatch” let a message leave, and the contact may get both."


@dataclass(frozen=True, slots=True)
class Ask:
    """A command on a row. refusal: why it may not be given now, or None."""

    name: str
    button: str
    url: str
    danger: bool
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One failed run of the inbox."""

    run: Run
    happened: str
    need: str
    doubt: str  # what a person has to know before anything is sent again, and in two words for its badge
    badge: str
    age_s: int
    asks: Sequence[Ask]
    assignee: str
    mine: bool
    notes: int
    snoozed_until: int | None
    acts: int  # entries of its triage: what the page saw of it
    history: Sequence[triage.Done]

    @property
    def possible(self) -> list[Ask]:
        return [ask for ask in self.asks if not ask.refusal]

    @property
    def refused(self) -> list[Ask]:
        return [ask for ask in self.asks if ask.refusal]


def rows(runs: Sequence[Run], wanted: FailureFilter, *, lane: int, may_command: bool) -> list[Row]:
    """Return the rows of a page of failed runs; four queries whatever their number, once their versions are read."""
    triaged = {run.no: run.triage for run in runs if hasattr(run, "triage")}
    names = audit_queries.actor_names({row.assignee for row in triaged.values() if row.assignee} or ())
    history = triage.acts_of(triaged)
    found = []
    for run in runs:
        stands = _standing(run, lane)
        asks = _asks(run, stands, wanted, may_command)
        found.append(_row(run, wanted, stands, asks, _looked_after(run, wanted, names, history.get(run.no, ()))))
    return found


def _row(
    run: Run,
    wanted: FailureFilter,
    stands: transitions.Standing | None,
    asks: Sequence[Ask],
    looked_after: Mapping[str, Any],
) -> Row:
    evidence = stands.evidence if stands else ""
    doubt, badge = _doubt(run.reason, evidence)
    said = reasons.standing(run.status, run.reason, run.step, evidence)
    return Row(
        run=run,
        happened=_capital(said.why),
        need=said.need,
        doubt=doubt,
        badge=badge,
        age_s=max(0, wanted.now - run.failed_at),  # type: ignore[attr-defined]
        asks=asks,
        **looked_after,
    )


def _looked_after(
    run: Run, wanted: FailureFilter, names: Mapping[str, str], history: Sequence[triage.Done]
) -> dict[str, Any]:
    row = getattr(run, "triage", None)
    if row is None:
        return {"assignee": "", "mine": False, "notes": 0, "snoozed_until": None, "acts": 0, "history": ()}
    asleep = triage.is_snoozed(row, run.failed_n, wanted.now)  # type: ignore[attr-defined]
    return {
        "assignee": names.get(row.assignee, ""),
        "mine": row.assignee == wanted.me,
        "notes": row.notes,
        "snoozed_until": row.snoozed_until if asleep else None,
        "acts": row.n,
        "history": history,
    }


def _standing(run: Run, lane: int) -> transitions.Standing | None:
    try:
        return operations.standing_of(run, at=lane)
    except (plan_queries.Corrupt, document.Invalid):
        return None


def _doubt(reason: str, evidence: str) -> tuple[str, str]:
    if not reason.startswith(UNKNOWN_OUTCOME):
        return "", ""
    if evidence == NOT_SENT:
        return "It is known by now that it did not leave.", "known since: it did not leave"
    if evidence:
        return f"It is known by now that it ended with “{evidence}”.", f"known since: {evidence}"
    return SECOND, "may have arrived"


def _asks(run: Run, stands: transitions.Standing | None, wanted: FailureFilter, may_command: bool) -> list[Ask]:
    back = urlencode({"from": "failures", "back": urlencode(wanted.asked())})
    found = []
    for command in ASKED:
        refusal = CORRUPT if stands is None else transitions.refusal(command, stands)
        danger = WORDS[command].danger
        url = f"{reverse('runs:act', args=[run.no, command.value])}?{back}"
        refusal = refusal if may_command else NO_RIGHT
        found.append(Ask(command.value, command.value.replace("_", " ").capitalize(), url, danger, refusal))
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
