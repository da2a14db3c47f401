"""What is the failure inbox narrowed to? The filter of its address, of its links and of the lists frozen from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from django.db.models import BigIntegerField, CharField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.urls import reverse

from audit.models import Entry
from runs.engine.transitions import UNKNOWN_OUTCOME
from runs.models import Run
from runs.queries import RunFilter

HOUR_S, DAY_S = 3600, 86_400
AGES: Mapping[str, tuple[int, str]] = {
    "1h": (HOUR_S, "1 hour"),
    "1d": (DAY_S, "1 day"),
    "7d": (7 * DAY_S, "7 days"),
}
ME, NOBODY = "me", "nobody"
SNOOZED, NEWEST = "only", "newest"
NAMES = ("reason", "step", "plan", "age", "who", "unknown", "snoozed", "sort")  # as they stand in the address
CAUSE = ("reason", "step", "plan")
NARROWING = (*CAUSE, "age", "who", "unknown")  # the others choose a tab or an order


def _failures(column: str) -> Subquery:
    """Return a column of the latest failure of a run; `runs_failures` is the index for it."""
    stream = Concat(Value("run/"), Cast(OuterRef("no"), CharField()), output_field=CharField())
    latest = Entry.objects.filter(st=stream, type="run.failed").order_by("-n")
    return Subquery(latest.values(column)[:1], output_field=BigIntegerField())


FAILED_N = _failures("n")  # the number of the failure's entry: what a snooze is about
FAILED_AT = F("start_at") + _failures("tick")  # the lane second of the failure


@dataclass(frozen=True, slots=True)
class FailureFilter(RunFilter):
    """Which failed runs are meant. now: the desk's clock. me: who asks, as the log names people."""

    status: str = "FAILED"
    age: str = ""
    who: str = ""  # me, nobody, or the number of a user
    unknown: str = ""  # set: only messages whose fate nobody knows
    snoozed: str = ""  # "only" for what is snoozed now; it is left out otherwise
    sort: str = ""  # "newest", or the oldest first
    now: int = 0
    me: str = ""

    def apply(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        """Narrow runs; what is snoozed is either left out or all there is."""
        runs = self.but_snooze(runs)
        return runs.filter(snoozed_at(self.now) if self.snoozed else awake_at(self.now))

    def but_snooze(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        """Narrow runs by everything but whether they are snoozed."""
        runs = RunFilter.apply(self, runs)
        if self.unknown:
            runs = runs.filter(reason__startswith=UNKNOWN_OUTCOME)
        if self.age:
            runs = runs.alias(aged_at=FAILED_AT).filter(aged_at__lte=self.now - AGES[self.age][0])
        if self.who == NOBODY:
            runs = runs.filter(Q(triage=None) | Q(triage__assignee=""))
        elif self.who:
            runs = runs.filter(triage__assignee=self.assignee)
        return runs

    def left_out(self) -> int:
        """Return how many runs match but for being snoozed."""
        return 0 if self.snoozed else self.but_snooze(Run.objects.order_by()).filter(snoozed_at(self.now)).count()

    @property
    def assignee(self) -> str:
        """The actor whose runs are meant, or "" for everybody's or nobody's."""
        return "" if self.who in ("", NOBODY) else self.me if self.who == ME else f"user:{self.who}"

    def given(self) -> dict[str, str]:
        """Return the parts that are set, as they stand in the address, and the status for lists frozen from it."""
        return {"status": self.status, **self.asked()}

    def asked(self) -> dict[str, str]:
        """Return the parts of the address that are set."""
        return {name: value for name in NAMES if (value := getattr(self, name))}

    @property
    def narrowed(self) -> bool:
        """Whether the filter leaves out anything but what is snoozed."""
        return any(getattr(self, name) for name in NARROWING)

    @property
    def cause(self) -> dict[str, str]:
        """The parts that name a cause."""
        return {name: value for name, value in self.asked().items() if name in CAUSE}

    @property
    def query(self) -> str:
        """The filter as it stands in an address."""
        return urlencode(self.asked())

    @property
    def url(self) -> str:
        """The address of the inbox with this filter."""
        return self.at("")

    def at(self, place: str) -> str:
        """Return the address of a further page of the inbox with this filter; place: as `after` in it, or ""."""
        query = urlencode({**self.asked(), **({"after": place} if place else {})})
        return f"{reverse('runs:failures')}?{query}".rstrip("?")

    @property
    def awake_url(self) -> str:
        """The same without what is snoozed."""
        return replace(self, snoozed="").url

    @property
    def snoozed_url(self) -> str:
        """The same for what is snoozed alone."""
        return replace(self, snoozed=SNOOZED).url

    @property
    def bare_url(self) -> str:
        """The same tab and order for every failed run."""
        return FailureFilter(snoozed=self.snoozed, sort=self.sort).url

    def of_cause(self, reason: str, step: str, plan: str) -> "FailureFilter":
        """Return this filter for another cause."""
        return replace(self, reason=reason, step=step, plan=plan)

    def words(self) -> list[str]:
        """Return what it adds to the words of a list of runs."""
        said = [f"that failed more than {AGES[self.age][1]} ago"] if self.age else []
        said += ["whose message may have arrived"] if self.unknown else []
        said += ["assigned to nobody"] if self.who == NOBODY else []
        said += ["assigned to whoever asked" if self.who == ME else "assigned to one person"] if self.assignee else []
        return said + (["snoozed now"] if self.snoozed else [])


def snoozed_at(now: int) -> Q:
    """Return the condition of a run that is snoozed: the time has not come, and it has not failed anew."""
    return Q(triage__snoozed_until__gt=now, triage__snoozed_n=FAILED_N)


def awake_at(now: int) -> Q:
    """Return the opposite of `snoozed_at`, as the database reads it fastest."""
    over = Q(triage__snoozed_until=None) | Q(triage__snoozed_until__lte=now)
    return Q(triage=None) | over | Q(triage__snoozed_n__lt=FAILED_N)


def read(given: Mapping[str, str], *, now: int, me: str) -> FailureFilter:
    """Return the filter that an address or a form names; what is not understood is left out."""
    asked = {name: given.get(name, "").strip() for name in NAMES}
    asked["age"] = asked["age"] if asked["age"] in AGES else ""
    who = asked["who"]
    asked["who"] = who if who in (ME, NOBODY) or (who.isascii() and who.isdigit() and len(who) < 19) else ""
    asked["unknown"] = "1" if asked["unknown"] else ""
    asked["snoozed"] = SNOOZED if asked["snoozed"] == SNOOZED else ""
    asked["sort"] = NEWEST if asked["sort"] == NEWEST else ""
    return FailureFilter(now=now, me=me, **asked)


def back_to(given: str) -> str:
    """Return the address of the inbox with the filter that a page was opened from. given: its part after the `?`."""
    return read(dict(parse_qsl(given[:2000])), now=0, me="").url
