"""Which faults are planted, and does each still fit the code? The tables are in tests/mutants; `mutating` runs them."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.paths import ROOT, Refused

TABLES = ROOT / "tests" / "mutants"


@dataclass(frozen=True)
class Edit:
    """One place of a fault: the exact text to replace, which stands in the file once, and what stands there instead."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A fault that somebody could make, and the tests that must notice it.

    stands_for: what the engine would do then. killed_by: node ids, each of which must fail by an assertion.
    raises: the exception that the tests get to see instead, where one of DEE's own guards speaks before an assertion.
    equivalent: why no test can tell it from the code as it is; such a mutant is listed and never tried.
    """

    name: str
    stands_for: str
    edits: tuple[Edit, ...]
    killed_by: tuple[str, ...] = ()
    raises: str = ""
    equivalent: str = ""


def load() -> list[Mutant]:
    """Return every planted fault, in the order of the tables' names."""
    names = sorted(path.stem for path in TABLES.glob("*.py") if path.stem != "__init__")
    return [mutant for name in names for mutant in importlib.import_module(f"tests.mutants.{name}").MUTANTS]


def chosen(names: list[str]) -> list[Mutant]:
    """Return the mutants of these names, or all of them when none is named."""
    known = load()
    unknown = [name for name in names if name not in {mutant.name for mutant in known}]
    if unknown:
        raise Refused(f"There is no mutant {', '.join(unknown)}. There are: {', '.join(m.name for m in known)}.")
    return [mutant for mutant in known if mutant.name in names] if names else known


def mutated(mutant: Mutant, root: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield (file, its text, its mutated text) for every file of a mutant.

    Raises: Refused when a text does not stand there exactly once: the code has moved on, and so must the table.
    """
    for file in dict.fromkeys(edit.file for edit in mutant.edits):
        path = root / file
        if not path.exists():
            raise Refused(f"{mutant.name}: there is no file {file}.")
        text = before = path.read_text(encoding="utf-8")
        for edit in mutant.edits:
            if edit.file == file:
                if (times := text.count(edit.old)) != 1:
                    raise Refused(f"{mutant.name}: {file} holds the text {times} times, not once:\n{edit.old}")
                text = text.replace(edit.old, edit.new)
        if text == before:
            raise Refused(f"{mutant.name}: the replacement in {file} changes nothing.")
        yield path, before, text
