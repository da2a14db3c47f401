"""What a bundle stands up to: whatever somebody changes in it, with or without making the rest fit, is told."""

import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from audit import canon
from plans import document
from runs import bundle_file, core_digest, manifest
from runs.bundle_chain import Exit
from runs.bundle_check import examine
from runs.bundle_file import ENTRIES, ERASED, LIMITS, MANIFEST, OPENINGS, PLAN, POLICIES, README, STAMPS, VERIFY
from runs.engine.divergence import Cause
from tests.golden.stories import STORIES
from tests.unit.runs.bundles import CORE, Body, Members, bundle, first, lines, read, rewritten, seal, strange, without

Change = Callable[[Members], Members]
checker = runpy.run_path(str(Path(core_digest.ROOT) / "runs" / "bundled" / "verify.py"))


def made(name: str = "refused-and-resolved", **options: Any) -> Members:
    return bundle(STORIES[name](), **options)


def verified(members: Members, folder: Path) -> int:
    """Return what verify.py exits with on these files, unpacked into a folder."""
    for name, data in members.items():
        (folder / name).write_bytes(data)
    code: int = checker["main"]([str(folder)])
    return code


@pytest.mark.parametrize("name", STORIES)
def test_an_untouched_bundle_is_identical(name: str, tmp_path: Path) -> None:
    members = made(name)

    verdict = examine(members)

    assert (verdict.exit, verdict.cause) == (Exit.IDENTICAL, None), verdict.message
    assert verified(members, tmp_path) == 0
    assert bundle_file.unpack(bundle_file.pack(members)) == members


def test_a_redacted_bundle_is_identical_with_values_that_cannot_be_looked_at(tmp_path: Path) -> None:
    members = made(redacted=True)

    verdict = examine(members)

    assert verdict.exit == Exit.REDACTED and verdict.missing == 4 and verdict.opened == 0
    assert OPENINGS not in members and b"ann@example.org" not in b"".join(members.values())
    assert verified(members, tmp_path) == 4


# Somebody changes one thing


def edit(name: str, old: str, new: str) -> Change:
    def change(members: Members) -> Members:
        assert old.encode() in members[name]
        return {**members, name: members[name].replace(old.encode(), new.encode(), 1)}

    return change


def keep(*names: str, drop: slice) -> Change:
    """Take lines out of files."""

    def change(members: Members) -> Members:
        kept = {name: members[name].decode().splitlines() for name in names}
        for each in kept.values():
            del each[drop]
        return {**members, **{name: lines(each) for name, each in kept.items()}}

    return change


def swap_entries(members: Members) -> Members:
    texts = members[ENTRIES].decode().splitlines()
    return {**members, ENTRIES: lines([*texts[:3], texts[4], texts[3], *texts[5:]])}


def relink_entries(members: Members) -> Members:
    """The entries were changed and linked anew, and nobody wrote new stamps."""
    whole = rewritten(members, lambda bodies: first(bodies, "command.accepted")["data"].update(actor="user:2"))
    return {**members, ENTRIES: whole[ENTRIES]}


def other_plan(members: Members) -> Members:
    return {**members, PLAN: STORIES["overview"]().plan.text.encode()}


def other_run(members: Members) -> Members:
    other = made("overview")
    return {**members, ENTRIES: other[ENTRIES], STAMPS: other[STAMPS]}


LAST, FIFTH = slice(-1, None), slice(4, 5)
TAMPERED, CUT, BUNDLE = Cause.LOG_TAMPERED, Cause.RUN_REPLACED_OR_TRUNCATED, Cause.BUNDLE_CHANGED
ALWAYS = [
    (edit(ENTRIES, '"actor":"user:1"', '"actor":"user:2"'), TAMPERED, 6),
    (edit(ENTRIES, '"sem":1', '"sem":2'), TAMPERED, 1),
    (keep(ENTRIES, drop=FIFTH), TAMPERED, 5),
    (keep(ENTRIES, STAMPS, drop=FIFTH), TAMPERED, 5),
    (swap_entries, TAMPERED, 4),
    (edit(STAMPS, '"seq":104', '"seq":99'), TAMPERED, 3),
    (edit(STAMPS, "2027-01-15T08:00:02.", "2027-01-15T08:00:00."), TAMPERED, 3),
    (edit(STAMPS, "2027-01-15T08:00:02.", "2027-01-15 08:00:02."), TAMPERED, 3),
    (edit(STAMPS, '"by"', '"bY"'), TAMPERED, 1),
    (keep(ENTRIES, drop=LAST), CUT, 0),
    (keep(STAMPS, drop=LAST), CUT, 15),
    (relink_entries, CUT, 6),
    (other_plan, Cause.PLAN_CHANGED, 1),
    (edit(PLAN, '"max_steps":50', '"max_steps":51'), Cause.PLAN_CHANGED, 1),
    (edit(OPENINGS, "ann@example.org", "bob@example.org"), BUNDLE, 0),
    (edit(OPENINGS, "1d1e1f", "1D1e1f"), BUNDLE, 0),
    (edit(OPENINGS, '{"body"', '{"Body"'), BUNDLE, 0),
    (keep(OPENINGS, drop=LAST), BUNDLE, 0),
    (lambda members: {**members, OPENINGS: members[OPENINGS] + members[OPENINGS]}, BUNDLE, 0),
    (lambda members: {**members, ERASED: b'{"c":"x","kind":"note","ref":1,"why":"erased"}\n'}, BUNDLE, 0),
]


@pytest.mark.parametrize(("change", "cause", "entry"), ALWAYS)
def test_a_change_is_told_with_its_cause(change: Change, cause: Cause, entry: int, tmp_path: Path) -> None:
    changed = change(made())

    verdict = examine(changed)

    told = (Exit.TAMPERED, cause, entry)
    if cause is CUT and not entry:
        told = (Exit.TAMPERED, CUT, len(read(changed)))
    assert (verdict.exit, verdict.cause, verdict.entry) == told, verdict.message
    assert verified(changed, tmp_path) == 2


@pytest.mark.parametrize(("change", "cause", "entry"), ALWAYS)
def test_it_is_told_as_well_when_the_manifest_was_made_to_fit(
    change: Change, cause: Cause, entry: int, tmp_path: Path
) -> None:
    changed = seal(change(made()))

    verdict = examine(changed)

    assert (verdict.exit, verdict.cause, verdict.entry) == (Exit.TAMPERED, cause, entry), verdict.message
    assert verified(changed, tmp_path) == 2


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (other_run, CUT),
        (edit(ENTRIES, '"result":"blocked"', '"result":"blocket"'), TAMPERED),  # of the last entry
        (keep(ENTRIES, STAMPS, drop=LAST), CUT),
        (keep(ENTRIES, STAMPS, drop=slice(None)), CUT),
        (edit(POLICIES, '"email":900', '"email":901'), BUNDLE),
        (edit(README, "Evidence", "evidence"), BUNDLE),
        (edit(VERIFY, "return 2", "return 0"), BUNDLE),
        (edit(MANIFEST, '"redacted":false', '"redacted":true'), BUNDLE),
        (edit(MANIFEST, '"entries":15', '"entries":14'), BUNDLE),
        (edit(MANIFEST, "nobody outside the server", "everybody outside the server"), BUNDLE),
        (lambda members: {**members, MANIFEST: b"{}"}, BUNDLE),
        (lambda members: {**members, MANIFEST: b"[]"}, BUNDLE),
        (lambda members: {**members, MANIFEST: b"\xff"}, BUNDLE),
        (lambda members: {**members, MANIFEST: members[MANIFEST] + b"\n"}, BUNDLE),
        (lambda members: {**members, ENTRIES: members[ENTRIES][:-1]}, BUNDLE),
        (lambda members: {**members, ENTRIES: b"\xef\xbb\xbf" + members[ENTRIES]}, TAMPERED),
        (lambda members: {**members, ENTRIES: members[ENTRIES].replace(b"\n", b"\r\n")}, TAMPERED),
        (lambda members: {**members, ENTRIES: b"\xff" + members[ENTRIES]}, BUNDLE),
    ],
)
def test_so_is_a_change_that_only_the_manifest_shows(change: Change, cause: Cause, tmp_path: Path) -> None:
    changed = change(made())

    verdict = examine(changed)

    assert (verdict.exit, verdict.cause) == (Exit.TAMPERED, cause), verdict.message
    assert verified(changed, tmp_path) == 2


def claim(**changes: Any) -> Change:
    """Let the manifest say something else, and its digest fit."""

    def change(members: Members) -> Members:
        body = json.loads(members[MANIFEST]) | changes
        del body["digest"]
        return {**members, MANIFEST: canon.encode(body | {"digest": manifest._digest(body)}, canon.DOCUMENT).encode()}

    return change


@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        ({"run": "run/2"}, BUNDLE),
        ({"sem": True}, BUNDLE),
        ({"inputs": 99}, BUNDLE),
        ({"plan": {"key": "golden", "version": 2, "hash": "0" * 64}}, BUNDLE),
        ({"plan": "golden"}, BUNDLE),
        ({"redacted": True}, BUNDLE),
        ({"files": []}, BUNDLE),
        ({"files": [{"name": [], "bytes": 1, "sha256": ""}]}, BUNDLE),
        ({"entries": 14}, CUT),
        ({"entries": "15"}, CUT),
        ({"head": "0" * 64}, CUT),
    ],
)
def test_a_manifest_that_tells_of_another_run_is_not_believed(
    claims: dict[str, Any], cause: Cause, tmp_path: Path
) -> None:
    changed = claim(**claims)(made())

    verdict = examine(changed)

    assert (verdict.exit, verdict.cause) == (Exit.TAMPERED, cause), verdict.message
    assert verified(changed, tmp_path) == 2


def test_a_policy_that_is_missing_or_one_too_many_is_told() -> None:
    members = made()
    policies = members[POLICIES].decode().splitlines()
    other = policies[0].replace('"email":900', '"email":901').replace('"email":1000', '"email":901')

    missing = examine(seal({**members, POLICIES: lines(policies[1:])}))
    more = examine(seal({**members, POLICIES: lines([*policies, other])}))

    assert (missing.exit, missing.cause) == (Exit.TAMPERED, Cause.INPUT_MISSING)
    assert (more.exit, more.cause) == (Exit.TAMPERED, BUNDLE)


# Somebody writes everything anew: entries, links, stamps, manifest


def other_sem(bodies: list[Body]) -> None:
    bodies[0]["data"]["sem"] = 2


def facts_of(bodies: list[Body]) -> Any:
    return first(bodies, "gate.decided")["data"]["facts"]


@pytest.mark.parametrize(
    ("change", "exit", "cause"),
    [
        (other_sem, Exit.UNSUPPORTED, Cause.ENGINE_CHANGED),
        (lambda bodies: bodies[0]["data"].update(alg="sha3"), Exit.UNSUPPORTED, Cause.ENGINE_CHANGED),
        (lambda bodies: bodies[3].update(v=2), Exit.UNSUPPORTED, Cause.ENGINE_CHANGED),
        (lambda bodies: bodies[3].update(type="send.pondered"), Exit.UNSUPPORTED, Cause.ENGINE_CHANGED),
        (lambda bodies: without(bodies, first(bodies, "command.accepted")["n"]), Exit.DIVERGED, Cause.INPUT_MISSING),
        (lambda bodies: without(bodies, first(bodies, "gate.decided")["n"]), Exit.DIVERGED, Cause.INPUT_MISSING),
        (lambda bodies: bodies[:2], Exit.DIVERGED, CUT),
        (lambda bodies: facts_of(bodies)["consent"].update(status="revoked"), Exit.DIVERGED, Cause.FACTS_DIFFER),
        (lambda bodies: facts_of(bodies).update(late_by=7), Exit.DIVERGED, Cause.FACTS_DIFFER),
        (lambda bodies: facts_of(bodies).update(late_by="7"), Exit.TAMPERED, TAMPERED),
        (
            lambda bodies: first(bodies, "run.failed")["data"].update(reason="x"),
            Exit.DIVERGED,
            Cause.NONDETERMINISM_BUG,
        ),
        (lambda bodies: bodies[0]["data"]["plan"].update(hash="0" * 64), Exit.TAMPERED, Cause.PLAN_CHANGED),
        (lambda bodies: bodies[0]["data"].update(attrs={"tier": None}), Exit.TAMPERED, TAMPERED),
    ],
)
def test_a_run_written_anew_is_told_by_its_replay(
    change: Callable[[list[Body]], Any], exit: Exit, cause: Cause
) -> None:
    verdict = examine(rewritten(made(), change))

    assert (verdict.exit, verdict.cause) == (exit, cause), verdict.message


def test_other_semantics_under_the_manifest_of_these_are_no_excuse() -> None:
    members = made()

    verdict = examine({**rewritten(members, other_sem), MANIFEST: members[MANIFEST]})

    assert (verdict.exit, verdict.cause) == (Exit.TAMPERED, TAMPERED)


def test_a_bundle_without_entries_proves_nothing_though_its_manifest_says_so(tmp_path: Path) -> None:
    files = {**made(), ENTRIES: b"", STAMPS: b"", OPENINGS: b"", POLICIES: b""}
    claims = replace(manifest.read(files.pop(MANIFEST)).claims, entries=0, inputs=0)

    empty = {MANIFEST: manifest.text(claims, files).encode(), **files}

    assert (examine(empty).exit, examine(empty).cause) == (Exit.TAMPERED, CUT)
    assert verified(empty, tmp_path) == 2


def number_nine(bodies: list[Body]) -> None:
    bodies[3]["n"] = 9


def of_another_run(bodies: list[Body]) -> None:
    bodies[3]["st"] = "run/2"


def of_no_run(bodies: list[Body]) -> None:
    for body in bodies:
        body["st"] = "plan/golden"


@pytest.mark.parametrize(
    ("change", "cause", "entry"),
    [(number_nine, Cause.INPUT_MISSING, 4), (of_another_run, TAMPERED, 4), (of_no_run, TAMPERED, 1)],
)
def test_an_entry_out_of_place_is_told_though_its_links_hold(
    change: Callable[[list[Body]], None], cause: Cause, entry: int
) -> None:
    members = made()
    bodies = read(members)
    change(bodies)

    verdict = examine(strange(members, bodies))

    assert (verdict.exit, verdict.cause, verdict.entry) == (Exit.TAMPERED, cause, entry), verdict.message


def test_another_core_is_named_as_the_cause_when_a_decision_differs() -> None:
    def other_arm(bodies: list[Body]) -> None:
        first(bodies, "branch.evaluated")["data"]["case"] = "yes"

    changed = rewritten(made("overview"), other_arm)

    assert examine(changed, core=CORE).cause is Cause.NONDETERMINISM_BUG
    assert examine(changed, core="cd" * 32).cause is Cause.ENGINE_CHANGED


def test_a_plan_that_this_version_cannot_read_is_unsupported() -> None:
    told = STORIES["cancelled"]()
    plan = told.plan.text.replace('"kind":"end"', '"kind":"fin"')
    named = document.content_hash(plan)
    members = {**bundle(told), PLAN: plan.encode()}

    verdict = examine(rewritten(members, lambda bodies: bodies[0]["data"]["plan"].update(hash=named)))

    assert verdict.exit == Exit.UNSUPPORTED and "cannot read the plan" in verdict.message


def test_a_bundle_of_another_format_is_unsupported() -> None:
    assert examine(claim(format="dee.bundle/2")(made())).exit == Exit.UNSUPPORTED


# Chance


def flipped(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]


def accepted(data: bytes) -> bool:
    try:
        return examine(bundle_file.unpack(data)).exit in (Exit.IDENTICAL, Exit.REDACTED)
    except bundle_file.NotABundle:
        return False


def test_no_flipped_bit_anywhere_in_the_file_is_accepted() -> None:
    data, rng = bundle_file.pack(made("cancelled")), Random(7)

    flips = [(place, rng.randrange(8)) for place in range(0, len(data), 11)]

    assert accepted(data)
    assert [flip for flip in flips if accepted(flipped(data, *flip))] == []


@pytest.mark.parametrize("name", LIMITS)
def test_no_flipped_bit_in_a_file_is_accepted_by_either_checker(name: str) -> None:
    members, rng = made("cancelled"), Random(name)

    for _ in range(60):
        place = rng.randrange(len(members[name])) if members[name] else None
        data = flipped(members[name], place, rng.randrange(8)) if place is not None else b"x"
        changed = {**members, name: data}
        assert examine(changed).exit in (Exit.TAMPERED, Exit.UNSUPPORTED)
        with pytest.raises((checker["Wrong"], checker["Unknown"], KeyError, TypeError, ValueError, AttributeError)):
            checker["check"](changed)


STRANGE: tuple[Any, ...] = (None, 0, -1, 2**53 - 1, True, "", "x", [], {}, [[]], {"a": 1})


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from leaves(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], other)
    return copy


@pytest.mark.parametrize("name", STORIES)
def test_a_wrong_value_anywhere_is_a_verdict_and_never_an_error(name: str) -> None:
    members, rng = made(name), Random(name)
    texts = members[ENTRIES].decode().splitlines()
    places = [(n, path) for n, text in enumerate(texts) for path in leaves(json.loads(text)) if path]

    for n, path in rng.sample(places, min(60, len(places))):
        bodies = [json.loads(text) for text in texts]
        bodies[n] = put(bodies[n], path, rng.choice(STRANGE))
        assert examine(strange(members, bodies)).message
