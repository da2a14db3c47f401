"""What has happened, as everybody can read it afterwards: the log and the tables, read once.

Reads through the models, so it reads a database in memory and a real one alike.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models

from audit.models import Entry as EntryRow
from channels.models import OutboxMessage, Reaction
from plans import queries as plan_queries
from plans.document import Plan
from policies.models import Contact, Counter, PolicyVersion
from runs.models import Inbox, Intent, Run

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, its text and its stamp, and the lane second at which it was made."""

    seq: int
    st: str
    n: int
    type: str
    step: str
    visit: int
    cause: int
    data: dict[str, Any]
    text: str
    stamp: dict[str, Any]
    at: int


class Log:
    """Everything that was written down, in the order of writing."""

    def __init__(self) -> None:
        self.runs: dict[str, Row] = {f"run/{row['no']}": row for row in rows(Run)}
        self.entries = [self._entry(row) for row in rows(EntryRow)]
        self.of_stream: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            self.of_stream[entry.st].append(entry)

    def _entry(self, row: Row) -> Entry:
        body, stamp = json.loads(row["body"]), json.loads(row["stamp"])
        start = self.runs[row["st"]]["start_at"] if row["st"] in self.runs else 0
        told = (body["type"], body["step"], body["visit"], body["cause"], body["data"])
        return Entry(row["seq"], row["st"], row["n"], *told, row["body"], stamp, start + body["tick"])

    def of(self, *types: str) -> list[Entry]:
        """Return the runs' entries of these types, in the order of writing."""
        return [entry for entry in self.entries if entry.type in types and entry.st in self.runs]

    def plan(self, st: str) -> Plan:
        """Return the plan that a run follows."""
        return plan_queries.parsed(self.runs[st]["plan_version_id"])

    @cached_property
    def intents(self) -> dict[str, Row]:
        return {row["id"]: row for row in rows(Intent)}

    @cached_property
    def messages(self) -> dict[str, Row]:
        return {row["intent"]: row for row in rows(OutboxMessage)}

    @cached_property
    def inbox(self) -> list[Row]:
        return rows(Inbox)

    @cached_property
    def counters(self) -> list[Row]:
        return rows(Counter)

    @cached_property
    def reactions(self) -> list[Row]:
        return rows(Reaction)

    @cached_property
    def contacts(self) -> dict[int, Row]:
        return {row["id"]: row for row in rows(Contact)}

    @cached_property
    def policies(self) -> dict[str, dict[str, Any]]:
        return {row["hash"]: json.loads(row["body"]) for row in rows(PolicyVersion)} | {"": {}}


def rows(model: type[models.Model]) -> list[Row]:
    """Return all rows of a table by their key."""
    return [dict(row) for row in model.objects.order_by("pk").values()]  # type: ignore[attr-defined]
