"""Owns one picture out of a live track: the next keyframe, decoded once.

Never keeps decoding: the tap is taken away with the first picture.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any

import av
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from core.errors import Unfinished
from video.forward import Forwarder
from video.frames import EncodedFrame, VideoAssembler
from video.packet import Packet
from video.source import SenderReport

WAIT_S = 4.0
_DECODER = {"VP8": "vp8", "H264": "h264"}


class _NextKeyframe:
    def __init__(self) -> None:
        self.found: asyncio.Future[tuple[str, EncodedFrame]] = asyncio.get_running_loop().create_future()
        self._assembler: VideoAssembler | None = None

    def on_packet(self, packet: Packet, codec: RTCRtpCodecParameters) -> None:
        self._assembler = self._assembler or VideoAssembler(codec)
        frame = self._assembler.push(packet)
        if frame is not None and frame.is_keyframe and not self.found.done():
            self.found.set_result((codec.name, frame))

    def on_report(self, report: SenderReport) -> None:
        """Times do not matter here."""

    def on_break(self) -> None:
        if not self.found.done():
            self.found.set_exception(Unfinished("video.no_picture"))


def jpeg_of(codec: str, frame: EncodedFrame) -> tuple[bytes, int, int]:
    """Decode one keyframe to JPEG; returns it with width and height in px."""
    decoder: Any = av.CodecContext.create(_DECODER[codec], "r")
    pictures = [*decoder.decode(av.Packet(frame.data)), *decoder.decode(None)]
    if not pictures:
        raise Unfinished("video.no_picture")
    image = pictures[0].to_image()
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue(), image.width, image.height


async def take(forwarder: Forwarder, seat: str) -> tuple[bytes, int, int]:
    """A JPEG of what the seat shows now.

    Raises:
        Unfinished: no keyframe came within `WAIT_S` seconds.
    """
    tap = _NextKeyframe()
    await forwarder.tap(seat, "video", tap)
    try:
        codec, frame = await asyncio.wait_for(tap.found, WAIT_S)
    except TimeoutError as error:
        raise Unfinished("video.no_picture") from error
    finally:
        forwarder.untap(seat, "video", tap)
    return await asyncio.get_running_loop().run_in_executor(None, jpeg_of, codec, frame)
