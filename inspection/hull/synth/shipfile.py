"""Owns ship files (`yunjian.shipfile/1`): the hull that the simulated camera photographs, with the truth of every defect.

Never shares seeds or texture families with training photographs.

Atlas pixels: row r is z = z0_m - r * mm_per_px / 1000; column c is x = x0_m + c * mm_per_px / 1000 (port, starboard, deck);
on the stern, column c is y = x0_m - c * mm_per_px / 1000 with x0_m = +beam / 2 (port side first, as seen from astern); on the deck,
row r is y = z0_m - r * mm_per_px / 1000 with z0_m = +beam / 2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.ids import Imo
from core.ship import ShipGeometry
from inspection.hull.synth import defects
from inspection.hull.synth.defects import Plate, RustKind
from inspection.hull.synth.family import SHIP_FAMILIES, SHIP_STREAM, Family
from inspection.hull.synth.noise import Image, Rng
from inspection.hull.synth.plate import Coat, Rgb, draught_marks, paint, scupper, write_text

SHIP_FILE_SCHEMA = "yunjian.shipfile/1"
Part = Literal["port", "starboard", "stern", "deck"]
PARTS: tuple[Part, ...] = ("port", "starboard", "stern", "deck")
_BELOW_WATER_M = 1.0
_DECK_COARSER = 4.0  # the deck only has to look right from the side; its pixels are this much larger
# Paint schemes of simulated ships: none is rust-coloured, as on most ships; the training pictures have those.
_COATS: tuple[Coat, ...] = (
    Coat((34, 46, 74), (128, 46, 42), (118, 42, 40), (158, 158, 152)),
    Coat((46, 84, 74), (120, 44, 40), (112, 40, 38), (182, 180, 168)),
    Coat((92, 100, 108), (134, 54, 46), (124, 48, 42), (198, 196, 188)),
    Coat((30, 32, 36), (126, 44, 42), (110, 40, 40), (146, 148, 146)),
    Coat((44, 104, 138), (140, 52, 46), (126, 46, 42), (186, 188, 186)),
)


@dataclass(frozen=True, slots=True)
class ShipMarks:
    """What is painted on the ship."""

    name: str
    imo: Imo
    port_of_registry: str


@dataclass(frozen=True, slots=True)
class _Atlas:
    part: Part
    plate: Plate
    dents: tuple[NDArray[np.int32], ...]
    x0_m: float
    z0_m: float


def write_ship_file(
    folder: Path,
    seed: int,
    geometry: ShipGeometry,
    marks: ShipMarks,
    mm_per_px: float = 5.0,
    families: tuple[Family, ...] = SHIP_FAMILIES,
) -> Path:
    """Write `ship.json`, the atlases with truth, and `dents.json` into `folder`; the same arguments give the same bytes.

    Returns:
        The path of `ship.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scheme = np.random.default_rng([SHIP_STREAM, seed])
    coat = _COATS[int(scheme.integers(len(_COATS)))]
    family = families[int(scheme.integers(len(families)))]
    atlases, dents = [], []
    for index, part in enumerate(PARTS):
        rng = np.random.default_rng([SHIP_STREAM, seed, index])
        scale = mm_per_px * _DECK_COARSER if part == "deck" else mm_per_px
        atlas = (
            _deck(rng, geometry, family, scale) if part == "deck" else _shell(rng, part, geometry, coat, family, marks, scale)
        )
        image, truth = f"{part}.png", f"{part}_truth.png"
        cv2.imwrite(str(folder / image), atlas.plate.canvas[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        cv2.imwrite(str(folder / truth), atlas.plate.truth, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        atlases.append(
            {"part": part, "image": image, "truth": truth, "mm_per_px": scale, "x0_m": atlas.x0_m, "z0_m": atlas.z0_m}
        )
        depth_mm = rng.uniform(15, 60, len(atlas.dents)).round(1).tolist()
        dents += [
            {"part": part, "polygon_px": outline.tolist(), "depth_mm": depth}
            for outline, depth in zip(atlas.dents, depth_mm, strict=True)
        ]
    (folder / "dents.json").write_text(json.dumps(dents), encoding="utf-8")
    ship = {
        "schema": SHIP_FILE_SCHEMA,
        "simulated": True,
        "geometry": {
            "loa_m": geometry.loa_m,
            "beam_m": geometry.beam_m,
            "depth_m": geometry.depth_m,
            "draught_m": geometry.draught_m,
            "x_origin": geometry.x_origin,
            "estimated": sorted(geometry.estimated),
        },
        "x_origin": geometry.x_origin,
        "draught_m": geometry.draught_m,
        "seed": seed,
        "name": marks.name,
        "imo": str(marks.imo),
        "family": family.name,
        "atlases": atlases,
    }
    path = folder / "ship.json"
    path.write_text(json.dumps(ship, indent=1), encoding="utf-8")
    return path


def _shell(
    rng: Rng, part: Part, geometry: ShipGeometry, coat: Coat, family: Family, marks: ShipMarks, mm_per_px: float
) -> _Atlas:
    """Port, starboard or stern, painted as seen from outside; the port side is then turned so that columns run with x."""
    length_m = geometry.beam_m if part == "stern" else geometry.loa_m
    per_m = 1000.0 / mm_per_px
    height_m = geometry.freeboard_m + _BELOW_WATER_M
    shape = (round(height_m * per_m), round(length_m * per_m))
    water_row = geometry.freeboard_m * per_m
    plate = paint(rng, shape, mm_per_px, coat, water_row - 0.5 * per_m, water_row + 0.3 * per_m)
    _lettering(plate, part, geometry, marks)
    for fraction in rng.uniform(0.1, 0.85, max(1, round(length_m / 15))):
        scupper(plate, rng, (rng.uniform(0.05, 0.3) * water_row, fraction * shape[1]))
    dents = _shell_defects(rng, plate, family, coat, water_row, length_m)
    x0_m = geometry.beam_m / 2 if part == "stern" else 0.0
    if part == "port":
        flipped = Plate(_mirrored(plate.canvas), _mirrored(plate.truth), mm_per_px)
        turned = tuple(np.stack([shape[1] - 1 - d[:, 0], d[:, 1]], axis=1).astype(np.int32) for d in dents)
        return _Atlas(part, flipped, turned, x0_m, geometry.depth_m)
    return _Atlas(part, plate, tuple(dents), x0_m, geometry.depth_m)


def _mirrored(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def _lettering(plate: Plate, part: Part, geometry: ShipGeometry, marks: ShipMarks) -> None:
    """Name at the bow, draught marks at bow, midship and stern; name, port and IMO number on the stern (SOLAS XI-1/3)."""
    per_m = 1000.0 / plate.mm_per_px
    white: Rgb = (228, 228, 222)
    if part == "stern":
        middle = geometry.beam_m / 2
        write_text(plate, marks.name, (middle - 2.6) * per_m, 0.9 * per_m, 450.0, white)
        write_text(plate, marks.port_of_registry, (middle - 1.8) * per_m, 1.5 * per_m, 320.0, white)
        write_text(plate, f"IMO {marks.imo}", (middle - 2.0) * per_m, 2.1 * per_m, 300.0, white)
        return
    bow_on_left = part == "port"
    loa = geometry.loa_m
    name_at = 0.1 * loa if bow_on_left else 0.9 * loa - 6.0
    write_text(plate, marks.name, name_at * per_m, 1.1 * per_m, 600.0, white)
    imo_at = 0.94 * loa - 8.0 if bow_on_left else 0.06 * loa
    write_text(plate, f"IMO {marks.imo}", imo_at * per_m, 1.0 * per_m, 350.0, white)
    for fraction in (0.08, 0.5, 0.92):
        draught_marks(plate, fraction * loa * per_m, geometry.depth_m * per_m, white)


def _shell_defects(
    rng: Rng, plate: Plate, family: Family, coat: Coat, water_row: float, length_m: float
) -> list[NDArray[np.int32]]:
    """Plant rust with its stains, coating loss and dents above the waterline; returns the dents' outlines in atlas pixels."""
    columns = plate.shape[1]
    scale = plate.mm_per_px
    kinds: tuple[RustKind, ...] = ("scab", "spots", "seam", "scab")

    def place() -> tuple[float, float]:
        return float(rng.uniform(0.08, 0.92) * water_row), float(rng.uniform(0.05, 0.9) * columns)

    for _ in range(max(2, round(length_m / 9))):
        size = float(np.exp(rng.uniform(np.log(180), np.log(1500))))
        where, kind = place(), kinds[int(rng.integers(len(kinds)))]
        extent = (size * 0.2, size * 2.0) if kind == "seam" else (size, size * rng.uniform(0.7, 1.7))
        window = plate.window(where, extent)
        if window is not None:
            defects.rust(window, rng, family, kind)
        if rng.random() < 0.5:
            length = size * rng.uniform(0.8, 2.2)
            below = plate.window(
                (where[0] + (length + 0.3 * size) / scale / 2, where[1]), (length, size * rng.uniform(0.4, 0.9))
            )
            if below is not None:
                defects.stain(below, rng, family)
    under = np.array(coat.primer, np.float32)
    for _ in range(max(1, round(length_m / 15))):
        size = float(np.exp(rng.uniform(np.log(200), np.log(1500))))
        window = plate.window(place(), (size, size * rng.uniform(0.8, 1.6)))
        if window is not None:
            defects.coating_loss(window, rng, family, under, max(0.0, float(rng.uniform(-0.3, 0.4))))
    outlines = []
    for _ in range(max(1, round(length_m / 30))):
        centre = place()
        extent_mm = (float(rng.uniform(500, 1100)), float(rng.uniform(700, 1600)))
        window = plate.window(centre, extent_mm)
        if window is not None:
            corner = [max(0, int(centre[1] - extent_mm[1] / scale / 2)), max(0, int(centre[0] - extent_mm[0] / scale / 2))]
            outlines.append((defects.dent(window, rng) + np.array(corner, np.int32)).astype(np.int32))
    return outlines


def _deck(rng: Rng, geometry: ShipGeometry, family: Family, mm_per_px: float) -> _Atlas:
    """The weather deck: green or red-brown paint and a few rust patches."""
    per_m = 1000.0 / mm_per_px
    shape = (round(geometry.beam_m * per_m), round(geometry.loa_m * per_m))
    colour: Rgb = (66, 92, 74) if rng.random() < 0.5 else (118, 66, 54)
    plate = paint(rng, shape, mm_per_px, Coat(colour, colour, colour, colour), shape[0], shape[0])
    for _ in range(12):
        size = float(rng.uniform(300, 1500))
        window = plate.window((rng.uniform(0.1, 0.9) * shape[0], rng.uniform(0.05, 0.9) * shape[1]), (size, size))
        if window is not None:
            defects.rust(window, rng, family, "scab")
    return _Atlas("deck", plate, (), 0.0, geometry.beam_m / 2)
