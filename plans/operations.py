"""How do plans and templates change? Every verb, each in one transaction with its entry in the log.

Drafts change freely, with a revision number that names who was faster. Versions are published once and stay. A version
comes into force when somebody activates it who edited nothing in it: the superuser is no exception.
"""

from dataclasses import dataclass
from typing import Any

from audit import log, vault
from plans import activation, document, drafts, models, queries, template_document
from plans.document import Invalid
from plans.drafts import Refused as Refused
from plans.drafts import Stale as Stale
from plans.problems import Problem

TEMPLATES_STREAM = "plan/templates"


@dataclass(frozen=True, slots=True)
class Installed:
    """What `install` did with one document: the version it ended at, and whether anything changed."""

    ref: str
    changed: bool
    message: str


# --- drafts -------------------------------------------------------------------------------------------------------


def create_plan(*, key: str, title: str, body: str, actor: str) -> models.PlanDraft:
    """Make a plan that has nothing but a draft. Raises: Refused when the key is taken or cannot be one."""
    _check_key(key)
    with log.writing(by=actor) as writer:
        if models.Plan.objects.filter(key=key).exists():
            raise Refused(f'There is already a plan "{key}"; open it, or choose another key.')
        plan = models.Plan.objects.create(key=key, title=title)
        writer.append(f"plan/{key}", "plan.created", {"title": title})
        draft = models.PlanDraft(plan=plan, body=body, revision=0)
        return drafts.write(writer, draft, drafts.Change("Made the plan.", body, {}, undoable=False), actor)


def publish_draft(*, plan_key: str, expected_revision: int, actor: str) -> models.PlanVersion:
    """Make a draft the plan's next version, which does not yet come into force.

    Raises: Invalid with every problem, Stale, Refused when nothing changed since the last version.
    """
    with log.writing(by=actor) as writer:
        plan = _plan(plan_key)
        draft = models.PlanDraft.objects.filter(plan=plan).first()
        if draft is None:
            raise Refused(f'The plan "{plan_key}" has no draft; save one first.')
        drafts.check_revision(draft, expected_revision, "published")
        found = queries.review(draft.body, plan_key)
        if found.problems or found.plan is None:
            raise Invalid(found.problems)
        newest = plan.versions.order_by("-number").first()
        if newest is not None and (newest.body, newest.meta) == document.split_meta(draft.body):
            raise Refused(f"The draft is the same as version {newest.number}; there is nothing to publish.")
        version = _publish(writer, plan, found.plan, draft.body, edited_by=sorted(draft.edited_by), actor=actor)
        draft.edited_by = []
        draft.save(update_fields=["edited_by"])
        return version


# --- coming into force, and out of it -----------------------------------------------------------------------------


def activate_version(*, plan_key: str, number: int, actor: str) -> models.Activation:
    """Let new runs start on a version; one that was never in force is approved with it, without a comment.

    Raises: Refused, with the rule's sentence.
    """
    with log.writing(by=actor) as writer:
        version = version_of(plan_key, number)
        refusal = queries.activation_refusal(version, actor)
        if refusal:
            raise Refused(refusal)
        return bring_into_force(writer, version, actor)


def bring_into_force(writer: log.Writer, version: models.PlanVersion, actor: str, note: str = "") -> models.Activation:
    """Activate a version that nothing speaks against; its first time, the approval stands beside the activation."""
    if not version.activations.exists():
        review(writer, version, "approved", actor, note)
    return _activate(writer, version, actor)


def review(writer: log.Writer, version: models.PlanVersion, verdict: str, actor: str, note: str) -> models.Review:
    """Write down what somebody said about a version. note: their comment, which is kept in the vault; "" for none."""
    stream = f"plan/{version.plan.key}"
    held = vault.hold(kind="note", value=note.strip(), subject=stream) if note.strip() else None
    said = {"version": version.number, "hash": version.hash} | ({"note": held} if held else {})
    writer.append(stream, f"plan.{verdict}", said)
    return models.Review.objects.create(version=version, verdict=verdict, at=writer.clock, by=actor, note=held)


def retire_plan(*, plan_key: str, actor: str, note: str) -> models.Plan:
    """Let no new run start on a plan. note: why, in the person's words. Raises: Refused."""
    if not note.strip():
        raise Refused("Give a reason: it is kept with the retirement.")
    with log.writing(by=actor) as writer:
        plan = _plan(plan_key)
        if plan.state == "retired":
            raise Refused(f'The plan "{plan_key}" is already retired.')
        held = vault.hold(kind="note", value=note.strip(), subject=f"plan/{plan_key}")
        plan.state = "retired"
        plan.save(update_fields=["state"])
        writer.append(f"plan/{plan_key}", "plan.retired", {"note": held})
        return plan


# --- templates ----------------------------------------------------------------------------------------------------


def publish_template(*, text: str, actor: str) -> models.TemplateVersion:
    """Publish a template document as its key's next version, or return the version that already says the same.

    Raises: Invalid with every problem.
    """
    found = template_document.parse(text)
    with log.writing(by=actor) as writer:
        return _publish_template(writer, found, actor)[0]


# --- installing documents as they are -----------------------------------------------------------------------------


def install_plan(*, text: str, actor: str) -> list[Installed]:
    """Publish and activate what a file holds: one document, or a list of plans and templates; all of it or nothing.

    A document that is already in force changes nothing. Meant for `load_plan`, where the actor is `cli`: whoever may
    run commands on the machine stands above the desk's rule of two persons, and the log says that it was them.
    Raises: Invalid with every problem of every document, Refused.
    """
    value = document.decode(text)
    several = isinstance(value, list)
    templates, plans = _read_documents(value if several else [value], several)
    with log.writing(by=actor) as writer:
        done = [_install_template(writer, found, actor) for found in templates]
        problems = [problem for where, plan, _ in plans for problem in _outer_problems(where, plan)]
        if problems:
            raise Invalid(tuple(problems))
        return [*done, *(_install(writer, plan, text, actor) for _, plan, text in plans)]


def _read_documents(
    values: list[Any], several: bool
) -> tuple[list[template_document.Template], list[tuple[str, document.Plan, str]]]:
    """Return (templates, [(pointer, plan, canonical text)]) of decoded documents, or raise all their problems."""
    templates, plans, problems = [], [], []
    for index, value in enumerate(values):
        where = f"/{index}" if several else ""
        schema = value.get("schema") if isinstance(value, dict) else None
        if schema == template_document.SCHEMA:
            try:
                templates.append(template_document.read(value))
            except Invalid as error:
                problems += [_under(where, problem) for problem in error.problems]
            continue
        found = document.inspect_value(value)
        problems += [_under(where, problem) for problem in found.problems]
        if found.plan is not None and not found.problems:
            plans.append((where, found.plan, document.canonical(value)))
        elif found.plan is not None and not several:
            # Templates of the same file do not exist yet; a lone plan hears at once what else stands against it.
            problems += _outer_problems(where, found.plan)
    if problems:
        raise Invalid(tuple(problems))
    return templates, plans


def _outer_problems(where: str, plan: document.Plan) -> list[Problem]:
    """Return what speaks against a plan outside its own text: its templates and its policy."""
    content = [_under(where, problem) for problem in queries.content_problems(plan)]
    return [*content, *(Problem(f"{where}/policy", "", sentence) for sentence in activation.problems(plan))]


def _install_template(writer: log.Writer, found: template_document.Template, actor: str) -> Installed:
    version, new = _publish_template(writer, found, actor)
    return Installed(version.ref, new, "published" if new else "already published, nothing changed")


def _install(writer: log.Writer, found: document.Plan, text: str, actor: str) -> Installed:
    plan = models.Plan.objects.select_related("active_version").filter(key=found.key).first()
    if plan is not None and plan.state == "active" and plan.active_version and plan.active_version.hash == found.hash:
        ref = f"{found.key} v{plan.active_version.number}"
        return Installed(ref, False, f"already active with hash {found.hash}, nothing changed")
    if plan is None:
        plan = models.Plan.objects.create(key=found.key, title=found.title)
        writer.append(f"plan/{found.key}", "plan.created", {"title": found.title})
    version = plan.versions.filter(hash=found.hash).order_by("-number").first()
    if version is None:
        version = _publish(writer, plan, found, text, edited_by=[actor], actor=actor)
    _activate(writer, version, actor)
    return Installed(str(version), True, f"active with hash {found.hash}")


# --- parts --------------------------------------------------------------------------------------------------------


def _publish(
    writer: log.Writer, plan: models.Plan, found: document.Plan, text: str, *, edited_by: list[str], actor: str
) -> models.PlanVersion:
    newest = plan.versions.order_by("-number").first()
    body, meta = document.split_meta(text)
    version = models.PlanVersion.objects.create(
        plan=plan,
        number=newest.number + 1 if newest else 1,
        body=body,
        meta=meta,
        hash=found.hash,
        published_at=writer.clock,
        published_by=actor,
        edited_by=edited_by,
    )
    if found.title and found.title != plan.title:
        plan.title = found.title
        plan.save(update_fields=["title"])
    writer.append(f"plan/{plan.key}", "plan.published", {"version": version.number, "hash": version.hash})
    return version


def _activate(writer: log.Writer, version: models.PlanVersion, actor: str) -> models.Activation:
    done = models.Activation.objects.create(version=version, at=writer.clock, by=actor, barred=queries.barred(version))
    plan = version.plan
    plan.active_version, plan.state = version, "active"
    plan.save(update_fields=["active_version", "state"])
    writer.append(f"plan/{plan.key}", "plan.activated", {"version": version.number, "hash": version.hash})
    return done


def _publish_template(
    writer: log.Writer, found: template_document.Template, actor: str
) -> tuple[models.TemplateVersion, bool]:
    """Return (the version with this text, whether it is new)."""
    template, _ = models.Template.objects.get_or_create(key=found.key)
    same = template.versions.filter(hash=found.hash).first()
    if same is not None:
        return same, False
    newest = template.versions.order_by("-number").first()
    version = models.TemplateVersion.objects.create(
        template=template,
        key=found.key,
        number=newest.number + 1 if newest else 1,
        document=found.text,
        hash=found.hash,
        channel=found.channel,
        subject=found.subject,
        body=found.body,
        variables=list(found.variables),
        published_at=writer.clock,
        published_by=actor,
    )
    writer.append(TEMPLATES_STREAM, "template.published", {"template": version.ref, "hash": version.hash})
    return version, True


def _plan(key: str) -> models.Plan:
    plan = queries.plan_or_none(key)
    if plan is None:
        raise Refused(f'There is no plan "{key}".')
    return plan


def version_of(plan_key: str, number: int) -> models.PlanVersion:
    """Return a published version. Raises: Refused when there is none."""
    version = models.PlanVersion.objects.select_related("plan").filter(plan__key=plan_key, number=number).first()
    if version is None:
        raise Refused(f'The plan "{plan_key}" has no version {number}.')
    return version


def _check_key(key: str) -> None:
    problems = document.key_problems(key)
    if problems:
        raise Refused(problems[0].message)


def _under(where: str, problem: Problem) -> Problem:
    return Problem(where + problem.pointer, problem.step, problem.message)
