"""Where personal values lie that the log only commits to. Erasing a value here leaves every chain valid."""

import secrets
from collections.abc import Sequence
from typing import Any

from audit import chain
from audit.models import Opening


def hold(*, kind: str, value: str, subject: str) -> dict[str, Any]:
    """Keep a personal value and return what the log may say of it: {"c": commitment hex, "kind", "ref"}."""
    salt = secrets.token_bytes(32)
    opening = Opening.objects.create(subject=subject, kind=kind, salt=salt, value=value)
    return {"c": chain.commitment(salt, kind, value), "kind": kind, "ref": opening.ref}


def reveal(ref: int) -> str | None:
    """Return the value behind a commitment's ref, or None when it was erased."""
    opening = Opening.objects.filter(ref=ref).only("value").first()
    return opening.value if opening else None


def reveal_with_kinds(refs: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return {ref: (kind, value)} for those refs whose values still exist."""
    found = Opening.objects.filter(ref__in=refs).values_list("ref", "kind", "value")
    return {ref: (kind, value) for ref, kind, value in found}


def reveal_many(refs: list[int]) -> dict[int, str]:
    """Return {ref: value} for those refs whose values still exist."""
    return dict(Opening.objects.filter(ref__in=refs).values_list("ref", "value"))
