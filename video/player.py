"""Owns tracks that send what is already encoded, so that a scripted peer costs next to nothing.

Never decodes or encodes.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

_TIME_BASE = Fraction(1, 1000)


def read_packets(path: Path) -> list[tuple[bytes, bool, int]]:
    """(bytes, is keyframe, time in ms) of a clip's video track."""
    with av.open(str(path)) as container:
        return [
            (bytes(packet), packet.is_keyframe, int(packet.pts * packet.time_base * 1000))
            for packet in container.demux(video=0)
            if packet.pts is not None and packet.time_base is not None
        ]


class ClipTrack(MediaStreamTrack):
    """A VP8 clip in a loop, at its own pace. A loop starts with a keyframe, so a viewer waits two seconds at most."""

    kind = "video"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._packets = read_packets(path)
        if not self._packets:
            raise ValueError(f"{path} has no video")
        last, before = self._packets[-1][2], self._packets[-2][2] if len(self._packets) > 1 else 0
        self._length_ms = last + max(1, last - before)
        self._count = 0
        self._started: float | None = None
        self.sent = 0

    async def recv(self) -> Any:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if self._started is None:
            self._started = loop.time()
        round_number, index = divmod(self._count, len(self._packets))
        data, _, at_ms = self._packets[index]
        at_ms += round_number * self._length_ms
        await asyncio.sleep(max(0.0, self._started + at_ms / 1000 - loop.time()))
        self._count += 1
        self.sent += 1
        packet = av.Packet(data)
        packet.pts, packet.time_base = at_ms, _TIME_BASE
        return packet
