"""Schema and validator agree on shape, over plans made by chance, good and nearly good; whatever comes is survived."""

import json
from collections import Counter
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans import captions, conditions, diagram, document, graph, layout, steps
from plans.problems import pointer
from tests.unit.plans import mutations
from tests.unit.plans.generated import valid_plan
from tests.unit.plans.test_schema import SCHEMA

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# 300 plans; `--hypothesis-profile=explore` makes twenty times as many.
CHANCES = st.builds(Random, st.integers(0, 2**32 - 1))
MANY = settings(max_examples=3 * settings().max_examples)
PLANS = [valid_plan(Random(seed)) for seed in range(300)]
# From the largest to the smallest, so that the smallest plan with a place is the one that is taken.
SLOTS = [(plan, mutations.slots(plan)) for plan in sorted(PLANS, key=lambda plan: -len(json.dumps(plan)))]


def said(text: str) -> list[str]:
    return [str(problem) for problem in document.inspect(text).problems]


# --- good plans ---------------------------------------------------------------------------------------------------


@given(CHANCES)
@MANY
def test_a_plan_made_by_chance_passes_every_check_and_the_schema(rng: Random) -> None:
    plan = valid_plan(rng)
    assert said(json.dumps(plan)) == []
    VALIDATOR.validate(plan)


@given(CHANCES)
@MANY
def test_a_plan_made_by_chance_survives_the_round_trip_byte_for_byte(rng: Random) -> None:
    plan = valid_plan(rng, key="trial-2", policy="open")
    turned = {**plan, "steps": dict(reversed(plan["steps"].items()))}
    exported = document.export(*document.split_meta(json.dumps(turned, indent=3)))
    assert exported == document.canonical(plan)
    assert document.export(*document.split_meta(exported)) == exported
    first, second = document.parse(json.dumps(turned)), document.parse(exported)
    assert first == second
    assert [list(step.on) for step in first.steps.values()] == [list(step.on) for step in second.steps.values()]
    assert (first.key, first.policy) == ("trial-2", "open")


def test_the_plans_made_by_chance_have_everything_a_plan_can_have() -> None:
    found = Counter(step["kind"] for plan in PLANS for step in plan["steps"].values())
    assert found.keys() == set(steps.Kind)
    keys = {f"{step['kind']}.{key}" for plan in PLANS for step in plan["steps"].values() for key in step}
    assert {f"{kind}.{key}" for kind in ("send_email", "call") for key in ("require", "max_lateness_s")} <= keys
    assert {"wait_until.days", "wait_for_event.of", "task.instructions", "end.goal"} <= keys
    assert {"split.arms", "branch.cases"} <= keys
    operators = {place.value for plan in PLANS for place in mutations.places(plan) if place.role == "operator"}
    assert operators == set(conditions.KEYS)
    assert {len(plan.get("exit_on", ())) for plan in PLANS} == {0, 1, 2, 3}
    loops = [graph.loops(list(plan["steps"]), graph.edges(document.parse(json.dumps(plan)).steps)) for plan in PLANS]
    assert sum(map(bool, loops)) > 30
    assert max(len(plan["steps"]) for plan in PLANS) > 30
    used = {label for plan in PLANS for step in plan["steps"].values() for label in step.get("on", ())}
    assert used >= {label for labels in steps.LABELS.values() for label in labels}


# --- nearly good ones ---------------------------------------------------------------------------------------------


def refused_by_both(plan: dict[str, Any], place: mutations.Place, fault: str, changed: Any) -> None:
    where = f"{fault} at {pointer(*place.path)} of {json.dumps(plan)}"
    assert not VALIDATOR.is_valid(changed), where
    found = document.inspect(json.dumps(changed))
    assert found.problems, where
    near = pointer(*place.path[:-1])
    assert found.plan is None or any(problem.pointer.startswith(near) for problem in found.problems), where


@pytest.mark.parametrize("holder", sorted({"", *mutations.OBJECTS, *mutations.LISTS}))
def test_every_fault_of_shape_at_every_place_is_refused_by_both_and_named_where_it_is(holder: str) -> None:
    slots = {slot: (plan, places[0]) for plan, found in SLOTS for slot, places in found.items() if slot[0] == holder}
    assert slots, "no plan made by chance has such a place"
    for plan, place in slots.values():
        for fault, value in mutations.faults(place):
            refused_by_both(plan, place, fault, mutations.put(plan, place.path, value))


@given(CHANCES)
@MANY
def test_a_fault_of_shape_anywhere_is_refused_by_both(rng: Random) -> None:
    plan = valid_plan(rng)
    for _ in range(2):
        refused_by_both(plan, *mutations.broken(plan, rng))


def test_every_place_and_every_fault_is_met() -> None:
    met = {place.role: place for _, found in SLOTS for places in found.values() for place in places}
    assert met.keys() == {*mutations.BAD, *mutations.OBJECTS, *mutations.LISTS}
    keys = {slot for _, found in SLOTS for slot in found}
    for role, (required, _) in mutations.OBJECTS.items():
        assert role in mutations.BAD_KEYS or {(role, key) for key in required} <= keys


@given(CHANCES)
@MANY
def test_what_the_schema_refuses_is_no_plan_and_nothing_is_too_broken_to_be_read_and_drawn(rng: Random) -> None:
    plan = valid_plan(rng)
    for _ in range(4):
        changed = mutations.shaken(plan, rng)
        found = document.inspect(json.dumps(changed))
        assert found.problems or VALIDATOR.is_valid(changed)
        if found.plan is not None and found.plan.steps:
            drawn = diagram.draw(found.plan, layout.layout(found.plan))
            assert len(drawn.cards) == len(found.plan.steps)
            for step in found.plan.steps.values():
                assert all(captions.notes(step))
                assert all(isinstance(captions.share(step, label), str) for label in step.on)


def test_some_of_what_is_shaken_is_still_a_plan() -> None:
    shaken: list[Any] = [mutations.shaken(plan, Random(seed)) for seed, plan in enumerate(PLANS)]
    verdicts = {(VALIDATOR.is_valid(each), not said(json.dumps(each))) for each in shaken}
    # (schema, validator): both accept; only the schema does, since it knows no graph; both refuse
    assert verdicts == {(True, True), (True, False), (False, False)}
