"""Nothing that is recorded may depend on the machine, the moment or the version of Python. Source: study/engine.md §10.

Imports of Django, clocks, chance, files and networks are import-linter's contract; the clock is ruff's (TID251, DTZ).
Here is what neither sees, each with a snippet that shows it found.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from tests import purity
from tests.purity import ROOT, name, pure_modules, tree
from tests.test_architecture import MODULES, ROOMS

STANDARD = frozenset(
    "bisect collections copy dataclasses difflib enum functools hashlib heapq hmac itertools json operator re struct"
    " typing unicodedata zlib".split()
)
# They compute where something is drawn, and nothing that is recorded.
PICTURES = ("plans/layout.py", "plans/layers.py", "plans/placement.py")
# A memory of pairs that were looked at already: a key says which pair, and never in which order.
MEMORIES = ("plans/logic.py",)
# Words for people: what they say is in no entry.
WORDS = ("plans/captions.py", "runs/engine/transitions.py", "runs/showing/explain.py")
DECIDING = ("audit/", "plans/", "policies/rules/", "runs/engine/")
# The core that writes entries meets no error at all; its shell knows what an error is called and never what it says.
CORE = [ROOT / f"runs/engine/{each}.py" for each in "machine walk sending commanding values transitions".split()]
SHELL = [ROOT / f"runs/{each}.py" for each in "batch tick dispatch store optouts compose clock".split()]
# What runs inside the engine's transaction, or makes entries beside it.
ORDERED = [
    *SHELL,
    *(ROOT / f"runs/{each}.py" for each in ("admit", "inbox", "lease", "people")),
    *(ROOT / f"policies/{each}.py" for each in ("gate", "lookups", "operations", "publishing")),
    *(ROOT / f"audit/{each}.py" for each in ("log", "verify", "vault")),
    ROOT / "plans" / "operations.py",
]
# DISTINCT ON needs the order of its index; the rows go into a dictionary by these very columns.
BY_KEY = "contact_id, channel, purpose, version DESC"

Finder = Callable[[ast.Module], Iterable[str]]


def found(finder: Finder, paths: Iterable[Path], *, but: tuple[str, ...] = ()) -> list[str]:
    return [f"{name(path)}:{what}" for path in paths if name(path) not in but for what in finder(tree(path))]


def builtins(module: ast.Module) -> Iterable[str]:
    named = ("open", "input", "print", "eval", "exec", "__import__", "globals", "vars", "dir", "breakpoint")
    return (f"{call.lineno}: {purity.called(call)}()" for call in purity.calls(module, *named) if _plain(call))


def identities(module: ast.Module) -> Iterable[str]:
    return (f"{call.lineno}: {purity.called(call)}()" for call in purity.calls(module, "hash", "id") if _plain(call))


def foldings(module: ast.Module) -> Iterable[str]:
    return (f"{call.lineno}: .{purity.called(call)}()" for call in purity.calls(module, *purity.FOLDING))


def strangers(module: ast.Module) -> Iterable[str]:
    return sorted(purity.imports(module) - STANDARD - set(ROOMS))


def _plain(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name)


def test_the_pure_modules_are_those_of_the_contract() -> None:
    assert {ROOT / "audit" / "canon.py", ROOT / "policies" / "rules" / "evaluate.py", *CORE} <= set(pure_modules())
    assert all(path.exists() for path in [*pure_modules(), *SHELL, *ORDERED])
    assert {*PICTURES, *MEMORIES} <= {name(path) for path in pure_modules()}


def test_pure_modules_import_a_list_of_the_standard_library_and_no_more() -> None:
    told = found(strangers, pure_modules())
    # It says an instant in words, and never asks for one.
    assert set(told) - {"runs/showing/explain.py:datetime"} == set()


def test_pure_modules_call_nothing_that_looks_outside() -> None:
    assert found(builtins, pure_modules()) == []


def test_no_pure_module_takes_an_order_from_a_set() -> None:
    assert found(purity.orders_of_sets, pure_modules()) == []


def test_no_pure_module_asks_for_a_hash_or_an_identity_of_this_process() -> None:
    assert found(identities, pure_modules(), but=MEMORIES) == []


def test_no_pure_module_but_those_that_draw_has_fractions() -> None:
    assert found(purity.fractions, pure_modules(), but=PICTURES) == []


def test_nothing_that_decides_folds_the_case_of_what_people_wrote() -> None:
    deciding = [path for path in pure_modules() if name(path).startswith(DECIDING)]
    assert found(foldings, deciding, but=WORDS) == []


def test_assertions_say_types_only_so_that_nothing_changes_without_them() -> None:
    assert found(purity.assertions, MODULES) == []


def test_the_core_meets_no_error_and_the_shell_records_only_what_it_is_called() -> None:
    assert [name(path) for path in CORE for node in ast.walk(tree(path)) if isinstance(node, ast.Try)] == []
    assert found(purity.told_errors, SHELL) == []


# --- the clock ---

# Asked by the process itself: whether a webhook's signature is fresh, how long something has taken, how long to wait.
CLOCKS = {
    "channels/webhooks.py": {"time"},
    "channels/adapters/sandbox.py": {"sleep"},
    "channels/adapters/smtp_wire.py": {"monotonic"},
    "runs/tick.py": {"monotonic"},
    "runs/management/commands/drain.py": {"monotonic", "sleep"},
    "runs/management/commands/bench.py": {"perf_counter"},
    "runs/management/commands/bench_pages.py": {"perf_counter"},
}


def clocks(module: ast.Module) -> set[str]:
    asked = {
        node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "time"
    }
    named = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and node.module == "time"]
    return asked | {alias.name for node in named for alias in node.names} | ({"zoneinfo"} & purity.imports(module))


def test_no_file_beyond_these_asks_a_clock_of_the_process_or_a_zone() -> None:
    served = [path for path in MODULES if path.parent.name != "devtools" and path.name != "dev.py"]
    asking = {name(path): found for path in served if (found := clocks(tree(path)))}
    assert asking == {**CLOCKS, "policies/hours.py": {"zoneinfo"}}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("import datetime\n\nprint(datetime.datetime.now(datetime.UTC))\n", "TID251"),
        ("import time\n\nprint(time.time())\n", "TID251"),
        ("from django.utils import timezone\n\nprint(timezone.now())\n", "TID251"),
        ("import datetime\n\nprint(datetime.datetime.today())\n", "DTZ002"),
        ("import datetime\n\nprint(datetime.datetime.fromtimestamp(0))\n", "DTZ006"),
    ],
)
def test_the_linter_refuses_the_clock_in_every_room(text: str, rule: str) -> None:
    ruff = [
        str(Path(sys.executable).with_name("ruff")),
        "check",
        "-",
        "--stdin-filename",
        "runs/batch.py",
        "--no-cache",
    ]
    done = subprocess.run(ruff, cwd=ROOT, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, rule in done.stdout) == (1, True), done.stdout + done.stderr


# --- the database ---


def numbers(tables: frozenset[str] = frozenset(), room: str = "") -> set[str]:
    """Return the columns that hold a number or an instant wherever they are: in these tables, or in a room's."""
    counted = (models.IntegerField, models.DateTimeField)
    held = [model for model in apps.get_models() if model._meta.db_table in tables or model._meta.app_label == room]
    fields = [field for model in held for field in model._meta.concrete_fields]
    texts = {str(field.column) for field in fields if not isinstance(field, counted)}
    return {str(field.column) for field in fields} - texts | {"pk"}


def loose_orders(path: Path) -> Iterable[str]:
    for line, column, tables in purity.orders_by(tree(path)):
        known = numbers(tables) if tables else numbers(room=path.parent.name) | {"place"}
        if column not in known and not column.endswith(' COLLATE "C"'):
            yield f"{name(path)}:{line}: {column}"


def test_whatever_reaches_the_log_is_ordered_by_numbers_or_by_bytes() -> None:
    loose = [place.partition(":")[0] + place[place.rindex(":") :] for path in ORDERED for place in loose_orders(path)]
    assert loose == [f"policies/lookups.py: {column}" for column in BY_KEY.split(", ")[:3]]
    text = (ROOT / "policies" / "lookups.py").read_text()
    assert text.count(BY_KEY) == 1 and text.count("SELECT DISTINCT ON (contact_id, channel, purpose)") == 1


def test_no_model_takes_the_time_by_itself() -> None:
    telling = {"auto_now", "auto_now_add"}
    for path in [path for path in MODULES if path.name == "models.py"]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword):
                assert node.arg not in telling, name(path)
                assert not (node.arg == "default" and "now" in ast.unparse(node.value)), name(path)


def test_no_signal_of_a_model_does_anything() -> None:
    told = {
        name(path): set(re.findall(r"from django.db.models.signals import (.+)", path.read_text())) for path in MODULES
    }
    # That of a migration is of no model: the roles follow it.
    assert {path: names for path, names in told.items() if names} == {"dee_site/apps.py": {"post_migrate"}}
    assert [name(path) for path in MODULES if "models import signals" in path.read_text()] == []


# --- the broker ---


def test_the_doorbell_carries_no_data_and_does_nothing_twice_by_itself() -> None:
    (task,) = (node for node in tree(ROOT / "runs" / "tasks.py").body if isinstance(node, ast.FunctionDef))
    assert (task.args.posonlyargs, task.args.args, task.args.kwonlyargs, task.args.vararg) == ([], [], [], None)
    named = [name(path) for path in MODULES if path.parts[-2] != "devtools" and path.name == "tasks.py"]
    assert named == ["runs/tasks.py"]
    forbidden = {"eta", "countdown", "autoretry_for", "retry_backoff", "max_retries", "acks_late", "kwargs", "args"}
    for path in (ROOT / "runs" / "tasks.py", ROOT / "runs" / "doorbell.py", ROOT / "runs" / "service.py"):
        given = {node.arg for call in ast.walk(tree(path)) if isinstance(call, ast.Call) for node in call.keywords}
        assert given & forbidden == set(), name(path)


# --- each of these can be found ---

LOOSE: list[tuple[Finder, str]] = [
    (strangers, "import random"),
    (strangers, "from os import environ"),
    (strangers, "import datetime"),
    (builtins, "open('x')"),
    (identities, "key = hash('x')"),
    (identities, "key = id(entry)"),
    (purity.fractions, "x = 0.5"),
    (purity.fractions, "x = a / b"),
    (purity.fractions, "a /= 2"),
    (purity.fractions, "x = round(y)"),
    (foldings, "x = name.casefold()"),
    (purity.assertions, "assert state.unsure"),
    (purity.assertions, "assert isinstance(queue.pop(), int)"),
    (purity.assertions, "assert take() is not None"),
    (purity.orders_of_sets, "for x in {1, 2}: pass"),
    (purity.orders_of_sets, "for x in set(y): pass"),
    (purity.orders_of_sets, "x = [y for y in names & {'a'}]"),
    (purity.orders_of_sets, "x = list({y for y in z})"),
    (purity.orders_of_sets, "def f(names: set[str]) -> list[str]:\n    return [*names]"),
    (purity.orders_of_sets, "def f(names: frozenset[str]) -> str:\n    return ', '.join(names)"),
    (purity.orders_of_sets, "def f() -> set[int]: ...\nfor x in f(): pass"),
    (purity.orders_of_sets, "class A:\n    seen: set[str]\n    def f(self) -> None:\n        self.seen.pop()"),
    (purity.orders_of_sets, "for x in a.keys() - b: pass"),
    (purity.orders_of_sets, "seen = set()\nfirst = next(iter(seen))"),
    (purity.orders_of_sets, "seen = set()\ntext = f'{seen}'"),
    (purity.told_errors, "try: f()\nexcept ValueError as error:\n    write(str(error))"),
    (purity.told_errors, "try: f()\nexcept ValueError as error:\n    write(f'{error}')"),
    (purity.told_errors, "def _fault(error: Exception) -> None:\n    write(error.args)"),
]


@pytest.mark.parametrize(("finder", "text"), LOOSE, ids=[text for _, text in LOOSE])
def test_what_must_not_be_there_would_be_found(finder: Finder, text: str) -> None:
    assert list(finder(ast.parse(text))) != []


@pytest.mark.parametrize(
    ("finder", "text"),
    [
        (purity.orders_of_sets, "x = sorted({1, 2})"),
        (purity.orders_of_sets, "x = sorted(y for y in {1, 2})"),
        (purity.orders_of_sets, "x = 3 in {1, 2}"),
        (purity.orders_of_sets, "x = {y for y in {1, 2}}"),
        (purity.orders_of_sets, "x = any(y > 1 for y in {1, 2})"),
        (purity.assertions, "assert isinstance(self.here, Call) and step is not None"),
        (purity.told_errors, "try: f()\nexcept ValueError as error:\n    raise Other(type(error).__name__) from error"),
    ],
)
def test_what_may_be_there_is_left_alone(finder: Finder, text: str) -> None:
    assert list(finder(ast.parse(text))) == []


def test_an_order_by_text_would_be_found() -> None:
    sql = 'SQL = "SELECT * FROM runs_run r WHERE a = %s ORDER BY r.due DESC, r.key LIMIT %s"\nrows.order_by("-name")'
    told = [(column, tables) for _, column, tables in purity.orders_by(ast.parse(sql))]
    assert told == [("due", frozenset({"runs_run"})), ("key", frozenset({"runs_run"})), ("name", frozenset())]
    assert {"due_at", "turn", "no", "n"} <= numbers(frozenset({"runs_run"}))
    assert {"plan_key", "status", "reason"} & numbers(frozenset({"runs_run"})) == set()
    assert "id" in numbers(frozenset({"runs_inbox"})) and "id" not in numbers(frozenset({"runs_intent"}))
