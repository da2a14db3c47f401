"""The page where a draft or a version is rehearsed. Nothing on it sends or writes anything; it keeps no state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from audit import canon, clear
from plans import diagram, layout
from plans.document import Plan
from policies import hours, zones
from policies.queries import lane_clock
from runs import pages, people
from runs.engine.script import Rehearsal, Script
from runs.people import Person
from runs.showing import explain, reasons
from runs.trying import rehearsal_controls, rehearsal_said, rehearsal_timeline, rehearsals, trials
from runs.trying.rehearsal_forms import REAL, RehearsalForm
from runs.trying.rehearsal_said import Said
from runs.trying.trials import Trial

VIEW_CONTACT = "policies.view_contact"
METHODS = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the trace. here: the contact's local time, "" when nobody knows it."""

    row: explain.Row
    here: str


@permission_required("plans.edit_plan", raise_exception=True)
@require_http_methods(METHODS)
@never_cache
def draft(request: HttpRequest, key: str) -> HttpResponse:
    """Rehearse the saved draft of a plan."""
    return _answer(request, _found(trials.draft(key)))


@permission_required("plans.view_plan", raise_exception=True)
@require_http_methods(METHODS)
@never_cache
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Rehearse a published version of a plan."""
    return _answer(request, _found(trials.version(key, number)))


def _found(trial: Trial | None) -> Trial:
    if trial is None:
        raise Http404("There is no such plan or version.")
    return trial


def _answer(request: HttpRequest, trial: Trial) -> HttpResponse:
    context: dict[str, Any] = {"trial": trial, "title": f"Rehearse {trial.key}", "part": pages.wants_part(request)}
    status = 200
    if trial.plan is not None:
        context |= _rehearsed(request, trial, trial.plan)
        status = 422 if context["form"].errors or context["said"].wrong else 200
    if context["part"]:
        return render(request, "runs/rehearse_body.html", context, status=status)
    return render(request, "runs/rehearse.html", {**admin.site.each_context(request), **context}, status=status)


def _rehearsed(request: HttpRequest, trial: Trial, plan: Plan) -> dict[str, Any]:
    """Return the form, what was said with it, and what comes of that, for the page."""
    may_use_contacts = request.user.has_perm(VIEW_CONTACT)
    posted = {rehearsal_said.printable(name): rehearsal_said.printable(request.POST[name]) for name in request.POST}
    if request.method == "POST":
        form = RehearsalForm(posted, plan=plan, may_use_contacts=may_use_contacts)
    else:
        form = RehearsalForm.as_it_stands(plan, may_use_contacts=may_use_contacts)
    said = rehearsal_said.read(plan, posted)
    told = _told(form, said, trial, plan)
    if told is not None:
        # What a made-up contact would get is nobody's; a real one's name and address stand in the message.
        told["readable"] = form.cleaned_data["who"] != REAL or clear.may_see(request.user)
    kept = rehearsal_controls.kept(plan, said, told["timeline"].shown if told else ())
    return {
        "form": form,
        "said": said,
        "told": told,
        "kept": kept,
        "unused": rehearsal_controls.unused(told["played"].unused, kept) if told else [],
        # A change of a field is answered where it was made; who pressed the button wants to know what is wrong.
        "asked": "play" in posted,
        "whole": "whole" in posted or request.method != "POST",
    }


def _told(form: RehearsalForm, said: Said, trial: Trial, plan: Plan) -> dict[str, Any] | None:
    """Rehearse what was said and return it for the page; None when nobody is there to rehearse it for."""
    if not form.is_valid():
        return None
    person = _person(form)
    if person is None:
        return None
    attrs = rehearsals.attributes(plan, person)
    try:
        script = Script(
            start_at=form.start_at(person, lane_clock()),
            contact_ref=person.ref,
            contact_hash=rehearsals.contact_hash(plan, person),
            attrs=attrs,
            version=trial.number,
            answers=rehearsal_said.script_answers(plan, said),
            happenings=rehearsal_said.happenings(said),
            acts=rehearsal_said.acts(said),
        )
        played = rehearsals.rehearse(plan, script, person, form.made_up())
    except canon.NotCanonical as error:
        form.add_error(None, f"The contact's attributes cannot be recorded: {error}.")
        return None
    return _shown(trial.title, plan, played, person, start_at=script.start_at, said=said)


def _person(form: RehearsalForm) -> Person | None:
    if form.cleaned_data["who"] != REAL:
        made_up: Person = form.cleaned_data["person"]
        return made_up
    ref = form.cleaned_data["contact"].strip()
    found = people.by_ref({ref}).get(ref)
    if found is None:
        form.add_error("contact", f"There is no contact “{ref}”.")
    return found


def _shown(title: str, plan: Plan, played: Rehearsal, person: Person, *, start_at: int, said: Said) -> dict[str, Any]:
    zone = zones.zone_of(person.zone, person.phone)

    def here(tick: int) -> str:
        return _local(zone, start_at + tick) if zone else ""

    beside = explain.Beside(names={"rehearsal": "this rehearsal"}, clock=_clock)
    states, walked = explain.walked(played.bodies, played.status, played.step)
    first, *rest = [explain.row(body, beside) for body in played.bodies]
    rows = [replace(first, outcome=f"{plan.key}, {title}"), *rest]
    return {
        "standing": reasons.standing(played.status, played.reason, played.step, played.evidence),
        "played": played,
        "start_at": start_at,
        "zone": zone,
        "starts": here(0),
        "timeline": rehearsal_timeline.timeline(plan, played, rows, said, here),
        "lines": [Line(row, here(row.tick)) for row in rows],
        "picture": diagram.draw(plan, layout.layout(plan), diagram.Marks(states, walked)),
        "revisited": _revisited(played),
    }


def _revisited(played: Rehearsal) -> Sequence[tuple[str, int]]:
    """Return (step, visits) of the steps that were entered more than once."""
    visits: dict[str, int] = {}
    for stop in played.path:
        visits[stop.step] = max(stop.visit, visits.get(stop.step, 0))
    return [(step, most) for step, most in visits.items() if most > 1]


def _local(zone: str, at: int) -> str:
    """Return what a zone's clock shows at an instant, such as "Mon 23 Nov 09:00"."""
    here = datetime.fromtimestamp(at + hours.local(zone, at)["offset_s"], UTC)
    return f"{here:%a} {here.day} {here:%b %H:%M}"


def _clock(zone: str, at: int) -> str:
    return f"{_local(zone, at)} in {zone}" if hours.is_zone(zone) else zone
