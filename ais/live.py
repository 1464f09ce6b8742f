"""Owns the live picture: the last known state of each station heard, in event time.

Never stores anything and never believes one sentence: a name, IMO number or call sign counts once it was seen often enough.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ais.decode import Dimensions, Message
from core.geo import LonLat
from core.ids import Imo, Mmsi, imo_check_digit_ok

StationClass = Literal["A", "B", "base", "aid", "aircraft", "other"]
TimeSource = Literal["log", "order"]  # order: the log has no times; replay start + place in the log

_POSITION_TYPES = frozenset((1, 2, 3, 9, 18, 19, 27))
_FIXED_TYPES = frozenset((4, 21))
_STATIC_TYPES = frozenset((5, 19, 24))
_CLASS_OF: dict[int, StationClass] = {
    **dict.fromkeys((1, 2, 3, 5, 27), "A"), **dict.fromkeys((18, 19, 24), "B"), 4: "base", 9: "aircraft", 21: "aid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Eta:
    """As the crew typed it: AIS has no year; any part may be missing."""

    month: int | None
    day: int | None
    hour: int | None
    minute: int | None


@dataclass(frozen=True, slots=True)
class Position:
    """One report. sog_kn and angles are None where not available."""

    lonlat: LonLat
    at_ms: int
    time_source: TimeSource = "log"
    sog_kn: float | None = None
    cog_deg_true: float | None = None
    heading_deg_true: int | None = None
    nav_status: int | None = None

    @property
    def at_utc(self) -> datetime:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class LiveShip:
    """A snapshot of one station. `unconfirmed` names identity values seen too seldom to count."""

    mmsi: int
    station_class: StationClass
    at_ms: int
    time_source: TimeSource
    messages: int
    position: Position | None = None
    imo: int | None = None
    name: str | None = None
    call_sign: str | None = None
    ship_type: int | None = None
    dimensions: Dimensions | None = None
    draught_m: float | None = None
    destination: str | None = None
    eta: Eta | None = None
    stations: tuple[str, ...] = ()
    unconfirmed: frozenset[str] = frozenset()

    @property
    def at_utc(self) -> datetime:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)

    @property
    def is_ship(self) -> bool:
        return self.station_class in {"A", "B"} and 0 < self.mmsi <= 999_999_999 and Mmsi(self.mmsi).is_ship

    @property
    def valid_imo(self) -> Imo | None:
        return Imo(self.imo) if self.imo is not None and imo_check_digit_ok(self.imo) else None


@dataclass(slots=True)
class _Identity:
    """A value that must be seen `needed` times in a row of sightings of that same value before it counts."""

    value: str | int | None = None
    confirmed: bool = False
    seen: Counter[str | int] = field(default_factory=Counter)

    def sight(self, value: str | int, needed: int) -> None:
        if value == self.value and self.confirmed:
            self.seen.clear()
            return
        self.seen[value] += 1
        if self.seen[value] >= needed:
            self.value, self.confirmed = value, True
            self.seen.clear()
        elif not self.confirmed:
            self.value = value
        if len(self.seen) > _MAX_CANDIDATES:
            self.seen.clear()


_MAX_CANDIDATES = 16
_MAX_STATIONS = 16


@dataclass(slots=True)
class _State:
    mmsi: int
    station_class: StationClass
    at_ms: int
    time_source: TimeSource
    messages: int = 0
    position: Position | None = None
    static_ms: int = 0  # of the last static report with a time
    imo: _Identity = field(default_factory=_Identity)
    name: _Identity = field(default_factory=_Identity)
    call_sign: _Identity = field(default_factory=_Identity)
    ship_type: int | None = None
    dimensions: Dimensions | None = None
    draught_m: float | None = None
    destination: str | None = None
    eta: Eta | None = None
    stations: set[str] = field(default_factory=set)

    def snapshot(self) -> LiveShip:
        identity = {"imo": self.imo, "name": self.name, "call_sign": self.call_sign}
        return LiveShip(
            mmsi=self.mmsi,
            station_class=self.station_class,
            at_ms=self.at_ms,
            time_source=self.time_source,
            messages=self.messages,
            position=self.position,
            imo=self.imo.value if isinstance(self.imo.value, int) else None,
            name=None if self.name.value is None else str(self.name.value),
            call_sign=None if self.call_sign.value is None else str(self.call_sign.value),
            ship_type=self.ship_type,
            dimensions=self.dimensions,
            draught_m=self.draught_m,
            destination=self.destination,
            eta=self.eta,
            stations=tuple(sorted(self.stations)),
            unconfirmed=frozenset(key for key, held in identity.items() if held.value is not None and not held.confirmed),
        )


class LivePicture:
    """Apply messages in the order they come; late ones do not overwrite newer state.

    Args:
        confirm_identity: sightings before a name, IMO number or call sign counts.
        duplicate_window_s: the same payload again within this time is the same message heard by another station.
        started_at: replay start; the time base for a log without times.
    """

    def __init__(self, *, confirm_identity: int, duplicate_window_s: float, started_at: datetime) -> None:
        self._needed = confirm_identity
        self._window_ms = duplicate_window_s * 1000.0
        self._start_ms = int(started_at.timestamp() * 1000)
        self._states: dict[int, _State] = {}
        self._recent: OrderedDict[bytes, int] = OrderedDict()
        self._order = 0
        self.duplicates = 0
        self.own_station = 0
        self.undated = 0

    def apply(self, message: Message) -> Position | None:
        """Take in one message; returns the position it reports, for storing, or None.

        VDO sentences (own station) make no target: some stations relay others as their own.
        """
        self._order += 1
        frame = message.frame
        if frame.own:
            self.own_station += 1
            return None
        if message.msg_type not in _CLASS_OF or not 0 < message.mmsi <= 999_999_999:
            return None
        dated = frame.at_ms is not None
        at_ms = frame.at_ms if frame.at_ms is not None else self._start_ms + self._order
        source: TimeSource = "log" if dated else "order"
        self.undated += not dated
        state = self._state_of(message, at_ms, source)
        if frame.station is not None and len(state.stations) < _MAX_STATIONS:
            state.stations.add(frame.station)
        if dated and self._is_duplicate(frame.payload, at_ms):
            self.duplicates += 1
            return None
        state.messages += 1
        if state.time_source == source:
            state.at_ms = max(state.at_ms, at_ms)
        elif dated:  # a written time is worth more than a place in the log
            state.at_ms, state.time_source = at_ms, source
        if message.msg_type in _STATIC_TYPES or message.msg_type in _FIXED_TYPES:
            self._static(state, message)
        return self._position(state, message, at_ms, source)

    def ships(self) -> list[LiveShip]:
        """Every station that is a ship, by MMSI."""
        return [ship for ship in self.stations() if ship.is_ship]

    def stations(self) -> list[LiveShip]:
        return [self._states[mmsi].snapshot() for mmsi in sorted(self._states)]

    def get(self, mmsi: int) -> LiveShip | None:
        state = self._states.get(mmsi)
        return None if state is None else state.snapshot()

    def __len__(self) -> int:
        return len(self._states)

    def _state_of(self, message: Message, at_ms: int, source: TimeSource) -> _State:
        station_class = _CLASS_OF[message.msg_type]
        state = self._states.get(message.mmsi)
        if state is None:
            state = self._states[message.mmsi] = _State(message.mmsi, station_class, at_ms, source)
        elif station_class == "A" and state.station_class == "B":  # only class A sends types 1-3 and 5
            state.station_class = "A"
        return state

    def _is_duplicate(self, payload: bytes, at_ms: int) -> bool:
        earlier = self._recent.get(payload)
        self._recent[payload] = at_ms
        self._recent.move_to_end(payload)
        while len(self._recent) > _MAX_RECENT:
            self._recent.popitem(last=False)
        return earlier is not None and abs(at_ms - earlier) <= self._window_ms

    def _static(self, state: _State, message: Message) -> None:
        at_ms = message.frame.at_ms
        if at_ms is not None:
            if at_ms < state.static_ms:
                return  # late: newer values are already held
            state.static_ms = at_ms
        name = message.text("shipname") or message.text("name")
        if name is not None:
            state.name.sight(name, self._needed)
        if (call_sign := message.text("callsign")) is not None:
            state.call_sign.sight(call_sign, self._needed)
        if (imo := message.integer("imo")) is not None:
            state.imo.sight(imo, self._needed)
        state.ship_type = message.integer("ship_type") or state.ship_type
        if "mothership_mmsi" not in message.fields:
            state.dimensions = message.dimensions or state.dimensions
        if message.msg_type == 5:
            state.draught_m = message.number("draught")
            state.destination = message.text("destination")
            parts = Eta(*(message.integer(key) for key in ("month", "day", "hour", "minute")))
            state.eta = parts if parts.month is not None and parts.day is not None else None

    def _position(self, state: _State, message: Message, at_ms: int, source: TimeSource) -> Position | None:
        if message.msg_type not in _POSITION_TYPES and message.msg_type not in _FIXED_TYPES:
            return None
        lon, lat = message.number("lon"), message.number("lat")
        if lon is None or lat is None:
            return None
        position = Position(
            lonlat=LonLat(lon, lat),
            at_ms=at_ms,
            time_source=source,
            sog_kn=message.number("speed"),
            cog_deg_true=message.number("course"),
            heading_deg_true=message.integer("heading"),
            nav_status=message.integer("status"),
        )
        held = state.position
        late = held is not None and held.time_source == source == "log" and at_ms < held.at_ms
        if not late:
            state.position = position
        return position


_MAX_RECENT = 8192


def newest(ships: Iterable[LiveShip]) -> datetime | None:
    """Time of the newest report of a log, or None where no ship was heard."""
    return max((ship.at_utc for ship in ships), default=None)
