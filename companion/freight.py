"""Owns the judgement whether a freight order really ran: tracks of several sources, photos, clocks, copies (case 19).

Never files or invoices, and never decides what a person has to look at: that goes to manual.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from itertools import combinations

from pydantic import BaseModel, ConfigDict, Field

from config import pack_path
from core import track_overlap
from core.track_overlap import PairOverlap, Track


class Outcome(StrEnum):
    """What became of an order's evidence."""

    PASSED = "passed"
    MANUAL = "manual"
    CLOCK_OFFSET = "clock_offset"
    DUPLICATE = "duplicate"
    IMPLAUSIBLE = "implausible"


class FreightRules(BaseModel):
    """``config/companion/freight.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    threshold: float = Field(gt=0, le=1)
    min_sources: int = Field(ge=2)
    photos: tuple[str, ...]
    copied_share: float = Field(gt=0, le=1)
    limits: dict[str, float]

    def track_limits(self) -> track_overlap.Limits:
        return track_overlap.Limits(**self.limits)


@dataclass(frozen=True, slots=True)
class Trip:
    """An order's evidence: tracks by source, kinds of photos at hand."""

    order_id: str
    phone: str
    tracks: tuple[Track, ...]
    photos: frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """Another order of the same phone, or one whose track was kept."""

    order_id: str
    phone: str
    starts: datetime
    ends: datetime
    sketch: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """`reasons` are (code, what): codes have texts in the catalogue, ``freight.reason.<code>``."""

    outcome: Outcome
    pairs: tuple[PairOverlap, ...]
    reasons: tuple[tuple[str, str], ...]


def judge(trip: Trip, others: Iterable[Known], rules: FreightRules) -> Judged:
    """The worst finding decides: implausible, duplicate, clock offset, manual, passed. Raises InputError for unusable tracks."""
    limits = rules.track_limits()
    found: dict[Outcome, list[tuple[str, str]]] = {outcome: [] for outcome in Outcome}
    for track in trip.tracks:
        if fast := track_overlap.implausible(track, limits):
            found[Outcome.IMPLAUSIBLE].append(("too_fast", f"{fast.source} {fast.row}: {fast.speed_kmh:g} km/h"))
    if found[Outcome.IMPLAUSIBLE]:
        return Judged(Outcome.IMPLAUSIBLE, (), tuple(found[Outcome.IMPLAUSIBLE]))
    found[Outcome.DUPLICATE] += [("same_track", other.order_id) for other in others if _is_copy(trip, other, rules)]
    independent = _independent(trip.tracks, rules)
    if len(independent) < rules.min_sources:
        found[Outcome.MANUAL].append(("too_few_sources", str(len(independent))))
    if missing := [photo for photo in rules.photos if photo not in trip.photos]:
        found[Outcome.MANUAL].append(("photo_missing", ", ".join(missing)))
    pairs = tuple(track_overlap.overlap(one, two, limits) for one, two in combinations(independent, 2))
    for pair in pairs:
        if pair.ratio < rules.threshold:
            outcome, reason = _why_low(pair, rules)
            found[outcome].append(reason)
    for outcome in (Outcome.DUPLICATE, Outcome.CLOCK_OFFSET, Outcome.MANUAL):
        if found[outcome]:
            return Judged(outcome, pairs, tuple(found[outcome]))
    return Judged(Outcome.PASSED, pairs, ())


def _why_low(pair: PairOverlap, rules: FreightRules) -> tuple[Outcome, tuple[str, str]]:
    if pair.offset_s and pair.ratio_shifted >= rules.threshold:
        return Outcome.CLOCK_OFFSET, ("clock", f"{pair.second}-{pair.first} {pair.offset_s:+.0f} s")
    return Outcome.MANUAL, ("low_overlap", f"{pair.first}-{pair.second} {pair.ratio:.2f}")


def phone_sketch(trip: Trip) -> tuple[str, ...]:
    """What is kept of the phone's track to find it again under another order; empty without one."""
    return next((track_overlap.sketch(track) for track in trip.tracks if track.source == "phone"), ())


def _is_copy(trip: Trip, other: Known, rules: FreightRules) -> bool:
    """The same phone on another order at the same time, or the same recorded points."""
    if other.order_id == trip.order_id:
        return False
    mine = phone_sketch(trip)
    if mine and track_overlap.shared(mine, other.sketch) >= rules.copied_share:
        return True
    phone = next((track for track in trip.tracks if track.source == "phone"), None)
    if phone is None or other.phone != trip.phone:
        return False
    return float(phone.t_s[0]) < other.ends.timestamp() and other.starts.timestamp() < float(phone.t_s[-1])


def _independent(tracks: Sequence[Track], rules: FreightRules) -> list[Track]:
    """Sources that are not copies of an earlier one."""
    kept: list[Track] = []
    for track in tracks:
        mine = track_overlap.sketch(track)
        if all(track_overlap.shared(mine, track_overlap.sketch(one)) < rules.copied_share for one in kept):
            kept.append(track)
    return kept


@cache
def freight_rules() -> FreightRules:
    return FreightRules.model_validate(tomllib.loads(pack_path("companion", "freight.toml").read_text(encoding="utf-8")))
