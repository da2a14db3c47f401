"""What-if on runs as the real engine made them: the page, the command, and what it costs."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from plans import drafts
from plans import operations as plan_operations
from plans import queries as plan_queries
from runs.engine.whatif.findings import Class
from runs.models import Run
from runs.trying import whatifs
from tests.factories import DONE, MAIL_STEPS, make_contact, make_plan
from tests.factories_runs import command, make_world, signed_in
from tests.functional.engine import advance, drain, enrol
from tests.integration.runs.asking import HTMX, queries_of, text
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)

MAIL: Any = MAIL_STEPS["mail"]
RIGHTS = ("plans.view_plan", "plans.edit_plan", "runs.view_run")
STEPS: dict[str, Any] = {
    "mail": MAIL | {"on": {"sent": "rest"}},
    "rest": {"kind": "wait", "seconds": 86_400, "on": {"completed": "check"}},
    "check": {
        "kind": "branch",
        "cases": [{"name": "yes", "when": {"op": "event_seen", "event": "opened", "of": "mail"}, "goto": "done"}],
        "else": {"name": "no", "goto": "again"},
    },
    "again": MAIL,
    "done": DONE,
}


def document(steps: dict[str, Any] = STEPS, key: str = "story", **changes: Any) -> str:
    return json.dumps(
        {
            "schema": "dee.plan/1",
            "key": key,
            "entry": "mail",
            "purpose": "marketing",
            "policy": "open",
            "limits": {"max_steps": 50, "max_duration_s": 2_592_000},
            "steps": steps,
        }
        | changes
    )


def make_story(*behaviours: str, draft: dict[str, Any] | None = None) -> None:
    """Let contacts who behave in these ways walk through the plan `story`; then write a draft of it."""
    make_world()
    make_plan("story", STEPS)
    for n, behaves in enumerate(behaviours):
        make_contact(f"c-{n}", email=f"c-{n}+{behaves}@example.org")
    if behaviours:
        enrol("story", *(f"c-{n}" for n in range(len(behaviours))))
        drain()
        advance(2 * 86_400)
    drafts.save_text(plan_key="story", body=document(draft or STEPS), expected_revision=0, actor="cli")


def page(**asked: Any) -> str:
    return reverse("runs:what_if", args=["story"]) + "?" + "&".join(f"{k}={v}" for k, v in (ASKED | asked).items())


ASKED = {"last": 50, "tolerance": 900, "assume": ""}


def told(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("what_if", *arguments, stdout=out, **options)
    return out.getvalue()


def test_the_draft_that_changes_nothing_is_the_same_for_every_run() -> None:
    make_story("opens", "delivered", "replies", "unsubscribes", "refused", "timeout-after", "bounces")
    failed = Run.objects.filter(status="FAILED").order_by("no")
    command(failed[0], "retry")
    command(failed[1], "resolve", label="sent")
    advance(3 * 86_400)

    found = signed_in(*RIGHTS).get(page()).context["report"]

    assert {str(each.verdict) for each in found.findings} == {"SAME"}, [str(each) for each in found.findings]
    assert len(found.findings) == 7


def test_the_page_says_what_differs_run_by_run_with_links_and_what_no_run_reached() -> None:
    other = STEPS | {"check": STEPS["check"] | {"else": {"name": "no", "goto": "done"}}, "again": None}
    make_story("opens", "delivered", draft={k: v for k, v in other.items() if v})

    answer = signed_in(*RIGHTS).get(page())

    shown, report = text(answer), answer.context["report"]
    totals = {each: n for each, n in report.totals.items() if n}
    assert totals == {Class.SAME: 1, Class.CHANGED: 1}
    changed = report.examples[Class.CHANGED].run
    assert f'<a href="/admin/runs/{changed}/">{changed}</a>' in shown
    assert "removed: email hello@1 (no. 2) at <strong>again</strong>" in shown and 'title="tick 86400"' in shown
    assert "Every step, arm and exit of this plan was reached by some past run." in shown
    assert {card.state for card in answer.context["picture"].cards} == {"done"}


def test_an_assumption_is_printed_on_the_page() -> None:
    make_story("delivered", draft=STEPS | {"mail": STEPS["mail"] | {"template": "hello@2"}})
    plan_operations.publish_template(
        actor="cli",
        text=json.dumps(
            {"schema": "dee.template/1", "key": "hello", "channel": "email", "subject": "Hi", "body": "Hi"}
        ),
    )

    shown = text(signed_in(*RIGHTS).get(page(assume="mail=sent+again=sent")))

    assert "Assumed, where no past run has an answer: <code>mail=sent</code>, <code>again=sent</code>." in shown
    assert "needs event opened of mail" in shown


def test_nothing_to_compare_with_is_an_error_and_not_a_pass() -> None:
    make_story()

    shown = text(signed_in(*RIGHTS).get(page()))

    assert "Nothing was compared." in shown and "What the past runs reached" not in shown


def test_a_draft_with_problems_is_not_compared() -> None:
    make_story("delivered", draft=STEPS | {"mail": STEPS["mail"] | {"on": {"sent": "nowhere"}}})

    answer = signed_in(*RIGHTS).get(page())

    assert "This plan cannot be tried out yet." in text(answer) and "report" not in answer.context


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"last": 201}, "less than or equal to 200"),
        ({"last": 0}, "greater than or equal to 1"),
        ({"assume": "x=y"}, "the plan has no step “x”"),
    ],
)
def test_what_is_not_right_is_said(asked: dict[str, Any], sentence: str) -> None:
    make_story("delivered")

    answer = signed_in(*RIGHTS).get(page(**asked))

    assert answer.status_code in (200, 422) and sentence in text(answer) and "report" not in answer.context


def test_it_needs_the_rights_to_edit_plans_and_to_see_runs() -> None:
    make_story()

    assert Client().get(page()).status_code == 302
    assert signed_in("plans.view_plan", "plans.edit_plan").get(page()).status_code == 403
    assert signed_in("runs.view_run", name="ann").get(page()).status_code == 403
    url = reverse("runs:what_if_version", args=["story", 1])
    assert signed_in("plans.view_plan", "runs.view_run", name="ben").get(url).status_code == 200


def test_htmx_gets_the_part() -> None:
    make_story("delivered")

    part = text(signed_in(*RIGHTS).get(page(), **HTMX))

    assert part.startswith('<div id="what-if">') and "<html" not in part


def test_it_costs_the_same_number_of_queries_for_one_run_and_for_many() -> None:
    make_story("delivered", "opens", "delivered", "opens", "replies", "refused")
    client = signed_in(*RIGHTS)
    queries_of(client, page())  # plan versions are kept in memory

    assert queries_of(client, page(last=6)) == queries_of(client, page(last=1)) <= 16


def test_a_comparison_writes_nothing() -> None:
    make_story("delivered")
    plan = plan_queries.active("story").plan

    with CaptureQueriesContext(connection) as seen:
        whatifs.compare(plan, runs_of="story", last=10)

    assert {query["sql"].split()[0] for query in seen} == {"SELECT"}


def test_a_run_whose_log_was_changed_proves_nothing(owner: Any) -> None:
    make_story("delivered")
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = replace(body, 'allow', 'ALLOW') WHERE st = 'run/1' AND type = 'gate.decided'"
        )

    found = signed_in(*RIGHTS).get(page()).context["report"].findings[0]

    assert found.verdict == Class.NOT_APPLICABLE and "does not replay" in found.note


def test_a_run_that_is_too_long_is_left_out_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    make_story("delivered")
    monkeypatch.setattr(whatifs, "MOST_ENTRIES", 3)

    found = signed_in(*RIGHTS).get(page()).context["report"].findings[0]

    assert found.verdict == Class.NOT_APPLICABLE and "more than the 3" in found.note


# --- the command ---


def test_the_command_compares_a_draft_a_version_and_a_file(tmp_path: Path) -> None:
    make_story("delivered", "opens")
    file = tmp_path / "story.json"
    file.write_text(document())

    assert "the draft, r1 against the last 2 runs of story, tolerance 900 s" in told("story")
    assert "version 1 against the last 1 runs of story" in told("story@1", "--last", "1")
    assert "story.json against the last 2 runs of story" in told(str(file))
    assert "    2  SAME" in told("story")


def test_the_command_compares_a_plan_with_the_runs_of_another(tmp_path: Path) -> None:
    make_story("delivered")
    file = tmp_path / "other.json"
    file.write_text(document(key="other"))

    assert "other.json against the last 1 runs of story" in told(str(file), "--plan", "story")
    with pytest.raises(CommandError, match="other: There is no past run to compare with"):
        told(str(file))


def test_the_command_prints_what_is_assumed_and_what_was_not_reached() -> None:
    make_story("delivered")

    said = told("story", "--assume", "again=sent")

    assert "assumed: again=sent (no run needed it)" in said
    assert "not reached: check → yes" in said


def test_the_command_speaks_to_machines() -> None:
    make_story("delivered")

    found = json.loads(told("story", "--json"))

    assert (found["plan"], found["runs"], found["totals"]["SAME"]) == ("story", 1, 1)
    assert found["findings"][0]["class"] == "SAME" and found["missed"]["arms"] == [["check", "yes"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing",), "There is no file and no plan “nothing”."),
        (("story@x",), "write a version as story@3"),
        (("story", "--last", "0"), "between 1 and 200"),
        (("story", "--assume", "mail"), "is no assumption"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], sentence: str) -> None:
    make_story("delivered")

    with pytest.raises(CommandError, match=sentence):
        told(*arguments)


def test_the_command_refuses_a_document_with_problems(tmp_path: Path) -> None:
    make_story("delivered")
    file = tmp_path / "bad.json"
    file.write_text(document(STEPS | {"mail": STEPS["mail"] | {"on": {"sent": "nowhere"}}}))

    with pytest.raises(CommandError, match=r"bad\.json: /steps/mail/on/sent"):
        told(str(file))
