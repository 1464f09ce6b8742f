"""Owns reading a photograph safely: format, size limit, EXIF rotation, colour model and bit depth.

Never detects anything. A picture is (h, w, 3) uint8 BGR.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import InputError, NotFound
from inspection.hull.packs import detector_pack

Bgr = NDArray[np.uint8]
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}  # EXIF 2.32, tag Orientation: rows and columns change places
_UPRIGHT = {None, 1}  # nothing to turn, so no copy of the picture either


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph at reading scale. `width`, `height` are those of the full picture after EXIF rotation."""

    file: str
    sha256: str
    width: int
    height: int
    image: Bgr


def read_photo(path: Path, max_megapixels: float, scale: float | None = None, long_side_px: int | None = None) -> Photo:
    """Read a photo, reduced by `scale` (at most 1) or to `long_side_px` if it is larger.

    Raises:
        NotFound: no such file.
        InputError: not an image of a known format, too large, cut short, or a pixel format without colour meaning.
    """
    if not path.is_file():
        raise NotFound("hull.photo_missing", file=path.name)
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd tags; the limit below decides
            with Image.open(io.BytesIO(data), formats=detector_pack().photo.formats) as opened:
                orientation = opened.getexif().get(_EXIF_ORIENTATION)
                rotated, turned = orientation in _SIDEWAYS, orientation not in _UPRIGHT
                full = (opened.height, opened.width) if rotated else opened.size
                if full[0] * full[1] > max_megapixels * 1e6:
                    size = round(full[0] * full[1] / 1e6)
                    raise InputError("hull.photo_too_large", file=path.name, megapixels=size, limit=max_megapixels)
                target = _target(full, scale, long_side_px)
                if opened.format in {"JPEG", "MPO"} and target != full:
                    opened.draft("RGB" if opened.mode != "CMYK" else "CMYK", target[::-1] if rotated else target)
                opened.load()
                image = _bgr(ImageOps.exif_transpose(opened) if turned else opened, path.name)
    except UnidentifiedImageError as error:
        raise InputError("hull.photo_not_an_image", file=path.name) from error
    except Image.DecompressionBombError as error:
        least = round(2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6)
        raise InputError("hull.photo_too_large", file=path.name, megapixels=f">{least}", limit=max_megapixels) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError("hull.photo_damaged", file=path.name, detail=str(error)) from error
    if (image.shape[1], image.shape[0]) != target:
        image = np.asarray(cv2.resize(image, target, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return Photo(path.name, sha256, full[0], full[1], image)


def _target(full: tuple[int, int], scale: float | None, long_side_px: int | None) -> tuple[int, int]:
    factor = min(1.0, scale if scale is not None else 1.0)
    if long_side_px is not None:
        factor = min(factor, long_side_px / max(full))
    return max(1, round(full[0] * factor)), max(1, round(full[1] * factor))


def _bgr(opened: Image.Image, name: str) -> Bgr:
    """Decode to 8-bit BGR: CMYK and palettes are converted, 16-bit grey is scaled by its top byte."""
    if opened.mode.startswith("I"):
        grey = np.asarray(opened).astype(np.int64)
        high = np.clip(grey // 256, 0, 255).astype(np.uint8) if grey.max(initial=0) > 255 else grey.astype(np.uint8)
        return np.repeat(high[..., None], 3, axis=2)
    if opened.mode == "F":
        raise InputError("hull.photo_pixel_format", file=name, mode=opened.mode)
    rgb = np.asarray(opened if opened.mode == "RGB" else opened.convert("RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)  # four times as fast as reversing the last axis in numpy
