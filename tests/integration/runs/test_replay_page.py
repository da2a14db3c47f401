"""The page that replays a run, and the download of its bundle."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from audit import chain
from audit.models import Opening
from runs import bundle_file, queries, replay_views
from runs.bundle_chain import Exit
from runs.bundle_check import examine
from runs.bundle_file import OPENINGS
from runs.models import Run
from tests.factories_runs import SEE_RUNS, command, failed_run, make_world, signed_in, start_run
from tests.integration.runs.asking import queries_of, text
from tests.tampering import guards_down
from tests.unit.runs.bundles import Body, relinked

pytestmark = pytest.mark.django_db(transaction=True)

EXPORT = (*SEE_RUNS, "audit.verify_log")
READ = (*EXPORT, "policies.view_address")


def page(run: Run) -> str:
    return reverse("runs:replay", args=[run.no])


def download(run: Run) -> str:
    return reverse("runs:bundle", args=[run.no])


def rewrite(owner: Any, run: Run, change: Callable[[list[Body]], object]) -> None:
    """Write a run anew in the database, as the owner of its tables could: texts, links, hashes, stamps and head."""
    rows = owner.execute("SELECT body, stamp FROM audit_entry WHERE st = %s ORDER BY n", [run.stream]).fetchall()
    bodies = [json.loads(body) for body, _ in rows]
    change(bodies)
    with guards_down(owner):
        for text_, (_, stamp) in zip(relinked(bodies), rows, strict=True):
            body, hash = json.loads(text_), chain.entry_hash(text_)
            fresh = json.dumps(json.loads(stamp) | {"h": hash.hex()}, separators=(",", ":"), sort_keys=True)
            owner.execute(
                "UPDATE audit_entry SET body = %s, hash = %s, prev = %s, stamp = %s WHERE st = %s AND n = %s",
                [text_, hash, bytes.fromhex(body["prev"]), fresh, run.stream, body["n"]],
            )
        owner.execute("ALTER TABLE runs_run DISABLE TRIGGER runs_run_moves")
        owner.execute("UPDATE runs_run SET head = %s WHERE no = %s", [hash, run.no])
        owner.execute("ALTER TABLE runs_run ENABLE ALWAYS TRIGGER runs_run_moves")


def revoke_consent(bodies: list[Body]) -> None:
    bodies[1]["data"]["facts"]["consent"]["status"] = "revoked"


def test_an_untouched_run_is_identical() -> None:
    make_world()
    run = failed_run()

    said = text(signed_in(*SEE_RUNS).get(page(run)))

    assert "IDENTICAL." in said
    assert f"{run.n} of {run.n} as recorded" in said
    assert run.plan_version.hash in said and run.head.hex() in said
    assert "nobody outside the server has signed it" in said


def test_a_run_that_was_written_anew_shows_the_first_difference_side_by_side(owner: Any) -> None:
    make_world()
    run = failed_run()
    rewrite(owner, run, revoke_consent)

    said = text(signed_in(*SEE_RUNS, "audit.view_entry").get(page(run)))

    assert "IDENTICAL" not in said
    assert "DIVERGED at entry 2, tick 0, step mail." in said
    assert "<code>FACTS_DIFFER</code>" in said and "Look at the facts about consent." in said
    row = '<th scope="row" class="mono">/data/verdict</th>'
    recorded = '<td class="mono break" data-label="recorded">&quot;allow&quot;</td>'
    replayed = '<td class="mono break" data-label="replayed">&quot;deny&quot;</td>'
    assert row + recorded + replayed in said
    assert "<li>[tick 0] run:1 → action:start" in said and 'start="1"' in said
    assert "entry 2: gate.decided" in said
    assert reverse("audit:entry", args=[run.stream, 2]) in said


def test_a_changed_entry_is_named_before_anything_is_replayed(owner: Any) -> None:
    make_world()
    run = failed_run()
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = replace(body, 'allow', 'aLLow') WHERE st = %s AND n = 2", [run.stream]
        )

    said = text(signed_in(*SEE_RUNS).get(page(run)))

    assert "Entry 2: its text does not hash" in said and "LOG_TAMPERED" in said
    assert "as recorded" not in said


def test_a_plan_that_was_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make_world()
    run = queries.run_or_404(failed_run().no)
    run.plan_version.body = run.plan_version.body.replace('"max_steps":50', '"max_steps":51')
    monkeypatch.setattr(queries, "run_or_404", lambda no: run)

    said = text(signed_in(*SEE_RUNS).get(page(run)))

    assert "PLAN_CHANGED" in said and "plan.json does not hash to the plan that the first entry names." in said


def test_what_cannot_be_read_is_a_sentence(owner: Any) -> None:
    make_world()
    run = failed_run()
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = 'nonsense' WHERE st = %s AND n = 3", [run.stream])
    client = signed_in(*READ)

    said, answer = text(client.get(page(run))), client.get(download(run))

    assert "Not replayed." in said and "verify_log --run run-1" in said
    assert answer.status_code == 409 and "verify_log --run run-1" in text(answer)


def test_a_very_long_run_is_work_for_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    make_world()
    run = failed_run()
    monkeypatch.setattr(replay_views, "SERVER_LIMIT", run.n - 1)

    assert "export it and run dee-replay" in text(signed_in(*SEE_RUNS).get(page(run)))


def test_it_costs_the_same_number_of_queries_however_long_the_run_is() -> None:
    make_world()
    run, client = failed_run(), signed_in(*SEE_RUNS)
    before = queries_of(client, page(run))

    for _ in range(3):
        command(Run.objects.get(pk=run.pk), "retry")

    assert before <= 10
    assert queries_of(client, page(run)) == before + 1  # the reasons that were typed, all of them in one


# Rights


@pytest.mark.parametrize(
    ("rights", "page_code", "bundle_code"),
    [((), 403, 403), (SEE_RUNS, 200, 403), (("audit.verify_log",), 403, 403), (EXPORT, 200, 200), (READ, 200, 200)],
)
def test_who_may_see_the_page_and_who_may_take_the_bundle(
    rights: tuple[str, ...], page_code: int, bundle_code: int
) -> None:
    make_world()
    run = start_run()
    client = signed_in(*rights)

    assert client.get(page(run)).status_code == page_code
    assert client.get(download(run)).status_code == bundle_code
    assert client.post(page(run)).status_code in (403, 405)
    assert client.post(download(run)).status_code in (403, 405)


def test_a_run_that_does_not_exist_is_not_found() -> None:
    client = signed_in(*READ)

    assert client.get("/admin/runs/run-7/replay/").status_code == 404
    assert client.get("/admin/runs/run-7/bundle.zip").status_code == 404


@pytest.mark.parametrize(
    ("rights", "query", "name", "exit"),
    [
        (READ, "", "run-1.zip", Exit.IDENTICAL),
        (READ, "?redacted", "run-1-redacted.zip", Exit.REDACTED),
        (EXPORT, "", "run-1-redacted.zip", Exit.REDACTED),
    ],
)
def test_openings_are_only_for_those_who_may_read_messages(
    rights: tuple[str, ...], query: str, name: str, exit: Exit
) -> None:
    make_world()
    run = failed_run()
    command(run, "retry", note="Zebulon rang.")
    assert Opening.objects.filter(value="Zebulon rang.").exists()

    answer = signed_in(*rights).get(download(run) + query)

    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in answer["Cache-Control"]
    members = bundle_file.unpack(answer.content)
    assert examine(members).exit == exit
    assert (OPENINGS in members) == (exit == Exit.IDENTICAL)
    assert (b"Zebulon" in b"".join(members.values())) == (exit == Exit.IDENTICAL)


def test_the_page_offers_what_one_may_take() -> None:
    make_world()
    run = failed_run()

    sees, exports, reads = (
        text(signed_in(*rights, name=f"user-{n}").get(page(run))) for n, rights in enumerate((SEE_RUNS, EXPORT, READ))
    )

    assert download(run) not in sees and "export evidence" in sees
    assert f'"{download(run)}?redacted"' in exports and f'"{download(run)}"' not in exports
    assert f'"{download(run)}"' in reads


def test_the_run_page_leads_here() -> None:
    make_world()
    run = failed_run()

    assert f'href="{page(run)}"' in text(signed_in(*SEE_RUNS).get(reverse("runs:run", args=[run.no])))
