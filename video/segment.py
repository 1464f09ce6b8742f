"""Owns one recorded segment: a WebM (VP8, Opus) or Matroska (H.264) file written by packet copy, and its sidecar.

Never decodes, except one H.264 keyframe per segment to learn its size. A file cut by SIGKILL can be read up to the cut.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Literal

import av
from pydantic import BaseModel, ConfigDict, Field

from core.clock import rfc3339
from video.frames import CLOCK_HZ, EncodedFrame, h264_parameter_sets

SCHEMA: Literal["yunjian.segment/1"] = "yunjian.segment/1"
CLUSTER_MS = 500  # at most this much is in memory only, so at most this much is lost to SIGKILL
EndedBy = Literal["stop", "full", "size", "disconnected", "storage_full", "cut"]
OpenFile = Callable[[Path], IO[bytes]]


class MissingPart(BaseModel):
    """A hole in the recording: where on the recording's timeline, and what is missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    at_ms: int
    packets: int
    reason: Literal["lost", "disconnected"]


class TimeMark(BaseModel):
    """RTP time against wall time, from the publisher's sender report."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rtp_timestamp: int
    publisher_utc: str
    arrived_utc: str


class Segment(BaseModel):
    """What the JSON sidecar says. `start_ms` counts from the start of the recording."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True, validate_by_name=True)
    schema_: Literal["yunjian.segment/1"] = Field(default=SCHEMA, alias="schema")
    room: str
    seat: str
    kind: str
    codec: str
    number: int
    file: str
    sha256: str
    size: int
    recording_started_utc: str
    start_ms: int
    duration_ms: int
    frames: int
    keyframes: int
    width_px: int | None
    height_px: int | None
    first_rtp_timestamp: int
    time_marks: list[TimeMark]
    gaps: list[MissingPart]
    ended_by: EndedBy


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """Where a segment belongs."""

    room: str
    seat: str
    kind: str
    codec: str
    number: int
    path: Path
    recording_started: datetime
    start_ms: int


@dataclass
class SegmentWriter:
    """Writes frames; `close` makes the file durable and names it by its hash in the sidecar."""

    place: SegmentPlace
    first: EncodedFrame
    open_file: OpenFile = field(default=lambda path: path.open("wb", buffering=0))
    frames: int = 0
    keyframes: int = 0
    duration_ms: int = 0
    gaps: list[MissingPart] = field(default_factory=list)
    time_marks: list[TimeMark] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.place.path.parent.mkdir(parents=True, exist_ok=True)
        self._tick_s = Fraction(1, CLOCK_HZ[self.place.codec])
        self._file = self.open_file(self.place.path)
        self.size_px = self.first.size_px
        form = "matroska" if self.place.codec == "H264" else "webm"
        options = {"cluster_time_limit": str(CLUSTER_MS), "flush_packets": "1"}
        self._container: Any = av.open(self._file, "w", format=form, options=options)
        self._stream = self._add_stream()

    def _add_stream(self) -> Any:
        if self.place.codec == "opus":
            return self._container.add_stream("libopus", rate=48_000, layout="stereo")  # gives the OpusHead; encodes nothing
        if self.place.codec == "H264":
            with av.open(io.BytesIO(self.first.data), "r", format="h264") as probe:
                frame = next(probe.decode(video=0))
                self.size_px = (frame.width, frame.height)
                stream = self._container.add_stream_from_template(probe.streams.video[0])
            stream.codec_context.extradata = h264_parameter_sets(self.first.data)
            return stream
        width, height = self.size_px or (0, 0)
        return self._container.add_mux_stream("vp8", rate=30, width=width, height=height)

    def write(self, frame: EncodedFrame, at_ticks: int) -> None:
        """Append a frame `at_ticks` of the codec's clock after the segment's first."""
        packet = av.Packet(frame.data)
        packet.pts = packet.dts = at_ticks
        packet.time_base = self._tick_s
        packet.is_keyframe = frame.is_keyframe
        packet.stream = self._stream
        self._container.mux(packet)
        self.frames += 1
        self.keyframes += int(frame.is_keyframe)
        self.duration_ms = max(self.duration_ms, at_ticks * 1000 // self._tick_s.denominator)

    def mark(self, rtp_timestamp: int, publisher: datetime, arrived: datetime) -> None:
        self.time_marks.append(
            TimeMark(rtp_timestamp=rtp_timestamp, publisher_utc=rfc3339(publisher), arrived_utc=rfc3339(arrived))
        )

    def close(self, ended_by: EndedBy) -> Segment:
        """Finish, sync to disk, hash, write the sidecar. With `storage_full` the file ends where the disk did."""
        try:
            self._container.close()
        except (OSError, av.FFmpegError):  # what cannot be written any more: the index, perhaps the last cluster
            if ended_by != "storage_full":
                raise
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()
        return self._seal(ended_by)

    def _seal(self, ended_by: EndedBy) -> Segment:
        place = self.place
        width, height = self.size_px or (None, None)
        segment = Segment(
            room=place.room, seat=place.seat, kind=place.kind, codec=place.codec, number=place.number,
            file=place.path.name, sha256=file_sha256(place.path), size=place.path.stat().st_size,
            recording_started_utc=rfc3339(place.recording_started), start_ms=place.start_ms,
            duration_ms=self.duration_ms, frames=self.frames, keyframes=self.keyframes, width_px=width, height_px=height,
            first_rtp_timestamp=self.first.rtp_timestamp, time_marks=self.time_marks, gaps=self.gaps, ended_by=ended_by,
        )  # fmt: skip
        write_sidecar(place.path, segment)
        return segment


def sidecar_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def write_sidecar(path: Path, segment: Segment) -> None:
    """Atomically: a sidecar is there whole or not at all."""
    target = sidecar_path(path)
    temporary = target.with_name(target.name + ".tmp")
    with temporary.open("wb") as stream:
        stream.write(segment.model_dump_json(indent=1).encode())
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(target)


def read_sidecar(path: Path) -> Segment | None:
    """What is known of a segment file, or None if it was never closed."""
    target = sidecar_path(path)
    return Segment.model_validate_json(target.read_bytes()) if target.is_file() else None


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
