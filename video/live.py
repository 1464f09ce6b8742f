"""Owns looking at a live track now and then: a tap inside the room worker, and the process beside it that decodes.

``python -m video.live --out DIR --fps N`` reads encoded frames from standard input, decodes them all (each needs the one before),
and writes one in a while as ``DIR/live.jpg``, naming it in a JSON line. It ends with its input. Forwarding never waits for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import av
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from core.processes import python_module
from video.frames import VideoAssembler
from video.packet import Packet
from video.source import SenderReport

PICTURE = "live.jpg"
MOST_WAITING = 2 << 20  # bytes the decoder may lag behind before frames are left out
_HEAD = struct.Struct("!BI")  # codec, length
_CODECS = ("VP8", "H264")
_DECODER = {"VP8": "vp8", "H264": "h264"}
_QUALITY = 80


class LiveTap:
    """Feeds one track to a decoder process and says when a picture is there."""

    def __init__(self, out: Path, fps: float, ask_keyframe: Callable[[], None], on_picture: Callable[[int, int], None]) -> None:
        self._out, self._fps, self._ask, self._on_picture = out, fps, ask_keyframe, on_picture
        self._process: asyncio.subprocess.Process | None = None
        self._assembler: VideoAssembler | None = None
        self._needs_key = True
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._out.mkdir(parents=True, exist_ok=True)
        command = python_module("video.live", "--out", str(self._out), "--fps", f"{self._fps:g}")
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._spawn(self._read(self._process))

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on_packet(self, packet: Packet, codec: RTCRtpCodecParameters) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing() or codec.name not in _CODECS:
            return
        self._assembler = self._assembler or VideoAssembler(codec)
        frame = self._assembler.push(packet)
        if frame is None:
            return
        if process.stdin.transport.get_write_buffer_size() > MOST_WAITING:
            self._needs_key = True
        if self._needs_key and not frame.is_keyframe:
            self._ask()
            return
        self._needs_key = False
        process.stdin.write(_HEAD.pack(_CODECS.index(codec.name), len(frame.data)) + frame.data)

    def on_report(self, report: SenderReport) -> None:
        """Times do not matter here."""

    def on_break(self) -> None:
        self._needs_key, self._assembler = True, None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            told = json.loads(line)
            self._on_picture(int(told["width_px"]), int(told["height_px"]))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def decode(source: IO[bytes], out: Path, fps: float, tell: Callable[[dict[str, int]], None]) -> int:
    """Decode frames until the input ends; returns how many pictures were written.

    A frame that cannot be decoded is left out; the next keyframe mends it.
    """
    decoder: Any = None
    due, written, codec_of = 0.0, 0, -1
    while len(head := source.read(_HEAD.size)) == _HEAD.size:
        codec, length = _HEAD.unpack(head)
        data = source.read(length)
        if codec != codec_of:
            decoder, codec_of = av.CodecContext.create(_DECODER[_CODECS[codec]], "r"), codec
        try:
            pictures = decoder.decode(av.Packet(data))
        except av.FFmpegError:
            continue
        if not pictures or time.monotonic() < due:
            continue
        due = time.monotonic() + 1 / fps
        image = pictures[-1].to_image()
        temporary = out / f".{PICTURE}"
        image.save(temporary, "JPEG", quality=_QUALITY)
        temporary.replace(out / PICTURE)
        written += 1
        tell({"width_px": image.width, "height_px": image.height})
    return written


def _tell(facts: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="python -m video.live")
    _parser.add_argument("--out", type=Path, required=True)
    _parser.add_argument("--fps", type=float, default=2.0)
    _chosen = _parser.parse_args()
    decode(sys.stdin.buffer, _chosen.out, _chosen.fps, _tell)
