"""How is a version approved or sent back? Each verb in one transaction with its entries in the log.

Who edited the plan since the last version that was in force reviews nothing, and nobody reviews a version twice.
"""

from audit import log
from audit import queries as audit_queries
from plans import document, drafts, models, operations, queries, written
from plans.operations import Refused

NO_COMMENT = "Say in the comment what has to change: without it nobody knows what to do better."
MOST_NOTE = 2000


class Decided(Refused):
    """Somebody was faster: what this person read is not what stands now. The message says who did what."""


def approve(*, plan_key: str, number: int, actor: str, note: str = "", seen: int | None = None) -> models.Activation:
    """Approve a version that waits for a review, and let new runs start on it.

    note: a comment, "" for none. seen: the number of the version in force that the person compared it with, 0 for
    none; None asks for no such agreement. Raises: Refused, Decided.
    """
    with log.writing(by=actor) as writer:
        version = operations.version_of(plan_key, number)
        _check_undecided(version, actor)
        _check_seen(version.plan, seen)
        refusal = queries.activation_refusal(version, actor)
        if refusal:
            raise Refused(refusal)
        return operations.bring_into_force(writer, version, actor, note)


def send_back(*, plan_key: str, number: int, actor: str, note: str) -> models.Review:
    """Say that a version must not come into force, and why. Raises: Refused, Decided."""
    with log.writing(by=actor) as writer:
        version = operations.version_of(plan_key, number)
        _check_undecided(version, actor)
        if actor in queries.barred(version):
            raise Refused(queries.BARRED)
        if not note.strip():
            raise Refused(NO_COMMENT)
        return operations.review(writer, version, "sent_back", actor, note)


def open_again(*, plan_key: str, number: int, actor: str) -> str:
    """Let a version that was sent back be edited again; return the sentence that says what is in the draft now.

    A draft that went on meanwhile stays as it is. Raises: Refused unless the version was sent back.
    """
    version = operations.version_of(plan_key, number)
    found = models.Review.objects.filter(version=version, verdict="sent_back").first()
    if found is None:
        raise Refused(f"Version {number} was not sent back; edit the draft.")
    draft = models.PlanDraft.objects.filter(plan=version.plan).first()
    if draft is None:
        text = written.laid_out(document.export(version.body, version.meta))
        drafts.save_text(plan_key=plan_key, body=text, expected_revision=0, actor=actor)
        return f"The draft starts from the text of version {number}."
    if _same_text(draft, version):
        return f"The draft is the text of version {number}: change it, then publish it again."
    return f"The draft went on since version {number} was published, so it stays as it is (r{draft.revision})."


def _same_text(draft: models.PlanDraft, version: models.PlanVersion) -> bool:
    if document.inspect(draft.body).problems:
        return False
    return document.split_meta(draft.body) == (version.body, version.meta)


def _check_undecided(version: models.PlanVersion, actor: str) -> None:
    """Refuse what was decided while the person was reading, with the name of who was faster."""
    number = version.number
    review = models.Review.objects.filter(version=version).first()
    if review is not None:
        did = {"approved": "approved", "sent_back": "sent back"}[review.verdict]
        raise Decided(f"Nothing was changed. {_did(review.by, actor, f'{did} version {number}')}.")
    done = version.activations.order_by("-pk").first()
    if done is not None:
        raise Decided(f"Nothing was changed. {_did(done.by, actor, f'activated version {number}')}.")
    newer = version.plan.versions.filter(number__gt=number).order_by("-number").first()
    if newer is not None:
        did = _did(newer.published_by, actor, f"published version {newer.number}")
        raise Decided(f"Nothing was changed. {did}; review that one.")


def _check_seen(plan: models.Plan, seen: int | None) -> None:
    active = queries.in_force(plan)
    if seen is None or seen == (active.number if active else 0):
        return
    now = f"version {active.number} is in force" if active else "no version is in force"
    raise Decided(
        f"Nothing was changed. Since you opened this page {now}, so the changes you read are not those you would"
        " approve. Read them again below."
    )


def _did(by: str, actor: str, what: str) -> str:
    return f"You {what} already" if by == actor else f"{audit_queries.actor_names([by])[by]} {what} before you"
