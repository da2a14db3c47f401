"""A document is a plan, or everything that is wrong with it is said at once."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from plans import document, reading, steps
from tests.unit.plans.documents import (
    CONDITIONS,
    DONE,
    OPENED,
    asked,
    changed,
    follow_up,
    minimal,
    plan,
    problems,
    text,
)

SAMPLES = Path(__file__).parents[3] / "plans" / "samples"


def test_a_good_document_is_a_plan() -> None:
    found = plan(follow_up())
    assert (found.key, found.entry, found.purpose, found.policy) == ("follow-up", "mail", "marketing", "outreach")
    assert (found.title, found.description) == ("Follow-up", "Mail, wait,\ncall.")
    assert found.limits == steps.Limits(20, 2_592_000)
    assert found.attributes == {"tier": "string", "balance": "int", "vip": "bool"}
    assert found.steps["mail"] == steps.SendEmail("mail", {"sent": "pause", "blocked": "blocked"}, "welcome@1")
    assert found.steps["reply"] == steps.WaitForEvent(
        "reply", {"event": "done", "timeout": "call"}, "replied", "mail", 86400
    )
    assert found.steps["opened"] == steps.Branch(
        "opened", {"yes": "done", "no": "reply"}, (steps.Case("yes", OPENED, "done"),), steps.Otherwise("no", "reply")
    )
    assert found.steps["done"] == steps.End("done", {}, "finished", True)
    assert found.steps["pause"].kind == "wait"
    assert found.exit_on == (steps.Exit({"op": "event_seen", "event": "replied"}, "done"),)


def test_a_plan_published_long_ago_keeps_its_hash() -> None:
    assert plan(follow_up()).hash == "8d4e2b1a830d1212ec41e90bb09b8903f036377735b34cc47f3570d0ede4f7a0"


def test_blocked_may_stay_unmapped() -> None:
    assert "blocked" not in plan(changed("steps/call/on/blocked", None)).steps["call"].on


def test_meta_attributes_and_exits_are_optional() -> None:
    found = plan(minimal({"done": DONE}))
    assert (found.title, found.attributes, found.exit_on) == ("", {}, ())


def test_the_hash_is_over_the_canonical_text_without_meta() -> None:
    whole = follow_up()
    found = plan(whole)
    del whole["meta"]
    assert found.text == json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert found.hash == hashlib.sha256(b"dee.plan/1\n" + found.text.encode()).hexdigest()
    assert plan(whole).hash == found.hash == plan(changed("meta/title", "Something else")).hash
    assert plan(changed("steps/pause/seconds", 259201)).hash != found.hash


@pytest.mark.parametrize("whole", [follow_up(), changed("meta", None), changed("meta", {})])
def test_export_gives_the_canonical_document_back(whole: dict[str, Any]) -> None:
    laid_out = json.dumps(whole, indent=3)
    exported = document.export(*document.split_meta(laid_out))
    assert exported == document.canonical(whole)
    assert document.export(*document.split_meta(exported)) == exported


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_samples_are_plans(path: Path) -> None:
    documents = json.loads(path.read_text())
    assert [plan(each).key for each in documents if each["schema"] == "dee.plan/1"] == [path.stem]


@given(CONDITIONS)
@settings(max_examples=30)
def test_any_plan_survives_the_round_trip(condition: dict[str, Any]) -> None:
    whole = minimal({"mail": {"kind": "send_email", "template": "a@1", "on": {"sent": "call"}},
                     "call": {"kind": "call", "template": "b@1", "on": dict.fromkeys(steps.LABELS["call"], "ask")},
                     "ask": {"kind": "branch", "cases": [{"name": "yes", "when": condition, "goto": "done"}],
                             "else": {"name": "no", "goto": "done"}},
                     "done": DONE}, attributes={"tier": "string", "balance": "int"})  # fmt: skip
    found = document.inspect(json.dumps(whole, indent=1))
    # Only what is constant can be wrong with it.
    assert all(re.search("always holds|can never hold", problem.message) for problem in found.problems)
    body, meta = document.split_meta(json.dumps(whole))
    assert (body, meta) == (document.canonical(whole), "")
    assert found.plan is not None
    assert found.plan.hash == document.content_hash(body)


# --- V18, V20: what is no document --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "pointer", "said"),
    [
        ("", "", "line 1 column 1"),
        ('{\n  "schema": "dee.plan/1",\n  "key" "x"\n}', "", "line 3 column 9: Expecting ':' delimiter"),
        ('{"key": "a", "key": "b"}', "", 'the key "key" stands twice in one object'),
        ('{"limits": {"max_steps": 1.0}}', "", "1.0 is not an integer"),
        ('{"limits": NaN}', "", "NaN is not a JSON value"),
        ('{"limits": -Infinity}', "", "-Infinity is not a JSON value"),
        ('{"limits": 1e400}', "", "1e400 is not an integer"),
        ('{"limits": 9007199254740993}', "/limits", "is outside"),
        ('{"steps": {"A step": {}}}', "/steps", "the key 'A step' does not match"),
        ('{"key": "\\ud800"}', "/key", "a lone surrogate"),
        ("[" * 40 + "]" * 40, "/0", "nested deeper than 32 levels"),
        ("[" * 100_000, "", "nested deeper than 32 levels"),
        (" " * 10_000_000, "", "longer than 262144 bytes"),
        ("[]", "", "A plan is a JSON object."),
        ("null", "", "A plan is a JSON object."),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_text_that_is_no_document_is_refused(broken: str, pointer: str, said: str) -> None:
    found = document.inspect(broken)
    assert found.plan is None
    assert len(found.problems) == 1
    assert said in found.problems[0].message
    assert found.problems[0].pointer.startswith(pointer)
    with pytest.raises(document.Invalid):
        document.parse(broken)


# --- V1 to V8, V12, V15 to V17, V19: one thing wrong, one problem -------------------------------------------------

ONE_FAULT = [
    ("schema", "dee.plan/2", "/schema", "", 'its "schema" must be "dee.plan/1"'),
    ("schema", None, "", "", 'The key "schema" is missing'),
    ("key", "Follow up", "/key", "", '"Follow up" is not allowed here; use lower-case'),
    ("key", "x" * 41, "/key", "", "at most 40"),
    ("key", "new", "/key", "", "is reserved"),
    ("entry", "mial", "/entry", "", 'did you mean "mail"?'),
    ("purpose", "Marketing!", "/purpose", "", "is not allowed here"),
    ("policy", 7, "/policy", "", "7 is not allowed here"),
    ("limit", {}, "/limit", "", 'Remove the unknown key "limit"; did you mean "limits"?'),
    ("meta/titel", "x", "/meta/titel", "", 'did you mean "title"?'),
    ("meta/title", 7, "/meta/title", "", "This must be a text."),
    ("meta/title", "x" * 201, "/meta/title", "", "201 characters; 200 are allowed"),
    ("meta/title", "a\nb", "/meta/title", "", "control character U+000A"),
    ("meta/title", "e\u0301", "/meta/title", "", "Unicode form NFC"),
    ("limits/max_steps", 0, "/limits/max_steps", "", "a whole number from 1 to 10000"),
    ("limits/max_duration_s", True, "/limits/max_duration_s", "", "true is not allowed here"),
    ("limits/max_steps", None, "/limits", "", 'The key "max_steps" is missing'),
    ("attributes/tier", "float", "/attributes/tier", "", "one of string, int, bool"),
    ("attributes", [], "/attributes", "", "This must be an object"),
    ("exit_on", {}, "/exit_on", "", "This must be a list."),
    ("exit_on/0/goto", "nowhere", "/exit_on/0/goto", "", "leads nowhere"),
    ("exit_on/0/when", {"op": "never"}, "/exit_on/0/when/op", "", "is not an operator"),
    ("steps/mail/kind", "sms", "/steps/mail/kind", "mail", '"sms" is not a kind of step; use one of send_email'),
    ("steps/mail/kind", None, "/steps/mail/kind", "mail", "This step has no kind"),
    ("steps/mail/template", "welcome", "/steps/mail/template", "mail", "write its key and number: welcome@1"),
    ("steps/mail/template", None, "/steps/mail", "mail", 'The key "template" is missing'),
    ("steps/mail/retries", 3, "/steps/mail/retries", "mail", 'Remove the unknown key "retries"'),
    ("steps/mail/on/sent", "puase", "/steps/mail/on/sent", "mail", 'did you mean "pause"?'),
    ("steps/mail/on/opened", "pause", "/steps/mail/on/opened", "mail", "has only sent, blocked"),
    ("steps/call/on/busy", None, "/steps/call/on", "call", 'The outcome "busy" leads nowhere'),
    ("steps/call/on", [], "/steps/call/on", "call", "maps each outcome: answered"),
    ("steps/pause/seconds", -1, "/steps/pause/seconds", "pause", "a whole number from 0"),
    ("steps/pause/seconds", 10**10, "/steps/pause/seconds", "pause", "a whole number from 0 to 158112000"),
    ("steps/reply/timeout_s", None, "/steps/reply", "reply", 'The key "timeout_s" is missing'),
    ("steps/reply/timeout_s", 0, "/steps/reply/timeout_s", "reply", "a whole number from 1"),
    ("steps/reply/event", "read", "/steps/reply/event", "reply", '"read" is not an event'),
    ("steps/reply/event", 3, "/steps/reply/event", "reply", '"event" is a name'),
    ("steps/reply/of", "nowhere", "/steps/reply/of", "reply", 'no step named "nowhere"'),
    ("steps/opened/cases", [], "/steps/opened/cases", "opened", "at least one case"),
    ("steps/opened/else", None, "/steps/opened", "opened", 'The key "else" is missing'),
    ("steps/opened/else/name", "yes", "/steps/opened/else/name", "opened", 'Two arms of this branch are named "yes"'),
    ("steps/opened/cases/0/goto", "nowhere", "/steps/opened/cases/0/goto", "opened", "leads nowhere"),
    ("steps/opened/cases/0/when", {"op": "no"}, "/steps/opened/cases/0/when/op", "opened", "is not an operator"),
    ("steps/done/result", "All done", "/steps/done/result", "done", "is not allowed here"),
    ("steps/done/goal", "yes", "/steps/done/goal", "done", '"goal" is true or false'),
]


@pytest.mark.parametrize(("path", "value", "pointer", "step", "said"), ONE_FAULT, ids=lambda value: str(value)[:30])
def test_a_fault_is_named_with_its_place_and_what_to_do(
    path: str, value: Any, pointer: str, step: str, said: str
) -> None:
    found = [problem for problem in problems(changed(path, value)) if said in problem[2]]
    assert [(where, name) for where, name, _ in found] == [(pointer, step)]


@pytest.mark.parametrize("name", ["a_b", "x" * 41, "7_days"])
def test_the_name_of_a_step_has_a_rule(name: str) -> None:
    whole = follow_up()
    whole["steps"][name] = whole["steps"].pop("pause")
    whole["steps"]["mail"]["on"]["sent"] = name
    ((where, step, said),) = problems(whole)
    assert (where, step) == (f"/steps/{name}", name)
    assert said.endswith("use lower-case letters, digits and hyphens, at most 40, such as wait-3-days.")


@pytest.mark.parametrize(
    ("path", "value", "pointer", "said"),
    [
        ("limits", None, "/limits", "This must be an object with the keys max_steps, max_duration_s."),
        ("steps/remind/require", None, "/steps/remind/require", "null is no condition; leave the key out"),
        ("steps/check/instructions", None, "/steps/check/instructions", "This must be a text."),
    ],
)
def test_null_stands_for_nothing(path: str, value: Any, pointer: str, said: str) -> None:
    whole = changed(path, "", asked())
    *parents, last = path.split("/")
    place = whole
    for part in parents:
        place = place[part]
    place[last] = value
    assert [(where, said in message) for where, _, message in problems(whole)] == [(pointer, True)]


def test_all_faults_are_named_at_once() -> None:
    whole = follow_up()
    whole["purpose"] = ""
    whole["steps"]["call"]["on"]["busy"] = "nowhere"
    whole["steps"]["pause"]["seconds"] = "3 days"
    whole["steps"]["opened"]["cases"][0]["when"]["of"] = "call"
    whole["steps"]["lonely"] = DONE
    assert [where for where, _, _ in problems(whole)] == [
        "/purpose",
        "/steps/call/on/busy",
        "/steps/pause/seconds",
        "/steps/opened/cases/0/when/of",
        "/steps/lonely",
    ]


def test_a_broken_plan_can_still_be_drawn() -> None:
    found = document.inspect(text(changed("steps/mail/on/sent", "nowhere")))
    assert found.plan is not None
    assert found.plan.steps["mail"].on == {"blocked": "blocked"}


def test_only_the_first_of_thousands_of_faults_get_a_guess_which_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[str] = []

    def guess(word: str, *_: Any, **__: Any) -> list[str]:
        asked_for.append(word)
        return []

    monkeypatch.setattr(reading, "get_close_matches", guess)
    arms = [{"goto": "nowhere", "name": f"arm-{index}", "weight": 1} for index in range(20)]
    assert len(problems(minimal({f"step-{index}": {"kind": "split", "arms": arms} for index in range(200)}))) > 200
    assert 0 < len(asked_for) <= reading.MAX_HINTS


def test_thousands_of_faults_are_cut_short() -> None:
    whole = minimal({f"s{index}": {"kind": "wait"} for index in range(400)})
    found = problems(whole)
    assert len(found) == document.MAX_PROBLEMS + 1
    assert "more problems; mend these first" in found[-1][2]


@pytest.mark.parametrize(
    ("where", "most", "what"),
    [
        ("/steps", 500, "names"), ("/attributes", 100, "names"), ("/exit_on", 20, "entries"),
        ("/steps/opened/cases", 20, "entries"), ("/steps/ask/arms", 20, "entries"),
    ],
)  # fmt: skip
def test_a_document_has_as_many_of_each_as_it_may_have(where: str, most: int, what: str) -> None:
    def too_many(count: int) -> list[str]:
        whole = asked() if "ask" in where else follow_up()
        if where == "/steps":
            whole = minimal({f"s{index}": DONE for index in range(count)})
        elif where == "/attributes":
            whole["attributes"] = {f"a{index}": "int" for index in range(count)}
        elif where == "/exit_on":
            whole["exit_on"] = [
                {"when": {"op": "ge", "ref": "run.tick", "value": 99 - n}, "goto": "done"} for n in range(count)
            ]
        elif where.endswith("cases"):
            whole["steps"]["opened"]["cases"] = [
                {"name": f"c{index}", "when": OPENED, "goto": "done"} for index in range(count)
            ]
        else:
            arms = [{"name": f"a{n}", "weight": 1, "goto": "call" if n else "mail"} for n in range(count)]
            whole["steps"]["ask"]["arms"] = arms
        return [said for at, _, said in problems(whole) if at == where]

    assert too_many(most) == []
    assert too_many(most + 1) == [f"There are {most + 1} {what} here; {most} are allowed."]


@pytest.mark.parametrize(("key", "wrong"), [("trial-2", False), ("templates", True), ("-trial", True), ("", True)])
def test_a_plans_key_is_a_name_that_no_page_has(key: str, wrong: bool) -> None:
    assert bool(document.key_problems(key)) is wrong
