"""Owns what the training sees: pictures in memory, random crops, mosaics, pasted rust, light and camera changes, batches.

Never knows the network. Images are BGR uint8, masks uint8 codes (README.md).
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

CLASSES = 8
CORROSION = 2
IGNORE, NOT_RUST, SOUND, DOUBT = 255, 254, 253, 252
LONG_SIDE = 640


@dataclass(frozen=True)
class Augment:
    """How pictures are mixed: `shares` of real rusty, real clean and synthetic ones, shares of pasted rust and of mosaics, strength of light.

    `favour`: how much oftener than others a picture is drawn within its group, by the start of its name.
    """

    shares: tuple[float, float, float]
    paste: float
    mosaic: float
    light: float
    favour: tuple[tuple[str, float], ...] = ()


@dataclass
class Picture:
    """One training picture in memory: image (h, w, 3) BGR, mask (h, w), and whether a camera took it."""

    name: str
    image: np.ndarray
    mask: np.ndarray
    real: bool
    rusty: bool


def load(folder: Path, *, real: bool) -> list[Picture]:
    """Pictures of ``folder/images`` with ``folder/masks``, long side at most 640 px; one without its mask yet is left out."""
    pictures = []
    for path in sorted((folder / "images").iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        mask = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        if image is None or mask is None:
            continue
        scale = LONG_SIDE / max(image.shape[:2])
        if scale < 1:
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        rusty = bool((mask == CORROSION).mean() > 0.005) or bool((mask == DOUBT).mean() > 0.005)
        pictures.append(Picture(path.stem, image, mask, real, rusty))
    return pictures


def crop(picture: Picture, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random window (size, size) after random scale, rotation, shear and flip."""
    height, width = picture.mask.shape
    fit = size / max(height, width)
    low, high = (max(fit * 0.8, 0.3), 1.6) if picture.real else (0.5, 1.5)
    scale = float(np.exp(rng.uniform(np.log(low), np.log(max(high, low * 1.2)))))
    angle = float(rng.normal(0, 7))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[0, 1] += rng.normal(0, 0.06)
    if rng.random() < 0.5:
        matrix = np.array([[-1, 0, width], [0, 1, 0]], float) @ np.vstack([matrix, [0, 0, 1]])
    slack_x, slack_y = max(0.0, width * scale - size) / 2, max(0.0, height * scale - size) / 2
    matrix[0, 2] += size / 2 - width / 2 + rng.uniform(-slack_x, slack_x)
    matrix[1, 2] += size / 2 - height / 2 + rng.uniform(-slack_y, slack_y)
    flags = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
    image = cv2.warpAffine(picture.image, matrix, (size, size), flags=flags, borderValue=(114, 114, 114))
    mask = cv2.warpAffine(picture.mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=IGNORE)
    return image, mask


def paste_rust(
    image: np.ndarray, mask: np.ndarray, donor: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the rust of the donor crop over the picture, with its truth: real rust on painted hull, rust in clean scenes."""
    rust = (donor[1] == CORROSION).astype(np.uint8)
    if not 0.003 < rust.mean() < 0.6:
        return image, mask
    alpha = cv2.GaussianBlur(rust.astype(np.float32), (0, 0), float(rng.uniform(0.6, 1.6)))[..., None]
    image = (image * (1 - alpha) + donor[0] * alpha).astype(np.uint8)
    ring = (cv2.dilate(rust, np.ones((5, 5), np.uint8)) - rust) > 0
    mask = mask.copy()
    mask[ring] = IGNORE
    mask[rust > 0] = CORROSION
    return image, mask


def light(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """White balance, hue, saturation, gamma, brightness by `strength`; now and then a softer lens, noise, a small sensor or JPEG."""
    hue = round(4 * strength)
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + int(rng.integers(-hue, hue + 1))) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(1 - 0.5 * strength, 1 + 0.35 * strength), 0, 255)
    image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
    table = np.linspace(0, 1, 256) ** rng.uniform(1 - 0.3 * strength, 1 + 0.45 * strength) * 255.0
    table = table * rng.uniform(1 - 0.3 * strength, 1 + 0.25 * strength) + rng.uniform(-15, 15)
    gains = 1.0 + rng.normal(0, 0.05 * strength, 3)
    image = np.stack([np.clip(table * gain, 0, 255).astype(np.uint8)[image[..., i]] for i, gain in enumerate(gains)], axis=2)
    if rng.random() < 0.15:
        size, small = image.shape[0], int(image.shape[0] * rng.uniform(0.4, 0.8))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))
    elif rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < 0.15:
        image = np.clip(image + rng.normal(0, rng.uniform(2, 9), image.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 85))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


class Sampler:
    """Draws batches: real with rust, real clean, synthetic, in fixed shares; rust is pasted across on part of them."""

    def __init__(self, pictures: list[Picture], size: int, seed: int, how: Augment) -> None:
        self.rng = np.random.default_rng(seed)
        self.size, self.how = size, how
        groups = (
            [p for p in pictures if p.real and p.rusty],
            [p for p in pictures if p.real and not p.rusty],
            [p for p in pictures if not p.real],
        )
        weights = np.array([share if group else 0.0 for share, group in zip(how.shares, groups, strict=True)])
        self.groups, self.weights = groups, weights / weights.sum()
        self.often = tuple(np.cumsum([self._favour(picture) for picture in group]) for group in groups)

    def _favour(self, picture: Picture) -> float:
        return next((weight for start, weight in self.how.favour if picture.name.startswith(start)), 1.0)

    def _draw(self, which: int) -> Picture:
        often = self.often[which]
        return self.groups[which][int(np.searchsorted(often, self.rng.random() * often[-1], side="right"))]

    def _one(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        which = int(self.rng.choice(3, p=self.weights))
        image, mask = crop(self._draw(which), size, self.rng)
        if self.groups[0] and which != 0 and self.rng.random() < self.how.paste:
            donor = crop(self._draw(0), size, self.rng)
            image, mask = paste_rust(image, mask, donor, self.rng)
        return light(image, self.rng, self.how.light), mask

    def _mosaic(self) -> tuple[np.ndarray, np.ndarray]:
        half = self.size // 2
        parts = [self._one(half) for _ in range(4)]
        image = np.vstack([np.hstack([parts[i][0] for i in row]) for row in ((0, 1), (2, 3))])
        mask = np.vstack([np.hstack([parts[i][1] for i in row]) for row in ((0, 1), (2, 3))])
        return image, mask

    def batch(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, s, s) float 0-1 RGB and (n, s, s) uint8."""
        drawn = [self._mosaic() if self.rng.random() < self.how.mosaic else self._one(self.size) for _ in range(count)]
        images = np.stack([image[..., ::-1].transpose(2, 0, 1) for image, _ in drawn])
        return torch.from_numpy(images).float() / 255.0, torch.from_numpy(np.stack([mask for _, mask in drawn]))


class Ahead:
    """Makes the next batch in a thread while the network works on this one; the order of batches is that of one thread."""

    def __init__(self, sampler: Sampler, count: int) -> None:
        self._sampler, self._count = sampler, count
        self._pool = ThreadPoolExecutor(1)
        self._next = self._pool.submit(self._make)

    def _make(self) -> tuple[str, tuple[torch.Tensor, torch.Tensor]]:
        return json.dumps(self._sampler.rng.bit_generator.state), self._sampler.batch(self._count)

    def take(self) -> tuple[torch.Tensor, torch.Tensor]:
        done: Future[tuple[str, tuple[torch.Tensor, torch.Tensor]]] = self._next
        batch = done.result()[1]
        self._next = self._pool.submit(self._make)
        return batch

    def state(self) -> str:
        """The random state from which the batch that nobody has taken yet was drawn, as JSON."""
        return self._next.result()[0]
