"""What the panel shows and posts back unchanged changes nothing, whatever the draft holds."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import canon
from channels.kinds import Channel
from plans import document
from plans.conditions import KEYS
from plans.panel.choices import Choices
from plans.panel.given import read_plan, read_step
from plans.panel.parts import buttons, everything
from plans.panel.plan_parts import plan_parts
from plans.panel.step_parts import step_parts
from plans.step_reading import STEP_KEYS
from tests.unit.plans.generated import valid_plan
from tests.unit.plans.panel_hands import addresses, at

TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "mail", "+send_email", "~", "contact.attr.tier", "step.mail.outcome", "run.tick", "opened"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**9), TEXTS, st.sampled_from([*KEYS, *map(str, STEP_KEYS)])
)
WORDS = sorted(
    {
        "op",
        "meta",
        "title",
        "description",
        "name",
        "goto",
        "when",
        "weight",
        "sent",
        "timeout",
        "on",
        "exit_on",
        "limits",
    }
    | {"steps", "attributes", "policy", "purpose", "entry", "max_steps", "max_duration_s", "done", "tier"}
    | {key for pair in KEYS.values() for keys in pair for key in keys}
    | {key for pair in STEP_KEYS.values() for keys in pair for key in keys}
)
OBJECT_KEYS = st.one_of(st.sampled_from(WORDS), st.sampled_from(["x", "a/b", "a~b", 'q"<', "é"]))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(OBJECT_KEYS, inner, max_size=5),
    max_leaves=12,
)
BODIES = st.builds(
    lambda kind, rest: {**rest, "kind": kind},
    st.sampled_from([*map(str, STEP_KEYS), "zap"]),
    st.dictionaries(OBJECT_KEYS, JSON),
)
CHOICES = Choices(
    steps=("mail", "call", "end"),
    templates={"email": ("a@1",)},
    attributes={"tier": "string", "score": "int", "vip": "bool"},
    sends={"mail": Channel.EMAIL, "call": Channel.VOICE},
    labels={"mail": ("sent", "blocked"), "call": ("answered",)},
    policies=("outreach",),
)
relaxed = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True, scope="module")
def _addresses() -> Any:
    with addresses():
        yield


def spoiled(rng: Random, value: Any, junk: list[Any]) -> Any:
    """Put junk in a few places of a document that was good."""
    if isinstance(value, dict):
        return {key: spoiled(rng, each, junk) for key, each in value.items() if rng.random() < 0.97}
    if isinstance(value, list):
        return [spoiled(rng, each, junk) for each in value]
    return rng.choice(junk) if rng.random() < 0.15 else value


@given(st.integers(0, 10**9))
@settings(max_examples=10)
def test_a_form_posted_back_as_it_is_gives_the_same_step_byte_by_byte(seed: int) -> None:
    plan = valid_plan(Random(seed))
    for step in (*plan["steps"], ""):
        hands = at(plan, step)

        found = hands.send(hands.look().post())

        assert (found.errors, found.structure, found.new_targets) == ((), False, ())
        assert document.canonical(hands.draft) == document.canonical(plan)


@given(st.integers(0, 10**9), st.lists(JSON, min_size=1, max_size=5))
@relaxed
def test_a_spoiled_draft_is_shown_and_kept(seed: int, junk: list[Any]) -> None:
    rng = Random(seed)
    plan = spoiled(rng, valid_plan(rng), junk)
    bodies = plan.get("steps")
    steps = [name for name, body in bodies.items() if isinstance(body, dict)] if isinstance(bodies, dict) else []
    for step in (*steps[:6], ""):
        hands = at(plan, step)

        found = hands.send(hands.look().post())

        assert (found.errors, found.structure) == ((), False)
        assert hands.draft == plan


@given(BODIES)
@relaxed
def test_any_json_is_shown_and_kept(body: dict[str, Any]) -> None:
    hands = at({"steps": {"x": body}}, "x")

    found = hands.send(hands.look().post())

    assert (found.errors, found.structure, found.body) == ((), False, body)


@given(st.dictionaries(OBJECT_KEYS, JSON))
@relaxed
def test_any_json_is_shown_and_kept_as_a_plan(whole: dict[str, Any]) -> None:
    hands = at(whole)

    found = hands.send(hands.look().post())

    assert (found.errors, found.structure, found.body) == ((), False, whole)


@given(BODIES, st.data())
@relaxed
def test_no_button_and_no_words_break_on_any_json(body: dict[str, Any], data: st.DataObject) -> None:
    whole = data.draw(st.booleans(), "as a plan")
    parts = plan_parts(body, CHOICES) if whole else step_parts(body, CHOICES)
    names = [name for part in everything(parts) if hasattr(part, "names") for name in part.names]
    before = deepcopy(body)
    posted = QueryDict(mutable=True)
    for name in data.draw(st.lists(st.sampled_from(names), max_size=6) if names else st.just([])):
        posted.setlist(name, data.draw(st.lists(TEXTS | st.sampled_from(["and", "not", "3", "\ud800"]), max_size=2)))
    if found := list(buttons(parts)):
        posted["do"] = data.draw(st.sampled_from(found)).do

    result = read_plan(body, posted, CHOICES) if whole else read_step(body, posted, CHOICES)

    assert body == before
    try:
        before_fits = bool(document.canonical(before))
    except canon.NotCanonical:
        before_fits = False
    if before_fits and len(str(body)) < 5000:
        document.canonical(result.body)  # whatever is posted, a draft that could be kept can be kept


@given(st.integers(0, 10**9))
@settings(max_examples=10)
def test_a_change_that_asks_for_no_new_form_leaves_every_place_where_it_was(seed: int) -> None:
    """So the form of who is typing may stay on the page as it is."""
    rng = Random(seed)
    plan = valid_plan(rng)
    for step in rng.sample([*plan["steps"], ""], min(3, len(plan["steps"]) + 1)):
        hands = at(plan, step)
        page = hands.look()
        control = rng.choice([each for each in page.controls if each.kind != "hidden"])
        free = [token for token, offered in control.options.items() if offered]
        page.fill(control.name, rng.choice(free or ["", "7", "gold", "nonsense here"]))

        found = hands.send(page.post())

        if not found.structure:
            assert sorted(hands.look().ids) == sorted(page.ids), control.name


@given(st.integers(0, 10**9))
@settings(max_examples=15)
def test_after_a_button_there_is_a_place_to_go_on(seed: int) -> None:
    rng = Random(seed)
    plan = valid_plan(rng)
    for step in rng.sample([*plan["steps"], ""], min(4, len(plan["steps"]) + 1)):
        hands = at(plan, step)
        free = [do for do, button in hands.look().buttons.items() if "disabled" not in button]
        for do in rng.sample(free, min(len(free), 3)):
            hands = at(plan, step)

            found = hands.press(do)

            words_needed = do in ("add-outcome", "add-attribute")
            assert (found.errors != (), found.structure) == (words_needed, not words_needed), do
            assert found.focus in hands.look().ids or not found.structure, do


@given(BODIES)
@relaxed
def test_every_input_has_a_label_and_every_id_stands_once(body: dict[str, Any]) -> None:
    page = at({"steps": {"x": body}}, "x").look()

    assert len(page.ids) == len(set(page.ids))
    assert page.described <= set(page.ids)
    boxes = [c for c in page.controls if c.kind not in ("hidden", "checkbox")]
    assert [c.name for c in boxes if c.attributes["id"] not in page.labelled] == []


def test_what_a_person_typed_is_escaped() -> None:
    on = {"done": '"><script>', "<script>": ""}
    task = {"kind": "task", "title": '"><script>', "</textarea>": 1, "instructions": "</textarea>", "on": on}
    hands = at({"steps": {"x": task}}, "x")

    assert "<script>" not in hands.html()
    page = hands.look()
    assert [page.named(name)[0].held for name in ("title", "instructions", "on/done")] == [
        ['"><script>'], ["</textarea>"], ['"><script>'],
    ]  # fmt: skip
