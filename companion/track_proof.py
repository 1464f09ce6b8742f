"""Owns the comparison of what moved with what was said on the vessel side (case 19): a ship with its declared voyage, a drone with its
plan, a tender boat with its AIS.

Never decides for an inspector: a comparison is a figure with its limits, and an implausible track is named.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from config import pack_path
from core import track_overlap
from core.errors import NotFound
from core.track_overlap import Implausible, Limits, Track


class Kind(BaseModel):
    """Limits of one kind of comparison; no `window_s` compares places alone (a plan has no times of its own)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str
    en: str
    threshold: float = Field(gt=0, le=1)
    radius_m: float = Field(gt=0)
    window_s: float | None = None
    max_speed_kmh: float = Field(gt=0)
    max_gap_s: float = Field(gt=0)
    min_length_m: float = Field(gt=0)

    def limits(self) -> Limits:
        return Limits(self.radius_m, self.window_s, self.max_speed_kmh, self.max_gap_s, self.min_length_m)


@dataclass(frozen=True, slots=True)
class Proof:
    """`agrees` = the overlap reaches the threshold and neither track is implausible. `offset_s` = clock of the second ahead."""

    kind: str
    ratio: float
    threshold: float
    offset_s: float
    implausible: tuple[Implausible, ...]

    @property
    def agrees(self) -> bool:
        return self.ratio >= self.threshold and not self.implausible and not self.offset_s


def compare(kind: str, said: Track, moved: Track) -> Proof:
    """Compare what was said with what moved.

    Raises:
        NotFound ``track_proof.unknown``; InputError as `core.track_overlap.overlap`.
    """
    rules = kinds().get(kind)
    if rules is None:
        raise NotFound("track_proof.unknown", kind=kind)
    limits = rules.limits()
    pair = track_overlap.overlap(said, moved, limits)
    timed = (said, moved) if rules.window_s is not None else (moved,)
    strange = tuple(found for track in timed if (found := track_overlap.implausible(track, limits)) is not None)
    return Proof(kind, pair.ratio, rules.threshold, pair.offset_s, strange)


@cache
def kinds() -> dict[str, Kind]:
    raw = tomllib.loads(pack_path("companion", "track_proof.toml").read_text(encoding="utf-8"))
    return {name: Kind.model_validate(part) for name, part in raw["kind"].items()}
