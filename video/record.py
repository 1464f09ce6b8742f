"""Owns recording one track by packet copy: order, frames, segments that start at a keyframe, holes named.

Never transcodes (no MediaRecorder) and never stops a call: a full disk ends the recording, not the forwarding.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from video.frames import CLOCK_HZ, Assembler, EncodedFrame, assembler_for
from video.packet import Packet
from video.ring import TS, Gap, Reorder, ts_ahead
from video.segment import EndedBy, MissingPart, OpenFile, Segment, SegmentPlace, SegmentWriter
from video.source import SenderReport

HOLD_S = 1.0  # how long a missing packet is waited for; repairs over a satellite link take 0.6 s
SUFFIX = {"VP8": "webm", "opus": "webm", "H264": "mkv"}


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """Where and how a track is recorded."""

    room: str
    seat: str
    kind: str
    directory: Path
    segment_s: float
    started: datetime


@dataclass
class _Timeline:
    """RTP timestamps, which wrap, as ticks that do not; one per connection."""

    base_ms: int
    first: int
    last: int
    ticks: int = 0

    def at(self, timestamp: int) -> int:
        self.ticks += ts_ahead(timestamp, self.last)
        self.last = timestamp % TS
        return self.ticks


@dataclass
class TrackRecorder:
    """A tap on a source. `seal` gets the work of closing a segment (sync, hash), which may run in a thread;
    `on_need_key` asks the publisher for a keyframe.
    """

    plan: RecordPlan
    seal: Callable[[Callable[[], Segment]], None]
    on_need_key: Callable[[], None]
    open_file: OpenFile = field(default=lambda path: path.open("wb", buffering=0))
    failed: str | None = None
    _codec: RTCRtpCodecParameters | None = None
    _reorder: Reorder = field(default_factory=lambda: Reorder(HOLD_S))
    _assembler: Assembler | None = None
    _timeline: _Timeline | None = None
    _writer: SegmentWriter | None = None
    _segment_ticks: int = 0
    _number: int = 0
    _pending_gaps: list[MissingPart] = field(default_factory=list)
    _last_report: SenderReport | None = None
    _asked_key: bool = False

    def on_packet(self, packet: Packet, codec: RTCRtpCodecParameters) -> None:
        if self.failed is not None:
            return
        if self._assembler is None:
            if codec.name not in SUFFIX:
                return
            self._codec, self._assembler = codec, assembler_for(codec)
        for item in self._reorder.push(packet, time.monotonic()):
            self._take(item)

    def on_report(self, report: SenderReport) -> None:
        self._last_report = report
        if self._writer is not None:
            self._writer.mark(report.rtp_timestamp, report.wall, report.arrived)

    def on_break(self) -> None:
        """The publisher's connection is gone: the segment ends here, the hole is noted in the next one."""
        if self._timeline is None:
            return
        self._drain()
        at_ms = self._now_ms()
        self._close("disconnected")
        self._pending_gaps.append(MissingPart(at_ms=at_ms, packets=0, reason="disconnected"))
        self._assembler = self._timeline = self._last_report = None

    def stop(self) -> None:
        """End the recording of this track."""
        self._drain()
        self._close("stop")

    def _drain(self) -> None:
        for item in self._reorder.flush():
            self._take(item)

    def _take(self, item: Packet | Gap) -> None:
        assembler, codec = self._assembler, self._codec
        if assembler is None or codec is None:
            return
        if isinstance(item, Gap):
            assembler.lost()
            self._note_gap(MissingPart(at_ms=self._now_ms(), packets=item.count, reason="lost"))
            self.on_need_key()
            return
        frame = assembler.push(item)
        if frame is not None and self.failed is None:
            try:
                self._write(frame, codec.name)
            except OSError as error:
                self._fail(error)

    def _write(self, frame: EncodedFrame, codec: str) -> None:
        if self._timeline is None:
            base_ms = int((datetime.now(UTC) - self.plan.started).total_seconds() * 1000)
            self._timeline = _Timeline(max(0, base_ms), frame.rtp_timestamp, frame.rtp_timestamp)
        ticks = self._timeline.at(frame.rtp_timestamp)
        if self._writer is not None:
            self._turn_over(frame, ticks, codec)
        if self._writer is None:
            if not frame.is_keyframe:
                self._ask_key()
                return
            self._writer = self._open(frame, ticks, codec)
        self._writer.write(frame, max(0, ticks - self._segment_ticks))

    def _turn_over(self, frame: EncodedFrame, ticks: int, codec: str) -> None:
        """Close the running segment when it is long enough or the picture size changes; only in front of a keyframe."""
        writer = self._writer
        if writer is None:
            return
        full = ticks - self._segment_ticks >= self.plan.segment_s * CLOCK_HZ[codec]
        if full and not frame.is_keyframe:
            self._ask_key()
        elif frame.is_keyframe and full:
            self._close("full")
        elif frame.is_keyframe and frame.size_px != writer.size_px and frame.size_px is not None:
            self._close("size")

    def _open(self, frame: EncodedFrame, ticks: int, codec: str) -> SegmentWriter:
        plan, timeline = self.plan, self._timeline
        base_ms = timeline.base_ms if timeline else 0
        self._number += 1
        self._segment_ticks, self._asked_key = ticks, False
        place = SegmentPlace(
            plan.room, plan.seat, plan.kind, codec, self._number,
            plan.directory / f"{plan.seat}-{plan.kind}-{self._number:04d}.{SUFFIX[codec]}",
            plan.started, base_ms + ticks * 1000 // CLOCK_HZ[codec],
        )  # fmt: skip
        writer = SegmentWriter(place, frame, self.open_file)
        writer.gaps.extend(self._pending_gaps)
        self._pending_gaps.clear()
        if self._last_report is not None:
            writer.mark(self._last_report.rtp_timestamp, self._last_report.wall, self._last_report.arrived)
        return writer

    def _ask_key(self) -> None:
        if not self._asked_key:
            self._asked_key = True
            self.on_need_key()

    def _note_gap(self, gap: MissingPart) -> None:
        (self._writer.gaps if self._writer is not None else self._pending_gaps).append(gap)

    def _now_ms(self) -> int:
        if self._timeline is None or self._codec is None:
            return 0
        return self._timeline.base_ms + self._timeline.ticks * 1000 // CLOCK_HZ[self._codec.name]

    def _close(self, ended_by: EndedBy) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self.seal(partial(writer.close, ended_by))

    def _fail(self, error: OSError) -> None:
        """Keep what is written, give the reason once."""
        self.failed = "storage_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "io"
        self._close("storage_full")
