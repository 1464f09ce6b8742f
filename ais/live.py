"""Owns the live picture: the last known state of each station heard, in event time.

Never stores anything and never believes one sentence: a name, IMO number or call sign counts once it was seen often enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from ais.columns import NO_TIME, MessageBatch
from ais.decode import Dimensions
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


_USED = frozenset((
    "lon", "lat", "speed", "course", "heading", "status", "shipname", "name", "callsign", "imo", "ship_type", "mothership_mmsi",
    "to_bow", "to_stern", "to_port", "to_starboard", "draught", "destination", "month", "day", "hour", "minute",
))  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as the picture needs it. `at_ms` None: without a time; `repeated`: another station sent the same before."""

    msg_type: int
    mmsi: int
    fields: Mapping[str, JsonValue]
    at_ms: int | None = None
    station: str | None = None
    own: bool = False
    repeated: bool = False

    def number(self, key: str) -> float | None:
        value = self.fields.get(key)
        if type(value) is float:
            return value
        return float(value) if isinstance(value, (int, float)) else None

    def integer(self, key: str) -> int | None:
        value = self.number(key)
        return None if value is None else int(value)

    def text(self, key: str) -> str | None:
        value = self.fields.get(key)
        return value if isinstance(value, str) else None

    @property
    def dimensions(self) -> Dimensions | None:
        known = [side for side in map(self.integer, ("to_bow", "to_stern", "to_port", "to_starboard")) if side is not None]
        return Dimensions(*known) if len(known) == 4 else None


def heard(batch: MessageBatch) -> Iterator[Heard]:
    """The messages of a batch that the picture shows something of, or counts."""
    columns = (batch.msg_type, batch.mmsi, batch.at_ms, batch.station, batch.own, batch.repeat_of)
    for fields, msg_type, mmsi, at_ms, station, own, repeat_of in zip(
        batch.all_fields(only=_USED), *(one.tolist() for one in columns), strict=True
    ):
        yield Heard(
            msg_type=msg_type,
            mmsi=mmsi,
            fields=fields,
            at_ms=None if at_ms == NO_TIME else at_ms,
            station=batch.stations[station] if station >= 0 else None,
            own=own,
            repeated=repeat_of >= 0,
        )


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """A sighting of an identity value. `before`: the other confirmed value that it replaced, at that very sighting."""

    mmsi: int
    field: str
    value: str
    at_ms: int
    confirmed: bool
    before: str | None = None


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
        started_at: replay start; the time base for a log without times.
        recall: what is stored of a station that is not in memory.
    """

    def __init__(
        self, *, confirm_identity: int, started_at: datetime, recall: Callable[[int], LiveShip | None] = lambda _: None
    ) -> None:
        self._needed = confirm_identity
        self._recall = recall
        self._start_ms = int(started_at.timestamp() * 1000)
        self._states: dict[int, _State] = {}
        self._order = 0
        self._changed: set[int] = set()
        self._sightings: list[IdentityChange] = []

    def restore(self, ships: Iterable[LiveShip]) -> None:
        """Go on from stored snapshots, so that a restart neither forgets a ship nor asks for its name again."""
        for ship in ships:
            state = self._states[ship.mmsi] = _State(ship.mmsi, ship.station_class, ship.at_ms, ship.time_source, ship.messages)
            state.position, state.ship_type, state.dimensions = ship.position, ship.ship_type, ship.dimensions
            state.draught_m, state.destination, state.eta = ship.draught_m, ship.destination, ship.eta
            state.stations = set(ship.stations)
            for key, held in (("imo", state.imo), ("name", state.name), ("call_sign", state.call_sign)):
                held.value = getattr(ship, key)
                held.confirmed = held.value is not None and key not in ship.unconfirmed

    def forget(self, before_ms: float) -> None:
        """Drop stations not heard since; one that waits to be stored stays."""
        for mmsi in [mmsi for mmsi, one in self._states.items() if one.at_ms < before_ms and mmsi not in self._changed]:
            del self._states[mmsi]

    def take_changed(self) -> list[LiveShip]:
        """Snapshots of the stations heard since the last call."""
        made = [self._states[mmsi].snapshot() for mmsi in sorted(self._changed)]
        self._changed.clear()
        return made

    def take_sightings(self) -> list[IdentityChange]:
        """Identity values sighted since the last call; a caller that does not want them lets them be dropped."""
        made, self._sightings = self._sightings, []
        return made

    def apply(self, message: Heard) -> Position | None:
        """Take in one message; returns the position it reports, for storing, or None.

        VDO sentences (own station) make no target: some stations relay others as their own.
        """
        self._order += 1
        if message.own or message.msg_type not in _CLASS_OF or not 0 < message.mmsi <= 999_999_999:
            return None
        dated = message.at_ms is not None
        at_ms = message.at_ms if message.at_ms is not None else self._start_ms + self._order
        source: TimeSource = "log" if dated else "order"
        state = self._state_of(message, at_ms, source)
        self._changed.add(message.mmsi)
        if message.station is not None and len(state.stations) < _MAX_STATIONS:
            state.stations.add(message.station)
        if dated and message.repeated:
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

    def _state_of(self, message: Heard, at_ms: int, source: TimeSource) -> _State:
        station_class = _CLASS_OF[message.msg_type]
        state = self._states.get(message.mmsi)
        if state is None and (stored := self._recall(message.mmsi)) is not None:
            self.restore([stored])
            state = self._states[message.mmsi]
        if state is None:
            state = self._states[message.mmsi] = _State(message.mmsi, station_class, at_ms, source)
        elif station_class == "A" and state.station_class == "B":  # only class A sends types 1-3 and 5
            state.station_class = "A"
        return state

    def _static(self, state: _State, message: Heard) -> None:
        at_ms = message.at_ms
        if at_ms is not None:
            if at_ms < state.static_ms:
                return  # late: newer values are already held
            state.static_ms = at_ms
        name = message.text("shipname") or message.text("name")
        at_ms = state.at_ms if at_ms is None else at_ms
        self._sight(state, "name", state.name, name, at_ms)
        self._sight(state, "call_sign", state.call_sign, message.text("callsign"), at_ms)
        self._sight(state, "imo", state.imo, message.integer("imo") or (0 if message.msg_type == 5 else None), at_ms)
        state.ship_type = message.integer("ship_type") or state.ship_type
        if "mothership_mmsi" not in message.fields:
            state.dimensions = message.dimensions or state.dimensions
        if message.msg_type == 5:
            state.draught_m = message.number("draught")
            state.destination = message.text("destination")
            parts = Eta(*(message.integer(key) for key in ("month", "day", "hour", "minute")))
            state.eta = parts if parts.month is not None and parts.day is not None else None

    def _sight(self, state: _State, field_name: str, held: _Identity, value: str | int | None, at_ms: int) -> None:
        if value is None:
            return
        before, was_confirmed = held.value, held.confirmed
        if value != 0:
            held.sight(value, self._needed)
        replaced = was_confirmed and held.confirmed and before != held.value
        confirmed = value == 0 or (held.confirmed and held.value == value)
        if len(self._sightings) < _MAX_SIGHTINGS:
            self._sightings.append(
                IdentityChange(state.mmsi, field_name, str(value), at_ms, confirmed, str(before) if replaced else None)
            )

    def _position(self, state: _State, message: Heard, at_ms: int, source: TimeSource) -> Position | None:
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


_MAX_SIGHTINGS = 65_536


def newest(ships: Iterable[LiveShip]) -> datetime | None:
    """Time of the newest report of a log, or None where no ship was heard."""
    return max((ship.at_utc for ship in ships), default=None)
