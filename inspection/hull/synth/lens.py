"""Owns what light and camera do to a picture: exposure, warm light, haze, wet steel, blur, noise, JPEG.

Never moves a pixel, so the truth stays true.
"""

from __future__ import annotations

import cv2
import numpy as np

from inspection.hull.synth.noise import Image, Rng, value_noise


def develop(rng: Rng, rgb: Image) -> Image:
    """(h, w, 3) RGB scene -> the photograph, uint8 BGR, once compressed as JPEG."""
    height, width = rgb.shape[:2]
    picture = rgb.astype(np.float32) / 255.0
    picture *= (1.0 + rng.uniform(0.0, 0.25) * value_noise(rng, (height, width), (height * 0.8, width * 0.8)))[..., None]
    if rng.random() < 0.2:  # wet steel: darker, with bright vertical reflections
        gloss = np.clip(value_noise(rng, (height, width), (height / 3, 14.0)) - 0.45, 0, 1)
        picture = picture * 0.75 + gloss[..., None] * rng.uniform(0.2, 0.8)
    cast = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.04, 3)
    if rng.random() < 0.12:  # low sun
        cast *= [1.15, 1.0, 0.8]
    picture *= cast.astype(np.float32)
    haze = max(0.0, rng.uniform(-0.3, 0.25))
    picture = picture * (1 - haze) + haze * 0.8
    picture = np.clip(picture, 0, 1.2) ** np.float32(rng.uniform(0.75, 1.35)) * np.float32(rng.uniform(0.75, 1.15))
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.6))), np.float32)
    elif rng.random() < 0.25:
        length = int(rng.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
        picture = np.asarray(cv2.filter2D(picture, -1, kernel / max(float(kernel.sum()), 1.0)), np.float32)
    picture = picture + rng.normal(0, 1, picture.shape).astype(np.float32) * np.float32(rng.uniform(0.0, 0.03))
    bgr = np.clip(picture[..., ::-1] * 255.0, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
