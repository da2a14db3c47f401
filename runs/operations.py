"""What can people ask the engine to do? Every function here only puts an input into the inbox, and rings."""

import uuid
from collections.abc import Sequence

from django.db import transaction

from audit import vault
from channels import registry
from plans import queries as plan_queries
from policies.models import Contact
from runs import inbox
from runs.engine import transitions, walk
from runs.models import Run


class Refused(Exception):
    """The request cannot be made; the message is a sentence for the person who made it."""


@transaction.atomic
def send_command(
    *, run_no: int, command: str, expected_n: int, command_id: str, actor: str, note: str, label: str = ""
) -> int:
    """Ask the engine to carry out a command on a run; return the id of the inbox row that will hold the verdict.

    expected_n: the run's entry number the person saw. command_id: a UUID minted with the page; a repeat is a duplicate.
    note: why, in the person's words; kept in the vault, committed to in the log.
    Raises: Refused when the command can be seen to be impossible already; the engine decides in the end.
    """
    run = Run.objects.filter(no=run_no).first()
    if run is None:
        raise Refused(f"There is no run-{run_no}.")
    try:
        refusal = transitions.refusal(command, run.status, run.reason, labels_of(run))
    except plan_queries.Corrupt:
        raise Refused(
            f"The plan version of {run.ref} is not what it was; verify the stream of its plan first."
        ) from None
    if refusal:
        raise Refused(refusal)
    if not note.strip():
        raise Refused("Give a reason: it is kept with the command.")
    try:
        command_id = str(uuid.UUID(command_id))
    except ValueError:
        raise Refused("The form's id is broken; reload the page and try again.") from None
    held = vault.hold(kind="note", value=note.strip(), subject=run.stream)
    body = {"command": command, "run": run_no, "expected_n": expected_n, "actor": actor, "note": held, "label": label}
    return inbox.put(source="command", external_id=command_id, kind="command", body=body).id


def labels_of(run: Run) -> tuple[str, ...]:
    """Return the outcomes a run's present step can be resolved with."""
    if not run.step:
        return ()
    return tuple(walk.targets(plan_queries.parsed(run.plan_version_id).steps[run.step]))


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
