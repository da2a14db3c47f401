"""When are two addresses the same, and what may be shown of one? Normal forms of email addresses and phone numbers.

Suppressions are keyed by these forms, so everything that stores or looks up an address passes through here.
"""

import re
import unicodedata

import phonenumbers

# Deliberately loose: one @, no spaces or control characters, a dot in the domain. The provider decides the rest.
_EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f<>,;:\"()\[\]\\]{1,64}@[^\s@\x00-\x1f\x7f<>,;:\"()\[\]\\]+\.[^\s@.<>,;:\"()\[\]\\]+"
)
_MAX_EMAIL = 254


class BadAddress(ValueError):
    """The text is no email address and no phone number; the message is a sentence for whoever typed it."""


def normal_email(text: str) -> str:
    """Return the normal form of an email address: NFC, lower case, no spaces around. +tags are kept.

    Raises: BadAddress.
    """
    email = unicodedata.normalize("NFC", text.strip().lower())
    if len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email) or ".." in email:
        raise BadAddress(f"“{text[:60]}” is not an email address; write it like ada@example.com")
    return email


def normal_phone(text: str, country: str = "") -> str:
    """Return a phone number as E.164. country: two letters for numbers written without +.

    Raises: BadAddress.
    """
    advice = "write it with + and the country code, like +12125550100"
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        raise BadAddress(f"“{text[:60]}” is not a phone number; {advice}") from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise BadAddress(f"“{text[:60]}” is not a full phone number; {advice}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal(text: str) -> str:
    """Return the normal form of an email address or a phone number. Raises: BadAddress."""
    return normal_email(text) if "@" in text else normal_phone(text)


def kind_of(address: str) -> str:
    """Return which kind of address a normal form is: `email` or `phone`."""
    return "email" if "@" in address else "phone"


def masked(address: str) -> str:
    """Return what somebody without the right to read addresses sees of one."""
    if not address:
        return ""
    if "@" in address:
        local, _, domain = address.partition("@")
        return f"{local[:1]}•••@{domain}"
    return f"{address[:2]}•••••{address[-2:]}"
