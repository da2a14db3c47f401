"""What can people ask the engine to do? Every function here only puts an input into the inbox, and rings."""

import uuid
from collections.abc import Sequence

from django.db import transaction

from audit import vault
from channels import registry
from plans import queries as plan_queries
from plans.steps import CHANNELS
from policies.models import Contact
from runs import clock, inbox, store
from runs.engine import commanding, transitions
from runs.models import Run


class Refused(Exception):
    """The request cannot be made; the message is a sentence for the person who made it."""


@transaction.atomic
def send_command(
    *,
    run_no: int,
    command: str,
    expected_n: int,
    command_id: str,
    actor: str,
    note: str,
    label: str = "",
    confirmation: str = "",
) -> int:
    """Ask the engine to carry out a command on a run; return the id of the inbox row that will hold the verdict.

    expected_n: the run's entry number the person saw. command_id: a UUID minted with the page; a repeat is a duplicate.
    note: why, in the person's words; kept in the vault, committed to in the log. label: for the commands that go on
    along one. confirmation: for send_again, the run's name as the person typed it.
    Raises: Refused when the command can be seen to be impossible already; the engine decides in the end.
    """
    run = Run.objects.filter(no=run_no).first()
    if run is None:
        raise Refused(f"There is no run-{run_no}.")
    refusal = refusal_of(run, command, label)
    if refusal:
        raise Refused(refusal)
    if command == transitions.Command.SEND_AGAIN and confirmation.strip() != run.ref:
        raise Refused(f"The contact may get the message twice. Type {run.ref} to say that you mean it.")
    if not note.strip():
        raise Refused("Give a reason: it is kept with the command.")
    try:
        command_id = str(uuid.UUID(command_id))
    except ValueError:
        raise Refused("The form's id is broken; reload the page and try again.") from None
    held = vault.hold(kind="note", value=note.strip(), subject=run.stream)
    body = {"command": command, "run": run_no, "expected_n": expected_n, "actor": actor, "note": held, "label": label}
    return inbox.put(source="command", external_id=command_id, kind="command", body=body).id


def refusal_of(run: Run, command: str, label: str = "") -> str | None:
    """Return the sentence why a command cannot be given to a run as it stands, or None.

    label: checked only when one is given; a button is offered before it is chosen.
    """
    try:
        run_standing = standing_of(run)
    except plan_queries.Corrupt:
        return f"The plan version of {run.ref} is not what it was; verify the stream of its plan first."
    refusal = transitions.refusal(command, run_standing)
    if refusal is None and label and command in transitions.LABELLED and label not in run_standing.labels:
        return f"“{label}” is not an outcome of {run.step}; its outcomes are {', '.join(run_standing.labels)}."
    return refusal


def standing_of(run: Run, *, at: int | None = None) -> transitions.Standing:
    """Return what decides which commands a run takes, by the same function that the engine asks.

    at: the lane clock, for callers who ask about many runs; None to read it.
    Raises: plans.queries.Corrupt when its plan version does not match its hash.
    """
    here = plan_queries.parsed(run.plan_version_id).steps.get(run.step)
    key_ttl_s = registry.key_ttl_s(CHANNELS[here.kind]) if here and here.kind in CHANNELS else 0
    lane = clock.state().lane if at is None else at
    return commanding.standing(store.state_of(run), here, key_ttl_s=key_ttl_s, at=lane)


def labels_of(run: Run) -> tuple[str, ...]:
    """Return the labels along which a run's present step can be left by a person."""
    return standing_of(run).labels


@transaction.atomic
def enrol(*, plan_key: str, contact_refs: Sequence[str], actor: str, again: str = "") -> int:
    """Ask for one run of a plan's active version for each contact; return how many are new.

    A contact is enrolled once per plan: a second request for the same contact is counted as a repeat and changes
    nothing, unless `again` names a further round (any word).
    Raises: Refused when the plan has no active version or a contact is unknown; nothing is enrolled then.
    """
    if plan_queries.active(plan_key) is None:
        raise Refused(f"There is no active plan “{plan_key}”.")
    known = set(Contact.objects.filter(ref__in=contact_refs).values_list("ref", flat=True))
    missing = [ref for ref in contact_refs if ref not in known]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise Refused(f"Unknown contacts: {', '.join(missing[:5])}{more}. Nobody was enrolled.")
    rows = [
        (f"{plan_key}/{ref}" + (f"/{again}" if again else ""), {"plan": plan_key, "contact": ref, "actor": actor})
        for ref in dict.fromkeys(contact_refs)
    ]
    return inbox.put_many(source="enrol", kind="run.start", rows=rows)


def advance_clock(*, actor: str, seconds: int | None = None) -> int:
    """Ask to drive the sandbox clock forward, by seconds or (None) to the next thing that waits; return the inbox row.

    Raises: Refused unless every channel is a sandbox.
    """
    if not registry.all_sandbox():
        raise Refused("The clock can be driven only while every channel is a sandbox; real people would be contacted.")
    if seconds is not None and seconds < 1:
        raise Refused("The clock only moves forward, by at least one second.")
    body = {"actor": actor, "seconds": seconds} if seconds is not None else {"actor": actor, "to_next": True}
    return inbox.put(source="clock", external_id=str(uuid.uuid4()), kind="clock.advance", body=body).id


def confirm_clock(*, actor: str) -> int:
    """Ask to go on after the engine halted on a jump of the clock; return the inbox row."""
    return inbox.put(source="clock", external_id=str(uuid.uuid4()), kind="clock.confirm", body={"actor": actor}).id
