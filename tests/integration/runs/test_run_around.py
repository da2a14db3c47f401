"""What lies around a run: the failed ones beside it, when its contact is next due, and their other runs."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from runs import clock, operations
from runs.models import Run
from runs.triaging import triage
from tests.factories import make_contact
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in, start_run
from tests.functional.engine import drain
from tests.integration.runs.asking import lost_run, text
from tests.integration.runs.story import look, opened_or_not

pytestmark = pytest.mark.django_db(transaction=True)


def test_failed_runs_of_the_same_cause_come_before_nearer_ones() -> None:
    make_world()
    first, _, third, _, fifth = (
        failed_run("c-1"),
        lost_run("c-2"),
        failed_run("c-3"),
        lost_run("c-4"),
        failed_run("c-5"),
    )
    client = signed_in(*SEE_RUNS)

    page = look(client, third)

    assert (page.context["before"], page.context["after"]) == (first.no, fifth.no)
    assert "failed with the same cause" in text(page)
    edge = look(client, fifth).context["around"]
    assert (edge.before, edge.before_alike, edge.after) == (third.no, True, None)


def test_where_the_cause_is_no_other_the_nearest_failed_run_is_next() -> None:
    make_world()
    before, lost, after = failed_run("c-1"), lost_run("c-2"), failed_run("c-3")

    page = look(signed_in(*SEE_RUNS), lost)

    assert (page.context["before"], page.context["after"]) == (before.no, after.no)
    assert "with the same cause" not in text(page)
    assert text(page).count("(another cause)") == 2


def test_a_run_that_was_dealt_with_still_leads_to_the_next_of_its_cause() -> None:
    make_world()
    first, _, third = failed_run("c-1"), lost_run("c-2"), failed_run("c-3")
    command(first, "cancel")

    assert look(signed_in(*SEE_RUNS), Run.objects.get(no=first.no)).context["after"] == third.no


def test_who_came_from_the_inbox_stays_within_its_filter_and_finds_back() -> None:
    make_world()
    failed_run("c-1"), lost_run("c-2")
    here, lost = failed_run("c-3"), lost_run("c-4")
    inbox = urlencode({"reason": "unknown_outcome", "sort": "newest"})

    page = look(signed_in(*SEE_RUNS), here, f"?{urlencode({'inbox': inbox})}")

    assert (page.context["before"], page.context["after"]) == (2, lost.no)
    assert f'href="{reverse("runs:failures")}?reason=unknown_outcome&amp;sort=newest"' in text(page)
    assert f'href="{reverse("runs:run", args=[lost.no])}?inbox=reason%3Dunknown_outcome%26sort%3Dnewest"' in text(page)
    assert "failed in your view of the inbox" in text(page)


def test_what_is_snoozed_is_not_walked_to_first() -> None:
    make_world()
    first, snoozed, third = failed_run("c-1"), failed_run("c-2"), failed_run("c-3")
    triage.snooze(actor="cli", seen={snoozed.no: (snoozed.n, 0)}, until=clock.state().wall + 3600)

    assert look(signed_in(*SEE_RUNS), first).context["after"] == third.no


def test_the_inbox_leads_here_with_its_filter() -> None:
    make_world()
    run = failed_run()

    page = text(signed_in(*SEE_RUNS).get(f"{reverse('runs:failures')}?step=mail"))

    assert f'href="{reverse("runs:run", args=[run.no])}?inbox=step%3Dmail"' in page


def test_who_looks_after_a_run_and_what_they_noted_stands_beside_it() -> None:
    make_world()
    run, client = failed_run(), signed_in(*COMMAND)
    maria = f"user:{client.session['_auth_user_id']}"
    triage.assign(actor=maria, seen={run.no: (run.n, 0)}, to=maria)
    triage.note(actor=maria, seen={run.no: (run.n, 1)}, text="asked the provider")

    page = text(look(client, run))

    assert "Looked after by <strong>maria</strong>." in page
    assert "asked the provider" in page


def test_who_came_from_the_whole_inbox_walks_all_of_it() -> None:
    make_world()
    failed_run("c-1"), lost_run("c-2")
    here = failed_run("c-3")

    page = look(signed_in(*SEE_RUNS), here, "?inbox=")

    assert page.context["before"] == 2
    assert f'href="{reverse("runs:run", args=[2])}?inbox="' in text(page)


def test_nothing_is_said_of_failed_runs_where_there_are_none() -> None:
    make_world()

    assert 'aria-label="Failed runs"' not in text(look(signed_in(*SEE_RUNS), start_run()))


def test_when_the_contact_is_next_due_is_said_in_their_own_time() -> None:
    make_world()
    run = opened_or_not()
    operations.enrol(plan_key="simple", contact_refs=["c-1"], actor="cli")
    drain()

    page = look(signed_in(*SEE_RUNS), run)

    (planned,) = page.context["planned"]
    assert planned.run.no == run.no and "in America/New_York on" in planned.there
    assert "then the wait at day ends, at the latest" in text(page)
    assert [other.no for other in page.context["siblings"]] == [2]


def test_a_contact_whose_zone_nobody_knows_is_said_to_have_none() -> None:
    make_world()
    make_contact("c-9", zone="", phone="")
    operations.enrol(plan_key="simple", contact_refs=["c-9"], actor="cli")
    drain()

    page = text(look(signed_in(*SEE_RUNS), Run.objects.get(contact__ref="c-9")))

    assert "no time zone known" in page and "Nothing is planned" in page


def test_a_zone_that_only_the_number_tells_is_said_to_be_so() -> None:
    make_world()
    make_contact("c-9", zone="", phone="+12125550191")
    operations.enrol(plan_key="simple", contact_refs=["c-9"], actor="cli")
    drain()

    assert ", by the phone number" in text(look(signed_in(*SEE_RUNS), Run.objects.get(contact__ref="c-9")))
