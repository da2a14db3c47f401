"""`manage.py rebuild_check [--json]`: exit 0 no difference, 20 differences, 40 nothing to check."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from runs.rebuild import check
from runs.rebuild.report import Report, Verdict

FIRST = 5  # examples of what was not compared

HEADS = {
    Verdict.SAME: "NO DIFFERENCE: {entries} entries were read, and everything compared follows from them.",
    Verdict.DIFFERENT: "DIFFERENCES: {differing} between the log ({entries} entries) and what is derived from it.",
    Verdict.NOTHING: "NOTHING TO CHECK: the log has {entries} entries, and nothing is derived from them.",
}


class Command(BaseCommand):
    help = "Recompute runs, counters, people and the facts of every decision from the log alone, and compare."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        report = check.check()
        self.stdout.write(
            json.dumps(report.as_data(), ensure_ascii=False) if options["json"] else "\n".join(lines(report))
        )
        sys.exit(int(report.verdict))


def lines(report: Report) -> list[str]:
    """Return the report as lines for people."""
    said = [HEADS[report.verdict].format(entries=report.entries, differing=report.differing)]
    said += [f"  {found}" for found in report.differences]
    if report.differing > len(report.differences):
        said.append(f"  and {report.differing - len(report.differences)} more")
    said.append("Compared: " + (", ".join(f"{many} {area}" for area, many in sorted(report.compared.items())) or "0"))
    said += [f"Not compared, erased: {what} ({many})" for what, many in sorted(report.erased.items())]
    for why, what in report.skipped.items():
        shown = ", ".join(what[:FIRST]) + (f" and {len(what) - FIRST} more" if len(what) > FIRST else "")
        said.append(f"Not compared, {why}: {shown}")
    said += [
        f"Measured with tzdata {version}, which is not installed here: local times of {many} entries were not compared"
        for version, many in sorted(report.other_tzdata.items())
    ]
    said += [f"Not understood: {many} entries of the type {name}" for name, many in sorted(report.unread.items())]
    return said
