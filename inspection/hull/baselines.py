"""Owns the two colour rules that every score of the model is shown beside: HSV threshold and Lab hue-chroma.

Never used to find anything in the product. Pictures are uint8 BGR, results bool masks.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.picture import Bgr

Where = NDArray[np.bool_]


def hsv_rule(image: Bgr) -> Where:
    """Hue 0-22 (of 180), saturation over 60, value 20-200, then a 3 x 3 opening (spec/hull.md, section 4)."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    inside = cv2.inRange(hsv, (0, 61, 20), (22, 255, 200))
    return np.asarray(cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0)


def lab_rule(image: Bgr) -> Where:
    """Lab hue 25-75 degrees with chroma over 14 and lightness 8-75: the rust sector of the colour plane."""
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_BGR2Lab)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    inside = (hue > 25) & (hue < 75) & (chroma > 14) & (lab[..., 0] > 8) & (lab[..., 0] < 75)
    return np.asarray(cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0)
