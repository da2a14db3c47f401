"""Which fields and buttons does each kind of step have, whatever its JSON says so far?

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from channels.kinds import Channel
from plans import captions, steps
from plans.panel import acts, condition_words
from plans.panel.arm_parts import branch, split, ways
from plans.panel.choices import Choices
from plans.panel.codecs import Codec, Option, Seconds, Text, Tick, Time, choice, ticks
from plans.panel.condition_parts import condition
from plans.panel.lists import others, unshowable
from plans.panel.parts import Button, Field, Part
from plans.panel.paths import ABSENT, Path, get, name
from plans.panel.task_parts import outcomes
from plans.step_reading import MAX_INSTRUCTIONS, MAX_TITLE, STEP_KEYS, TEMPLATE_REF

Body = dict[str, Any]
REQUIRED_WHEN = "Asked at the last moment, with the newest facts. When it does not hold, nothing is sent."
LATENESS = "A send that would be later than this fails instead. Empty: there is no such limit."


def step_parts(body: Body, choices: Choices) -> tuple[Part, ...]:
    """Return the parts of a step's form, in the order in which they are shown."""
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in STEP_KEYS:
        return _kindless(body)
    required, optional = STEP_KEYS[kind]
    return (*_KINDS[kind](_Form(body, choices)), *others(body, (), ("kind", *required, *optional)))


def _kindless(body: Body) -> tuple[Part, ...]:
    kind = get(body, ("kind",))
    codec = choice([Option(each, captions.KINDS[each], each) for each in STEP_KEYS], kind, missing="no kind of step")
    field = Field(("kind",), "Kind of step", codec, kind, codec.show(kind), structure=True)
    return (field, *others(body, (), ("kind",)))


@dataclass(frozen=True, slots=True)
class _Form:
    body: Body
    choices: Choices

    def field(self, key: str, label: str, codec: Codec, about: str = "", *, structure: bool = False) -> Field:
        value = get(self.body, (key,))
        return Field((key,), label, codec, value, codec.show(value), help=about, structure=structure)

    def duration(self, key: str, label: str, about: str = "") -> Field:
        return self.field(key, label, Seconds(), about)

    def ways(self) -> Part:
        return ways(self.body, ("on",), steps.LABELS[self.body["kind"]], self.choices)


def _send(form: _Form) -> tuple[Part, ...]:
    channel = steps.CHANNELS[form.body["kind"]]
    value = get(form.body, ("template",))
    refs = form.choices.templates.get(channel, ())
    codec = choice([Option(ref, ref, ref) for ref in refs], value, missing="no such version")
    word, label = ("template", "Template") if channel == Channel.EMAIL else ("script", "Script")
    about = "" if refs else f"There is no {word} for this channel yet; write one under Templates."
    template = form.field("template", label, codec, about, structure=True)
    found = TEMPLATE_REF.fullmatch(value) if isinstance(value, str) and value in refs else None
    if found:
        template = replace(template, preview=(found[1], int(found[2])))
    lateness = form.field("max_lateness_s", "Too late after", Seconds(optional=True), LATENESS)
    return template, form.ways(), _require(form), lateness


def _require(form: _Form) -> Part:
    path: Path = ("require",)
    node = get(form.body, path)
    if node is ABSENT:
        missing = condition(path, node, form.choices)
        add = replace(missing.adds[0], do="add:require", text="Add a condition", label="Send only if a condition holds")
        return replace(missing, legend="Send only if…", look="plain", adds=(add,), help=REQUIRED_WHEN)
    label = "Send without a condition"
    remove = Button(f"remove:{name(path)}", "✕", label, acts.remove(path), focus="do~add:require")
    built = condition(path, node, form.choices, (remove,))
    return replace(built, title="Send only if", help=REQUIRED_WHEN)


def _wait(form: _Form) -> tuple[Part, ...]:
    return form.duration("seconds", "How long"), form.ways()


def _wait_until(form: _Form) -> tuple[Part, ...]:
    days = get(form.body, ("days",))
    options = [Option(str(day), captions.DAYS[day - 1], day) for day in range(1, 8)]
    if days is not ABSENT and not isinstance(days, list):
        shown: Part = unshowable(("days",), "Days", days, [1, 2, 3, 4, 5])
    else:
        shown = form.field("days", "On these days", ticks(options, days, whole=True))
    return form.field("time", "Time of day", Time(), "On the contact's own clock."), shown, form.ways()


def _wait_for_event(form: _Form) -> tuple[Part, ...]:
    of = get(form.body, ("of",))
    which = choice([Option(each, each, each) for each in form.choices.sends], of, blank="any step", missing="no events")
    channel = form.choices.sends.get(of) if isinstance(of, str) else None
    kind = choice(condition_words.events(channel), get(form.body, ("event",)), missing="not of this step")
    return (
        form.field("event", "Wait for", kind),
        form.field("of", "Of", which, structure=True),
        form.duration("timeout_s", "At most"),
        form.ways(),
    )


def _record_opt_out(form: _Form) -> tuple[Part, ...]:
    value = get(form.body, ("channels",))
    options = [Option(str(channel), str(channel), str(channel)) for channel in Channel]
    if value is not ABSENT and not isinstance(value, list):
        return unshowable(("channels",), "Channels", value, []), form.ways()
    return form.field("channels", "No more on", ticks(options, value)), form.ways()


def _task(form: _Form) -> tuple[Part, ...]:
    about = "What to look at, and what each outcome means."
    return (
        form.field("title", "What the person has to do", Text(MAX_TITLE)),
        form.field("instructions", "Instructions", Text(MAX_INSTRUCTIONS, lines=True, optional=True), about),
        form.duration("timeout_s", "Time for it", "After that it ends with the outcome timeout."),
        outcomes(form.body, form.choices),
    )


def _end(form: _Form) -> tuple[Part, ...]:
    return (
        form.field("result", "Result", Text(40, strip=True), "One word that runs are counted by, such as won."),
        form.field("goal", "This is what the plan is for", Tick()),
    )


_KINDS: Mapping[str, Callable[[_Form], tuple[Part, ...]]] = {
    steps.Kind.SEND_EMAIL: _send,
    steps.Kind.CALL: _send,
    steps.Kind.WAIT: _wait,
    steps.Kind.WAIT_UNTIL: _wait_until,
    steps.Kind.WAIT_FOR_EVENT: _wait_for_event,
    steps.Kind.BRANCH: lambda form: branch(form.body, form.choices),
    steps.Kind.SPLIT: lambda form: split(form.body, form.choices),
    steps.Kind.RECORD_OPT_OUT: _record_opt_out,
    steps.Kind.TASK: _task,
    steps.Kind.END: _end,
}
