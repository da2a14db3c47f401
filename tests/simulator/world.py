"""What is the simulator's world made of? The real core and shell of DEE in one process, over tables in memory.

Nothing here is a socket, a thread or a real clock: `simulated` puts stand-ins in the few places where DEE meets one.
"""

import itertools
import logging
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connections

from channels import registry
from plans import queries as plan_queries
from runs import doorbell, store, tick
from tests.simulator import orm
from tests.simulator.connection import Connection
from tests.simulator.tables import Database

ROOMS = ("audit", "channels", "policies", "plans", "runs")


class Pool:
    """Sends one after the other, in any order; the answers come in the order asked for."""

    chance: Random | None = None

    def __init__(self, **_: Any) -> None: ...

    def map(self, function: Callable[..., Any], *columns: Sequence[Any]) -> list[Any]:
        places = list(range(len(columns[0])))
        if self.chance is not None:
            self.chance.shuffle(places)
        answers = {place: function(*(column[place] for column in columns)) for place in places}
        return [answers[place] for place in range(len(places))]

    def shutdown(self, **_: Any) -> None: ...


class World:
    """The tables, the connection to them, and what may be put in for one story."""

    def __init__(self, patch: pytest.MonkeyPatch, start: int) -> None:
        """start: where the clocks begin, epoch seconds."""
        self.patch = patch
        self.database = Database(model for room in ROOMS for model in apps.get_app_config(room).get_models())
        self.database.now_us = start * 1_000_000
        self.connection = Connection(self.database)
        self.rings = 0
        self.database["audit_head"].insert({"id": 1, "clock": start})
        self.database["runs_engine"].insert({"id": 1})
        orm.put_in(patch, self.database)
        self._put_in()

    def rows(self, table: str) -> Iterable[dict[str, Any]]:
        return self.database[table].rows.values()

    @property
    def lane(self) -> int:
        """The lane clock."""
        return int(self.database["audit_head"].rows[1]["clock"])

    @property
    def engine_row(self) -> dict[str, Any]:
        return self.database["runs_engine"].rows[1]

    @property
    def wall(self) -> int:
        """What the engine takes for now, in lane seconds."""
        return self.database.now_us // 1_000_000 + int(self.engine_row["offset_s"])

    def adapters(self, adapter_for: Callable[[str], Any]) -> None:
        """Let these carry the messages."""
        self.patch.setattr(registry, "adapter_for", adapter_for)

    def _put_in(self) -> None:
        numbers = itertools.count(1)
        patch = self.patch
        patch.setattr(store, "psycopg", SimpleNamespace(Cursor=lambda connection: connection.cursor()))
        patch.setattr(tick, "ThreadPoolExecutor", Pool)
        patch.setattr(doorbell, "ring", self._ring)
        # Salts and ids by chance would make two tellings of one story differ.
        patch.setattr(secrets, "token_bytes", bytes)
        patch.setattr(secrets, "token_hex", lambda _size: f"{next(numbers):08x}")
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers)))

    def _ring(self) -> None:
        self.rings += 1


@contextmanager
def simulated(start: int) -> Iterator[World]:
    """Yield an empty world; afterwards everything is as it was."""
    before = connections["default"]
    disabled = logging.root.manager.disable
    with pytest.MonkeyPatch.context() as patch:
        plan_queries.forget()
        world = World(patch, start)
        connections["default"] = world.connection
        logging.disable(logging.CRITICAL)
        try:
            yield world
        finally:
            logging.disable(disabled)
            connections["default"] = before
            plan_queries.forget()
