"""Which plans and policies did the log name? Their texts from the tables, taken only when they match the log's hash."""

import json
from collections.abc import Mapping
from typing import Any

from plans import document as plan_document
from plans.document import Plan
from plans.models import PlanVersion
from policies.models import PolicyVersion
from policies.rules import document as policy_document


class Texts:
    """Plans by key, version and hash; policies by hash. A text that hashes to something else is not there."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, int, str], Plan | None] = {}
        self.policies: Mapping[str, Mapping[str, Any]] = {
            hash: json.loads(body)
            for hash, body in PolicyVersion.objects.values_list("hash", "body")
            if policy_document.document_hash(body) == hash
        }

    def plan(self, key: str, number: int, hash: str) -> Plan | None:
        """Return a plan version, or None when its text is not what the log says."""
        name = (key, number, hash)
        if name not in self._plans:
            self._plans[name] = _read(*name)
        return self._plans[name]


def _read(key: str, number: int, hash: str) -> Plan | None:
    body = PlanVersion.objects.filter(plan__key=key, number=number).values_list("body", flat=True).first()
    if body is None or plan_document.content_hash(body) != hash:
        return None
    try:
        return plan_document.parse(body)
    except plan_document.Invalid:
        return None
