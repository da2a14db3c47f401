"""What waits for a person? One line each, the worst first, parted into what this person may do and what others must."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from audit.models import Verification
from audit.templatetags.dee import count
from plans.models import PlanVersion
from runs import engine_state, queries

ORDER = ("bad", "warn", "info")
BROKEN = ("broken", "contradicts")
REVIEW, VERIFY = "plans.activate_plan", "audit.verify_log"
NOBODYS = ""  # the right of a need that this person must leave to others


@dataclass(frozen=True, slots=True)
class Need:
    """A line: what, then what about it. right: who may act. until: lane clock that ends the sentence.

    url: where it leads, "" for people who may not open that. opens: the right that this takes.
    """

    level: str
    right: str
    url: str
    what: str
    rest: str
    until: int | None = None
    causes: Sequence[Any] = ()
    opens: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """mine: this person may act. others: somebody else has to."""

    mine: Sequence[Need]
    others: Sequence[Need]


def parted(found: Iterable[Need], has_perm: Callable[[str], bool]) -> Needs:
    """Return needs by who may act, the worst first."""
    rows = [need if not need.opens or has_perm(need.opens) else replace(need, url="") for need in found]
    rows.sort(key=lambda need: ORDER.index(need.level))
    mine = [need for need in rows if need.right != NOBODYS and has_perm(need.right)]
    return Needs(mine, [need for need in rows if need not in mine])


def of_engine(state: engine_state.State) -> list[Need]:
    """Return the need of an engine that stands still."""
    if state.level != "bad":
        return []
    rest = "until somebody confirms that the clock is right" if state.confirm else "and nothing is sent meanwhile"
    return [
        Need(
            "bad",
            "runs.drive_clock",
            reverse("runs:engine"),
            f"The engine is {state.word}",
            rest,
            opens="runs.view_run",
        )
    ]


def of_runs(desk: queries.Desk, causes: Sequence[Any], refused: int) -> list[Need]:
    """Return failed runs with their causes, tasks, and inputs nobody could use."""
    found = []
    if causes:
        what, rest = counted(desk.failed, "failed run"), f"wait{_s(desk.failed)} for a retry or a resolution"
        found.append(Need("bad", "runs.command_run", reverse("runs:failures"), what, rest, causes=causes))
    if desk.tasks:
        rest = f"wait{_s(desk.tasks)} for a person"
        found.append(Need("warn", "runs.command_run", reverse("runs:tasks"), counted(desk.tasks, "task"), rest))
    if refused:
        url = f"{reverse('runs:inbox')}?verdict=refused"
        rest = "refused or not matched in the last 24 hours"
        found.append(Need("info", "runs.view_inbox", url, counted(refused, "input"), rest, opens="runs.view_inbox"))
    return found


def of_limits(bars: Iterable[Any]) -> list[Need]:
    """Return limits that are used up, or nearly."""
    found = []
    for bar in bars:
        url = reverse("policies:policy", args=[bar.policy])
        if bar.level == "is-bad":
            rest = "sends that need it are refused" if bar.currency else "sends wait"
            rest += " until" if bar.resets_at else ""
            what = f"{bar.name} is used up"
            found.append(Need("warn", "policies.manage_policies", url, what, rest, bar.resets_at))
        elif bar.level == "is-warn":
            rest = "and starts anew" if bar.resets_at else "and never starts anew"
            what = f"{bar.name} is at {bar.percent} %"
            found.append(Need("info", "policies.manage_policies", url, what, rest, bar.resets_at))
    return found


def of_evidence(size: int, whole: Verification | None, bad: Iterable[Verification]) -> list[Need]:
    """Return checks that found the log broken, and a log that nobody ever checked as a whole."""
    url = reverse("audit:verify")
    found = []
    for check in bad:
        what = "The log does not verify" if check.scope == "log" else f"{check.scope} does not verify"
        found.append(Need("bad", VERIFY, url, what, check.message, opens=VERIFY))
    if size and whole is None:
        what = f"{count(size)} entr{'y' if size == 1 else 'ies'}"
        found.append(Need("info", VERIFY, url, what, "of the log wait for their first check as a whole", opens=VERIFY))
    return found


def of_reviews(waiting: Iterable[tuple[PlanVersion, bool]], names: Mapping[str, str]) -> list[Need]:
    """Return plan versions that wait for a review. waiting: each with whether this person may say the verdict."""
    found = []
    for version, mine in waiting:
        url = reverse("plans:review", args=[version.plan.key, version.number])
        who = names.get(version.published_by, version.published_by)
        rest = f"waits for {'your' if mine else 'a'} review, published by {who}"
        what = f"{version.plan.title or version.plan.key} v{version.number}"
        right = REVIEW if mine else NOBODYS
        found.append(Need("info", right, url, what, rest, version.published_at))
    return found


def counted(number: int, word: str) -> str:
    """Return "1 task", "1 204 tasks"."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def _s(number: int) -> str:
    return "s" if number == 1 else ""
