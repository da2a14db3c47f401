"""What a version changes, said so that somebody can answer for it: one sentence for each difference, none for none."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plans import changes, document
from plans.changes import Kind
from plans.steps import Plan
from tests.unit.plans.documents import minimal
from tests.unit.plans.generated import valid_plan
from tests.unit.plans.mutations import places, put, shaken

SEEDS = st.integers(min_value=0, max_value=10**6)
DONE = {"kind": "end", "result": "finished", "goal": True}
LATER = {"kind": "end", "result": "later"}
MAIL = {"kind": "send_email", "template": "reminder@2", "on": {"sent": "pause"}}
PAUSE = {"kind": "wait", "seconds": 259_200, "on": {"completed": "call-1"}}
CALL = {
    "kind": "call",
    "template": "script@1",
    "on": {"answered": "done", "no_answer": "later", "busy": "later", "voicemail": "later"},
}
STEPS = {"mail": MAIL, "pause": PAUSE, "call-1": CALL, "done": DONE, "later": LATER}


def read(value: dict[str, Any]) -> Plan:
    found = document.inspect(json.dumps(value))
    assert found.plan is not None
    return found.plan


def small(steps: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return minimal(STEPS if steps is None else steps, **more)


def said(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [change.sentence for change in changes.changes(read(old), read(new))]


def with_step(name: str, **parts: Any) -> dict[str, Any]:
    step = {key: value for key, value in {**STEPS[name], **parts}.items() if value is not None}
    return small({**STEPS, name: step})


# --- what the sentences are ---------------------------------------------------------------------------------------

VIP = {"op": "eq", "ref": "contact.attr.tier", "value": "gold", "default": "none"}


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (with_step("mail", template="reminder@3"), "The step mail sends reminder@3 instead of reminder@2."),
        (with_step("call-1", template="script@2"), "The step call-1 follows script@2 instead of script@1."),
        (with_step("pause", seconds=432_000), "The wait pause takes 5 days instead of 3 days."),
        (with_step("pause", on={"completed": "done"}), "After pause comes done instead of call-1."),
        (
            with_step("call-1", on={**CALL["on"], "no_answer": "pause"}),
            "The outcome “no answer” of call-1 leads to pause instead of later.",
        ),
        (
            with_step("mail", on={**MAIL["on"], "blocked": "later"}),
            "The outcome “blocked” of mail leads to later; before, a refusal by the policy made the run fail.",
        ),
        (
            with_step("mail", max_lateness_s=3600),
            "mail fails when it is more than 1 h late; before, it had no such limit.",
        ),
        (
            with_step("mail", require={"op": "event_seen", "event": "opened"}),
            "mail goes out only if opened; before, it required nothing of its own.",
        ),
        (with_step("done", goal=None), "The end done no longer counts as reaching the plan's goal."),
        (with_step("later", result="another_day"), "The end later gives the result “another_day” instead of “later”."),
        (
            small(purpose="service"),
            "Its purpose, for which contacts must have consented, is service instead of marketing.",
        ),
        (small(policy="calm"), "The policy calm decides about its messages instead of outreach."),
        (small(entry="pause"), "Runs start at pause instead of mail."),
        (small(meta={"title": "Dunning"}), "The plan's title is “Dunning” instead of empty."),
        (small(attributes={"tier": "string"}), "The plan may now look at the contact's tier (string)."),
        (
            small(limits={"max_steps": 51, "max_duration_s": 2_592_000}),
            "A run may take 51 steps at most instead of 50.",
        ),
        (
            small(exit_on=[{"when": {"op": "event_seen", "event": "complained"}, "goto": "later"}]),
            "New exit: whenever complained, the run goes to later.",
        ),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)
def test_a_difference_is_a_sentence(new: dict[str, Any], sentence: str) -> None:
    assert said(small(), new) == [sentence]


def test_a_new_step_says_what_it_does_and_where_it_leads() -> None:
    steps = {**STEPS, "mail": {**MAIL, "on": {"sent": "rest"}}, "rest": {**PAUSE, "on": {"completed": "pause"}}}
    assert said(small(), small(steps)) == [
        "The outcome “sent” of mail leads to rest instead of pause.",
        "New step rest: wait, 3 days, then pause.",
    ]


def test_a_step_that_is_gone_says_what_it_was_where_it_stood() -> None:
    steps = {name: step for name, step in STEPS.items() if name != "pause"}
    steps["mail"] = {**MAIL, "on": {"sent": "call-1"}}
    found = changes.changes(read(small()), read(small(steps)))
    assert [(change.kind, change.was, change.sentence) for change in found] == [
        (Kind.CHANGED, "mail", "The outcome “sent” of mail leads to call-1 instead of pause."),
        (Kind.REMOVED, "pause", "The step pause is gone; it was: wait, 3 days, then call-1."),
    ]


def test_another_kind_under_the_same_name_is_said_whole() -> None:
    (sentence,) = said(small(), small({**STEPS, "pause": {**MAIL, "on": {"sent": "call-1"}}}))
    assert sentence.startswith("pause was a wait step and is another kind now: send email, template reminder@2")


def test_a_case_says_its_condition_in_words_and_when_it_is_asked() -> None:
    first = {"name": "opened", "when": {"op": "event_seen", "event": "opened"}, "goto": "done"}
    gave_up = {"name": "gave-up", "when": VIP, "goto": "later"}
    rest = {"name": "else", "goto": "call-1"}

    def plan(*cases: dict[str, Any]) -> dict[str, Any]:
        check = {"kind": "branch", "cases": list(cases), "else": rest}
        steps = {**STEPS, "pause": {**PAUSE, "on": {"completed": "check"}}, "check": check}
        return small(steps, attributes={"tier": "string"})

    asked = "when tier = gold (tier not set counts as none)"
    assert said(plan(first), plan(first, gave_up)) == [
        f"New case “gave-up” of check, asked after “opened”: {asked}, it leads to later."
    ]
    assert said(plan(first, gave_up), plan(first)) == [
        f"The case “gave-up” of check is gone, asked {asked}; it led to later."
    ]
    assert said(plan(first, gave_up), plan(gave_up, first)) == [
        "The cases of check are asked in another order: “gave-up”, “opened” instead of “opened”, “gave-up”."
    ]
    other = {**gave_up, "when": {**VIP, "default": "gold"}}
    assert said(plan(gave_up), plan(other)) == [
        "The case “gave-up” of check is taken when tier = gold (tier not set counts as gold)"
        " instead of tier = gold (tier not set counts as none)."
    ]


def test_shares_of_a_split_are_said_together() -> None:
    def plan(weight: int) -> dict[str, Any]:
        arms = [{"name": "a", "weight": 1, "goto": "call-1"}, {"name": "b", "weight": weight, "goto": "later"}]
        return small({**STEPS, "pause": {"kind": "split", "arms": arms}})

    assert said(plan(1), plan(3)) == [
        "The arms of pause get a 1 of 4, b 3 of 4 instead of a 1 of 2, b 1 of 2; a contact's arm may change with it."
    ]


def test_what_is_only_written_differently_is_said_to_be_the_same() -> None:
    written = with_step("later", goal=False)
    assert said(small(), written) == [changes.SAME_MEANING]


# --- renamed steps ------------------------------------------------------------------------------------------------


def rename(value: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return a document whose steps go by other names, written by hand a second time."""

    def to(each: Any) -> Any:
        if isinstance(each, list):
            return [to(item) for item in each]
        if not isinstance(each, dict):
            return each
        found = {key: to(item) for key, item in each.items()}
        for key in ("entry", "goto", "of", "step"):
            if isinstance(found.get(key), str):
                found[key] = names.get(found[key], found[key])
        if str(found.get("ref", "")).startswith("step."):
            found["ref"] = ".".join(names.get(part, part) for part in found["ref"].split("."))
        if "on" in found:
            found["on"] = {label: names.get(target, target) for label, target in found["on"].items()}
        return found

    steps = {names.get(name, name): to(step) for name, step in value["steps"].items()}
    return {**to({key: item for key, item in value.items() if key != "steps"}), "steps": steps}


def test_a_renamed_step_is_one_sentence_and_what_leads_to_it_is_not_changed() -> None:
    found = changes.changes(read(small()), read(rename(small(), {"pause": "three-days"})))
    assert [(change.kind, change.was, change.step) for change in found] == [(Kind.RENAMED, "pause", "three-days")]
    assert found[0].sentence == "The step pause is called three-days now and is otherwise the same."


@given(SEEDS)
def test_steps_that_are_all_renamed_at_once_are_found(seed: int) -> None:
    whole = valid_plan(Random(seed))
    names = {name: f"zz-{number}" for number, name in enumerate(whole["steps"])}
    found = changes.changes(read(whole), read(rename(whole, names)))
    assert {change.kind for change in found} == {Kind.RENAMED}
    assert sorted(change.was for change in found) == sorted(whole["steps"])


def test_a_step_that_leads_elsewhere_is_not_the_renamed_one() -> None:
    steps = {name: step for name, step in STEPS.items() if name != "pause"}
    steps |= {"mail": {**MAIL, "on": {"sent": "rest"}}, "rest": {**PAUSE, "on": {"completed": "later"}}}
    kinds = [change.kind for change in changes.changes(read(small()), read(small(steps)))]
    assert Kind.RENAMED not in kinds
    assert {Kind.ADDED, Kind.REMOVED} <= set(kinds)


# --- for every plan -----------------------------------------------------------------------------------------------


@given(SEEDS)
def test_equal_plans_have_no_sentence(seed: int) -> None:
    whole = valid_plan(Random(seed))
    assert changes.changes(read(whole), read(json.loads(json.dumps(whole)))) == ()


@given(SEEDS)
def test_any_mutation_is_said_and_always_in_the_same_words(seed: int) -> None:
    rng = Random(seed)
    whole = valid_plan(rng)
    shakes = (shaken(whole, rng) for _ in range(40))
    other = next((each for each in shakes if not document.inspect_value(each).problems), whole)
    told = changes.changes(read(whole), read(other))
    assert bool(told) == (document.canonical(meaning(whole)) != document.canonical(meaning(other)))
    assert told == changes.changes(read(whole), read(other))


def meaning(value: dict[str, Any]) -> dict[str, Any]:
    """Return a document without empty titles, which say nothing."""
    meta = {key: text for key, text in value.get("meta", {}).items() if text}
    rest = {key: item for key, item in value.items() if key != "meta"}
    return {**rest, "meta": meta} if meta else rest


# What may stand at a place of such a role.
ANOTHER: dict[str, Any] = {
    "template": "other@7", "seconds": 61, "timeout": 77, "time": "11:11", "weight": 77, "word": "zz-word",
    "title": "zz", "task title": "zz", "instructions": "zz", "description": "zz", "max_steps": 9_999,
    "value": "zz", "count": 9, "goal": None, "name": None,
}  # fmt: skip


@given(SEEDS)
def test_every_place_of_a_plan_has_its_sentence(seed: int) -> None:
    """Whatever stands at one place is replaced, whether a check would allow it or not."""
    rng = Random(seed)
    whole = valid_plan(rng)
    place = rng.choice([each for each in places(whole) if each.role in ANOTHER])
    another = {**ANOTHER, "goal": not place.value, "name": rng.choice(sorted(whole["steps"]))}
    value = another[place.role]
    assume(value != place.value and place.path != ("policy",))
    other = document.inspect_value(put(whole, place.path, value)).plan
    assert other is not None
    assert changes.changes(read(whole), other), place


@given(SEEDS)
def test_a_plan_and_any_other_differ_and_the_marks_name_their_own_steps(seed: int) -> None:
    old, new = read(valid_plan(Random(seed))), read(valid_plan(Random(seed + 1)))
    found = changes.changes(old, new)
    assert bool(found) == (old.text != new.text or (old.title, old.description) != (new.title, new.description))
    before, after = changes.marks(found)
    assert set(before.states) <= set(old.steps)
    assert set(after.states) <= set(new.steps)
    assert set(after.states.values()) <= {"added", "changed", "renamed"}
    assert set(before.states.values()) <= {"removed", "changed", "renamed"}
    gone = set(old.steps) - set(before.states)
    assert gone <= set(new.steps), "a step that is not marked is still there"
    assert set(new.steps) - set(after.states) <= set(old.steps), "a step that is not marked was there before"
