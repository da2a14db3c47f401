"""Every step of the sample plans can be made with the fields and buttons of the panel, and nothing else."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from plans import conditions, document
from plans.designing import edits
from plans.step_reading import STEP_KEYS
from tests.unit.plans.panel_hands import TEMPLATES, Hands, addresses, fill_value, make_condition

FOLDER = Path(__file__).parents[3] / "plans" / "samples"
SAMPLES = [each for path in sorted(FOLDER.glob("*.json")) for each in json.loads(path.read_text())]
PLANS = [each for each in SAMPLES if each["schema"] == "dee.plan/1"]


@pytest.fixture(autouse=True)
def _the_samples_templates(monkeypatch: pytest.MonkeyPatch) -> Any:
    for each in SAMPLES:
        if each["schema"] == "dee.template/1":
            monkeypatch.setitem(TEMPLATES, each["channel"], (*TEMPLATES[each["channel"]], f"{each['key']}@1"))
    with addresses():
        yield


def make_arms(hands: Hands, key: str, arms: list[dict[str, Any]]) -> None:
    for index, arm in enumerate(arms):
        if index >= len(hands.body[key]):
            hands.press({"cases": "add-case", "arms": "add-arm"}[key])
        if "when" in arm:
            make_condition(hands, f"{key}/{index}/when", arm["when"])
        for part in ("name", "weight", "goto"):
            if part in arm:
                fill_value(hands, f"{key}/{index}/{part}", arm[part])


def make_outcomes(hands: Hands, on: dict[str, str]) -> None:
    for label in on:
        if label not in hands.body["on"] and label != "timeout":
            page = hands.look()
            page.fill("on~new", label)
            assert hands.send(page.post("add-outcome")).errors == ()
    for label in [label for label in hands.body["on"] if label not in on]:
        hands.press(f"remove:on/{label}")


def make_step(hands: Hands, wanted: dict[str, Any]) -> None:
    """Make a step that the designer has just added say what is wanted."""
    for key, value in wanted.items():
        if key == "require":
            hands.press("add:require")
            make_condition(hands, "require", value)
        elif key in ("cases", "arms"):
            make_arms(hands, key, value)
        elif key == "else":
            hands.set("else/name", value["name"])
            hands.set("else/goto", value["goto"])
        elif key == "on":
            if wanted["kind"] == "task":
                make_outcomes(hands, value)
            for label, to in value.items():
                hands.set(f"on/{label}", to)
        elif key != "kind":
            fill_value(hands, key, value)


@pytest.mark.parametrize("whole", PLANS, ids=lambda whole: whole["key"])
def test_every_step_of_a_sample_is_made_by_fields_and_buttons(whole: dict[str, Any]) -> None:
    for name, wanted in whole["steps"].items():
        new = {"kind": wanted["kind"], **deepcopy(edits.NEW[wanted["kind"]][1])}
        hands = Hands({**deepcopy(whole), "steps": {**deepcopy(whole["steps"]), name: new}}, name)

        make_step(hands, wanted)

        assert document.canonical(hands.body) == document.canonical(wanted), name


@pytest.mark.parametrize("whole", PLANS, ids=lambda whole: whole["key"])
def test_what_a_sample_says_beside_its_steps_is_made_by_fields_and_buttons(whole: dict[str, Any]) -> None:
    hands = Hands({"schema": whole["schema"], "key": whole["key"], "steps": deepcopy(whole["steps"])}, "")

    for attribute, kind in whole.get("attributes", {}).items():
        hands.set("attributes~new", attribute)
        hands.set(f"attributes/{attribute}", kind)
    for index, each in enumerate(whole.get("exit_on", [])):
        hands.press("add-exit")
        make_condition(hands, f"exit_on/{index}/when", each["when"])
        hands.set(f"exit_on/{index}/goto", each["goto"])
    for path in ("meta/title", "meta/description", "purpose", "policy", "entry"):
        value: Any = whole
        for part in path.split("/"):
            value = value[part]
        fill_value(hands, path, value)
    for path in ("max_steps", "max_duration_s"):
        fill_value(hands, f"limits/{path}", whole["limits"][path])

    assert document.canonical(hands.draft) == document.canonical(whole)


def test_the_samples_use_every_kind_of_step_and_most_operators() -> None:
    """Or the tests above would say little."""
    kinds = {step["kind"] for whole in PLANS for step in whole["steps"].values()}
    assert kinds == set(STEP_KEYS)
    whens = [each["when"] for whole in PLANS for each in whole.get("exit_on", [])]
    for whole in PLANS:
        for step in whole["steps"].values():
            whens += [case["when"] for case in step.get("cases", [])]
            whens += [step["require"]] if "require" in step else []
    used = {node["op"] for when in whens for _, node in conditions.walk(when)}
    assert used >= {"and", "not", "is_set", "in", "event_seen", "event_within", "visits_ge"}
