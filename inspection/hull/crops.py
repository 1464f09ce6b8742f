"""Owns the close-up of a finding that becomes evidence: cut from its photo, outline drawn, a JPEG of fixed quality.

Never alters the photo itself.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from inspection.hull.packs import detector_pack
from inspection.hull.picture import read_photo


def cut_crop(photo: Path, polygon_px: tuple[tuple[float, float], ...], max_megapixels: float) -> bytes:
    """JPEG bytes of the neighbourhood of the polygon, with its outline; the same input gives the same bytes.

    Raises:
        InputError, NotFound: as `read_photo`.
    """
    pack = detector_pack().photo
    image = read_photo(photo, max_megapixels).image
    corners = np.array(polygon_px, dtype=float)
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = np.maximum((high - low) * pack.crop_margin, 40.0)
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.minimum(high + margin, [image.shape[1], image.shape[0]]).astype(int)
    crop = image[top : max(bottom, top + 1), left : max(right, left + 1)].copy()
    scale = min(1.0, pack.crop_long_side_px / max(crop.shape[:2]))
    if scale < 1.0:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    outline = np.round((corners - [left, top]) * scale).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(crop, [outline], isClosed=True, color=(0, 0, 0), thickness=3, lineType=cv2.LINE_AA)
    cv2.polylines(crop, [outline], isClosed=True, color=(255, 255, 255), thickness=1, lineType=cv2.LINE_AA)
    _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, pack.jpeg_crop_quality])
    return bytes(data.tobytes())
