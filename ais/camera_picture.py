"""Owns the picture of a simulated berth camera: a quay, water and a hull in plain shapes, marked SIMULATED across it.

Never looks at AIS: it knows nothing of the ship that is really (or simulated to be) there.
"""

from __future__ import annotations

import hashlib
import io
import math
from datetime import datetime

import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFont

from core.workdays import SHANGHAI

_SIZE = (960, 540)
_QUAY_Y, _WATER_Y = 420, 300
_HULLS = ("#7a2e2a", "#23425f", "#33413a", "#4a4a52")


def draw_berth(berth: str, at: datetime) -> bytes:
    """A JPEG of that berth at that moment: by day and by night, the water lies a little differently each minute."""
    width, height = _SIZE
    local = at.astimezone(SHANGHAI)
    light = max(0.12, math.sin(math.pi * (local.hour + local.minute / 60 - 5.5) / 13.0))
    seed = hashlib.sha256(berth.encode()).digest()
    picture = Image.new("RGB", _SIZE, _shade("#b9cfdd", light))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, _WATER_Y, width, height), _shade("#4d6f7d", light))
    wave = local.hour * 60 + local.minute
    for row in range(8):
        y = _WATER_Y + 12 + row * 14
        for x in range((wave * 37 + row * 53) % 90 - 90, width, 90):
            draw.line((x, y, x + 34, y), _shade("#6f8f9b", light), 2)
    hull = _shade(_HULLS[seed[0] % len(_HULLS)], light)
    left, right, deck, keel = 90 + seed[1] % 60, 850 - seed[2] % 60, 218 + seed[3] % 24, 408
    draw.polygon([(left, deck), (right, deck - 8), (right - 46, keel), (left + 18, keel)], hull)
    draw.rectangle((left + 14, keel - 38, right - 40, keel), _shade("#8c3b32", light))
    house = left + 26
    draw.rectangle((house, deck - 92, house + 96, deck), _shade("#e6e6e0", light))
    for deckhouse in range(3):
        for window in range(5):
            x, y = house + 10 + window * 17, deck - 80 + deckhouse * 26
            draw.rectangle((x, y, x + 9, y + 9), "#f4e7a1" if light < 0.3 else _shade("#30414c", light))
    for hatch in range(4):
        x = left + 170 + hatch * 120
        draw.rectangle((x, deck - 20, x + 84, deck - 2), _shade("#9a9a92", light))
    draw.rectangle((0, _QUAY_Y, width, height), _shade("#8d8a83", light))
    for bollard in range(6):
        x = 70 + bollard * 160
        draw.rectangle((x, _QUAY_Y - 14, x + 20, _QUAY_Y + 6), _shade("#e0b33a", light))
    _words(draw, berth, local)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=82)
    return target.getvalue()


def _words(draw: ImageDraw.ImageDraw, berth: str, local: datetime) -> None:
    path = str(pylopdf_fonts_zh_cn.sans_path())
    large, small = ImageFont.truetype(path, 54), ImageFont.truetype(path, 22)
    draw.text((_SIZE[0] / 2, 476), "模拟画面  SIMULATED", "white", large, "mm", stroke_width=3, stroke_fill="black")
    stamp = f"{berth}   {local:%Y-%m-%d %H:%M} +08:00"
    draw.text((18, 16), stamp, "white", small, stroke_width=2, stroke_fill="black")


def _shade(colour: str, light: float) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return int(red * light), int(green * light), int(blue * light)
