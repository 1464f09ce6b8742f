"""Owns judging whether the evidence of an inspection can be what it says: copied photos, wrong times and places, spliced clips,
numbers that do not agree, beside what the papers and the rest record prove.

Never calls a doubt a deficiency: a person asks. Unknown values raise no doubt. Pure; `inspection.doubt_material` reads files.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ais.proofs import Proof
from config import pack_path
from core.catalogue import text
from core.geo import LonLat, distance_m
from inspection.record import Text

DoubtKind = Literal["certificate", "crosscheck", "manning", "rest", "rest_ais", "copied_photo", "photo_time", "photo_place", "spliced_clip", "number"]  # fmt: skip
Luma: TypeAlias = NDArray[np.uint8]


class DoubtRules(BaseModel):
    """``config/checklists/doubts.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    version: str
    same_picture_bits: int
    burst_s: float
    before_session_h: float
    after_receipt_s: float
    position_margin_m: float
    gap_s: float
    gap_times: float
    cut_times: float
    cut_least: float
    cut_neighbours: int
    repeat_frames: int
    number_tolerance: float


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it is judged. `inspection`: which one it belongs to; `look`: (32, 32) luma of the upright picture.

    `exif_at`: when the camera says it was taken, UTC; `shows`: the checklist item or thing it is said to show.
    """

    id: str
    inspection: str
    shows: str
    sha256: str
    look: Luma
    captured_at: datetime
    received_at: datetime
    exif_at: datetime | None = None
    lonlat: LonLat | None = None
    accuracy_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip: `pts_s` (n,) presentation times in the file's order; `looks` (n, 32, 32) luma."""

    id: str
    shows: str
    pts_s: NDArray[np.float64]
    looks: Luma


@dataclass(frozen=True, slots=True)
class Reading:
    """One number read off a picture or a paper, and what the record says. `exact`: an identity (IMO number, serial, MMSI)."""

    name: str
    shown: str | None
    stated: str | None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that is judged. `earlier`: photos of other inspections; `session`: when this one was held."""

    photos: tuple[Photo, ...] = ()
    earlier: tuple[Photo, ...] = ()
    clips: tuple[Clip, ...] = ()
    readings: tuple[Reading, ...] = ()
    proofs: tuple[Proof, ...] = ()
    session: tuple[datetime, datetime] | None = None
    ship_at: LonLat | None = None
    ship_length_m: float | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """`subjects`: what it is about (evidence ids, certificate numbers, names of numbers)."""

    kind: DoubtKind
    rule: str
    subjects: tuple[str, ...]
    reason: Text


@cache
def doubt_rules() -> DoubtRules:
    return DoubtRules.model_validate(tomllib.loads(pack_path("checklists", "doubts.toml").read_text(encoding="utf-8")))


def judge_evidence(material: Material, rules: DoubtRules | None = None) -> list[Doubt]:
    """Every doubt, in the order: papers and rest, photos, clips, numbers."""
    used = rules or doubt_rules()
    return [
        *_proofs(material.proofs),
        *_copies(material.photos, material.earlier, used),
        *_photos(material, used),
        *(doubt for clip in material.clips for doubt in _clip(clip, used)),
        *_readings(material.readings, used),
    ]


def picture_hash(look: Luma, *, mirrored: bool = False) -> int:
    """64-bit difference hash of a (32, 32) luma picture: brightness, contrast, size and compression do not count."""
    picture = look[:, ::-1] if mirrored else look
    rows = np.add.reduceat(picture.astype(np.float64), np.arange(0, 32, 4), axis=0)
    edges = np.linspace(0, 32, 10).astype(int)[:-1]
    small = np.add.reduceat(rows, edges, axis=1) / np.diff([*edges, 32])
    return int("".join("1" if bit else "0" for bit in (small[:, 1:] > small[:, :-1]).ravel()), 2)


def _proofs(proofs: Iterable[Proof]) -> Iterator[Doubt]:
    for one in proofs:
        if one.state == "failed" or (one.kind == "certificate" and one.outcome == "due_before_departure"):
            yield Doubt(one.kind, one.rule, (one.subject,), Text(zh=one.reason.zh, en=one.reason.en))


def _copies(photos: Sequence[Photo], earlier: Sequence[Photo], rules: DoubtRules) -> Iterator[Doubt]:
    plain = {one.id: picture_hash(one.look) for one in (*photos, *earlier)}
    mirror = {one.id: picture_hash(one.look, mirrored=True) for one in photos}
    for place, one in enumerate(photos):
        for other in (*photos[:place], *earlier):
            if not _may_copy(one, other, rules):
                continue
            distance = min((plain[one.id] ^ plain[other.id]).bit_count(), (mirror[one.id] ^ plain[other.id]).bit_count())
            if one.sha256 == other.sha256:
                yield Doubt(
                    "copied_photo",
                    "same_bytes",
                    (one.id, other.id),
                    _both("doubt.same_bytes", shows=one.shows, other=other.shows),
                )
                break
            if distance <= rules.same_picture_bits and not _flat(one.look):
                said = _both("doubt.same_picture", shows=one.shows, other=other.shows, bits=distance)
                yield Doubt("copied_photo", "same_picture", (one.id, other.id), said)
                break


def _may_copy(one: Photo, other: Photo, rules: DoubtRules) -> bool:
    """A second picture of the same thing in one go is no copy; anything else may be."""
    if one.id == other.id:
        return False
    if one.inspection != other.inspection or one.shows != other.shows:
        return True
    return abs((one.captured_at - other.captured_at).total_seconds()) > rules.burst_s


def _flat(look: Luma) -> bool:
    """A picture without anything in it (sky, a cap on the lens) looks like any other such picture."""
    return float(look.std()) < 6.0


def _photos(material: Material, rules: DoubtRules) -> Iterator[Doubt]:
    for one in material.photos:
        taken = one.exif_at or one.captured_at
        if taken > one.received_at + timedelta(seconds=rules.after_receipt_s):
            yield _time(one, "after_receipt", taken, one.received_at)
        elif material.session is not None and taken < material.session[0] - timedelta(hours=rules.before_session_h):
            yield _time(one, "before_session", taken, material.session[0])
        if one.lonlat is not None and material.ship_at is not None:
            away_m = distance_m(one.lonlat, material.ship_at)
            allowed_m = rules.position_margin_m + one.accuracy_m + (material.ship_length_m or 0.0) / 2.0
            if away_m > allowed_m:
                said = _both("doubt.place", shows=one.shows, away=round(away_m), allowed=round(allowed_m))
                yield Doubt("photo_place", "away_from_ship", (one.id,), said)


def _time(one: Photo, rule: str, taken: datetime, limit: datetime) -> Doubt:
    words = {"shows": one.shows, "taken": f"{taken:%Y-%m-%d %H:%M}", "limit": f"{limit:%Y-%m-%d %H:%M}"}
    return Doubt("photo_time", rule, (one.id,), _both(f"doubt.{rule}", **words))


def _clip(clip: Clip, rules: DoubtRules) -> Iterator[Doubt]:
    if len(clip.pts_s) < 3:
        return
    steps = np.diff(clip.pts_s)
    usual = float(np.median(steps))
    for hole in np.flatnonzero((steps <= 0) | ((steps >= rules.gap_s) & (steps >= rules.gap_times * usual)))[:1].tolist():
        yield _spliced(clip, "time_gap", float(clip.pts_s[hole]), step=f"{steps[hole]:.2f}")
    breaks: dict[str, int | None] = {"cut": _cut(clip.looks, rules), "repeat": _repeat(clip.looks, rules)}
    for rule, place in breaks.items():
        if place is not None:
            yield _spliced(clip, rule, float(clip.pts_s[place]))


def _cut(looks: Luma, rules: DoubtRules) -> int | None:
    """The frame after which the scene is another one at once: one step far above its neighbourhood that does not come back."""
    plain = looks.astype(np.float64)
    plain -= plain.mean(axis=(1, 2), keepdims=True)
    spread = plain.std(axis=(1, 2), keepdims=True)
    plain *= np.median(spread) / np.maximum(spread, 1.0)
    change = np.abs(np.diff(plain, axis=0)).mean(axis=(1, 2))
    for place in np.flatnonzero(change >= rules.cut_least).tolist():
        first, last = max(0, place - rules.cut_neighbours), min(len(change), place + rules.cut_neighbours + 1)
        around = np.concatenate((change[first:place], change[place + 1 : last]))
        if not len(around) or change[place] < rules.cut_times * max(1.0, float(np.percentile(around, 80))):
            continue
        before, after = plain[max(0, place - 1)], plain[min(len(plain) - 1, place + 3)]
        if np.abs(after - before).mean() >= 0.5 * change[place]:  # a flash comes back
            return int(place)
    return None


def _repeat(looks: Luma, rules: DoubtRules) -> int | None:
    """Where a run of frames begins that was there before, byte for byte; a still scene repeats single frames and is none."""
    seen: dict[bytes, int] = {}
    run, offset = 0, 0
    moving = [looks[0].tobytes() != one.tobytes() for one in looks]
    for place, one in enumerate(looks):
        key = one.tobytes()
        before = seen.get(key)
        if before is not None and place - before == offset and moving[place]:
            run += 1
        else:
            offset, run = (place - before, 1) if before is not None and place - before > 1 else (0, 0)
        if (
            run >= rules.repeat_frames
            and len({looks[at].tobytes() for at in range(place - run + 1, place + 1)}) >= rules.repeat_frames // 2
        ):
            return place - run + 1
        seen[key] = place
    return None


def _spliced(clip: Clip, rule: str, at_s: float, **words: object) -> Doubt:
    return Doubt("spliced_clip", rule, (clip.id,), _both(f"doubt.{rule}", shows=clip.shows, at=f"{at_s:.1f}", **words))


def _readings(readings: Iterable[Reading], rules: DoubtRules) -> Iterator[Doubt]:
    for one in readings:
        if one.shown is None or one.stated is None or not one.shown.strip() or not one.stated.strip():
            continue
        if not _agree(one, rules):
            yield Doubt(
                "number", "mismatch", (one.name,), _both("doubt.mismatch", name=one.name, shown=one.shown, stated=one.stated)
            )


def _agree(one: Reading, rules: DoubtRules) -> bool:
    shown, stated = _plain(one.shown or ""), _plain(one.stated or "")
    if shown == stated:
        return True
    if one.exact:
        return False
    try:
        first, second = float(shown), float(stated)
    except ValueError:
        return False
    return abs(first - second) <= rules.number_tolerance * max(abs(first), abs(second))


def _plain(value: str) -> str:
    """Without blanks, separators and a leading ``IMO`` or ``No``."""
    return re.sub(r"^(imo|no\.?|number)", "", re.sub(r"[\s,_\-/]", "", value.casefold()))


def _both(key: str, **params: object) -> Text:
    return Text(zh=text(key, "zh", **params), en=text(key, "en", **params))
