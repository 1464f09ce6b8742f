"""Owns what the live picture concludes: events (a stay, an arrival) and risk signals (a gap, a jump), each with its evidence.

Never ranks a ship and never mixes a signal into a profile's points: targeting shows signals beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from pydantic import JsonValue

from ais.behaviour import Behaviour
from ais.text import Bilingual
from core.catalogue import text

EventKind = Literal["at_berth", "at_anchor", "under_way", "drifting", "arrival", "departure"]
SignalKind = Literal[
    "gap", "jump", "double_track", "out_of_range", "same_place", "circle", "identity_change", "two_mmsi_one_imo", "imo_invalid",
    "imo_missing", "status_conflict", "drifting_at_anchor", "drifting", "draught_change", "draught_over_depth", "eta_spread",
    "length_change", "draught_unchanged", "destination_elsewhere", "gap_before_arrival", "meeting",
]  # fmt: skip
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
SIGNAL_KINDS: tuple[SignalKind, ...] = get_args(SignalKind)

Evidence = dict[str, JsonValue]
"""One row that a conclusion rests on: ``at_utc``, and what of ``lonlat, sog_kn, field, value, before, station`` it shows."""


@dataclass(frozen=True, slots=True)
class Event:
    """A state with a beginning (and an end once it is over), or a moment where both are equal."""

    kind: EventKind
    mmsi: int
    began_at: datetime
    ended_at: datetime | None
    place: str | None
    confidence: float
    evidence: tuple[Evidence, ...]

    @property
    def id(self) -> str:
        """Equal for the same event seen again, so that replaying a log adds nothing."""
        return f"{self.kind}:{self.mmsi}:{ms_of(self.began_at)}"

    @property
    def words(self) -> Bilingual:
        params = {"place": self.place or "-"}
        return Bilingual(**{lang: text(f"ais.event.{self.kind}", lang, **params) for lang in ("zh", "en")})


@dataclass(frozen=True, slots=True)
class Signal:
    """A reason to look closer. Open from `opened_at` until `expires_at`; `subject` tells two of one kind apart."""

    kind: SignalKind
    mmsi: int
    opened_at: datetime
    expires_at: datetime
    confidence: float
    evidence: tuple[Evidence, ...]
    facts: dict[str, JsonValue] = field(default_factory=dict)
    subject: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.mmsi}:{ms_of(self.opened_at)}:{self.subject}"

    @property
    def words(self) -> Bilingual:
        """One sentence in each language, from the catalogue."""
        return Bilingual(**{lang: text(f"ais.signal.{self.kind}", lang, **self.facts) for lang in ("zh", "en")})

    def more(self, evidence: Evidence, last_at: datetime, behaviour: Behaviour, keep: int = 8) -> Signal:
        """The same signal with one more row (the first ones and the newest are kept) and a later expiry."""
        rows = (*self.evidence[: keep - 1], evidence)
        return replace(self, evidence=rows, expires_at=expiry(self.kind, last_at, behaviour))


def expiry(kind: SignalKind, last_at: datetime, behaviour: Behaviour) -> datetime:
    return last_at + timedelta(hours=behaviour.signals[kind].hours)


def signal(
    kind: SignalKind,
    mmsi: int,
    at: datetime,
    behaviour: Behaviour,
    evidence: tuple[Evidence, ...],
    facts: dict[str, JsonValue],
    *,
    last_at: datetime | None = None,
    subject: str = "",
) -> Signal:
    """A signal with the confidence and expiry of its kind."""
    rule = behaviour.signals[kind]
    return Signal(kind, mmsi, at, expiry(kind, last_at or at, behaviour), rule.confidence, evidence, facts, subject)


def at_utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def ms_of(at: datetime) -> int:
    return round(at.timestamp() * 1000)
