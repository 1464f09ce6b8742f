"""Owns turning files of a call into evidence: envelope, event and journal entry in one transaction.

Never judges evidence and never changes a file.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core import events, evidence, journal
from core.clock import parse_rfc3339
from core.context import Services
from core.evidence import Envelope
from core.ids import new_id
from video import control, store
from video.rejoin import find_cut, join_segments, seal_cut
from video.segment import Segment, file_sha256, read_sidecar

log = logging.getLogger("video.keeping")
EVENT_KEPT = "video.evidence_kept"
_MEDIA = {".webm": "video/webm", ".mkv": "video/x-matroska"}


def keep(session: Session, services: Services, envelope: Envelope, actor: str) -> bool:
    """Write an envelope, its event and its journal entry in the caller's transaction; False if it was there already."""
    if not evidence.keep(session, envelope):
        return False
    fact = {"evidence_id": envelope.id, "subject_ref": envelope.subject_ref, "item_ref": envelope.item_ref}
    events.publish(session, services.clock, stream=envelope.subject_ref, type=EVENT_KEPT, payload=fact)
    journal.append(
        session, services.clock, stream=envelope.subject_ref, actor=actor, action=EVENT_KEPT,
        payload={**fact, "sha256": envelope.sha256, "kind": envelope.kind},
    )  # fmt: skip
    return True


def media_type(path: Path, kind: str) -> str:
    """Media type of a recorded file."""
    return _MEDIA[path.suffix].replace("video/", "audio/") if kind == "audio" else _MEDIA[path.suffix]


def started_at(segment: Segment) -> datetime:
    return parse_rfc3339(segment.recording_started_utc) + timedelta(milliseconds=segment.start_ms)


def clock_offset_ms(segment: Segment) -> int | None:
    """Publisher's clock minus ours, by the sender report that travelled fastest; None without a report."""
    offsets = [
        (parse_rfc3339(mark.publisher_utc) - parse_rfc3339(mark.arrived_utc)).total_seconds() * 1000
        for mark in segment.time_marks
    ]
    return round(max(offsets)) if offsets else None


class Bookkeeper:
    """Files what room workers report."""

    def __init__(self, services: Services, out: Path) -> None:
        self._services = services
        self._out = out

    def file(self, news: control.News) -> None:
        """Keep what is worth keeping; other news needs no record."""
        if isinstance(news, control.SegmentClosed):
            segment = read_sidecar(Path(news.path))
            if segment is not None:
                self._keep_segment(news.room, news.recording, Path(news.path), segment)
        elif isinstance(news, control.TrackJoined):
            self._keep_track(news)

    def seal_cut(self, room_id: str) -> None:
        """Segments of a killed worker: readable up to the cut, and marked so."""
        for path in find_cut(self._out / room_id):
            segment = seal_cut(path, room_id)
            if segment is None:
                log.warning("nothing readable in %s", path.name)
                continue
            self._keep_segment(room_id, path.parent.name, path, segment)

    def go_on_recording(self, room_id: str) -> str | None:
        """End the recording that a dead worker ran and open its successor; None if none ran."""
        now = self._services.clock.now()
        with self._services.db.write() as session:
            running = store.running_recording(session, room_id)
            room = store.room(session, room_id)
            if running is None or room is None:
                return None
            running.stopped_at = now
            ended, actor = running.id, running.started_by
            recording_id = new_id()
            session.flush()
            session.add(store.RecordingRow(id=recording_id, room_id=room_id, started_at=now, started_by=actor, stopped_at=None))
            journal.append(
                session, self._services.clock, stream=room.subject_ref, actor="system", action="video.recording_resumed",
                payload={"room_id": room_id, "ended": ended, "recording_id": recording_id},
            )  # fmt: skip
        self._join(room_id, ended)
        return recording_id

    def end_abandoned(self) -> None:
        """At start: recordings of a killed run end, with what they have."""
        with self._services.db.read() as session:
            open_ones = [(row.id, row.room_id) for row in store.running_recordings(session)]
        for recording_id, room_id in open_ones:
            self.seal_cut(room_id)
            with self._services.db.write() as session:
                row, room = store.recording(session, recording_id), store.room(session, room_id)
                if row is not None and room is not None:
                    row.stopped_at = self._services.clock.now()
                    journal.append(
                        session, self._services.clock, stream=room.subject_ref, actor="system",
                        action="video.recording_cut", payload={"room_id": room_id, "recording_id": recording_id},
                    )  # fmt: skip
            self._join(room_id, recording_id)

    def _join(self, room_id: str, recording_id: str) -> None:
        """One file per track, as the worker would have made it."""
        directory = self._out / room_id / recording_id
        tracks: dict[tuple[str, str], list[Path]] = {}
        for path in sorted(directory.glob("*-[0-9][0-9][0-9][0-9].*")):
            segment = read_sidecar(path) if path.suffix in _MEDIA else None
            if segment is not None:
                tracks.setdefault((segment.seat, segment.kind), []).append(path)
        for (seat, kind), paths in tracks.items():
            target = join_segments(paths, directory / f"{seat}-{kind}{paths[0].suffix}")
            self._keep_track(
                control.TrackJoined(
                    room=room_id, recording=recording_id, seat=seat, kind=kind, path=str(target),
                    sha256=file_sha256(target), segments=[path.name for path in paths],
                )
            )  # fmt: skip

    def _keep_segment(self, room_id: str, recording_id: str, path: Path, segment: Segment) -> None:
        self._keep_file(
            room_id, recording_id, path, segment.kind, started_at(segment), clock_offset_ms(segment), segment.seat,
            {"part": "segment", "segment": segment.model_dump(mode="json", by_alias=True)},
        )  # fmt: skip

    def _keep_track(self, news: control.TrackJoined) -> None:
        directory = Path(news.path).parent
        segments = [found for name in news.segments if (found := read_sidecar(directory / name)) is not None]
        if not segments:
            return
        gaps = [gap.model_dump() for segment in segments for gap in segment.gaps]
        parts = [{"file": segment.file, "sha256": segment.sha256, "ended_by": segment.ended_by} for segment in segments]
        self._keep_file(
            news.room, news.recording, Path(news.path), news.kind, started_at(segments[0]), clock_offset_ms(segments[0]),
            news.seat, {"part": "track", "segments": parts, "gaps": gaps},
        )  # fmt: skip

    def _keep_file(
        self, room_id: str, recording_id: str, path: Path, kind: str, captured_at: datetime, offset_ms: int | None,
        seat_id: str, extra: dict[str, Any],
    ) -> None:  # fmt: skip
        stored = self._services.files.put_path(path)
        with self._services.db.read() as session:
            room, recording = store.room(session, room_id), store.recording(session, recording_id)
            subject_ref = room.subject_ref if room is not None else room_id
            asked_by = recording.started_by if recording is not None else "system"
        envelope = Envelope(
            sha256=stored.sha256, size=stored.size, media_type=media_type(path, kind), kind="recording",
            captured_at=captured_at, clock_offset_ms=offset_ms, received_at=self._services.clock.now(),
            device=f"seat:{seat_id}", producer="video", subject_ref=subject_ref,
            extra={"room_id": room_id, "recording_id": recording_id, "seat_id": seat_id, "track": kind,
                   "asked_by": asked_by, "shot_by": f"seat:{seat_id}", **extra},
        )  # fmt: skip
        with self._services.db.write() as session:
            keep(session, self._services, envelope, asked_by)
