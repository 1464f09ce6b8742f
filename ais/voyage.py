"""Owns what a ship says of its hull, its load and its voyage, held against what it does.

Never raises a signal: it returns the facts of one, and the watch raises it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher

from pydantic import JsonValue

from ais.behaviour import Draught, IdentityRule
from ais.event_store import PortCall
from ais.port import Port

Facts = dict[str, JsonValue]
_SPOKEN = re.compile(r"[^0-9A-Z]+")


@dataclass(slots=True)
class Voyage:
    """One ship. `worked`: it lay at a berth since it sent the draught in force, so that a new one needs no explanation."""

    draught_m: float | None = None
    worked: bool = True
    length_m: int | None = None
    other_length_m: int | None = None
    other_seen: int = 0
    calls_alike: int = 0

    def draught(self, value_m: float, rule: Draught, *, at_berth: bool) -> Facts | None:
        """A draught that changed without a call at a berth."""
        before, self.draught_m = self.draught_m, value_m
        changed = before is not None and abs(value_m - before) >= rule.change_m
        found: Facts | None = {"before": before, "value": value_m} if changed and not self.worked else None
        if before is None or changed:
            self.worked = at_berth
        return found

    def length(self, value_m: int, rule: IdentityRule) -> Facts | None:
        """Another length, sent often enough in a row: another ship, or a false one."""
        held = self.length_m
        if held is None or not held or abs(value_m - held) <= held * rule.length_share:
            if held is None:
                self.length_m = value_m
            self.other_seen = 0
            return None
        self.other_seen = self.other_seen + 1 if value_m == self.other_length_m else 1
        self.other_length_m = value_m
        if self.other_seen < rule.length_times:
            return None
        self.length_m, self.other_seen = value_m, 0
        return {"before": held, "value": value_m}

    def left(self, call: PortCall, rule: Draught) -> Facts | None:
        """A ship that works cargo call after call and always sends the same draught."""
        longest = max((stay.to_at - stay.from_at for stay in call.berths if stay.to_at is not None), default=timedelta())
        if longest < timedelta(hours=rule.cargo_hours) or call.draught_in_m is None or call.draught_out_m is None:
            return None
        alike = abs(call.draught_in_m - call.draught_out_m) < rule.change_m
        self.calls_alike = self.calls_alike + 1 if alike else 0
        return {"calls": self.calls_alike, "draught_m": call.draught_out_m} if self.calls_alike >= rule.calls_alike else None


def destination_match(port: Port, destination: str | None) -> float | None:
    """How well what the crew typed names this port, 0 to 1; None where nothing is typed or the port has no names.

    The text is free; of a way "from > to" the last part counts. Names and the UN/LOCODE stand in the port's pack.
    """
    typed = _spoken((destination or "").rpartition(">")[2])
    if not typed or not port.destinations:
        return None
    names = [_spoken(name) for name in port.destinations]
    if any(typed.startswith(name) for name in names):
        return 1.0
    return round(max(SequenceMatcher(None, typed, name).ratio() for name in names), 2)


def _spoken(text: str) -> str:
    return _SPOKEN.sub("", text.upper())
