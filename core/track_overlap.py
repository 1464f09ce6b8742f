"""Owns the comparison of tracks of one trip from several sources: overlap of each pair, plausibility, clock offset, copies.

Never decides what follows for an order or a ship: companion spec, case 19 (reading A19.1, A19.2); limits come from the caller.
Used for freight (BeiDou, GPS, phone), AIS against a declared voyage, and a drone's log against its plan (`window_s` None).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.geo import EnuFrame, LonLat

Float = NDArray[np.float64]
_STEPS_PER_RADIUS = 16  # a sample every radius / 16: the distance to a line is then over-estimated by < 0.1 %
_MAX_SAMPLES = 400_000
_SKETCH = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """`window_s` None compares places only. A pause in the record longer than `max_gap_s` covers nothing."""

    radius_m: float
    window_s: float | None
    max_speed_kmh: float
    max_gap_s: float
    min_length_m: float


@dataclass(frozen=True, slots=True)
class Track:
    """One source's record of a trip: `t_s` (n,) seconds, rising; `lon`, `lat` (n,) degrees."""

    source: str
    t_s: Float
    lon: Float
    lat: Float

    @classmethod
    def of(cls, source: str, points: Sequence[Sequence[float]]) -> Track:
        """From rows (t_s, lon, lat).

        Raises:
            InputError ``track.bad_point`` naming source and row.
        """
        table = np.array([list(row) if len(row) == 3 else [math.nan] * 3 for row in points], dtype=np.float64).reshape(-1, 3)
        bad = ~np.isfinite(table).all(axis=1) | (np.abs(table[:, 1]) > 180) | (np.abs(table[:, 2]) > 90)
        bad[1:] |= np.diff(table[:, 0]) <= 0
        if len(table) < 2 or bad.any():
            raise InputError("track.bad_point", source=source, row=int(np.argmax(bad)) + 1 if len(table) > 1 else len(table))
        return cls(source, table[:, 0], table[:, 1], table[:, 2])


@dataclass(frozen=True, slots=True)
class PairOverlap:
    """`ratio` of the shorter-covered track that lies near the other; `offset_s` = how far the second clock is ahead of the
    first where only a shifted clock makes them agree, else 0; `ratio_shifted` is the overlap after that shift.
    """

    first: str
    second: str
    ratio: float
    offset_s: float
    ratio_shifted: float


@dataclass(frozen=True, slots=True)
class Implausible:
    """A leg nobody drives: the row it ends at, counted from 1, and its speed."""

    source: str
    row: int
    speed_kmh: float


def length_m(track: Track) -> float:
    """Length of the path in metres."""
    return float(_legs(_xy(track, _frame(track))).sum())


def implausible(track: Track, limits: Limits) -> Implausible | None:
    """The first leg faster than the limit, if any."""
    speed_kmh = _legs(_xy(track, _frame(track))) / np.diff(track.t_s) * 3.6
    fast = np.flatnonzero(speed_kmh > limits.max_speed_kmh)
    return Implausible(track.source, int(fast[0]) + 2, round(float(speed_kmh[fast[0]]), 1)) if fast.size else None


def overlap(first: Track, second: Track, limits: Limits) -> PairOverlap:
    """Share of the trip on which both were at the same place at the same time; the smaller of both directions counts.

    Raises:
        InputError ``track.too_short``, ``track.too_long``.
    """
    frame = _frame(first)
    here, there = _sampled(first, frame, limits), _sampled(second, frame, limits)
    ratio = _both_ways(here, there, limits.radius_m, limits.window_s)
    if limits.window_s is None:
        return PairOverlap(first.source, second.source, ratio, 0.0, ratio)
    offset, shifted = 0.0, ratio
    for candidate in (second.t_s[0] - first.t_s[0], second.t_s[-1] - first.t_s[-1], _typical_offset(here, there, limits)):
        if abs(candidate) <= limits.window_s:
            continue
        moved = _both_ways(here, _Samples(there.t_s - candidate, there.xy, there.weight), limits.radius_m, limits.window_s)
        if moved > shifted:
            offset, shifted = float(candidate), moved
    return PairOverlap(first.source, second.source, ratio, offset, shifted)


def sketch(track: Track) -> tuple[str, ...]:
    """The smallest hashes of the track's points: two tracks' sketches tell how many points they share, whatever was cut off."""
    rows = {f"{t:.0f},{lon:.5f},{lat:.5f}" for t, lon, lat in zip(track.t_s, track.lon, track.lat, strict=True)}
    return tuple(sorted(hashlib.sha256(row.encode()).hexdigest()[:16] for row in rows)[:_SKETCH])


def shared(first: tuple[str, ...], second: tuple[str, ...]) -> float:
    """Share of points that two sketches have in common, 0 to 1 (bottom-k estimate of the Jaccard index)."""
    union = sorted({*first, *second})[: max(len(first), len(second))]
    both = set(first) & set(second)
    return sum(one in both for one in union) / len(union) if union else 0.0


@dataclass(frozen=True, slots=True)
class _Samples:
    """Points along a path: times (n,) s, `xy` (n, 2) m, `weight` (n,) m of path that each stands for, 0 in a pause."""

    t_s: Float
    xy: Float
    weight: Float
    length_m: float = 0.0


def _frame(track: Track) -> EnuFrame:
    return EnuFrame(LonLat(float(track.lon[0]), float(track.lat.mean())))


def _xy(track: Track, frame: EnuFrame) -> Float:
    """(n, 2) metres; the shorter way round the date line."""
    lon, lat = frame.origin.lon, frame.origin.lat
    east_per_degree, north_per_degree, _ = np.abs(
        frame.to_enu(LonLat(lon - math.copysign(1, lon), lat - math.copysign(1, lat)))
    )
    east = (track.lon - lon + 180.0) % 360.0 - 180.0
    return np.column_stack([east * east_per_degree, (track.lat - lat) * north_per_degree])


def _legs(xy: Float) -> Float:
    return np.asarray(np.hypot(*np.diff(xy, axis=0).T), dtype=np.float64)


def _sampled(track: Track, frame: EnuFrame, limits: Limits) -> _Samples:
    xy = _xy(track, frame)
    legs = _legs(xy)
    total = float(legs.sum())
    if total < limits.min_length_m:
        raise InputError("track.too_short", source=track.source, length_m=round(total), needed_m=round(limits.min_length_m))
    pieces = np.maximum(1, np.ceil(legs / (limits.radius_m / _STEPS_PER_RADIUS))).astype(np.int64)
    if pieces.sum() > _MAX_SAMPLES:
        raise InputError("track.too_long", source=track.source, length_m=round(total))
    leg = np.repeat(np.arange(len(legs)), pieces)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = (within + 0.5) / pieces[leg]
    recorded = np.diff(track.t_s) <= limits.max_gap_s
    weight = np.where(recorded, legs / pieces, 0.0)[leg]
    times = track.t_s[:-1][leg] + share * np.diff(track.t_s)[leg]
    return _Samples(times, xy[:-1][leg] + share[:, None] * np.diff(xy, axis=0)[leg], weight, total)


def _both_ways(here: _Samples, there: _Samples, radius_m: float, window_s: float | None) -> float:
    forward, back = _covered_m(here, there, radius_m, window_s), _covered_m(there, here, radius_m, window_s)
    return min(forward / (here.length_m or _weight(here)), back / (there.length_m or _weight(there)))


def _weight(samples: _Samples) -> float:
    return float(samples.weight.sum()) or math.inf


def _covered_m(here: _Samples, there: _Samples, radius_m: float, window_s: float | None) -> float:
    """Metres of `here` with a recorded point of `there` within the radius and the window."""
    usable = there.weight > 0
    times, xy = there.t_s[usable], there.xy[usable]
    if not times.size:
        return 0.0
    window = math.inf if window_s is None else window_s
    low = np.searchsorted(times, here.t_s - window, "left")
    high = np.searchsorted(times, here.t_s + window, "right")
    covered = 0.0
    for n in np.flatnonzero((here.weight > 0) & (high > low)):
        gap = xy[low[n] : high[n]] - here.xy[n]
        if np.einsum("ij,ij->i", gap, gap).min() <= radius_m * radius_m:
            covered += here.weight[n]
    return float(covered)


def _typical_offset(here: _Samples, there: _Samples, limits: Limits) -> float:
    """Median of how much later `there` passes the places of `here`; 0 where the paths do not meet."""
    picked = np.linspace(0, len(here.t_s) - 1, min(200, len(here.t_s))).astype(np.int64)
    offsets = []
    for n in picked:
        gap = there.xy - here.xy[n]
        squared = np.einsum("ij,ij->i", gap, gap)
        nearest = int(squared.argmin())
        if squared[nearest] <= limits.radius_m**2:
            offsets.append(there.t_s[nearest] - here.t_s[n])
    return float(np.median(offsets)) if offsets else 0.0
