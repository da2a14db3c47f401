"""The first five minutes: a card on the demo's overview whose steps tick themselves off by what really happened."""

from typing import Any

import psycopg
import pytest
from django.test import Client
from django.urls import reverse

from audit import desk as audit_desk
from channels import registry
from plans.models import Activation, Plan, PlanDraft, PlanVersion
from tests.factories_runs import SEE_RUNS, command, failed_run, make_world, signed_in, superuser
from tests.functional.engine import advance
from tests.integration.runs.asking import queries_of, text
from tests.integration.runs.busy import unguarded

pytestmark = pytest.mark.django_db(transaction=True)

CARD = "Five minutes with DEE"


def steps(client: Client) -> list[Any]:
    return list(client.get(reverse("admin:index")).context["tour"])


def done(client: Client) -> list[str]:
    return [step.told.title for step in steps(client) if step.done]


def test_it_shows_where_there_is_something_to_try() -> None:
    client = superuser()
    assert CARD not in text(client.get(reverse("admin:index")))

    make_world()

    page = text(client.get(reverse("admin:index")))
    assert CARD in page and page.count("<li") > 7
    assert done(client) == []


def test_it_does_not_show_where_messages_go_to_people(monkeypatch: pytest.MonkeyPatch) -> None:
    make_world()
    monkeypatch.setattr(registry, "all_sandbox", lambda: False)

    assert steps(superuser()) == []


def test_every_step_leads_to_a_page() -> None:
    make_world()
    failed_run()
    client = superuser()

    found = steps(client)

    assert len(found) == 7
    assert [client.get(step.url).status_code for step in found] == [200] * 7
    assert found[1].url == reverse("runs:run", args=[1])


def test_without_a_run_the_step_leads_to_the_list() -> None:
    make_world()

    assert steps(superuser())[1].url == reverse("runs:list")


def test_steps_tick_themselves_off() -> None:
    make_world()
    run = failed_run()
    client = superuser()
    assert done(client) == []

    advance(60)
    assert done(client) == ["Advance the clock by a day"]
    command(run, "retry")
    assert done(client)[1:] == ["Retry one, or resolve it"]
    audit_desk.verify_and_note("", by="user:1")
    assert done(client)[2:] == ["Verify the log"]
    edited = {"edited_by": ["user:1"], "updated_at": 0, "updated_by": "user:1"}
    PlanDraft.objects.create(plan=Plan.objects.get(), body="{}", revision=1, **edited)
    assert done(client)[3:] == ["Design a plan"]


def test_an_activation_by_a_person_ticks_the_last_two(owner: psycopg.Connection) -> None:
    make_world()
    with unguarded(owner, "plans_activation"):
        Activation.objects.create(version=PlanVersion.objects.get(), at=0, by="user:2", barred=[])

    assert done(superuser()) == ["Design a plan", "Review it as a second person"]


def test_what_somebody_may_not_do_names_who_in_the_demo_may() -> None:
    make_world()
    client = signed_in(*SEE_RUNS)

    assert [step.allowed for step in steps(client)] == [False, True, True, False, False, False, False]
    assert "Log in as ann, the approver, for this." in text(client.get(reverse("admin:index")))


def test_it_is_hidden_in_this_browser_and_comes_back_from_the_help() -> None:
    make_world()
    client = superuser()
    assert "is hidden in this browser" not in text(client.get(reverse("help")))

    hidden = client.post(reverse("tour"), {"tour": "hide"})

    assert hidden["Location"] == reverse("admin:index")
    assert CARD not in text(client.get(reverse("admin:index")))
    assert CARD in text(superuser("other").get(reverse("admin:index")))
    assert "is hidden in this browser" in text(client.get(reverse("help")))
    client.post(reverse("tour"), {"tour": "show"})
    assert CARD in text(client.get(reverse("admin:index")))


def test_hiding_it_takes_a_form() -> None:
    assert superuser().get(reverse("tour")).status_code == 405


def test_it_costs_one_query() -> None:
    make_world()
    failed_run()
    client = superuser()
    queries_of(client, reverse("admin:index"))
    shown = queries_of(client, reverse("admin:index"))

    client.post(reverse("tour"), {"tour": "hide"})

    assert queries_of(client, reverse("admin:index")) == shown - 1
