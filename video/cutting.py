"""Owns a clip cut from what a seat shows: from the next keyframe on, for some seconds, by packet copy.

Never transcodes and never knows who asked for it.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from core.errors import Unfinished
from core.ids import new_id
from video.control import ClipCut
from video.forward import Forwarder
from video.record import RecordPlan, TrackRecorder
from video.rejoin import join_segments
from video.segment import Segment

KEYFRAME_WAIT_S = 10.0  # a fixed camera cannot be asked for a keyframe


async def cut_clip(forwarder: Forwarder, room: str, out: Path, seat: str, seconds: float) -> ClipCut:
    """Copy the seat's packets into one file below `out`.

    Raises:
        Unfinished: no keyframe came.
    """
    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    directory = out / "clips" / new_id()
    closed: list[asyncio.Future[Segment]] = []

    def opened(path: Path) -> IO[bytes]:
        begun.set()
        return path.open("wb", buffering=0)

    plan = RecordPlan(room, seat, "video", directory, math.inf, datetime.now(UTC))
    recorder = TrackRecorder(
        plan, lambda job: closed.append(loop.run_in_executor(None, job)), forwarder.source(seat, "video").request_keyframe, opened
    )  # fmt: skip
    await forwarder.tap(seat, "video", recorder)
    try:
        await asyncio.wait_for(begun.wait(), KEYFRAME_WAIT_S)
        await asyncio.sleep(seconds)
    except TimeoutError as error:
        raise Unfinished("video.no_picture") from error
    finally:
        forwarder.untap(seat, "video", recorder)
        recorder.stop()
    segments = await asyncio.gather(*closed)
    if not segments:
        raise Unfinished("video.no_picture")
    paths = [directory / one.file for one in segments]
    target = directory / f"{seat}-clip{paths[0].suffix}"
    await loop.run_in_executor(None, join_segments, paths, target)
    first, last = segments[0], segments[-1]
    return ClipCut(
        path=str(target), started_utc=first.recording_started_utc, start_ms=first.start_ms,
        duration_ms=last.start_ms + last.duration_ms - first.start_ms,
        gaps=[gap.model_dump() for one in segments for gap in one.gaps],
    )  # fmt: skip
