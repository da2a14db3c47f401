"""How do models find their rows in memory? What DEE uses of Django's querysets and of `save`, and nothing more."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.db import models
from django.db.models import Q
from django.db.models.manager import BaseManager

from tests.simulator.tables import Database, Row

_LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda found, wanted: found == wanted,
    "exact": lambda found, wanted: found == wanted,
    "in": lambda found, wanted: found in wanted,
    "isnull": lambda found, wanted: (found is None) == wanted,
    "gt": lambda found, wanted: found is not None and found > wanted,
    "gte": lambda found, wanted: found is not None and found >= wanted,
    "lt": lambda found, wanted: found is not None and found < wanted,
    "lte": lambda found, wanted: found is not None and found <= wanted,
    "startswith": lambda found, wanted: found.startswith(wanted),
}


def put_in(patch: pytest.MonkeyPatch, database: Database) -> None:
    """Let every model find and save its rows in these tables."""

    def save_base(self: models.Model, *, force_insert: Any = False, update_fields: Any = None, **_: Any) -> None:
        _save(database, self, bool(force_insert), update_fields)

    patch.setattr(BaseManager, "get_queryset", lambda manager: Rows(manager.model, database))
    patch.setattr(models.Model, "save_base", save_base)


def _save(database: Database, instance: models.Model, force_insert: bool, names: Any) -> None:
    meta = type(instance)._meta
    table = database[meta.db_table]
    fields = [field for field in meta.concrete_fields if names is None or field.name in names]
    found = {field.column: getattr(instance, field.attname) for field in fields}
    values = {column: _plain(value) for column, value in found.items() if not _is_missing(value)}
    key = getattr(instance, meta.pk.attname)
    if force_insert or (instance._state.adding and key not in table.rows):
        row = table.insert(values)
        for field in meta.concrete_fields:
            setattr(instance, field.attname, row[field.column])
    else:
        table.change(key, values)
    instance._state.adding, instance._state.db = False, "default"


def _is_missing(value: Any) -> bool:
    return isinstance(value, models.expressions.DatabaseDefault)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) and type(value) is not str else value


class Rows:
    """A queryset over one table."""

    def __init__(self, model: type[models.Model], database: Database) -> None:
        self.model = model
        self.database = database
        self.tests: tuple[Callable[[Row], bool], ...] = ()
        self.order: tuple[str, ...] = ()
        self.shape: Callable[[Row], Any] | None = None
        self.once = False
        self.span = slice(None)

    def _with(self, **changes: Any) -> "Rows":
        fresh = Rows(self.model, self.database)
        fresh.__dict__.update(self.__dict__)
        fresh.__dict__.update(changes)
        return fresh

    # Narrowing

    def filter(self, *asked: Q, **wanted: Any) -> "Rows":
        tests = [self._q(each) for each in asked]
        return self._with(tests=(*self.tests, *tests, *(self._test(*each) for each in wanted.items())))

    def exclude(self, **wanted: Any) -> "Rows":
        tests = [self._test(*each) for each in wanted.items()]
        return self._with(tests=(*self.tests, lambda row: not all(test(row) for test in tests)))

    def all(self) -> "Rows":
        return self

    def none(self) -> "Rows":
        return self._with(tests=(lambda _row: False,))

    def order_by(self, *names: str) -> "Rows":
        return self._with(order=names)

    def distinct(self) -> "Rows":
        return self._with(once=True)

    def select_related(self, *_: str) -> "Rows":
        return self

    only = defer = prefetch_related = using = select_related

    def select_for_update(self, **_: Any) -> "Rows":
        return self

    def _add_hints(self, **_: Any) -> None: ...

    def values_list(self, *names: str, flat: bool = False, named: bool = False) -> "Rows":
        reads = [self._read(name) for name in names or [field.name for field in self.model._meta.concrete_fields]]
        return self._with(shape=reads[0] if flat else lambda row: tuple(read(row) for read in reads))

    def values(self, *names: str) -> "Rows":
        if not names:
            return self._with(shape=lambda row: row)
        reads = {name: self._read(name) for name in names}
        return self._with(shape=lambda row: {name: read(row) for name, read in reads.items()})

    # Reading

    def __iter__(self) -> Iterator[Any]:
        rows: list[Row] = [row for row in self._table.rows.values() if all(test(row) for test in self.tests)]
        for name in reversed(self.order):
            column = self._column(name.removeprefix("-"))
            rows.sort(key=lambda row: (row[column] is None, row[column]), reverse=name.startswith("-"))
        shaped: list[Any] = [(self.shape or self._instance)(row) for row in rows]
        return iter((list(dict.fromkeys(shaped)) if self.once else shaped)[self.span])

    def __getitem__(self, place: Any) -> Any:
        return self._with(span=place) if isinstance(place, slice) else list(self)[place]

    def __bool__(self) -> bool:
        return self.exists()

    def iterator(self, *_: int, **__: int) -> Iterator[Any]:
        return iter(self)

    def count(self) -> int:
        return sum(1 for _ in self)

    def exists(self) -> bool:
        return any(True for _ in self)

    def first(self) -> Any:
        return next(iter(self), None)

    def last(self) -> Any:
        return next(reversed(list(self)), None)

    def get(self, *asked: Q, **wanted: Any) -> Any:
        found = list(self.filter(*asked, **wanted))
        if not found:
            raise self.model.DoesNotExist(f"{self.model.__name__} {wanted}")
        assert len(found) == 1, f"{len(found)} rows of {self.model.__name__} for {wanted}"
        return found[0]

    def in_bulk(self, keys: Any = None) -> dict[Any, Any]:
        return {row.pk: row for row in self if keys is None or row.pk in keys}

    def aggregate(self, **wanted: Any) -> Mapping[str, Any]:
        found = {}
        for name, asked in wanted.items():
            column = self._column(asked.source_expressions[0].name)
            values = [row[column] for row in self._with(shape=lambda row: row)]
            found[name] = {"Max": max, "Min": min}[type(asked).__name__](values, default=None)
        return found

    # Writing

    def create(self, **values: Any) -> Any:
        made = self.model(**values)
        made.save(force_insert=True)
        return made

    def get_or_create(self, defaults: Mapping[str, Any] | None = None, **wanted: Any) -> tuple[Any, bool]:
        found = self.filter(**wanted).first()
        return (found, False) if found else (self.create(**wanted, **(defaults or {})), True)

    def update(self, **values: Any) -> int:
        columns = {self._column(name): value for name, value in values.items()}
        keys = [row[self._table.key] for row in self._with(shape=lambda row: row)]
        for key in keys:
            self._table.change(key, columns)
        return len(keys)

    # Parts

    @property
    def _table(self) -> Any:
        return self.database[self.model._meta.db_table]

    def _column(self, name: str) -> str:
        meta = self.model._meta
        return str((meta.pk if name == "pk" else meta.get_field(name)).column)

    def _read(self, path: str) -> Callable[[Row], Any]:
        """Return what gives the value at a path, which may lead over foreign keys."""
        name, _, rest = path.partition("__")
        column = self._column(name)
        if not rest:
            return lambda row: row[column]
        far = Rows(self.model._meta.get_field(name).related_model, self.database)
        read, rows = far._read(rest), far._table.rows
        return lambda row: None if row[column] is None else read(rows[row[column]])

    def _instance(self, row: Row) -> models.Model:
        return self.model.from_db("default", [f.attname for f in self.model._meta.concrete_fields], list(row.values()))

    def _q(self, asked: Q) -> Callable[[Row], bool]:
        tests = [self._q(child) if isinstance(child, Q) else self._test(*child) for child in asked.children]
        joined = all if asked.connector == "AND" else any
        return lambda row: joined(test(row) for test in tests) != asked.negated

    def _test(self, path: str, wanted: Any) -> Callable[[Row], bool]:
        name, _, rest = path.partition("__")
        field = self.model._meta.pk if name == "pk" else self.model._meta.get_field(name)
        if not field.concrete:
            return self._test_reverse(field, rest, wanted)
        if rest and rest not in _LOOKUPS:
            far = Rows(field.related_model, self.database)
            test, table, column = far._test(rest, wanted), far._table, field.column
            return lambda row: row[column] is not None and test(table.rows[row[column]])
        compare = _LOOKUPS["isnull" if wanted is None else rest]
        if isinstance(wanted, Rows | list | set):
            wanted = [getattr(each, "pk", each) for each in wanted]
        expected = True if wanted is None else getattr(wanted, "pk", wanted)
        return lambda row, column=field.column: compare(row[column], expected)

    def _test_reverse(self, field: Any, rest: str, wanted: Any) -> Callable[[Row], bool]:
        assert rest == "isnull", f"the simulator does not follow {field.name}__{rest}"
        rows, column = self.database[field.related_model._meta.db_table].rows, field.field.column
        return lambda row: any(other[column] == row["id"] for other in rows.values()) != wanted
