from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError, NotFound
from inspection.hull.picture import read_photo

RUST = (150, 84, 44)


def _save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def _code(path: Path, limit: float = 120.0) -> str:
    with pytest.raises(InputError) as caught:
        read_photo(path, limit)
    return caught.value.code


def test_pixels_come_as_bgr(tmp_path: Path) -> None:
    photo = read_photo(_save(tmp_path / "a.png", Image.new("RGB", (40, 30), RUST)), 1.0)
    assert photo.image.shape == (30, 40, 3)
    assert tuple(photo.image[0, 0]) == RUST[::-1]


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("scale", [None, 0.5])
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int, scale: float | None) -> None:
    upright = np.zeros((64, 128, 3), np.uint8)
    upright[:32, :64] = 255  # top left is white
    turned = Image.fromarray(upright).rotate({3: 180, 6: 90, 8: 270}[orientation], expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _save(tmp_path / "a.jpg", turned, exif=exif, quality=95)
    photo = read_photo(path, 1.0, scale)
    assert (photo.width, photo.height) == (128, 64)
    height, width = photo.image.shape[:2]
    assert (width, height) == ((128, 64) if scale is None else (64, 32))
    assert photo.image[height // 4, width // 4].mean() > 200
    assert photo.image[height // 4, 3 * width // 4].mean() < 60


def test_cmyk_has_its_colours(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), RUST).convert("CMYK")
    photo = read_photo(_save(tmp_path / "a.jpg", image, quality=95), 1.0)
    assert np.abs(photo.image[32, 32].astype(int) - np.array(RUST[::-1])).max() < 12


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    grey = np.full((20, 30), 40000, np.uint16)
    photo = read_photo(_save(tmp_path / "a.png", Image.fromarray(grey)), 1.0)
    assert tuple(photo.image[0, 0]) == (156, 156, 156)


def test_float_pictures_are_refused(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.tif", Image.fromarray(np.ones((8, 8), np.float32)))
    assert _code(path) == "hull.photo_pixel_format"


def test_what_is_not_a_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"not a picture at all")
    assert _code(tmp_path / "a.jpg") == "hull.photo_not_an_image"
    (tmp_path / "b.jpg").write_bytes(b"")
    assert _code(tmp_path / "b.jpg") == "hull.photo_not_an_image"
    with pytest.raises(NotFound):
        read_photo(tmp_path / "missing.jpg", 1.0)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_cut_off_file_is_refused(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    path = _save(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert _code(path) == "hull.photo_damaged"


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 20_000, 15_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\x00\x00\x00\x00IDAT"
    (tmp_path / "a.png").write_bytes(data)
    assert _code(tmp_path / "a.png") == "hull.photo_too_large"


def test_long_side_limit_keeps_the_full_size_known(tmp_path: Path) -> None:
    photo = read_photo(_save(tmp_path / "a.jpg", Image.new("RGB", (1000, 500), RUST)), 1.0, long_side_px=256)
    assert photo.image.shape == (128, 256, 3)
    assert (photo.width, photo.height) == (1000, 500)
