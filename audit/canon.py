"""Which bytes stand for a value? The canonical JSON profile that everything hashed in DEE is written in.

RFC 8785 restricted until every JSON library agrees: integers within ±(2^53-1) and no floats, ASCII keys,
no duplicate keys, no U+0000 and no lone surrogate, bounded depth and size. Strings are never normalised.
Pure: no Django, clock, random, environment, file or network.

Source: RFC 8785; DESIGN §9; study/audit.md §7 (agreement of libraries, measured).
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_INT = 2**53 - 1


class NotCanonical(ValueError):
    """The value or text is outside the profile; the message says where and what."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits of one family of texts: which keys, how deep, how many bytes."""

    key: re.Pattern[str]
    key_rule: str
    max_depth: int
    max_bytes: int


ENTRY = Profile(re.compile(r"[a-z][a-z0-9_]{0,47}"), "[a-z][a-z0-9_]{0,47}", 16, 16 * 1024)
# Documents (plans, policies, templates) are keyed by step names too, and are longer than entries.
DOCUMENT = Profile(re.compile(r"[a-z0-9][a-z0-9_-]{0,47}"), "[a-z0-9][a-z0-9_-]{0,47}", 32, 256 * 1024)

_SURROGATE = re.compile("[\ud800-\udfff]")
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: Any, profile: Profile = ENTRY) -> str:
    """Return the one canonical text of a value made of dict, list, str, int, bool and None.

    Raises: NotCanonical, naming the JSON pointer of the first part outside the profile.
    """
    if not _fits(value, profile, profile.max_depth):
        _refuse(value, profile, 1, "")
    text = _encoder.encode(value)
    # A text of ASCII length under the limit needs no second look; others are measured in bytes.
    if len(text) * 4 > profile.max_bytes and len(text.encode()) > profile.max_bytes:
        raise NotCanonical(f"the text is longer than {profile.max_bytes} bytes")
    return text


def decode(text: str, profile: Profile = ENTRY) -> Any:
    """Parse JSON strictly: what comes back can be encoded, though the text itself may be laid out freely.

    Raises: NotCanonical with line and column for broken JSON, or the reason it is outside the profile.
    """
    if len(text) > profile.max_bytes or len(text.encode("utf-8", "surrogatepass")) > profile.max_bytes:
        raise NotCanonical(f"the text is longer than {profile.max_bytes} bytes")
    try:
        value = _strict_loads(text)
    except json.JSONDecodeError as error:
        raise NotCanonical(f"line {error.lineno} column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise NotCanonical(f"nested deeper than {profile.max_depth} levels") from None
    if not _fits(value, profile, profile.max_depth):
        _refuse(value, profile, 1, "")
    return value


def decode_exact(text: str, profile: Profile = ENTRY) -> Any:
    """Parse a text that must already be canonical, byte for byte. Raises: NotCanonical."""
    value = decode(text, profile)
    if _encoder.encode(value) != text:
        raise NotCanonical("the text is valid JSON but not in canonical form")
    return value


def _strict_loads(text: str) -> Any:
    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_float=_refuse_float,
        parse_constant=_refuse_constant,
        parse_int=_parse_int,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotCanonical(f'the key "{key}" stands twice in one object')
            seen.add(key)
    return found


def _refuse_float(literal: str) -> Any:
    raise NotCanonical(f"{literal[:40]} is not an integer; only integers are allowed")


def _refuse_constant(literal: str) -> Any:
    raise NotCanonical(f"{literal} is not a JSON value")


def _parse_int(literal: str) -> int:
    if literal == "-0":
        raise NotCanonical("-0 is not an integer of this profile; write 0")
    if len(literal) > 17:
        raise NotCanonical(f"{literal[:40]} is outside ±(2^53-1)")
    return int(literal)


@lru_cache(4096)
def _key_fits(rule: str, key: str) -> bool:
    return re.fullmatch(rule, key) is not None


def _fits(value: Any, profile: Profile, levels: int) -> bool:
    """Say whether a value lies in the profile. Runs for every entry, so it keeps no places; `_refuse` finds them."""
    kind = type(value)
    if kind is str:
        return "\x00" not in value and (value.isascii() or not _SURROGATE.search(value))
    if kind is int:
        return bool(-MAX_INT <= value <= MAX_INT)
    if kind is dict:
        if levels == 0:
            return False
        rule = profile.key_rule  # hashed faster than its compiled form
        for key, item in value.items():
            if type(key) is not str or not _key_fits(rule, key) or not _fits(item, profile, levels - 1):
                return False
        return True
    if kind is list or kind is tuple:
        if levels == 0:
            return False
        for item in value:
            if not _fits(item, profile, levels - 1):
                return False
        return True
    return kind is bool or value is None


def _refuse(value: Any, profile: Profile, depth: int, where: str) -> None:
    """Raise NotCanonical for the first part of a value that is outside the profile, naming its place."""
    kind = type(value)
    if kind is str:
        _check_text(value, where)
    elif kind is int:
        if not -MAX_INT <= value <= MAX_INT:
            raise NotCanonical(f"{where or '/'}: {value} is outside ±(2^53-1)")
    elif kind is dict:
        _check_depth(depth, profile, where)
        for key, item in value.items():
            if type(key) is not str or not profile.key.fullmatch(key):
                raise NotCanonical(f"{where or '/'}: the key {str(key)[:60]!r} does not match {profile.key_rule}")
            _refuse(item, profile, depth + 1, f"{where}/{key}")
    elif kind is list or kind is tuple:
        _check_depth(depth, profile, where)
        for index, item in enumerate(value):
            _refuse(item, profile, depth + 1, f"{where}/{index}")
    elif kind is not bool and value is not None:
        raise NotCanonical(f"{where or '/'}: a {kind.__name__} is not allowed here")


def _check_depth(depth: int, profile: Profile, where: str) -> None:
    if depth > profile.max_depth:
        raise NotCanonical(f"{where}: nested deeper than {profile.max_depth} levels")


def _check_text(value: str, where: str) -> None:
    if "\x00" in value:
        raise NotCanonical(f"{where or '/'}: the character U+0000 is not allowed")
    if _SURROGATE.search(value):
        raise NotCanonical(f"{where or '/'}: a lone surrogate is not allowed")
