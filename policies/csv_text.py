"""What stands in this file, line by line? Strict reading of CSV as spreadsheets write it, with a sentence per bad line.

Nothing here touches the database. A file is taken whole or not at all, so every problem is collected.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_BYTES = 64 * 1024 * 1024
MAX_CELL = 4096

_FORMULA = ("=", "@", "\t", "\r")
_NOT_LETTERS = re.compile(r"[^a-z0-9.:-]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a file cannot be taken. line: 1-based line of the file, 0 for the file as a whole."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class BadFile(ValueError):
    """The file was not taken and nothing was changed. problems: all of them, in the order of the lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it starts on and its cells by column."""

    line: int
    cells: Mapping[str, str]


def decode(raw: bytes) -> str:
    """Return the text of a file. Raises: BadFile when it is too long, not UTF-8, or holds U+0000."""
    if len(raw) > MAX_BYTES:
        raise BadFile([Problem(0, f"The file is longer than {MAX_BYTES // 1024 // 1024} MB; split it.")])
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadFile([Problem(0, "The file is UTF-16; save it as “CSV UTF-8”.")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadFile([Problem(line, "is not UTF-8 from here on; save the file as “CSV UTF-8”.")]) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise BadFile([Problem(line, "holds the character U+0000; this is not a CSV file.")])
    return text


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of every record that is not blank. The delimiter is what the first line uses: , ; or tab.

    Raises: BadFile where the quoting is broken.
    """
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadFile([Problem(reader.line_num, f"cannot be read: {error}. Check the quotation marks.")]) from None


def column_name(header: str, synonyms: Mapping[str, str]) -> str:
    """Return the column a header means: "E-Mail" and "email address" are both `email`."""
    plain = _NOT_LETTERS.sub("_", header.strip().lower()).strip("_")
    return synonyms.get(plain, plain)


def formula(cell: str) -> str:
    """Return why a cell is dangerous to whoever opens an export of it in a spreadsheet, or ""."""
    if cell.startswith(_FORMULA):
        return f"“{cell[:20]}” starts like a spreadsheet formula; remove the first character"
    if len(cell) > MAX_CELL:
        return f"a cell is longer than {MAX_CELL} characters"
    return ""
