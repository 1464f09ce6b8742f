"""Owns the generated test picture: a moving scene with a frame counter and the word SIMULATED, as frames and as a VP8 file.

Never shows anything real, and says so in every frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 15
Picture = npt.NDArray[np.uint8]
"""(height, width, 3) uint8, RGB."""


def moving_picture(number: int, caption: str = "SIMULATED") -> Picture:
    """Frame `number` of the moving scene."""
    image = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image[: HEIGHT_PX // 2] = (150, 175, 200)
    image[HEIGHT_PX // 2 :] = (40, 70, 95)
    left = 40 + number * 3 % (WIDTH_PX - 240)
    cv2.rectangle(image, (left, 200), (left + 160, 300), (140, 60, 50), -1)
    cv2.rectangle(image, (left + 110, 150), (left + 140, 200), (230, 230, 230), -1)
    cv2.putText(image, caption, (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 230, 0), 3)
    cv2.putText(image, f"{number:06d}", (20, HEIGHT_PX - 30), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (255, 255, 255), 3)
    return image


def nameplate(lines: tuple[str, ...], width_px: int = 2048, height_px: int = 1536) -> bytes:
    """JPEG of a generated equipment plate with these lines, at the resolution of a phone's still."""
    image = np.full((height_px, width_px, 3), (118, 124, 130), np.uint8)
    cv2.rectangle(image, (width_px // 8, height_px // 6), (width_px * 7 // 8, height_px * 5 // 6), (205, 200, 185), -1)
    for row, line in enumerate(("SIMULATED", *lines)):
        at = (width_px // 6, height_px // 3 + row * height_px // 8)
        cv2.putText(image, line, at, cv2.FONT_HERSHEY_SIMPLEX, width_px / 700, (30, 30, 40), 5)
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not ok:
        raise ValueError("the picture could not be encoded")
    return bytes(data)


def encode_vp8(pictures: Iterator[Picture], fps: int = FPS, bitrate: int = 500_000, key_every: int = FPS) -> Iterator[Any]:
    """VP8 packets as a phone would send them: real time, no look-ahead, a keyframe every `key_every` frames."""
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    codec.time_base, codec.bit_rate, codec.gop_size = Fraction(1, fps), bitrate, key_every
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, codec.time_base
        yield from codec.encode(frame)
    yield from codec.encode(None)


def generate_clip(path: Path, seconds: float = 12.0, fps: int = FPS) -> Path:
    """Write the scene as WebM, so that a peer can send it without encoding again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = (moving_picture(number) for number in range(int(seconds * fps)))
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_mux_stream("vp8", rate=fps, width=WIDTH_PX, height=HEIGHT_PX)
        for packet in encode_vp8(pictures, fps):
            packet.stream = stream
            container.mux(packet)
    return path
