"""What may a contact's fields hold? One reading for the page, the file and the API, with a sentence per bad field."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audit import canon
from policies import addresses, hours

REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Values that stand in the log in clear: a source, a wording's version. No @, so no address slips in.
WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:/#-]{0,79}")

RESERVED_REFS = ("new", "import")  # addresses of pages

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,47}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MAX_NAME = 200
_MAX_TEXT = 500
_MAX_ATTRIBUTES_BYTES = 8 * 1024  # so that an entry of the log, with everything else in it, stays under its 16 KiB


class Invalid(ValueError):
    """Some fields cannot be stored. problems: {field: sentence}."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(problems.values()))


@dataclass(frozen=True, slots=True)
class Fields:
    """A contact's fields in normal form."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    zone: str = ""
    country: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


def read(raw: Mapping[str, Any]) -> Fields:
    """Return the fields in normal form. raw: texts as typed, and attributes as a dictionary; what is missing is empty.

    Raises: Invalid with a sentence for every bad field.
    """
    unknown = raw.keys() - Fields.__dataclass_fields__.keys()
    if unknown:
        raise TypeError(f"a contact has no field {', '.join(sorted(unknown))}")
    problems: dict[str, str] = {}

    def cleaned(name: str, check: Callable[[str], str]) -> str:
        text = str(raw.get(name) or "").strip()
        try:
            return check(text) if text else ""
        except ValueError as error:
            problems[name] = str(error)
            return ""

    country = cleaned("country", _country)
    fields = Fields(
        first_name=cleaned("first_name", _name),
        last_name=cleaned("last_name", _name),
        email=cleaned("email", addresses.normal_email),
        phone=cleaned("phone", lambda text: addresses.normal_phone(text, country)),
        zone=cleaned("zone", _zone),
        country=country,
        attributes=_attributes(raw.get("attributes") or {}, problems),
    )
    if problems:
        raise Invalid(problems)
    return fields


def read_ref(text: str) -> str:
    """Return a contact's reference. Raises: Invalid."""
    ref = text.strip()
    if not REF.fullmatch(ref) or ref in RESERVED_REFS:
        raise Invalid(
            {"ref": f"“{ref[:60]}” is not a reference; use letters, digits, . _ and - (at most 64), like c-1001"}
        )
    return ref


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if len(name) > _MAX_NAME or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise ValueError(f"a name has at most {_MAX_NAME} letters and no control characters")
    return name


def _zone(text: str) -> str:
    if not hours.is_zone(text):
        raise ValueError(f"“{text[:60]}” is not a time zone; write it like America/New_York")
    return text


def _country(text: str) -> str:
    country = text.upper()
    if not _COUNTRY.fullmatch(country):
        raise ValueError(f"“{text[:60]}” is not a country code; write two letters, like US")
    return country


def _attributes(raw: Any, problems: dict[str, str]) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        problems["attributes"] = 'attributes are an object such as {"tier": "gold", "balance": 120, "vip": true}'
        return {}
    for name, value in raw.items():
        if not isinstance(name, str) or not _ATTRIBUTE.fullmatch(name):
            problems["attributes"] = (
                f"“{str(name)[:60]}” is not an attribute name; use lower-case letters, digits and _"
            )
        elif type(value) not in (int, str, bool) or (isinstance(value, str) and len(value) > _MAX_TEXT):
            problems["attributes"] = (
                f"{name}: a value is a whole number, true or false, or a text of at most {_MAX_TEXT}"
            )
    if "attributes" not in problems:
        try:
            if len(canon.encode(dict(raw)).encode()) > _MAX_ATTRIBUTES_BYTES:
                problems["attributes"] = f"attributes take more than {_MAX_ATTRIBUTES_BYTES} bytes together"
        except canon.NotCanonical as error:
            problems["attributes"] = str(error)
    return dict(raw)
