"""What may a person ask of a run, and how is each command put to them? Words, forms, and the sentence that forbids."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from plans import durations
from runs import pages
from runs.engine.transitions import LABELLED, NOT_SENT, Command, Standing
from runs.forms import CommandForm
from runs.models import Run

NO_RIGHT = (
    "You may look at runs, but not command them."
    " An administrator can give you the right “Can retry, resolve, hold and cancel runs and complete tasks”."
)


@dataclass(frozen=True, slots=True)
class Words:
    """How a command is said. button: opens its form. text: what it does to message, counters and log."""

    button: str
    title: str
    submit: str
    text: str
    danger: bool = False


# In the order of the buttons: what moves a run on comes first, what ends it last.
WORDS: Mapping[Command, Words] = {
    Command.COMPLETE_TASK: Words(
        "Complete task…",
        "Complete {step}",
        "Complete the task",
        "You say what came of the task, and the run goes on along that outcome. The log says that it was you.",
    ),
    Command.RELEASE: Words(
        "Release…",
        "Release {run}?",
        "Release this run",
        "The run goes back to where it was held: before the gate, or to the rest of its wait. A wait whose time came "
        "meanwhile ends at once.",
    ),
    Command.RETRY: Words(
        "Retry step…",
        "Retry {step}?",
        "Retry step",
        "The step runs again at the engine's next turn: a new message, through the whole policy gate, counted anew "
        "against limits and budget. The failed attempt stays in the log.",
    ),
    Command.RESOLVE: Words(
        "Resolve…",
        "Resolve {step}",
        "Resolve",
        "You say what came of the step, and the run goes on along that outcome. Nothing is sent, the counters stay as "
        "they are, and the log says that it was you who said so.",
    ),
    Command.REDISPATCH: Words(
        "Redispatch…",
        "Dispatch {step} again?",
        "Dispatch again",
        "The very same message leaves again under the same key, so a provider that has it already drops the second. "
        "It passes the gate, is not counted twice, and the log ties it to the first dispatch.",
    ),
    Command.SKIP: Words(
        "Skip step…",
        "Skip {step}?",
        "Skip step",
        "The run leaves the step along the way you choose, and nobody says what came of it. Nothing is sent or "
        "counted; the log says that the step was skipped.",
    ),
    Command.SEND_AGAIN: Words(
        "Send again…",
        "Send {step} a second time?",
        "Send a second message",
        "A new message leaves although the first one may have arrived: the contact may get both. It passes the whole "
        "gate, counts against limits and budget once more, and the log marks it as a possible duplicate.",
        danger=True,
    ),
    Command.HOLD: Words(
        "Hold…",
        "Hold {run}?",
        "Hold this run",
        "Nothing happens to the run until somebody releases it: no timer acts and nothing is sent. Events are still "
        "recorded, and an opt-out still stops it.",
    ),
    Command.CANCEL: Words(
        "Cancel run…",
        "Cancel {run}?",
        "Cancel this run",
        "The run stops for good and nothing more is sent for it. This cannot be taken back.",
        danger=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One command on one run, with its form; refusal: the sentence why it may not be given now, or None."""

    name: str
    words: Words
    title: str
    text: str
    url: str
    refusal: str | None
    form: CommandForm


def offer(
    run: Run,
    command: Command,
    stands: Standing | None,
    refusal: str | None,
    *,
    data: Mapping[str, Any] | None = None,
    label: str = "",
) -> Offer:
    """Return a command with its form. data: what was posted. label: the outcome to begin with, when there is one."""
    words, labels = WORDS[command], pages.labels(run, stands) if command in LABELLED else {}
    initial = {"expected_n": run.n, "command_id": uuid.uuid4(), "label": label if label in labels else None}
    text = words.text
    if command == Command.REDISPATCH and stands and not refusal:
        left = stands.key_left_s - stands.key_left_s % 60 or stands.key_left_s
        text += f" The adapter knows the key for {durations.text(left)} more."
    return Offer(
        name=command.value,
        words=words,
        title=words.title.format(step=run.step, run=run.ref),
        text=text,
        url=reverse("runs:act", args=[run.no, command.value]),
        refusal=refusal,
        form=CommandForm(data, command=command, ref=run.ref, labels=labels, initial=initial),
    )


def offers(run: Run, stands: Standing | None, refusals: Mapping[Command, str | None]) -> list[Offer]:
    """Return every command on a run, in the order of the buttons; evidence brings its way out to the front."""
    label = stands.evidence if stands else ""
    found = [offer(run, command, stands, refusals[command], label=label) for command in WORDS]
    first = way_out(label)
    return sorted(found, key=lambda one: one.name != first)


def way_out(evidence: str) -> str:
    """Return the command that what became known speaks for, or ""."""
    return "" if not evidence else Command.RETRY.value if evidence == NOT_SENT else Command.RESOLVE.value


def for_many(names: Sequence[str]) -> list[tuple[str, Words]]:
    """Return bulk commands with their words, in the order of the buttons."""
    return [(command.value, words) for command, words in WORDS.items() if command in names]


def grouped(found: list[Offer]) -> list[tuple[str, list[Offer]]]:
    """Return the commands that may not be given now, by the sentence that says why."""
    groups: dict[str, list[Offer]] = {}
    for one in found:
        if one.refusal:
            groups.setdefault(one.refusal, []).append(one)
    return list(groups.items())
