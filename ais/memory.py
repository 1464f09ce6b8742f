"""Owns what is remembered of a ship that was watched before: after a restart, or after it was not heard for long.

Never decides anything: it gathers what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ais.event_store import Identity, PortCall, all_identities, open_events, port_calls, signals
from ais.live import LiveShip
from ais.signals import Event, Signal
from ais.store import load_picture, load_ship

_ALL = 1_000_000


@dataclass(slots=True)
class Remembered:
    """Of one ship: its last state, and what was open when it was stored."""

    ship: LiveShip
    event: Event | None = None
    call: PortCall | None = None
    signals: tuple[Signal, ...] = ()
    identities: tuple[Identity, ...] = ()


Recall = Callable[[int], Remembered | None]


def remembered(session: Session, at: datetime, since_ms: int = 0, mmsi: int | None = None) -> dict[int, Remembered]:
    """By MMSI: one ship, or every one heard since; signals are those open at `at`."""
    one = None if mmsi is None else load_ship(session, mmsi)
    ships = load_picture(session) if mmsi is None else [one] if one is not None else []
    found = {ship.mmsi: Remembered(ship) for ship in ships if ship.at_ms >= since_ms}
    if not found:
        return found
    for event in open_events(session, mmsi):
        if (held := found.get(event.mmsi)) is not None:
            held.event = event
    for call in port_calls(session, mmsi=mmsi, here=True, limit=_ALL):
        if (held := found.get(call.mmsi)) is not None:
            held.call = call
    for signal in signals(session, at, mmsi):
        if (held := found.get(signal.mmsi)) is not None:
            held.signals += (signal,)
    for identity in all_identities(session, mmsi):
        if (held := found.get(identity.mmsi)) is not None:
            held.identities += (identity,)
    return found
