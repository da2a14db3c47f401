"""Where do rows lie while nothing is real? Tables in memory with the models' keys and checks, and an undo list.

A row is a dictionary that is never changed, only replaced, so whatever was read stays as it was.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import IntegrityError, models
from django.db.models import F, Q
from django.db.models.functions import Now

Row = dict[str, Any]
Test = Callable[[Mapping[str, Any]], bool]


class Table:
    """The rows of one model by primary key, with what the database would refuse."""

    def __init__(self, model: type[models.Model], database: "Database") -> None:
        meta = model._meta
        self.name = meta.db_table
        self.database = database
        self.columns = tuple(str(field.column) for field in meta.concrete_fields)
        self.key = str(meta.pk.column)
        self.rows: dict[Any, Row] = {}
        self.defaults = {field.column: _default(field, database) for field in meta.concrete_fields}
        self.numbered = isinstance(meta.pk, models.BigAutoField)
        self._numbers = itertools.count(1)  # like a sequence: what is rolled back leaves a gap
        self._uniques = [_Unique(columns, holds) for columns, holds in _uniques(model)]
        self._checks = _checks(model)

    def insert(self, values: Mapping[str, Any]) -> Row:
        """Add a row; columns that are not given get their defaults. Raises: IntegrityError."""
        row = {column: values[column] if column in values else self.defaults[column]() for column in self.columns}
        if self.numbered and row[self.key] is None:
            row[self.key] = next(self._numbers)
        if row[self.key] in self.rows:
            raise IntegrityError(f"{self.name} has a row {row[self.key]} already")
        self._put(row[self.key], row)
        return row

    def change(self, key: Any, values: Mapping[str, Any]) -> Row:
        """Replace columns of a row. Raises: IntegrityError."""
        row = {**self.rows[key], **values}
        self._put(key, row)
        return row

    def restore(self, key: Any, row: Row | None) -> None:
        """Put a row back as it was, None when it was not there; the way of the undo list."""
        now = self.rows.pop(key)
        for unique in self._uniques:
            unique.forget(now)
        if row is not None:
            self.rows[key] = row
            for unique in self._uniques:
                unique.hold(row, key)

    def same(self, columns: tuple[str, ...], values: tuple[Any, ...]) -> Row | None:
        """Return the row that stands where a unique key would put these values."""
        unique = next(unique for unique in self._uniques if unique.columns == columns)
        key = unique.index.get(values)
        return None if key is None else self.rows[key]

    def _put(self, key: Any, row: Row) -> None:
        old = self.rows.get(key)
        for name, holds in self._checks:
            if not holds(row):
                raise IntegrityError(f"{self.name}: {name} refuses {row}")
        for unique in self._uniques:
            unique.check(row, key, self.name)
        for unique in self._uniques:
            if old is not None:
                unique.forget(old)
            unique.hold(row, key)
        self.rows[key] = row
        self.database.remember(self, key, old)


class Database:
    """All tables, the clock, and what the open transaction has to undo when it fails."""

    def __init__(self, room: Iterable[type[models.Model]]) -> None:
        self.now_us = 0
        self.began = datetime(1970, 1, 1, tzinfo=UTC)
        self.tables = {model._meta.db_table: Table(model, self) for model in room}
        self.open = False
        self.undo: list[tuple[Table, Any, Row | None]] = []

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def read_clock(self) -> datetime:
        """Return the database's clock, a little later at every look."""
        self.now_us += 3
        return datetime.fromtimestamp(self.now_us // 1_000_000, UTC).replace(microsecond=self.now_us % 1_000_000)

    def remember(self, table: Table, key: Any, old: Row | None) -> None:
        if self.open:
            self.undo.append((table, key, old))

    def begin(self) -> None:
        self.open = True
        self.began = self.read_clock()

    def commit(self) -> None:
        self.open = False
        self.undo.clear()

    def roll_back(self, to: int = 0) -> None:
        """Undo what was written since a place in the list; from its beginning, the transaction is over."""
        while len(self.undo) > to:
            table, key, old = self.undo.pop()
            table.restore(key, old)
        if not to:
            self.open = False

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Let another connection commit something while a transaction is open here."""
        before, self.open = self.open, False
        try:
            yield
        finally:
            self.open = before

    def transaction_time(self) -> datetime:
        return self.began if self.open else self.read_clock()

    def written(self) -> Iterator[tuple[str, Row | None, Row]]:
        """Return (table, row before, row now) of what the open transaction has written."""
        for table, key, old in self.undo:
            yield table.name, old, table.rows[key]


class _Unique:
    """One unique key, in which rows with an empty column, or outside its condition, have no place."""

    def __init__(self, columns: tuple[str, ...], holds: Test | None) -> None:
        self.columns = columns
        self.holds = holds
        self.index: dict[tuple[Any, ...], Any] = {}

    def _value(self, row: Row) -> tuple[Any, ...] | None:
        if self.holds is not None and not self.holds(row):
            return None
        value = tuple([row[column] for column in self.columns])
        return None if None in value else value

    def check(self, row: Row, key: Any, table: str) -> None:
        value = self._value(row)
        if value is not None and self.index.get(value, key) != key:
            raise IntegrityError(f"{table} has {self.columns} = {value} already")

    def hold(self, row: Row, key: Any) -> None:
        value = self._value(row)
        if value is not None:
            self.index[value] = key

    def forget(self, row: Row) -> None:
        value = self._value(row)
        if value is not None:
            self.index.pop(value, None)


@cache
def _uniques(model: type[models.Model]) -> list[tuple[tuple[str, ...], Test | None]]:
    meta = model._meta
    fields = [field for field in meta.concrete_fields if field.unique and not field.primary_key]
    found: list[tuple[tuple[str, ...], Test | None]] = [((field.column,), None) for field in fields]
    for each in meta.constraints:
        if isinstance(each, models.UniqueConstraint):
            columns = tuple(meta.get_field(name).column for name in each.fields)
            found.append((columns, condition(model, each.condition) if each.condition else None))
    return found


@cache
def _checks(model: type[models.Model]) -> list[tuple[str, Test]]:
    checks = [each for each in model._meta.constraints if isinstance(each, models.CheckConstraint)]
    return [(each.name, condition(model, each.condition)) for each in checks if isinstance(each.condition, Q)]


def _default(field: models.Field, database: Database) -> Callable[[], Any]:
    if isinstance(getattr(field, "db_default", None), Now):
        return database.transaction_time
    if field.has_db_default():
        return lambda: field.db_default
    return field.get_default


# --- conditions of constraints, as Python -------------------------------------------------------------------------

_COMPARED = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}


def condition(model: type[models.Model], found: Q) -> Test:
    """Return what a constraint of a model asks, as a function of a row. Unknown is not false, as in SQL."""
    known: dict[str, Any] = {"match": re.search}
    columns = {field.name: f"row[{field.column!r}]" for field in model._meta.concrete_fields}

    def text(found: Any) -> str:
        if not isinstance(found, Q):
            path, value = found
            name, _, lookup = path.partition("__")
            return leaf(columns[name], lookup, value)
        joined = f" {found.connector.lower()} ".join(f"({text(child)})" for child in found.children) or "True"
        return f"not ({joined})" if found.negated else joined

    def leaf(column: str, lookup: str, value: Any) -> str:
        if lookup == "isnull" or value is None:
            return f"{column} is {'' if value in (True, None) else 'not '}None"
        if lookup in _COMPARED:
            return f"{column} is None or {column} {_COMPARED[lookup]} {side(value)}"
        if lookup == "regex":
            return f"{column} is None or match({side(value)}, {column})"
        if lookup == "in":
            return f"{column} in {side(tuple(value))}"
        assert not lookup, f"the simulator does not know the lookup {lookup}"
        return f"{column} == {side(value)}"

    def side(value: Any) -> str:
        if isinstance(value, F):
            return columns[value.name]
        if hasattr(value, "connector"):  # F("a") + F("b")
            return f"({side(value.lhs)} {value.connector} {side(value.rhs)})"
        name = f"v{len(known)}"
        known[name] = value
        return name

    test: Test = eval(f"lambda row: {text(found)}", known)
    return test
