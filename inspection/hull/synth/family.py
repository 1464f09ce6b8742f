"""Owns the texture families: how rust and torn paint look, in numbers. Colours are RGB 0-255.

Never shares a family or a seed between training photographs and ship files: a score measured on simulated surveys would
otherwise measure memory. `holdout` is in neither, it serves as the family nobody has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from inspection.hull.synth.noise import Field, Rng, cells, fractal, ridged

Grain = Literal["fractal", "ridged", "cells"]
TRAINING_STREAM = 0x7A1
SHIP_STREAM = 0x5A1


@dataclass(frozen=True, slots=True)
class Family:
    """`gain` and `rough` shape outlines; `palette` runs from the darkest to the lightest rust."""

    name: str
    grain: Grain
    gain: float
    rough: float
    aspect: float
    palette: tuple[tuple[int, int, int], ...]

    def field(self, rng: Rng, shape: tuple[int, int], cell_px: float) -> Field:
        """The family's noise, about -1..1."""
        if self.grain == "ridged":
            return ridged(rng, shape, cell_px, 5, self.gain)
        base = fractal(rng, shape, cell_px, 5, self.gain, self.aspect)
        if self.grain == "cells":
            spots = 1.0 - 1.8 * cells(rng, shape, max(cell_px * 0.4, 2.0))
            return np.asarray(0.5 * base + 0.5 * spots, dtype=np.float32)
        return base

    def varied(self, rng: Rng) -> Family:
        """A neighbour of this family: outlines a little different, colours lighter, darker, redder or greyer."""
        shift, red, grey = rng.uniform(0.75, 1.25), rng.normal(1.0, 0.08), rng.uniform(-0.15, 0.3)
        palette = []
        for stop in self.palette:
            colour = np.array(stop, float) * shift * [red, 1.0, 2.0 - red]
            colour += (colour.mean() - colour) * grey
            low, middle, high = np.clip(colour, 8, 250).astype(int).tolist()
            palette.append((low, middle, high))
        return replace(
            self,
            gain=self.gain * rng.uniform(0.85, 1.15),
            rough=self.rough * rng.uniform(0.8, 1.3),
            aspect=self.aspect * rng.uniform(0.7, 1.4),
            palette=tuple(palette),
        )

    def colours(self, level: Field) -> Field:
        """(h, w, 3) rust colours for `level` 0..1."""
        stops = np.linspace(0.0, 1.0, len(self.palette))
        steps = np.linspace(0.0, 1.0, 256)
        table = np.stack([np.interp(steps, stops, [stop[i] for stop in self.palette]) for i in range(3)], axis=1)
        index = np.clip(level * 255.0, 0, 255).astype(np.uint8)
        return np.asarray(table.astype(np.float32)[index], dtype=np.float32)


TRAINING_FAMILIES: tuple[Family, ...] = (
    Family("bloom", "fractal", 0.55, 0.75, 1.0, ((52, 30, 24), (104, 56, 32), (158, 84, 40), (196, 116, 58))),
    Family("scale", "ridged", 0.5, 0.9, 1.0, ((40, 30, 30), (78, 46, 36), (122, 70, 44), (150, 98, 66))),
    Family("pitted", "cells", 0.5, 0.9, 1.0, ((44, 28, 24), (98, 52, 30), (148, 76, 34), (206, 130, 66))),
    Family("weathered", "fractal", 0.7, 1.1, 1.6, ((70, 48, 40), (112, 74, 54), (144, 100, 72), (178, 138, 104))),
    Family("fresh", "fractal", 0.45, 0.6, 0.8, ((120, 58, 22), (172, 88, 30), (206, 116, 44), (226, 150, 78))),
    Family("dark", "ridged", 0.65, 0.7, 1.3, ((28, 20, 20), (56, 36, 30), (86, 50, 36), (120, 72, 48))),
)
SHIP_FAMILIES: tuple[Family, ...] = (
    Family("harbour", "fractal", 0.6, 0.85, 1.2, ((46, 30, 26), (92, 54, 36), (140, 80, 46), (182, 112, 66))),
    Family("trade", "cells", 0.6, 0.7, 0.9, ((60, 34, 24), (116, 62, 32), (164, 92, 44), (200, 124, 70))),
)
HOLDOUT_FAMILY = Family("holdout", "ridged", 0.58, 0.8, 0.7, ((50, 26, 18), (110, 48, 28), (150, 70, 40), (188, 104, 72)))
