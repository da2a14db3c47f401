"""What becomes of each input? Gives every inbox row its place and its one verdict.

Called by the engine only, in the order of the clock, inside its transaction.
"""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from audit import canon, verify
from channels import registry
from channels.kinds import Event as EventKind
from channels.messages import OutcomeKind
from plans.steps import CHANNELS
from policies import operations as policy_operations
from policies.models import Contact
from runs import inbox, optouts, people, store
from runs.batch import Batch
from runs.engine import commanding, machine, transitions
from runs.engine.values import Command, Event, Report, RunState, Start
from runs.store import Arrival, Live, Verdict

logger = logging.getLogger(__name__)

EVENTS = frozenset(event.value for event in EventKind)
TRIES_AGAIN = ("retry", "redispatch", "send_again")
BULK_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STOPPED = "Stopped:"  # how the reason begins when its bulk action was stopped
OPT_OUTS = {EventKind.UNSUBSCRIBED: "unsubscribe", EventKind.COMPLAINED: "complaint"}


class Admission:
    """The inputs of one transaction: loads what they speak of at once, then admits them one by one."""

    def __init__(self, batch: Batch, arrivals: Sequence[Arrival], next_run: int) -> None:
        self.batch = batch
        self.next_run = next_run
        bodies = [(arrival, inbox.read(arrival.body)) for arrival in arrivals]
        self._load(bodies)
        for arrival, body in bodies:
            batch.queue_arrival(arrival, partial(self.admit, arrival, body))

    def _load(self, bodies: Sequence[tuple[Arrival, Mapping[str, Any]]]) -> None:
        of = {kind: [body for a, body in bodies if a.kind == kind] for kind in KINDS}
        self.contacts = people.by_ref({str(b.get("contact", "")) for b in of["run.start"]})
        starts = [
            (self.batch.plans.active(str(b.get("plan"))), self.contacts.get(str(b.get("contact"))))
            for b in of["run.start"]
        ]
        self.batch.know((version.plan, who.id) for version, who in starts if version and who)
        self.intents = store.runs_of_intents([str(b.get("intent", "")) for b in (*of["event"], *of["report"])])
        numbers = {found[0] for found in self.intents.values()}
        numbers |= {b["run"] for b in of["command"] if _is_command(b)}
        self.batch.take(store.by_number(sorted(numbers)))
        lists = {_list_of(b) for b in of["command"]} - {""}
        self.stopped = store.stopped_bulks(sorted(lists)) if lists else set()

    def admit(self, arrival: Arrival, body: Mapping[str, Any]) -> None:
        """Apply one input, or say why not."""
        if arrival.repeats:
            self.batch.repeated.append(arrival.id)
        else:
            self.batch.admitted.append((arrival, KINDS[arrival.kind](self, arrival, body)))

    # One method for each kind of input; each returns the verdict.

    def start(self, arrival: Arrival, body: Mapping[str, Any]) -> Verdict:
        """Begin a run of a plan's active version for a contact."""
        version = self.batch.plans.active(str(body.get("plan", "")))
        contact = self.contacts.get(str(body.get("contact", "")))
        if version is None:
            return _refused(arrival, f"There is no active plan “{body.get('plan')}”.")
        if contact is None:
            return _refused(arrival, f"There is no contact “{body.get('contact')}”.")
        plan = version.plan
        attrs = {name: contact.attributes[name] for name in sorted(plan.attributes) if name in contact.attributes}
        snapshot = {"ref": contact.ref, "zone": contact.zone, "country": contact.country, "attrs": attrs}
        no, now = self.next_run, self.batch.now
        run = Live(no, version.id, plan, contact.id, RunState(st=f"run/{no}", start_at=now), stored=False)
        try:
            digest = hashlib.sha256(b"dee.contact/1\n" + canon.encode(snapshot).encode()).hexdigest()
            start = Start(now, version.number, contact.ref, digest, attrs, str(body.get("actor", arrival.source)))
            result = machine.step(plan, run.state, start)
        except canon.NotCanonical as error:
            return _refused(arrival, f"The contact's attributes cannot be recorded: {error}.")
        except Exception as error:
            logger.exception("engine fault", extra={"input": arrival.id})
            return _refused(arrival, f"The engine met an error ({type(error).__name__}); its log has the trace.")
        self.next_run += 1
        self.batch.add(run, result)
        return Verdict(arrival.id, "applied", run=no)

    def event(self, arrival: Arrival, body: Mapping[str, Any]) -> Verdict:
        """Record what a recipient or provider did, in the run whose intent it names."""
        found = self.intents.get(str(body.get("intent", "")))
        if found is None:
            return Verdict(arrival.id, "unmatched", "No intent of ours has this id.")
        no, step, _, channel = found
        event = str(body.get("event"))
        if event not in EVENTS:
            return _refused(arrival, f"“{event}” is not an event DEE knows.", no)
        run = self.batch.runs[no]
        stops = event in OPT_OUTS
        digest = inbox.event_id(arrival.source, arrival.external_id)
        given = Event(
            self.batch.now, event, body["intent"], step, bool(body.get("machine")), arrival.source, digest, stops
        )
        self._suppress(event, channel, run, digest)
        self.batch.apply(run, given)
        if stops:
            optouts.fan_out(self.batch, given, channel, first=run)
        return Verdict(arrival.id, "applied", run=no)

    def _suppress(self, event: str, channel: str, run: Live, digest: str) -> None:
        """Keep the address from being used again where the event says so; the gate sees it from now on."""
        opt_out = OPT_OUTS.get(EventKind(event))
        if opt_out is not None:
            optouts.withdraw(self.batch, run, channel, reason=opt_out, source=f"event {digest}")
        elif event == EventKind.BOUNCED_HARD:
            policy_operations.apply_suppression(
                self.batch.writer,
                contact=Contact.objects.get(pk=run.contact_id),
                channel=channel,
                plan_key=run.plan.key,
                reason="hard_bounce",
                source=f"event {digest}",
                now=self.batch.now,
            )
            self.batch.ledger.refresh()

    def report(self, arrival: Arrival, body: Mapping[str, Any]) -> Verdict:
        """Record what an engine that was replaced had found out about an intent."""
        found = self.intents.get(str(body.get("intent", "")))
        if found is None:
            return Verdict(arrival.id, "unmatched", "No intent of ours has this id.")
        no, step, _, _ = found
        words = [body.get(name) for name in ("kind", "code", "label")]
        if arrival.source != inbox.ENGINE or words[0] not in set(OutcomeKind) or not all(type(w) is str for w in words):
            return _refused(arrival, "This is no report of an engine.", no)
        kind, code, label = map(str, words)
        self.batch.apply(self.batch.runs[no], Report(self.batch.now, body["intent"], step, kind, code, label))
        return Verdict(arrival.id, "applied", run=no)

    def command(self, arrival: Arrival, body: Mapping[str, Any]) -> Verdict:
        """Carry out an operator's command, if the run is still as they saw it and the move is legal."""
        if not _is_command(body):
            return _refused(arrival, "This is no command: a run, an entry number, a word, an actor or a note is wrong.")
        run = self.batch.runs.get(body["run"])
        if run is None:
            return _refused(arrival, f"There is no run {body['run']}.")
        if _list_of(body) in self.stopped:
            return _refused(arrival, f"{STOPPED} somebody stopped the list before the engine took this run.", run.no)
        state, command = run.state, body["command"]
        if body["expected_n"] != state.n:
            return _refused(
                arrival, f"Stale: decided on entry {body['expected_n']}, the run is at entry {state.n}.", run.no
            )
        here = run.plan.steps.get(state.step)
        label = str(body.get("label", "")) if command in transitions.LABELLED else ""
        key_ttl_s = registry.key_ttl_s(CHANNELS[here.kind]) if here and here.kind in CHANNELS else 0
        given = Command(self.batch.now, command, arrival.external_id, body["actor"], body.get("note"), label, key_ttl_s)
        refusal = commanding.refusal(state, here, given)
        if refusal is None and command in TRIES_AGAIN:
            refusal = self._unverified(state.st)
        if refusal:
            return _refused(arrival, refusal, run.no)
        self.batch.apply(run, given)
        return Verdict(arrival.id, "applied", run=run.no)

    def _unverified(self, stream: str) -> str | None:
        """Return why a run's own log keeps it from being tried again, or None when it holds."""
        report = verify.check(stream)
        if report.verdict in (verify.Verdict.CONSISTENT, verify.Verdict.VERIFIED):
            return None
        return f"The run's own log does not verify, so it is not tried again. {report.message}"


def _refused(arrival: Arrival, reason: str, run: int | None = None) -> Verdict:
    return Verdict(arrival.id, "refused", reason, run)


def _is_command(body: Mapping[str, Any]) -> bool:
    """Return whether a body has the types of a command; a note is a commitment, for its text is not for the log."""
    note = body.get("note")
    return (
        all(type(body.get(name)) is int for name in ("run", "expected_n"))
        and all(isinstance(body.get(name), str) for name in ("command", "actor"))
        and (note is None or (isinstance(note, dict) and note.keys() == {"c", "kind", "ref"}))
    )


def _list_of(body: Mapping[str, Any]) -> str:
    """Return the id of the bulk action that a command comes from, "" for none or for what is no id."""
    named = body.get("bulk")
    return named if isinstance(named, str) and BULK_ID.fullmatch(named) else ""


KINDS = {
    "run.start": Admission.start,
    "event": Admission.event,
    "report": Admission.report,
    "command": Admission.command,
}
