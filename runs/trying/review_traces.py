"""What would a version do? The rehearsals that stand on every review, each under one supposition. Reads only.

Named in settings.DEE_REVIEW_TRACES, since `plans` does not know `runs`. Another one is made on the rehearsal page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from channels.kinds import Channel, Failure
from plans import graph, impact, pages
from plans.document import Plan
from plans.steps import CHANNELS, SendEmail, channels
from policies.queries import lane_clock
from runs.engine.script import Answer, Happening, Rehearsal, Script
from runs.people import Person
from runs.showing import explain, reasons
from runs.trying import rehearsals
from runs.trying.rehearsals import NOBODY, MadeUp

OPENED_AFTER_S = 3600
REFUSED: Mapping[str, Failure] = {
    Channel.EMAIL: Failure.SMTP_RECIPIENT_REFUSED,
    Channel.VOICE: Failure.CALL_REFUSED,
}


@dataclass(frozen=True, slots=True)
class _Case:
    supposed: str
    agreed: str = "granted"
    answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    happenings: Sequence[Happening] = ()


def of_version(plan: Plan, number: int) -> Sequence[impact.Trace]:
    """Return a few rehearsals of a plan for a made-up contact, always the same ones."""
    return [_trace(plan, number, case) for case in _cases(plan)]


def _cases(plan: Plan) -> Iterator[_Case]:
    yield _Case("The contact agreed to everything, every message arrives, and nobody reacts.")
    sends = [plan.steps[name] for name in graph.flow_order(plan) if plan.steps[name].kind in CHANNELS]
    mails = [step.name for step in sends if isinstance(step, SendEmail)]
    if mails:
        opened = [Happening("opened", OPENED_AFTER_S, of=name) for name in mails]
        yield _Case("The contact opens every email an hour after it came.", happenings=opened)
    if sends:
        yield _Case("The contact never agreed to anything.", agreed="unknown")
        first = sends[0]
        refusal = Answer("not_sent", str(REFUSED[CHANNELS[first.kind]]))
        yield _Case(f"The provider refuses the message of {first.name}.", answers={first.name: [refusal]})


def _trace(plan: Plan, number: int, case: _Case) -> impact.Trace:
    person = _person()
    script = Script(
        start_at=lane_clock(),
        contact_ref=person.ref,
        contact_hash=rehearsals.contact_hash(plan, person),
        attrs={},
        version=number,
        answers=case.answers,
        happenings=case.happenings,
    )
    made_up = MadeUp(dict.fromkeys(channels(plan), case.agreed))
    return _told(case.supposed, rehearsals.rehearse(plan, script, person, made_up))


def _told(supposed: str, played: Rehearsal) -> impact.Trace:
    beside = explain.Beside(names={"rehearsal": "this rehearsal"})
    rows = [explain.row(body, beside) for body in played.bodies]
    standing = reasons.standing(played.status, played.reason, played.step, played.evidence)
    return impact.Trace(
        supposed=supposed,
        ended=f"{standing.head} {standing.why}",
        level=standing.level,
        messages=len(played.sent),
        lines=[impact.Line(row.tick, row.step, row.action, row.outcome) for row in rows],
    )


def _person() -> Person:
    said = pages.SAMPLE_VALUES
    names = said["first_name"], said["last_name"]
    return Person(NOBODY, "made-up", *names, said["email"], said["phone"], said["zone"], said["country"], {})
