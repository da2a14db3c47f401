"""Schema and validator agree on shape, over plans made by chance, good and nearly good; whatever comes is survived."""

import json
from collections import Counter
from random import Random
from typing import Any

import jsonschema
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


@given(CHANCES)
@MANY
def test_a_fault_of_shape_is_refused_by_both_and_named_where_it_is(rng: Random) -> None:
    plan = valid_plan(rng)
    for _ in range(4):
        place, fault, changed = mutations.broken(plan, rng)
        where = f"{fault} at {pointer(*place.path)}"
        assert not VALIDATOR.is_valid(changed), where
        found = document.inspect(json.dumps(changed))
        assert found.problems, where
        near = pointer(*place.path[:-1])
        assert found.plan is None or any(problem.pointer.startswith(near) for problem in found.problems), where


def test_the_faults_are_of_every_kind_at_every_place() -> None:
    tried = [mutations.broken(plan, Random(f"{seed}/{n}"))[:2] for seed, plan in enumerate(PLANS) for n in range(6)]
    assert {place.role for place, _ in tried} == {*mutations.BAD, *mutations.OBJECTS, *mutations.LISTS}
    assert {fault for _, fault in tried} == {
        "wrong type", "bad value", "missing key", "misspelt key", "unknown key", "bad key", "too few", "too many",
        "twice",
    }  # fmt: skip


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
