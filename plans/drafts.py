"""How does a draft change? By its text, by one edit of the designer, or by taking a change back; each with its entry.

Every change names the revision it was made on, so of two people who edit at once the second hears who was faster.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audit import canon, log
from audit import queries as audit_queries
from plans import document, models, pages, queries, written
from plans.designing import delta, edits, history


class Refused(Exception):
    """The change is against a rule; the message is a sentence for the person who asked for it."""


class Stale(Refused):
    """Somebody else changed the draft in between; the message says who."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a draft becomes. said: the change in words. undo_of, redo_of: the revision it takes back or makes again."""

    said: str
    body: str
    places: Mapping[str, Sequence[int]]
    step: str = ""
    undoable: bool = True
    undo_of: int | None = None
    redo_of: int | None = None


def opened(plan: models.Plan) -> models.PlanDraft:
    """Return a plan's draft; while there is none, what editing starts from, unsaved, with revision 0."""
    found = models.PlanDraft.objects.select_related("plan").filter(plan=plan).first()
    return found or models.PlanDraft(plan=plan, revision=0, body=_base(plan))


def _base(plan: models.Plan) -> str:
    newest = plan.versions.order_by("-number").first()
    if newest is None:
        return pages.starting_text(plan.key, plan.title)
    return written.laid_out(document.export(newest.body, newest.meta))


def save_text(*, plan_key: str, body: str, expected_revision: int, actor: str) -> models.PlanDraft:
    """Store a draft's text, valid or not; saving what is already there changes nothing.

    expected_revision: the revision the person edited; 0 when there was no draft. Raises: Refused, Stale.
    """
    with log.writing(by=actor) as writer:
        draft = _draft(plan_key, expected_revision)
        if draft.revision and draft.body == body:
            return draft
        return write(writer, draft, Change("Changed the text.", body, draft.places), actor)


def edit(
    *, plan_key: str, expected_revision: int, change: Callable[[edits.Sheet], edits.Edited], actor: str
) -> tuple[models.PlanDraft, edits.Edited]:
    """Make one edit of the designer. Raises: Refused with the edit's sentence, Stale."""
    with log.writing(by=actor) as writer:
        draft = _draft(plan_key, expected_revision)
        sheet = history.sheet(draft.body, draft.places)
        if sheet is None:
            raise Refused("The draft is no JSON object, so it cannot be drawn; mend its text first.")
        try:
            done = change(sheet)
        except edits.Impossible as error:
            raise Refused(str(error)) from None
        changed = delta.difference(sheet.document, done.sheet.document)  # strictly: Python takes 1 for true
        if not changed and done.sheet.places == sheet.places:
            return draft, done
        body = written.written(done.sheet.document) if changed else draft.body
        return write(writer, draft, Change(done.said, body, done.sheet.places, done.step), actor), done


def undo(*, plan_key: str, expected_revision: int, actor: str) -> tuple[models.PlanDraft, edits.Edited]:
    """Take back the last change that was not taken back yet. Raises: Refused when there is none, Stale."""
    return _again(plan_key, expected_revision, actor, back=True)


def redo(*, plan_key: str, expected_revision: int, actor: str) -> tuple[models.PlanDraft, edits.Edited]:
    """Make the change again that was taken back last. Raises: Refused when there is none, Stale."""
    return _again(plan_key, expected_revision, actor, back=False)


def _again(plan_key: str, expected: int, actor: str, *, back: bool) -> tuple[models.PlanDraft, edits.Edited]:
    with log.writing(by=actor) as writer:
        draft = _draft(plan_key, expected)
        stack = draft.undoable if back else draft.undone
        if not stack:
            raise Refused("There is nothing left to undo." if back else "There is nothing to redo.")
        taken = models.DraftChange.objects.get(draft=draft, revision=stack[0])
        before = history.state(draft.body, draft.places)
        try:
            state = (history.undone if back else history.redone)(taken.delta, before)
        except delta.DoesNotApply:
            raise Refused(f"The draft is not what it was at r{taken.revision}; undo reaches no further.") from None
        said = f"{'Undid' if back else 'Did again'}: {taken.said}"
        undo_of, redo_of = (taken.revision, None) if back else (None, taken.revision)
        text, places = history.text_of(state), state["places"]
        change = Change(said, text, places, taken.step, undo_of=undo_of, redo_of=redo_of)
        saved = write(writer, draft, change, actor)
        sheet = history.sheet(saved.body, saved.places) or edits.Sheet({}, {})
        return saved, edits.Edited(sheet, said, taken.step if taken.step in sheet.steps else "")


def write(writer: log.Writer, draft: models.PlanDraft, change: Change, actor: str) -> models.PlanDraft:
    """Store a draft's next revision and how it came about, with the entry that names its hash. Raises: Refused."""
    check_text(change.body)
    before = history.state(draft.body, draft.places)
    draft.revision += 1
    if change.undoable:
        stacks = history.Stacks(tuple(draft.undoable), tuple(draft.undone))
        after = stacks.after(draft.revision, undo_of=change.undo_of, redo_of=change.redo_of)
        draft.undoable, draft.undone = list(after.undoable), list(after.undone)
    draft.body, draft.places = change.body, {name: list(at) for name, at in change.places.items()}
    draft.edited_by = sorted({*draft.edited_by, actor})
    draft.updated_at, draft.updated_by = writer.clock, actor
    draft.save()
    models.DraftChange.objects.create(
        draft=draft,
        revision=draft.revision,
        said=change.said,
        step=change.step,
        delta=history.difference(before, history.state(draft.body, draft.places)),
        of=change.undo_of or change.redo_of,
        at=writer.clock,
        by=actor,
    )
    digest = hashlib.sha256(b"dee.draft/1\n" + draft.body.encode()).hexdigest()
    writer.append(f"plan/{draft.plan.key}", "draft.saved", {"revision": draft.revision, "hash": digest})
    return draft


def check_revision(draft: models.PlanDraft | None, expected: int, verb: str) -> None:
    """Raise Stale, naming who was faster, when a draft is not at the revision that somebody saw."""
    revision = draft.revision if draft else 0
    if revision == expected:
        return
    name = audit_queries.actor_names([draft.updated_by])[draft.updated_by] if draft else "somebody"
    raise Stale(
        f"Not {verb}. {name} changed this draft after you opened it (you had r{expected}, it is now r{revision})."
    )


def check_text(body: str) -> None:
    """Raise Refused for a text that cannot be stored."""
    limit = canon.DOCUMENT.max_bytes
    if len(body) > limit or len(body.encode("utf-8", "surrogatepass")) > limit:
        raise Refused(f"The document is longer than {limit // 1024} KiB; nothing was saved.")
    if "\x00" in body or any("\ud800" <= character <= "\udfff" for character in body):
        raise Refused("The document holds a character that cannot be stored (U+0000 or half a pair); remove it.")


def _draft(plan_key: str, expected: int) -> models.PlanDraft:
    plan = queries.plan_or_none(plan_key)
    if plan is None:
        raise Refused(f'There is no plan "{plan_key}".')
    draft = opened(plan)
    check_revision(draft, expected, "saved")
    return draft
