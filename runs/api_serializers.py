"""What do requests about runs, inputs and the engine look like, and what does the API show of them? Shape only."""

from collections.abc import Mapping
from typing import Any

from django.core.validators import validate_slug
from rest_framework import serializers

from audit import chain
from audit.api_base import Asked, Flag, Listed, Text, Whole, example, numbered
from audit.models import Entry
from runs import inbox, pages
from runs.clock import MAX_DRIVE_S
from runs.engine.transitions import LABELLED, Command, Standing, Status
from runs.forms import MAX_NAMED
from runs.models import INPUTS, Inbox, Run
from runs.showing import reasons

LANE = "Lane clock, seconds since the epoch."
MAX_REASON = 500


# --- runs ---


class RunsQuery(Listed):
    """Which runs."""

    status = serializers.ChoiceField(choices=[status.value for status in Status], required=False)
    plan = Text(required=False, max_length=48, help_text="A plan's key.")
    reason = Text(
        required=False,
        max_length=200,
        help_text="A reason, or the class before its colon: `step_failed` finds `step_failed:smtp_timeout` too.",
    )
    contact = Text(required=False, max_length=64, help_text="A contact's reference.")
    after = numbered("Number")


RUN = {
    "no": 17,
    "ref": "run-17",
    "plan": "trial-followup",
    "version": 3,
    "contact": "c-1001",
    "status": "FAILED",
    "reason": "step_failed:smtp_timeout",
    "step": "welcome-email",
    "visit": 1,
    "n": 4,
    "start_at": 1795000000,
    "due_at": None,
    "ended_at": None,
}


@example(RUN)
class RunSerializer(serializers.Serializer[Any]):
    """One contact's walk through one plan version, as it stands now."""

    no = serializers.IntegerField(help_text="Its number; its stream in the log is `run/<no>`.")
    ref = serializers.CharField(help_text="The name people use.")
    plan = serializers.CharField(source="plan_key", help_text="The plan's key.")
    version = serializers.IntegerField(source="plan_version.number", help_text="The version it is pinned to.")
    contact = serializers.CharField(source="contact.ref", help_text="The contact's reference.")
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    reason = serializers.CharField(help_text="Why it stands there, `class:detail`; empty where none is needed.")
    step = serializers.CharField(help_text="The step it stands at.")
    visit = serializers.IntegerField(help_text="The how-manieth time it is at this step.")
    n = serializers.IntegerField(help_text="Number of its last entry: what a command sends as `expected_n`.")
    start_at = serializers.IntegerField(help_text=LANE)
    due_at = serializers.IntegerField(allow_null=True, help_text=f"When it acts next by itself, or null. {LANE}")
    ended_at = serializers.IntegerField(allow_null=True, help_text=LANE)


@example(
    {
        **RUN,
        "plan_hash": "9f86d081…",
        "standing": "Stopped at welcome-email: The mail server did not answer in time. The message certainly did not "
        "leave. Nothing else happens until an operator acts on it.",
        "labels": {"sent": "wait-3-days", "blocked": "not-allowed"},
        "refusals": {
            "retry": None,
            "hold": "Hold is possible for PAUSED or READY or WAITING runs; this one is FAILED.",
        },
        "evidence": "",
        "key_left_s": 0,
    }
)
class RunDetailSerializer(RunSerializer):
    """A run with what it waits for and what may be asked of it now."""

    plan_hash = serializers.CharField(source="plan_version.hash", help_text="Hash of the version it is pinned to.")
    standing = serializers.SerializerMethodField()
    labels = serializers.SerializerMethodField()
    refusals = serializers.SerializerMethodField()

    evidence = serializers.SerializerMethodField()
    key_left_s = serializers.SerializerMethodField()

    def get_standing(self, run: Run) -> str:
        """Where it stands, why, and who has to do what, in sentences."""
        said = reasons.standing(run.status, run.reason, run.step, self.get_evidence(run))
        return f"{said.head} {said.why} {said.need}"

    def get_labels(self, run: Run) -> dict[str, str]:
        """Outcomes its step can be left along by a person, and where each leads."""
        return pages.labels(run, self.stands)

    def get_refusals(self, run: Run) -> dict[str, str | None]:
        """For each command the sentence why it may not be given now; null when it may."""
        return {command.value: refusal for command, refusal in pages.checked_refusals(run, self.stands).items()}

    def get_evidence(self, run: Run) -> str:
        """What is known by now about a message of unknown fate: an outcome, `not_sent`, or nothing."""
        return self.stands.evidence if self.stands else ""

    def get_key_left_s(self, run: Run) -> int:
        """For how many seconds `redispatch` is possible: the adapter still knows the message by its key."""
        return self.stands.key_left_s if self.stands else 0

    @property
    def stands(self) -> Standing | None:
        """What decides which commands the run takes; None when its plan version is not what it was."""
        found: Standing | None = self.context["stands"]
        return found


class EntriesQuery(Listed):
    """Which entries of a run."""

    after = numbered("Number")


@example(
    {
        "n": 1,
        "seq": 4711,
        "type": "run.started",
        "tick": 0,
        "step": "",
        "hash": "e9d4c2a1…",
        "text": '{"cause":0,"data":{…},"n":1,"prev":"…","st":"run/17","step":"","tick":0,"type":"run.started",…}',
        "body": {"n": 1, "st": "run/17", "tick": 0, "type": "run.started"},
        "stamp": '{"at":"2026-11-22T10:00:00.000000Z","by":"engine","h":"e9d4c2a1…","seq":4711}',
    }
)
class EntrySerializer(serializers.Serializer[Any]):
    """One entry of the log. The text is the evidence: everything else here can be computed from it and the stamp."""

    n = serializers.IntegerField(help_text="Place in the run's stream, gapless from 1.")
    seq = serializers.IntegerField(help_text="Place in the whole log, gapless from 0.")
    type = serializers.CharField()
    tick = serializers.IntegerField(help_text="Seconds since the run's start.")
    step = serializers.CharField()
    hash = serializers.SerializerMethodField()
    text = serializers.CharField(source="body", help_text="The stored text, exactly as it was hashed.")
    body = serializers.SerializerMethodField()
    stamp = serializers.CharField(
        help_text="The stored stamp, exactly: when, by whom, and at which place it was written."
    )

    def get_hash(self, entry: Entry) -> str:
        """The stored hash, hex: SHA-256 over `dee.entry/1`, a line feed and the text."""
        return bytes(entry.hash).hex()

    def get_body(self, entry: Entry) -> dict[str, Any] | None:
        """The text decoded; null when it does not hash to the stored hash, because then it proves nothing."""
        sound = chain.entry_hash(entry.body) == bytes(entry.hash)
        return inbox.read(entry.body) or None if sound else None


# --- inputs and commands ---


class InputsQuery(Listed):
    """Which inputs."""

    verdict = serializers.ChoiceField(
        choices=["new", *Inbox.Verdict.values], required=False, help_text="`new`: the engine has not decided yet."
    )
    kind = serializers.ChoiceField(choices=INPUTS, required=False)
    after = numbered("Id")


@example(
    {
        "id": 93,
        "kind": "command",
        "source": "command",
        "external_id": "6f1c2a54-6a9e-4c4e-9f0e-0b8f6f1a2b3c",
        "received_at": "2026-11-22T10:00:00.000000Z",
        "deliveries": 1,
        "place": 93,
        "verdict": "applied",
        "reason": "",
        "run": 17,
    }
)
class InputSerializer(serializers.Serializer[Any]):
    """One input of the engine with its verdict. Ask again while `verdict` is null: the engine decides in its turn."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=INPUTS)
    source = serializers.CharField()  # type: ignore[assignment]  # a Field has one
    external_id = serializers.CharField(help_text="Of a command its `command_id`.")
    received_at = serializers.DateTimeField(help_text="The database's clock.")
    deliveries = serializers.IntegerField(help_text="How often the same input was sent.")
    place = serializers.IntegerField(allow_null=True, help_text="Its place in the order of inputs, once admitted.")
    verdict = serializers.SerializerMethodField()
    reason = serializers.CharField(help_text="Why it was refused, as a sentence.")
    run = serializers.IntegerField(source="run_id", allow_null=True, help_text="The run it was applied to.")

    def get_verdict(self, row: Inbox) -> str | None:
        """applied, duplicate, unmatched or refused; null while the engine has not decided."""
        return row.verdict or None


@example(
    {
        "command": "retry",
        "expected_n": 4,
        "command_id": "6f1c2a54-6a9e-4c4e-9f0e-0b8f6f1a2b3c",
        "note": "the mail server is back",
    }
)
class NewCommand(Asked):
    """What an operator asks of a run."""

    command = serializers.ChoiceField(choices=[command.value for command in Command])
    expected_n = Whole(min_value=1, help_text="The run's `n` as you saw it; refused when the run has moved on.")
    command_id = serializers.UUIDField(help_text="Made by you, once for each command: a repeat is the same command.")
    note = Text(
        max_length=MAX_REASON, help_text="Why. Kept beside the log and erasable; the log holds its fingerprint."
    )
    label = Text(  # type: ignore[assignment]  # a Field has one
        required=False,
        max_length=48,
        help_text="For `resolve`, `skip` and `complete_task`, and only for them: the outcome the run goes on along.",
    )
    confirmation = Text(
        required=False,
        max_length=32,
        help_text="For `send_again`, and only for it: the run's `ref`, to say that the contact may get two messages.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["command"] in LABELLED) != ("label" in attrs):
            words = ", ".join(sorted(LABELLED))
            raise serializers.ValidationError({"label": f"Name an outcome with {words}, and only with these."})
        if (attrs["command"] == Command.SEND_AGAIN) != ("confirmation" in attrs):
            raise serializers.ValidationError({"confirmation": "Confirm `send_again`, and only it, by the run's ref."})
        return attrs


# --- enrolments ---


@example({"plan": "trial-followup", "contacts": ["c-1001", "c-1002"]})
class NewEnrolment(Asked):
    """Which plan, and for whom: named contacts, or every active one."""

    plan = Text(max_length=48, help_text="Key of an active plan.")
    contacts = serializers.ListField(
        child=Text(max_length=64), min_length=1, max_length=MAX_NAMED, required=False, help_text="References."
    )
    all = Flag(required=False, help_text="true: every active contact, instead of `contacts`.")
    again = Text(
        validators=[validate_slug],
        max_length=32,
        required=False,
        help_text="Any word: begins a further round for contacts who were enrolled before. Without it they are left "
        "alone. The same word again is the same round.",
    )

    def validate(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        if ("contacts" in attrs) == (attrs.get("all") is True):
            raise serializers.ValidationError({"contacts": 'Name the contacts, or say "all": true; one of the two.'})
        return attrs


@example({"plan": "trial-followup", "chosen": 2, "new": 1, "repeated": 0, "running": 1, "inactive": 0})
class EnrolmentSerializer(serializers.Serializer[Any]):
    """What was asked of the engine. The runs begin in its turn: look for them with `runs/?plan=…`."""

    plan = serializers.CharField()
    chosen = serializers.IntegerField(help_text="Contacts that were named or found.")
    new = serializers.IntegerField(help_text="Runs that were asked for.")
    repeated = serializers.IntegerField(help_text="Enrolled into the plan before, and left alone.")
    running = serializers.IntegerField(help_text="Having an open run of the plan, and left alone.")
    inactive = serializers.IntegerField(help_text="Closed or erased, and left alone.")


# --- the engine and its clock ---


@example(
    {
        "state": "running",
        "sentence": "It takes inputs and due actions in order.",
        "halted": "",
        "waiting": 0,
        "failed": 2,
        "beat_at": "2026-11-22T10:00:00.000000Z",
        "lag_s": 0,
    }
)
class EngineSerializer(serializers.Serializer[Any]):
    """Whether the engine runs."""

    state = serializers.CharField(help_text="running, driving, behind, halted, silent, not started.")
    sentence = serializers.CharField(help_text="What that means.")
    halted = serializers.CharField(help_text="Why it stands still, one word; empty when it does not.")
    waiting = serializers.IntegerField(help_text="Inputs that it has not admitted yet.")
    failed = serializers.IntegerField(help_text="Runs that wait for an operator.")
    beat_at = serializers.DateTimeField(allow_null=True, help_text="When it last said that it works.")
    lag_s = serializers.IntegerField(help_text="By how many seconds the oldest due action is late.")


@example(
    {
        "lane": 1795000000,
        "wall": 1795000000,
        "sandbox": True,
        "offset_s": 0,
        "target": None,
        "next_due": 1795003600,
        "lag_s": 0,
    }
)
class ClockSerializer(serializers.Serializer[Any]):
    """Where the clocks stand, in seconds since the epoch."""

    lane = serializers.IntegerField(help_text="What runs see.")
    wall = serializers.IntegerField(help_text="How far the engine may go.")
    sandbox = serializers.BooleanField(help_text="Whether every channel is a sandbox, so that the clock may be driven.")
    offset_s = serializers.IntegerField(help_text="How far the sandbox clock was driven ahead of the database's.")
    target = serializers.IntegerField(allow_null=True, help_text="Where a driven clock is heading; null: nowhere.")
    next_due = serializers.IntegerField(allow_null=True, help_text="When the next run acts by itself.")
    lag_s = serializers.IntegerField(help_text="By how many seconds it is late.")


@example({"seconds": 3600})
class NewAdvance(Asked):
    """How far to drive the sandbox clock."""

    seconds = Whole(required=False, min_value=1, max_value=MAX_DRIVE_S)
    to_next = Flag(required=False, help_text="true: to the next thing that waits, instead of `seconds`.")

    def validate(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        if ("seconds" in attrs) == (attrs.get("to_next") is True):
            raise serializers.ValidationError({"seconds": 'Give seconds, or say "to_next": true; one of the two.'})
        return attrs
