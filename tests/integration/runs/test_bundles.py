"""A run leaves this server as evidence: the same bytes each time, and as it is stored even when that is broken."""

import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.models import Opening
from channels.models import OutboxMessage
from runs import bundle_file, bundles
from runs.bundle_chain import Exit
from runs.bundle_check import examine
from runs.bundle_file import ERASED, MANIFEST, OPENINGS, POLICIES
from runs.core_digest import core_digest
from runs.engine.divergence import Cause
from runs.models import Run
from runs.replay_cli import main
from tests.factories_runs import command, failed_run, make_world, start_run
from tests.tampering import guards_down
from tests.unit.runs.bundles import read

pytestmark = pytest.mark.django_db(transaction=True)


def retried() -> Run:
    """A run that failed and was retried for a reason."""
    make_world()
    run = failed_run()
    command(run, "retry", note="The server of Zebulon Quince is back.")
    return Run.objects.get(pk=run.pk)


def exported(run: Run, *, redacted: bool = False) -> dict[str, bytes]:
    return bundle_file.unpack(bundles.export(run, redacted=redacted))


def test_a_run_of_the_engine_replays_from_its_bundle() -> None:
    run = retried()

    verdict = examine(exported(run), core=core_digest())

    assert verdict.exit == Exit.IDENTICAL, verdict.message
    assert verdict.claims is not None
    assert (verdict.claims.run, verdict.claims.entries, verdict.claims.head) == (run.stream, run.n, run.head.hex())
    assert verdict.opened == 3  # two messages and the reason of the retry
    assert verdict.run is not None and verdict.run.report.state is not None
    assert (verdict.run.report.state.status, verdict.run.report.state.reason) == (run.status, run.reason)


def test_exporting_twice_gives_the_same_bytes() -> None:
    run = retried()

    assert bundles.export(run, redacted=False) == bundles.export(run, redacted=False)
    assert bundles.export(run, redacted=True) == bundles.export(run, redacted=True)


def test_it_holds_every_value_and_redacted_it_holds_none() -> None:
    run = retried()

    whole, redacted = exported(run), exported(run, redacted=True)

    assert "Zebulon Quince" in whole[OPENINGS].decode() and "c-1+refused@example.org" in whole[OPENINGS].decode()
    assert OPENINGS not in redacted
    together = b"".join(redacted.values()).decode().lower()
    assert "zebulon" not in together and "example.org" not in together
    assert {each["why"] for each in read(redacted, ERASED)} == {"redacted"}
    verdict = examine(redacted)
    assert (verdict.exit, verdict.opened, verdict.missing) == (Exit.REDACTED, 0, 3)


def test_a_value_that_is_gone_is_named() -> None:
    run = retried()
    Opening.objects.all().delete()

    members = exported(run)

    assert [each["kind"] for each in read(members, OPENINGS)] == ["message", "message"]
    assert [each["why"] for each in read(members, ERASED)] == ["erased"]
    assert examine(members).exit == Exit.REDACTED


def test_a_value_that_was_changed_in_the_vault_does_not_open_its_commitment() -> None:
    run = retried()
    OutboxMessage.objects.update(body="Something else.")

    verdict = examine(exported(run))

    assert (verdict.exit, verdict.cause) == (Exit.TAMPERED, Cause.BUNDLE_CHANGED)
    assert "not the one the log committed to" in verdict.message


def test_it_holds_the_policies_the_run_was_decided_under_and_no_other() -> None:
    run = retried()
    make_world(prices={"email": 1, "voice": 1})
    command(run, "retry")

    members = exported(Run.objects.get(pk=run.pk))

    assert sorted(policy["prices"]["email"] for policy in read(members, POLICIES)) == [1, 1000]
    assert examine(members).exit == Exit.IDENTICAL


def test_no_file_says_when_or_where_it_was_exported() -> None:
    run = retried()

    whole = exported(run)
    rest = b"".join(data for name, data in whole.items() if name not in ("entries.ndjson", "stamps.ndjson"))

    assert b"/work" not in rest and str(Path.cwd()).encode() not in rest
    assert json.loads(whole[MANIFEST]).keys() == {
        "format", "run", "alg", "sem", "plan", "entries", "inputs", "head", "core", "redacted", "files", "proves",
        "does_not_prove", "left_out", "digest",
    }  # fmt: skip


def test_a_log_that_was_changed_is_exported_as_it_is_and_found_out(owner: Any) -> None:
    run = retried()
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = replace(body, 'allow', 'aLLow') WHERE st = %s AND n = 2", [run.stream]
        )

    verdict = examine(exported(run))

    assert (verdict.exit, verdict.cause, verdict.entry) == (Exit.TAMPERED, Cause.LOG_TAMPERED, 2)


def test_a_tail_that_is_gone_is_found_out(owner: Any) -> None:
    run = retried()
    with guards_down(owner):
        owner.execute("DELETE FROM audit_entry WHERE st = %s AND n = %s", [run.stream, run.n])

    verdict = examine(exported(run))

    assert (verdict.exit, verdict.cause) == (Exit.TAMPERED, Cause.RUN_REPLACED_OR_TRUNCATED)


@pytest.mark.parametrize("body", ["nonsense", "{}", '{"a":\n1}'])
def test_an_entry_that_cannot_be_read_is_refused_with_what_to_do(body: str, owner: Any) -> None:
    run = retried()
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = %s WHERE st = %s AND n = 2", [body, run.stream])

    with pytest.raises(bundles.Refused, match="verify_log --run run-1"):
        bundles.export(run, redacted=False)


def test_a_run_without_entries_is_refused(owner: Any) -> None:
    run = retried()
    with guards_down(owner):
        owner.execute("DELETE FROM audit_entry WHERE st = %s", [run.stream])

    with pytest.raises(bundles.Refused, match="run-1 cannot be exported"):
        bundles.export(run, redacted=False)


# The command


@pytest.mark.parametrize("ref", ["run-1", "run/1", "1"])
def test_export_run_writes_a_file_that_dee_replay_takes(ref: str, tmp_path: Path) -> None:
    make_world()
    start_run()
    out, path = StringIO(), tmp_path / "run.zip"

    call_command("export_run", ref, "-o", str(path), stdout=out)

    assert hashlib.sha256(path.read_bytes()).hexdigest() in out.getvalue()
    assert "It holds personal values." in out.getvalue()
    assert main([str(path)]) == 0


def test_export_run_redacted(tmp_path: Path) -> None:
    make_world()
    start_run()
    out, path = StringIO(), tmp_path / "run.zip"

    call_command("export_run", "run-1", "--redacted", "-o", str(path), stdout=out)

    assert "no personal value is in it" in out.getvalue()
    assert main([str(path)]) == 4


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("run-2", "There is no run-2."),
        ("run-0", "names no run"),
        ("plan/1", "names no run"),
        ("1; DROP", "names no run"),
    ],
)
def test_export_run_of_nothing_is_refused(ref: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("export_run", ref, "-o", str(tmp_path / "run.zip"))

    assert not (tmp_path / "run.zip").exists()


def test_export_run_to_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    make_world()
    start_run()

    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_run", "run-1", "-o", str(tmp_path / "missing" / "run.zip"))
