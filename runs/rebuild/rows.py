"""Do intents, kept messages and the verdicts of inputs agree with what their runs' entries say?"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from channels.messages import message_commitment
from channels.models import OutboxMessage
from runs.models import Inbox, Intent
from runs.rebuild.report import Report
from runs.rebuild.walks import Told

INTENT = ("step", "visit", "attempt", "channel", "n")
CONTROLS = ("clock.advance", "clock.confirm")

Batch = Mapping[int, Told]


def compare(report: Report, batch: Batch, erased: set[str]) -> None:
    """Compare the rows of some runs. erased: streams whose personal values were erased."""
    _intents(report, batch)
    _messages(report, batch, erased)
    _inputs(report, batch)


def compare_homeless(report: Report) -> None:
    """Every applied input but those of the clock belongs to a run."""
    for row in Inbox.objects.filter(verdict="applied", run=None).exclude(kind__in=CONTROLS).iterator():
        report.compared["inputs"] += 1
        report.differ("inbox", f"row {row.pk}", "run", None, "the run it was applied to")


def _intents(report: Report, batch: Batch) -> None:
    stored = {
        row["id"]: {name: row[name] for name in INTENT} | {"run": row["run_id"]}
        for row in Intent.objects.filter(run__in=batch).values("id", "run_id", *INTENT)
    }
    _match(report, "intents", stored, {intent: row for run in batch.values() for intent, row in run.intents.items()})


def _messages(report: Report, batch: Batch, erased: set[str]) -> None:
    streams = {run.st: run for run in batch.values()}
    told = {intent: row for run in batch.values() for intent, row in run.messages.items()}
    stored = {}
    for row in OutboxMessage.objects.filter(run__in=streams):
        created_at = row.created_at.astimezone(UTC).isoformat()
        shown = {"run": row.run, "channel": row.channel, "outcome": row.outcome, "created_at": created_at}
        stored[row.intent] = shown
        committed = streams[row.run].commitments.get(row.intent)
        if committed is not None and _commitment(row) != committed:
            report.differ("messages", row.intent, "text", "another message", "the one it commits to")
    for intent in sorted(told.keys() - stored.keys()):
        if f"contact/{streams[told[intent]['run']].started['contact']['ref']}" in erased:
            report.erased["messages: text"] += 1
            del told[intent]
    _match(report, "messages", stored, told)


def _commitment(row: OutboxMessage) -> str:
    parts = {"channel": row.channel, "to": row.to_address, "subject": row.subject, "body": row.body}
    return message_commitment(bytes(row.salt), **parts)


def _inputs(report: Report, batch: Batch) -> None:
    """What the log says was applied has its row with that verdict, and nothing else has."""
    applied: dict[int, Counter[str]] = {no: Counter() for no in batch}
    told = {no: Counter(run.inputs) for no, run in batch.items()}
    for row in Inbox.objects.filter(run__in=batch).order_by("place").iterator():
        report.compared["inputs"] += 1
        no, name = row.run_id or 0, _name(row)
        if row.verdict == "applied":
            applied[no][name] += 1
        elif told[no][name]:
            report.differ("inbox", f"row {row.pk}", "verdict", row.verdict, "applied")
            told[no][name] -= 1
    for no, run in batch.items():
        for name in sorted(told[no].keys() | applied[no].keys()):
            if told[no][name] != applied[no][name]:
                report.differ("inbox", f"{run.st} {name}", "applied rows", applied[no][name], told[no][name])


def _name(row: Inbox) -> str:
    """Return what an inbox row is called in the log."""
    if row.kind == "event":
        digest = hashlib.sha256(f"{row.source}\n{row.external_id}".encode()).hexdigest()
        return f"event {digest[:32]}"
    if row.kind == "command":
        return f"command {row.external_id}"
    if row.kind == "report":
        body = json.loads(row.body)
        return "report " + " ".join(str(body.get(name)) for name in ("intent", "kind", "code", "label"))
    return "start"


def _match(report: Report, area: str, stored: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    for name in sorted(stored.keys() | told.keys()):
        report.compared[area] += 1
        if name in stored and name in told:
            report.compare(area, name, stored[name], told[name])
        else:
            report.differ(area, name, "", *("a row" if name in side else None for side in (stored, told)))
