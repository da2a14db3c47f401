"""What is wrong with a document, and where? The one shape in which every check of `plans` reports.

Pure: no Django, clock, random, environment, file or network.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, the step it belongs to ("" for none), and a sentence saying what to do."""

    pointer: str
    step: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) through the given keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def listed(words: list[str]) -> str:
    """Return quoted words as a sentence part: "a", "b" and "c"; of a long list the first few and how many more."""
    if len(words) > 8:
        return ", ".join(f'"{word}"' for word in words[:6]) + f" and {len(words) - 6} more"
    quoted = [f'"{word}"' for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
