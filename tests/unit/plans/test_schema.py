"""The published JSON Schema accepts what is a plan and refuses what has another shape."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plans import conditions, document, step_reading, steps
from tests.unit.plans.documents import asked, follow_up

FOLDER = Path(__file__).parents[3] / "plans"
SCHEMA = json.loads((FOLDER / "schema" / "dee.plan-1.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SAMPLES = [each for path in sorted((FOLDER / "samples").glob("*.json")) for each in json.loads(path.read_text())]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "whole",
    [follow_up(), asked(), *(each for each in SAMPLES if each["schema"] == "dee.plan/1")],
    ids=lambda whole: whole["key"],
)
def test_the_schema_accepts_a_plan(whole: dict[str, Any]) -> None:
    VALIDATOR.validate(whole)


@pytest.mark.parametrize("key", ["schema", "key", "entry", "purpose", "policy", "limits", "steps"])
def test_the_schema_refuses_a_plan_without(key: str) -> None:
    whole = follow_up()
    del whole[key]
    assert not VALIDATOR.is_valid(whole)


def test_the_schema_knows_the_kinds_labels_and_operators_of_the_code() -> None:
    kinds = {each["properties"]["kind"]["const"]: each for each in SCHEMA["$defs"]["step"]["oneOf"]}
    assert list(kinds) == list(steps.Kind)
    for kind, shape in kinds.items():
        required, optional = step_reading.STEP_KEYS[kind]
        assert shape["properties"].keys() == {"kind", *required, *optional}
        assert set(shape["required"]) == {"kind", *required}
        if steps.LABELS[kind]:
            assert tuple(shape["properties"]["on"]["properties"]) == steps.LABELS[kind]
    operators = [each["properties"]["op"] for each in SCHEMA["$defs"]["condition"]["oneOf"]]
    assert [op for each in operators for op in each.get("enum", [each.get("const")])] == list(conditions.KEYS)


def test_the_schema_knows_the_limits_of_the_code() -> None:
    shapes = {each["properties"]["kind"]["const"]: each["properties"] for each in SCHEMA["$defs"]["step"]["oneOf"]}
    top, task, arms = SCHEMA["properties"], shapes["task"], shapes["split"]["arms"]
    assert (top["steps"]["maxProperties"], top["exit_on"]["maxItems"], top["attributes"]["maxProperties"]) == (
        document.MAX_PLAN_STEPS, document.MAX_EXITS, document.MAX_ATTRIBUTES,
    )  # fmt: skip
    assert top["limits"]["properties"]["max_steps"]["maximum"] == document.MAX_STEPS
    longest = [
        top["limits"]["properties"]["max_duration_s"], shapes["wait"]["seconds"], task["timeout_s"],
        shapes["wait_for_event"]["timeout_s"], SCHEMA["$defs"]["max_lateness_s"],
    ]  # fmt: skip
    assert {each["maximum"] for each in longest} == {step_reading.MAX_SECONDS}
    assert (task["title"]["maxLength"], task["instructions"]["maxLength"]) == (
        step_reading.MAX_TITLE, step_reading.MAX_INSTRUCTIONS,
    )  # fmt: skip
    assert task["on"]["maxProperties"] == step_reading.MAX_OUTCOMES + 1
    assert (arms["minItems"], arms["maxItems"]) == (step_reading.MIN_SPLIT, step_reading.MAX_ARMS)
    assert shapes["branch"]["cases"]["maxItems"] == step_reading.MAX_ARMS
    assert arms["items"]["properties"]["weight"]["maximum"] == step_reading.MAX_WEIGHT
