"""Owns the time line of one inspection: everything that has a moment, in lanes, with the reference by which the report points at it.

Never reads the database: the record and the ship's track are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ais import Position
from core.catalogue import Lang, text
from core.evidence import Envelope
from inspection.record import CaseRecord, Text

Lane = Literal["call", "picture", "drone", "answer", "finding", "step"]
LANES: tuple[Lane, ...] = ("call", "picture", "drone", "answer", "finding", "step")
TRACK_BEFORE = timedelta(hours=3)
_MOST_TRACK_POINTS = 2_000
_PICTURES = frozenset({"still", "clip", "document", "external"})


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened at `at` (or from `at` to `until`). `ref` is stable: ``item-…``, ``finding-…``, ``evidence-…``, ``step-N``.

    `ship_xy_m`: where the drone was, in the ship frame; `evidence`: a file that can be shown, `video` if it plays.
    """

    ref: str
    lane: Lane
    at: datetime
    until: datetime | None
    title: str
    detail: str
    evidence: str | None = None
    video: bool = False
    ship_xy_m: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Moments in order of time, and what AIS said meanwhile. `start`, `end`: the window that holds all moments."""

    moments: tuple[Moment, ...]
    track: tuple[Position, ...]
    start: datetime
    end: datetime


def build(record: CaseRecord, track: Sequence[Position], lang: Lang) -> TimeLine:
    """The time line of a record; an inspection always has at least the moment it was opened."""
    found = sorted(_moments(record, lang), key=lambda one: (one.at, LANES.index(one.lane), one.ref))
    start = min(one.at for one in found)
    end = max(one.until or one.at for one in found)
    kept = [one for one in track if one.at_ms <= end.timestamp() * 1000]
    thin = max(1, len(kept) // _MOST_TRACK_POINTS)
    return TimeLine(tuple(found), tuple(kept[::thin]), start, max(end, start + timedelta(seconds=1)))


def _moments(record: CaseRecord, lang: Lang) -> Iterable[Moment]:
    yield Moment("opened", "step", record.opened_at, None, text("replay.opened", lang), record.number)
    for number, decision in enumerate(record.decisions, start=1):
        title = text(f"state.{decision.to_state}", lang)
        yield Moment(f"step-{number}", "step", decision.at, None, title, " · ".join(_some(decision.by, decision.reason)))
    for call in record.calls:
        gaps = text("replay.gaps", lang, n=len(call.gaps))
        yield Moment(f"call-{call.room_id}", "call", call.started_at, call.ended_at, text("replay.call", lang), gaps)
    for envelope in record.evidence:
        yield from _of_evidence(envelope, lang)
    for item in record.checklist.items if record.checklist else []:
        if item.answer is not None:
            said = text(f"answer.{item.answer.value}", lang)
            title = f"{item.id} {_in(item.title, lang)}"
            yield Moment(
                f"item-{item.id}",
                "answer",
                item.answer.at,
                None,
                title,
                " · ".join(_some(said, item.answer.note, item.answer.by)),
            )
    for number, finding in enumerate(record.findings, start=1):
        if finding.decided_at is not None:
            said = text(f"finding.{finding.state}", lang)
            yield Moment(
                f"finding-{finding.id}", "finding", finding.decided_at, None, f"{number} · {_in(finding.class_name, lang)}",
                " · ".join(_some(said, finding.decided_by)), finding.crop_evidence_id or finding.photo_evidence_id,
            )  # fmt: skip


def _of_evidence(envelope: Envelope, lang: Lang) -> Iterable[Moment]:
    kind = text(f"kind.{envelope.kind}", lang)
    ref, shown = f"evidence-{envelope.id}", envelope.id
    if envelope.kind == "recording":
        if envelope.extra.get("part") == "track":
            video = envelope.media_type.startswith("video/")
            yield Moment(ref, "call", envelope.captured_at, None, kind, envelope.device, shown, video)
    elif envelope.kind == "drone_photo":
        place = envelope.extra.get("c_ship_m")
        xy = (float(place[0]), float(place[1])) if isinstance(place, list) and len(place) == 3 else None
        yield Moment(ref, "drone", envelope.captured_at, None, kind, str(envelope.extra.get("file", "")), shown, ship_xy_m=xy)
    elif envelope.kind in _PICTURES and envelope.derived_from is None and "finding" not in envelope.extra:
        detail = " · ".join(_some(envelope.item_ref, envelope.device))
        yield Moment(ref, "picture", envelope.captured_at, None, kind, detail, shown, envelope.media_type.startswith("video/"))


def _in(value: Text, lang: Lang) -> str:
    return value.zh if lang == "zh" else value.en


def _some(*parts: str | None) -> list[str]:
    return [part for part in parts if part]
