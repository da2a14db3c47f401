"""Which past runs is a plan compared with? The newest runs of a plan, read with a fixed number of queries."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from audit.models import Entry, Head
from plans import document as plan_document
from plans import queries as plan_queries
from plans.document import Plan
from plans.steps import WaitUntil
from policies import hours, lookups
from policies.rules import document as policy_document
from runs.engine import recorded
from runs.engine.whatif import assume, findings, terms
from runs.engine.whatif import report as reports
from runs.engine.whatif.findings import Class, Finding
from runs.engine.whatif.past import Past
from runs.engine.whatif.report import Report
from runs.engine.whatif.terms import Terms
from runs.models import Run

MOST_RUNS = 200
USUAL_RUNS = 50
MOST_ENTRIES = 500  # of one run; a longer one is left out and said to be

_NAMES_A_POLICY = ("gate.decided", "recovery.applied", "recovery.exhausted")


def compare(
    plan: Plan, *, runs_of: str, last: int, assumed: Iterable[str] = (), tolerance_s: int = terms.TOLERANCE_S
) -> Report:
    """Compare a plan with the newest runs of the plan `runs_of`, newest first.

    Raises: runs.engine.whatif.assume.Wrong; runs.engine.whatif.report.NothingToCompare.
    """
    given = Terms(plan, assume.parse(assumed, plan), _clock, tolerance_s)
    runs = list(Run.objects.filter(plan_key=runs_of).defer("state").order_by("-no")[: min(last, MOST_RUNS)])
    clock = Head.objects.values_list("clock", flat=True).get(id=1)
    entries = _entries(run.stream for run in runs if run.n <= MOST_ENTRIES)
    policies = _policies(entry for rows in entries.values() for entry in rows)
    return reports.report([_finding(run, entries[run.stream], policies, clock, given) for run in runs], given)


def _finding(
    run: Run, entries: Sequence[tuple[str, str]], policies: recorded.Policies, clock: int, given: Terms
) -> Finding:
    if run.n > MOST_ENTRIES:
        note = f"It has {run.n} entries, more than the {MOST_ENTRIES} that are told again."
        return Finding(run.ref, Class.NOT_APPLICABLE, note=note)
    try:
        plan = plan_queries.parsed(run.plan_version_id)
    except (plan_queries.Corrupt, plan_document.Invalid):
        return Finding(
            run.ref, Class.NOT_APPLICABLE, note="Its own plan version is not what it was when it was published."
        )
    texts = [text for _, text in entries]
    return findings.find(Past(run.ref, plan, texts, policies, _known_until(run, texts, clock)), given)


def _known_until(run: Run, texts: Sequence[str], clock: int) -> int:
    """Return the lane clock up to which a run is known: entries may be younger than the clock that was read."""
    return max(clock, run.start_at + int(json.loads(texts[-1])["tick"])) if texts else clock


def _entries(streams: Iterable[str]) -> Mapping[str, list[tuple[str, str]]]:
    """Return {stream: [(type, text)]}, oldest first."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    rows = Entry.objects.filter(st__in=list(streams)).order_by("st", "n").values_list("st", "type", "body")
    for st, type, text in rows:
        found[st].append((type, text))
    return found


def _policies(entries: Iterable[tuple[str, str]]) -> dict[str, Mapping[str, Any]]:
    """Return {hash: document} of every policy that these entries name."""
    return _documents({recorded.policy_hash(json.loads(text)) for type, text in entries if type in _NAMES_A_POLICY})


def _documents(hashes: Collection[str]) -> dict[str, Mapping[str, Any]]:
    return {hash: policy_document.parse(text).body for hash, text in lookups.policy_texts(hashes)}


def _clock(zone: str, step: WaitUntil, at: int) -> int:
    return hours.next_local(zone, step.minute, step.days, at)
