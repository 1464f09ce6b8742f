"""Owns one room inside the worker: its forwarder, and the recorders while a recording runs.

Never opens a database or decides who may do what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from core.errors import Refused
from core.ids import new_id
from video import stillframe
from video.control import (
    ClipCut,
    News,
    PictureReady,
    RecordingFailed,
    RoomClosed,
    SegmentClosed,
    TrackEnded,
    TrackJoined,
    TrackStarted,
)
from video.cutting import cut_clip
from video.forward import THUMB, Forwarder, ForwardSettings, TrackNews
from video.live import PICTURE, LiveTap
from video.record import RecordPlan, TrackRecorder
from video.rejoin import join_segments
from video.segment import Segment, file_sha256
from video.source import Source


@dataclass
class _Recording:
    id: str
    directory: Path
    started: datetime
    recorders: dict[tuple[str, str], TrackRecorder]


class Studio:
    """Publish, view, record and close in one room."""

    def __init__(self, room: str, out: Path, settings: ForwardSettings, segment_s: float, tell: Callable[[News], None]) -> None:
        self.room = room
        self._out = out / room
        self._segment_s = segment_s
        self._tell = tell
        self.forwarder = Forwarder(settings, self._on_track)
        self._recording: _Recording | None = None
        self._sealing: set[asyncio.Future[None]] = set()
        self._failures: set[tuple[str, str]] = set()
        self._watched: dict[str, LiveTap] = {}

    async def start_recording(self, recording: str) -> datetime:
        """Record every track that is or will be published, until `stop_recording`.

        Raises:
            Refused: a recording runs already.
        """
        if self._recording is not None:
            raise Refused("video.recording_runs")
        started = datetime.now(UTC)
        self._recording = _Recording(recording, self._out / recording, started, {})
        for source in self.forwarder.sources():
            if source.live and source.codec is not None and source.kind != THUMB:
                await self._record(source)
        return started

    async def stop_recording(self) -> None:
        """Close all segments, then make one file per track; returns when everything is on disk.

        Raises:
            Refused: nothing is being recorded.
        """
        recording, self._recording = self._recording, None
        if recording is None:
            raise Refused("video.no_recording")
        for (seat, kind), recorder in recording.recorders.items():
            self.forwarder.untap(seat, kind, recorder)
            recorder.stop()
        await self._settle()
        for seat, kind in recording.recorders:
            await asyncio.get_running_loop().run_in_executor(None, self._join, recording, seat, kind)

    async def picture(self, seat: str) -> dict[str, str | int]:
        """Write a JPEG of the live picture; returns its path and size."""
        data, width, height = await stillframe.take(self.forwarder, seat)
        path = self._out / "pictures" / f"{new_id()}.jpg"
        await asyncio.get_running_loop().run_in_executor(None, _write, path, data)
        return {"path": str(path), "width_px": width, "height_px": height}

    async def clip(self, seat: str, seconds: float) -> ClipCut:
        """A file of what the seat shows for so many seconds; raises what `cut_clip` raises."""
        return await cut_clip(self.forwarder, self.room, self._out, seat, seconds)

    async def watch(self, seat: str, fps: float) -> None:
        """Write a picture of the seat's track `fps` times a second, decoded in a process of its own; 0 ends it."""
        tap = self._watched.pop(seat, None)
        if tap is not None:
            self.forwarder.untap(seat, "video", tap)
            await tap.stop()
        if not fps:
            return
        out = self._out / "live" / seat

        def ready(width: int, height: int) -> None:
            self._tell(PictureReady(room=self.room, seat=seat, path=str(out / PICTURE), width_px=width, height_px=height))

        tap = self._watched[seat] = LiveTap(out, fps, self.forwarder.source(seat, "video").request_keyframe, ready)
        await tap.start()
        await self.forwarder.tap(seat, "video", tap)

    def stats(self) -> dict[str, object]:
        return {**self.forwarder.stats(), "recording": self._recording.id if self._recording else None}

    async def close(self) -> None:
        if self._recording is not None:
            await self.stop_recording()
        for seat in list(self._watched):
            await self.watch(seat, 0)
        await self.forwarder.close()
        await self._settle()
        self._tell(RoomClosed(room=self.room))

    def _on_track(self, news: TrackNews) -> None:
        if not news.codec:
            self._tell(TrackEnded(room=self.room, seat=news.seat, kind=news.kind))
            return
        self._tell(TrackStarted(room=self.room, seat=news.seat, kind=news.kind, codec=news.codec))
        if news.kind == THUMB:  # the same picture as the large one: only that is recorded
            return
        if self._recording is not None and (news.seat, news.kind) not in self._recording.recorders:
            self._tap(self.forwarder.source(news.seat, news.kind))

    async def _record(self, source: Source) -> None:
        self._tap(source)
        source.request_keyframe()

    def _tap(self, source: Source) -> None:
        recording = self._recording
        if recording is None:
            return
        plan = RecordPlan(self.room, source.seat, source.kind, recording.directory, self._segment_s, recording.started)
        recorder = TrackRecorder(plan, partial(self._seal, recording.id), source.request_keyframe)
        recording.recorders[source.seat, source.kind] = recorder
        source.taps.append(recorder)

    def _seal(self, recording: str, job: Callable[[], Segment]) -> None:
        """Sync and hash in a thread: the forwarding must not wait for the disk."""
        future = asyncio.ensure_future(self._sealed(recording, job))
        self._sealing.add(future)
        future.add_done_callback(self._sealing.discard)

    async def _sealed(self, recording: str, job: Callable[[], Segment]) -> None:
        segment = await asyncio.get_running_loop().run_in_executor(None, job)
        path = self._out / recording / segment.file
        self._tell(SegmentClosed(room=self.room, recording=recording, path=str(path), sha256=segment.sha256))
        if segment.ended_by == "storage_full":
            self._tell(RecordingFailed(room=self.room, seat=segment.seat, kind=segment.kind, reason=segment.ended_by))

    async def _settle(self) -> None:
        while self._sealing:
            await asyncio.gather(*self._sealing)

    def _join(self, recording: _Recording, seat: str, kind: str) -> None:
        paths = sorted(
            path
            for path in recording.directory.glob(f"{seat}-{kind}-[0-9][0-9][0-9][0-9].*")
            if path.suffix in (".webm", ".mkv")
        )
        if not paths:
            return
        target = join_segments(paths, recording.directory / f"{seat}-{kind}{paths[0].suffix}")
        self._tell(
            TrackJoined(
                room=self.room, recording=recording.id, seat=seat, kind=kind, path=str(target),
                sha256=file_sha256(target), segments=[path.name for path in paths],
            )
        )  # fmt: skip


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
