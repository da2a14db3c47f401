"""Which entries of a run belong to one attempt to send? The timeline's headings, and what came of each attempt.

An attempt is one intent of one visit of a step: the gate's verdicts before it, its dispatch (and a second dispatch of
the same message), what the adapter answered, and what became known or was decided while the run still stood there.
Entries keep their order: what is learnt of a message after the run went on stands where it came, and is named above.
Pure: takes the decoded entries of a run, oldest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Data = Mapping[str, Any]

# What a person or a rule does so that the step begins anew: it opens the attempt it asks for.
BEGINNINGS = {"retry": "retry", "send_again": "second send"}
NEWS = ("event.received", "event.after_end", "send.reported")
_ENDED = ("run.completed", "run.stopped")


@dataclass(slots=True)
class News:
    """What an entry told about a message: its number, the words, and whether a machine did it."""

    n: int
    told: str
    machine: bool = False


@dataclass(slots=True)
class Part:
    """Entries that stand together. attempt: whether they are one attempt, or what lies between attempts.

    number: the attempt's number as the log counts, 0 when no message was made. begun, again: the entries that asked
    for it, or for a second dispatch of its message. tone, result: what came of it, as a badge. later: what became known
    of its message after the run had gone on.
    """

    step: str = ""
    visit: int = 0
    attempt: bool = False
    number: int = 0
    intent: str = ""
    begun: Data | None = None
    again: list[Data] = field(default_factory=list)
    tone: str = ""
    result: str = ""
    left: bool = False
    resolved: bool = False  # a person or a rule said what came of it
    numbers: list[int] = field(default_factory=list)
    later: list[News] = field(default_factory=list)

    def takes(self, body: Data) -> bool:
        """Return whether an entry belongs to this part."""
        type = body["type"]
        if begins(body):
            return False
        if not self.attempt:
            return bool(type != "gate.decided")
        if type == "gate.decided":
            return self._is_here(body) and not self.left and (not self.intent or self._is_sent_again())
        if type in NEWS:
            return not self.left
        return self._is_here(body) and not self.left

    def _is_here(self, body: Data) -> bool:
        return bool((body["step"], body["visit"]) == (self.step, self.visit))

    def _is_sent_again(self) -> bool:
        return bool(self.again) and self.tone != "muted"

    def add(self, body: Data) -> None:
        """Put an entry into this part and take from it what it tells about the attempt."""
        self.numbers.append(body["n"])
        if begins(body):
            self.begun = body
        if self.attempt and self._is_here(body):
            self._learn(body["type"], body["data"], body)

    def _learn(self, type: str, data: Data, body: Data) -> None:
        if type in ("send.intended", "send.redispatched"):
            self.intent, self.number = data["intent"], data["attempt"]
        if _sends_again(type, data):
            self.again.append(body)
        if _resolves(type, data):
            self.resolved = True
        found = _result(type, data, self.result)
        if found and self.resolved and type == "step.completed":
            found = (found[0], f"resolved as {found[1]}")
        if found:
            self.tone, self.result = found
        self.left = self.left or type in _ENDED or bool(data.get("next"))


def begins(body: Data) -> bool:
    """Return whether an entry asks for a new attempt of the step the run stands at."""
    type, data = body["type"], body["data"]
    if type == "command.accepted":
        return data["command"] in BEGINNINGS
    return type == "recovery.applied" and data["action"] in BEGINNINGS


def _sends_again(type: str, data: Data) -> bool:
    asked = data.get("command") if type == "command.accepted" else data.get("action")
    return type in ("command.accepted", "recovery.applied") and asked == "redispatch"


def _resolves(type: str, data: Data) -> bool:
    """Return whether a person, or a rule on evidence, says what came of the message."""
    if type == "command.accepted":
        return bool(data["command"] == "resolve")
    return type == "recovery.applied" and bool(data["label"])


def _result(type: str, data: Data, before: str) -> tuple[str, str] | None:
    """Return (tone, words) when an entry says what came of an attempt."""
    match type:
        case "gate.decided":
            return _GATE[data["verdict"]]
        case "send.intended" | "send.redispatched":
            return "info", "on its way"
        case "send.outcome":
            words = (data["label"] or data["kind"]).replace("_", " ")
            return {"post": ("ok", words), "void": ("bad", "did not leave")}.get(data["settle"], _DOUBT)
        case "send.voided":
            return _DOUBT if data.get("settle") == "keep" else ("muted", "voided before the send")
        case "step.waiting":
            return "info", "waits for the result"
        case "step.completed":
            return _BLOCKED if data["label"] == "blocked" else ("ok", data["label"].replace("_", " "))
        case "step.skipped":
            return "muted", "skipped"
        case "run.stopped":
            return "muted", "the run was stopped"
        case "run.failed":
            return _failed(data["reason"], before)
    return None


_DOUBT = ("warn", "unknown: may have left")
_BLOCKED = ("warn", "refused by the gate, so the run went on")
_GATE = {"allow": ("info", "allowed"), "pause": ("warn", "waits"), "deny": ("bad", "refused by the gate")}


def _failed(reason: str, before: str) -> tuple[str, str] | None:
    """Return what a failure adds to what is known: nothing where the outcome said it already."""
    if reason.startswith("unknown_outcome"):
        return _DOUBT
    if before == "allowed":  # it passed the gate, and no message was made of it
        return "bad", "could not be written" if reason.startswith("render_failed") else "failed"
    return ("bad", "failed") if before in ("accepted", "waits for the result", "waits") else None


def parts(bodies: Sequence[Data]) -> list[Part]:
    """Return a run's entries in parts, oldest first; every entry is in exactly one."""
    found: list[Part] = []
    for body in bodies:
        if not found or not found[-1].takes(body):
            found.append(_opened(body))
        found[-1].add(body)
    found = _joined(found)
    _tell_later(found, bodies)
    return found


def _opened(body: Data) -> Part:
    if body["type"] == "gate.decided" or begins(body):
        return Part(body["step"], body["visit"], attempt=True)
    return Part()


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Return the parts, those that turned out to be no attempt joined with what lies beside them."""
    found: list[Part] = []
    for part in parts:
        if not part.result:  # a retry of a step that sends nothing
            part.attempt = False
        if found and not part.attempt and not found[-1].attempt:
            found[-1].numbers += part.numbers
        else:
            found.append(part)
    return found


def _tell_later(found: Sequence[Part], bodies: Sequence[Data]) -> None:
    home = {part.intent: part for part in found if part.intent}
    for body in bodies:
        if body["type"] not in NEWS:
            continue
        part = home.get(body["data"]["intent"])
        if part is not None and body["n"] > part.numbers[-1]:
            part.later.append(News(body["n"], told(body), bool(body["data"].get("machine"))))


def told(body: Data) -> str:
    """Return what an entry told about a message, in a word or two."""
    data = body["data"]
    if body["type"] == "send.reported":
        return f"late report: {(data['label'] or data['code'] or data['kind']).replace('_', ' ')}"
    return str(data["event"]).replace("_", " ")


# Inbound events


def reception(n: int, bodies: Sequence[Data]) -> tuple[str, str]:
    """Return (word, sentence) for how entry n, an event or a report, met the run."""
    body = bodies[n - 1]
    type, data = body["type"], body["data"]
    if type == "event.after_end":
        return "after the end", "The run had ended; it is kept as evidence."
    if type == "send.reported":
        return "late report", "An engine that had been replaced filed it; it is evidence, not an outcome."
    if data["machine"]:
        return "machine", "A machine did this, so it does not count."
    follows = [each for each in bodies[n:] if each["cause"] == n]
    if follows:
        return "matched", _moved(follows)
    where = _where(data["intent"], n, bodies)
    if where == "on its way":
        return "early", "It came before the outcome of its message was known."
    if where == "gone on":
        return "late", "Nothing waited for it; conditions that come later see it."
    return "recorded", "It is known from now on" + ("; the run still stood at that step." if where else ".")


def _moved(follows: Sequence[Data]) -> str:
    first = follows[0]
    if first["type"] == "run.stopped":
        return "It stopped the run."
    if first["type"] == "run.exited":
        return f"It took an exit of the plan, to {first['data']['next']}."
    goto = first["data"].get("next")
    return f"{first['step']} waited for it" + (f"; the run went on to {goto}." if goto else ".")


def _where(intent: str, n: int, bodies: Sequence[Data]) -> str:
    """Return where the message of an intent was when entry n came."""
    where, step = "", ("", 0)
    for body in bodies[: n - 1]:
        type, data = body["type"], body["data"]
        if type in ("send.intended", "send.redispatched") and data["intent"] == intent:
            where, step = "on its way", (body["step"], body["visit"])
        elif type in ("send.outcome", "send.voided") and data["intent"] == intent:
            where = "answered"
        if where and (body["step"], body["visit"]) == step and data.get("next"):
            where = "gone on"
    return where
