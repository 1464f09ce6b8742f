"""Owns making one file per track from its segments after the session, by copying packets, and finding cut segments.

Never transcodes and never hides a hole: time that is missing stays empty, and the segments' sidecars list it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from core.clock import rfc3339
from video.segment import CLUSTER_MS, Segment, file_sha256, read_sidecar, sidecar_path, write_sidecar

_SUFFIXES = (".webm", ".mkv")


def join_segments(paths: list[Path], target: Path) -> Path:
    """Copy segments, in order, into `target` (WebM or Matroska by its suffix); each starts at its `start_ms`.

    Args:
        paths: closed segments of one track, with sidecars.
        target: written under a temporary name first.
    """
    form = "webm" if target.suffix == ".webm" else "matroska"
    temporary = target.with_name(target.name + ".tmp")
    origin_ms: int | None = None
    with av.open(str(temporary), "w", format=form, options={"cluster_time_limit": str(CLUSTER_MS)}) as out:
        stream: Any = None
        for path in paths:
            segment = read_sidecar(path)
            if segment is None or segment.frames == 0:
                continue
            origin_ms = segment.start_ms if origin_ms is None else origin_ms
            with av.open(str(path)) as source:
                taken = source.streams[0]
                stream = out.add_stream_from_template(taken) if stream is None else stream
                _copy(source, out, stream, segment.start_ms - origin_ms)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(target)
    return target


def _copy(source: Any, out: Any, stream: Any, shift_ms: int) -> None:
    for packet in source.demux(0):
        if packet.pts is None or packet.time_base is None:
            continue
        shift = int(Fraction(shift_ms, 1000) / packet.time_base)
        packet.pts += shift
        packet.dts = packet.pts
        packet.stream = stream
        out.mux(packet)


def find_cut(directory: Path) -> list[Path]:
    """Segment files that nobody closed: their worker was killed."""
    files = sorted(path for suffix in _SUFFIXES for path in directory.glob(f"**/*-[0-9][0-9][0-9][0-9]{suffix}"))
    return [path for path in files if not sidecar_path(path).is_file()]


def seal_cut(path: Path, room: str) -> Segment | None:
    """Write the sidecar that a killed worker could not; None (and no file) if nothing readable is in it."""
    seat, kind, number = path.stem.rsplit("-", 2)
    try:
        frames, keyframes, last_ms, codec, size = _measure(path)
    except (av.FFmpegError, IndexError):
        return None
    if frames == 0:
        return None
    segment = Segment(
        room=room, seat=seat, kind=kind, codec=codec, number=int(number), file=path.name, sha256=file_sha256(path),
        size=path.stat().st_size,
        recording_started_utc=rfc3339(datetime.fromtimestamp(path.stat().st_mtime - last_ms / 1000, UTC)),
        start_ms=0, duration_ms=last_ms, frames=frames, keyframes=keyframes, width_px=size[0], height_px=size[1],
        first_rtp_timestamp=0, time_marks=[], gaps=[], ended_by="cut",
    )  # fmt: skip
    write_sidecar(path, segment)
    return segment


def _measure(path: Path) -> tuple[int, int, int, str, tuple[int | None, int | None]]:
    frames = keyframes = last_ms = 0
    with av.open(str(path)) as source:
        stream: Any = source.streams[0]
        name = {"vp8": "VP8", "h264": "H264", "opus": "opus"}[stream.codec_context.name.removeprefix("lib")]
        size = (getattr(stream, "width", None), getattr(stream, "height", None))
        for packet in source.demux(0):
            if packet.pts is not None and packet.size:
                frames += 1
                keyframes += int(packet.is_keyframe)
                last_ms = int(packet.pts * packet.time_base * 1000)
    return frames, keyframes, last_ms, name, size
