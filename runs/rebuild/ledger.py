"""What do the limits' counters hold? Folded from intents and their outcomes alone, in the order of the log. Pure.

Told anew rather than with the gate's own ledger, so that the two can be wrong only on their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Reserved = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Units:
    """One counter as its row shows it."""

    limit: int = 0
    reserved: int = 0
    posted: int = 0
    overrun: int = 0  # no adapter tells a cost yet, so nothing is ever dearer than what was reserved
    freed: int = 0
    freed_at: int = 0

    def used(self, now: int) -> int:
        """Return what is taken at an instant; what was freed in this very second still counts."""
        return self.reserved + self.posted + self.overrun + (self.freed if self.freed_at == now else 0)

    def release(self, amount: int, now: int) -> None:
        """Give units back; they are free from the next second on."""
        self.freed = amount + (self.freed if self.freed_at == now else 0)
        self.freed_at = now


class Ledger:
    """Every counter, and the reservations that are open."""

    def __init__(self) -> None:
        self.units: dict[str, Units] = {}
        self._limits: dict[str, dict[str, int]] = {}  # by run: what its latest decision saw
        self._open: dict[str, Reserved] = {}

    def used(self, key: str, now: int) -> int:
        """Return what is taken of a counter; nothing when nobody reserved from it."""
        return self.units[key].used(now) if key in self.units else 0

    def take(self, st: str, type: str, data: Mapping[str, Any], now: int) -> None:
        """Fold one entry of a run. now: the instant of the entry, lane clock."""
        if type == "gate.decided":
            self._limits[st] = {counter["key"]: counter["limit"] for counter in data["facts"]["counters"]}
        elif type == "send.intended":
            self._reserve(data["intent"], data["reserve"], self._limits.pop(st, {}))
        elif type in ("send.outcome", "send.voided"):
            self._settle(data["intent"], data.get("settle", "void"), now)
        elif type == "command.accepted" and "settle" in data:
            self._settle(data["intent"], data["settle"], now)  # a person acts on evidence that it did not leave

    def _reserve(self, intent: str, reserved: Reserved, limits: Mapping[str, int]) -> None:
        self._open[intent] = reserved
        for item in reserved:
            units = self.units.setdefault(item["key"], Units())
            units.reserved += item["amount"]
            units.limit = limits.get(item["key"], units.limit)

    def _settle(self, intent: str, how: str, now: int) -> None:
        if how == "keep":
            return
        for item in self._open.pop(intent, ()):
            units, amount = self.units[item["key"]], item["amount"]
            units.reserved -= amount
            if how == "post":
                units.posted += amount
            units.release(0 if how == "post" else amount, now)
