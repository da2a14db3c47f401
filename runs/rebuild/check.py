"""Do the tables and the facts of every decision follow from the log? Reads the log twice, and everything else once.

First in the order of writing: what the log says of people, limits and plans grows entry by entry, and each decision is
held against what it had to see at that point. Then run by run: the core tells each again.
"""

from django.db import connection

from audit import verify
from audit.models import Head
from runs.models import Engine
from runs.rebuild import reading, rows, tables
from runs.rebuild.decisions import Decisions
from runs.rebuild.report import Report
from runs.rebuild.texts import Texts
from runs.rebuild.walks import Walks
from runs.rebuild.world import Entry, World


def check() -> Report:
    """Compare everything that is derived with the log, at one moment; take no lock and write nothing."""
    report = Report()
    with reading.one_moment():
        log = verify.check()
        report.entries = log.checked
        if log.first_break is not None:
            broken = log.first_break
            report.differ("log", f"{broken.st} entry {broken.n}", broken.kind, broken.message, "a log that verifies")
            return report
        _compare(report)
    return report


def _compare(report: Report) -> None:
    world, vault, texts = World(), reading.Vault(report), Texts()
    decisions = Decisions(world, texts, report)
    heads: dict[str, tuple[int, bytes]] = {}
    for piece in reading.log():
        vault.load([entry for entry, _ in piece])
        for entry, hash in piece:
            if entry.st.startswith(reading.RUNS):
                _take_of_run(report, decisions, entry)
            else:
                heads[entry.st] = (entry.n, hash)
                _take(report, world, vault, entry)
    _say_missing(report, world, vault)
    tables.compare(report, world, decisions.ledger, heads=heads, started=len(decisions.walkers))
    lane, wall = _clocks()
    for batch in Walks(report, texts, lane=lane, wall=wall).batches():
        rows.compare(report, batch, world.erased)
    rows.compare_homeless(report)
    report.explain(world.erased)


def _take_of_run(report: Report, decisions: Decisions, entry: Entry) -> None:
    try:
        decisions.take(entry)
    except reading.SENSELESS as error:
        _senseless(report, entry, error)


def _take(report: Report, world: World, vault: reading.Vault, entry: Entry) -> None:
    try:
        if not world.take(entry, vault.opened):
            report.unread[entry.type] += 1
    except reading.SENSELESS as error:
        _senseless(report, entry, error)


def _senseless(report: Report, entry: Entry, error: Exception) -> None:
    recorded = f"{entry.type} ({type(error).__name__})"
    report.differ("log", f"{entry.st} entry {entry.n}", "", recorded, "an entry that follows from those before it")


def _say_missing(report: Report, world: World, vault: reading.Vault) -> None:
    """A value that is gone was erased, and an entry of its stream says so; any other is a loss."""
    for st, many in sorted(vault.missing.items()):
        if st in world.erased:
            report.lack("vault: values", st, many)
        else:
            report.differ("vault", st, "values", f"{many} missing", "them, or an entry that they were erased")


def _clocks() -> tuple[int, int]:
    """Return the lane clock, and how far the engine may have looked."""
    lane: int = Head.objects.values_list("clock", flat=True).get(pk=1)
    engine = Engine.objects.get(pk=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")
        wall = int(cursor.fetchone()[0]) + engine.offset_s
    return lane, max(lane, wall, engine.target or 0)
