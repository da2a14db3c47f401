"""What do the pages of plans show? Rows and pictures made from values; no request, no writing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from plans import activation, captions, content, diagram, document, graph, layout, models
from plans.step_reading import STEP_KEYS
from plans.steps import LABELS, Branch, Plan, Task

SAMPLE_VALUES = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "full_name": "Ada Lovelace",
    "email": "ada@example.org",
    "phone": "+442079460958",
    "zone": "Europe/London",
    "country": "GB",
    "plan_title": "(the plan's title)",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One outcome of a step and where it leads; when: a branch's condition in words, or a split's share."""

    label: str
    target: str
    when: str


@dataclass(frozen=True, slots=True)
class Row:
    """One step in the list that says the same as the picture. notes: sentences; told: a task's instructions."""

    name: str
    kind: str
    what: str
    notes: tuple[str, ...]
    told: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind of step, for who writes a plan: its keys beside "kind", and its outcomes."""

    kind: str
    about: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    outcomes: str


def picture(plan: Plan | None, runs: Mapping[str, int] | None = None) -> diagram.Diagram | None:
    """Return the drawing of a plan, or None when nothing could be read. runs: how many stand at each step."""
    return diagram.draw(plan, layout.layout(plan), diagram.Marks(runs=runs or {})) if plan and plan.steps else None


def steps(plan: Plan) -> list[Row]:
    """Return the steps in the order in which a reader follows them."""
    rows = []
    for name in graph.flow_order(plan):
        step = plan.steps[name]
        said = {case.name: captions.condition(case.when) for case in step.cases} if isinstance(step, Branch) else {}
        ways = tuple(
            Way(label, target, said.get(label, captions.share(step, label))) for label, target in step.on.items()
        )
        told = step.instructions if isinstance(step, Task) else ""
        rows.append(
            Row(name, captions.KINDS[step.kind], captions.subtitle(step), tuple(captions.notes(step)), told, ways)
        )
    return rows


def kinds() -> list[KindRow]:
    """Return what an author may write for each kind of step."""
    return [
        KindRow(kind, captions.ABOUT[kind], *keys, captions.OUTCOMES.get(kind, ", ".join(LABELS[kind])))
        for kind, keys in STEP_KEYS.items()
    ]


def exits(plan: Plan) -> list[Way]:
    """Return the exits, their conditions in words."""
    return [Way("exit", exit.goto, captions.condition(exit.when)) for exit in plan.exit_on]


def starting_text(key: str, title: str) -> str:
    """Return the document a new plan starts from: everything but its steps, under a policy that is in force."""
    value = {
        "schema": document.SCHEMA,
        "key": key,
        "entry": "",
        "purpose": "marketing",
        "policy": next(iter(activation.policies()), ""),
        "limits": {"max_steps": 50, "max_duration_s": 2592000},
        "meta": {"title": title or key},
        "steps": {},
    }
    return json.dumps(value, ensure_ascii=False, indent=2)


def preview(version: models.TemplateVersion) -> tuple[str, str]:
    """Return (subject, body) as a made-up contact would get them."""
    attributes = {name: f"({content.attribute(name)})" for name in version.variables if content.attribute(name)}
    values = {**SAMPLE_VALUES, **attributes}
    return content.render(version.subject, values), content.render(version.body, values)
