"""What does the designer show, and what do its forms ask for? One dictionary for the page and for each of its parts."""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from audit import queries as audit_queries
from plans import activation, captions, diagram, layout, models, pages, queries, steps
from plans.designing import board, edits, gestures, history, ink, ways
from plans.designing.edits import Edited, Sheet
from plans.document import Inspection
from plans.panel import choices, given, shown
from plans.panel.given import Given

FORMS = ("put", "plan")
# In the order in which people reach for them.
PALETTE = (
    ("send_email", "Email"),
    ("call", "Call"),
    ("wait", "Wait"),
    ("wait_until", "Until"),
    ("wait_for_event", "Event"),
    ("branch", "Branch"),
    ("split", "Split"),
    ("task", "Task"),
    ("record_opt_out", "Opt-out"),
    ("end", "End"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page of the designer is about. said: what was just done. refused: why nothing was.

    redraw: more than the places of cards has changed. given: what the panel's form held, when it was that which spoke.
    """

    draft: models.PlanDraft
    step: str = ""
    said: str = ""
    refused: str = ""
    redraw: bool = True
    given: Given | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One button of the palette."""

    kind: str
    word: str
    icon: str
    about: str


TOOLS = tuple(Tool(kind, word, diagram.ICONS[kind], captions.ABOUT[kind]) for kind, word in PALETTE)


def of(plan: models.Plan, about: Shown) -> dict[str, Any]:
    """Return what the templates of the designer get."""
    draft = about.draft
    found = queries.review(draft.body, plan.key)
    sheet = history.sheet(draft.body, draft.places)
    step = about.step if sheet is not None and about.step in sheet.steps else ""
    picture = cards = wires = None
    if sheet is not None and found.plan is not None:
        picture = board.board(found.plan, _picture(found.plan), sheet, found.problems, step)
        cards, wires = ink.cards(picture, reverse("plans:design", args=[plan.key])), ink.wires(picture)
    names = audit_queries.actor_names([draft.updated_by]) if draft.revision else {}
    return {
        "plan": plan,
        "draft": draft,
        "saved_by": names.get(draft.updated_by, ""),
        "board": picture,
        "cards": cards,
        "wires": wires,
        "tools": TOOLS,
        "step": step,
        "said": about.said,
        "refused": about.refused,
        "redraw": about.redraw,
        "focus": about.given.focus if about.given else "",
        "problems": found.problems,
        "rows": pages.steps(found.plan) if found.plan else [],
        "panel": _panel(found, sheet, step, about.given) if sheet is not None else None,
    }


@lru_cache(maxsize=64)
def _picture(plan: steps.Plan) -> layout.Layout:
    """Return the automatic picture of a plan; many gestures leave it as it is."""
    return layout.layout(plan)


def panel_of(plan: models.Plan, draft: models.PlanDraft, step: str) -> dict[str, Any]:
    """Return what the panel alone gets."""
    found = queries.review(draft.body, plan.key)
    sheet = history.sheet(draft.body, draft.places)
    step = step if sheet is not None and step in sheet.steps else ""
    panel = _panel(found, sheet, step, None) if sheet is not None else None
    return {"plan": plan, "draft": draft, "step": step, "panel": panel}


def _panel(found: Inspection, sheet: Sheet, step: str, said: Given | None) -> dict[str, Any]:
    offered = _choices(sheet)
    if not step:
        return {"form": shown.plan_form(dict(sheet.document), offered, found.problems, said), "about": "plan"}
    body = sheet.steps[step]
    if not isinstance(body, dict):
        return {"about": "text"}
    kind = ways.kind_of(body)
    return {
        "about": "step",
        "form": shown.step_form(step, body, offered, found.problems, said),
        "kind": kind,
        "icon": diagram.ICONS[kind] if kind else "",
        "starts": sheet.document.get("entry") == step,
        "copied": json.dumps(edits.copied(sheet, step), ensure_ascii=False),
        "letter": _letter(body),
    }


class FormChange:
    """The edit that a panel's form asks for. given: what was read of the form, once the edit was tried."""

    def __init__(self, data: QueryDict) -> None:
        self.data = data
        self.given: Given | None = None

    def __call__(self, sheet: Sheet) -> Edited:
        """Return the edited sheet. Raises: edits.Impossible for what cannot be written into the plan."""
        offered = _choices(sheet)
        if self.data.get("op") == "plan":
            self.given = given.read_plan(dict(sheet.document), self.data, offered)
            self._check()
            return edits.put_plan(sheet, self.given.body)
        step = self.data.get("step", "")
        self.given = given.read_step(edits.step_body(sheet, step), self.data, offered)
        self._check()
        done = edits.put(sheet, step, self.given.body)
        wanted = {where: kind.removeprefix("+") for where, kind in self.given.new_targets}
        return replace(done, sheet=gestures.targets(done.sheet, step, wanted)) if wanted else done

    def _check(self) -> None:
        if self.given and self.given.errors:
            raise edits.Impossible(" ".join(sentence for _, sentence in self.given.errors))


def _choices(sheet: Sheet) -> choices.Choices:
    return choices.choices(sheet.document, queries.template_refs(), activation.policies())


def _letter(body: Any) -> tuple[str, str] | None:
    """Return (subject, text) of the template that a step names, as a made-up contact would get it."""
    ref = body.get("template") if isinstance(body, dict) else None
    version = queries.template_or_none(ref) if isinstance(ref, str) else None
    return pages.preview(version) if version else None
