"""The one address of triage: assign, snooze, wake and note the ticked failed runs, then show the inbox again."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from policies import hours
from runs import clock, pages
from runs.forms import ticked
from runs.operations import Refused
from runs.triaging import failure_filter, failures, triage
from runs.triaging.failures import Said

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
NINE = 9 * 60  # minutes of the day at which a day's work begins
HOUR_S, DAY_S = 3600, 86_400


@permission_required(("runs.view_run", triage.RIGHT), raise_exception=True)
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do what the button says with the ticked runs; 422 for what makes no sense, 409 when others were faster."""
    given, me = request.POST, pages.actor(request)
    try:
        if given.get("act") not in ACTS:
            raise Refused("Press one of the buttons: it says what is to be done with the ticked runs.")
        result, done = ACTS[given["act"]](given, me, _seen(given))
    except Refused as refused:
        return failures.page(request, given, Said(wrong=f"Nothing was done. {refused}"), 422)
    said = Said(_counted(result.done, done), result.left)
    if not result.done:
        return failures.page(request, given, said, 409)
    if pages.wants_part(request):
        return failures.page(request, given, said, 200)
    messages.success(request, said.done)
    for left in said.left:
        messages.warning(request, f"{left.ref} was left alone. {left.why}")
    return redirect(failure_filter.read(given, now=0, me=me).at(given.get("after", "")))


def _counted(done: Sequence[int], words: str) -> str:
    if not done:
        return ""
    return f"run-{done[0]} {words}" if len(done) == 1 else f"{len(done)} runs {words}"


def _seen(given: QueryDict) -> triage.Seen:
    """Return the ticked runs with what the page showed of each: its entry, and how much triage there was."""
    acts = ticked(given.getlist("seen"))
    return {no: (n, acts.get(no, 0)) for no, n in ticked(given.getlist("row")).items()}


def _assign(given: QueryDict, me: str, seen: triage.Seen) -> tuple[triage.Result, str]:
    to = given.get("to", "")
    names = dict(triage.people())
    return triage.assign(actor=me, seen=seen, to=to), f"assigned to {names.get(to, 'nobody')}."


def _mine(_: QueryDict, me: str, seen: triage.Seen) -> tuple[triage.Result, str]:
    return triage.assign(actor=me, seen=seen, to=me), "assigned to you."


def _snooze(given: QueryDict, me: str, seen: triage.Seen) -> tuple[triage.Result, str]:
    return triage.snooze(actor=me, seen=seen, until=until(given)), "snoozed."


def _wake(_: QueryDict, me: str, seen: triage.Seen) -> tuple[triage.Result, str]:
    return triage.wake(actor=me, seen=seen), "back in the inbox."


def _note(given: QueryDict, me: str, seen: triage.Seen) -> tuple[triage.Result, str]:
    return triage.note(actor=me, seen=seen, text=given.get("note", "")), "noted."


ACTS: dict[str, Callable[[QueryDict, str, triage.Seen], tuple[triage.Result, str]]] = {
    "mine": _mine,
    "assign": _assign,
    "1h": _snooze,
    "tomorrow": _snooze,
    "3d": _snooze,
    "date": _snooze,
    "wake": _wake,
    "note": _note,
}


def until(given: QueryDict) -> int:
    """Return the second at which a snooze ends. A day begins at nine where the person's browser is, or else in UTC.

    Raises: Refused for a date that is none.
    """
    now, zone = clock.state().wall, given.get("zone", "")
    zone = zone if hours.is_zone(zone) else "UTC"
    match given.get("act"):
        case "1h":
            return now + HOUR_S
        case "3d":
            return now + 3 * DAY_S
        case "tomorrow":
            return hours.next_local(zone, NINE, EVERY_DAY, hours.day(zone, now).end)
    return _morning(given.get("date", ""), zone)


def _morning(text: str, zone: str) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused("Choose the day on which it shall come back.") from None
    first = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    for at in (first, first + 12 * HOUR_S, first + DAY_S - 1):  # in every zone one of them lies in that day
        span = hours.day(zone, at)
        if span.label == day.isoformat():
            return hours.next_local(zone, NINE, EVERY_DAY, span.start)
    raise Refused("That day does not exist there; choose another one.")
