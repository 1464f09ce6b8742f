"""Owns the class ids of masks and findings (contracts.md) and what is known about each, from ``config/hull/classes.toml``.

Never grades.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from config import pack_path


class ClassId(IntEnum):
    """Pixel values of a mask, `yunjian.detection/1`. Dents are polygons without a mask class: 8 in findings only."""

    BACKGROUND = 0
    HULL = 1
    CORROSION = 2
    RUST_STAIN = 3
    COATING_LOSS = 4
    BLISTER = 5
    CRACK = 6
    FOULING = 7
    DENT = 8


MASK_CLASSES = 8
DEFECTS: tuple[ClassId, ...] = (
    ClassId.CORROSION,
    ClassId.RUST_STAIN,
    ClassId.COATING_LOSS,
    ClassId.BLISTER,
    ClassId.CRACK,
    ClassId.FOULING,
)
IGNORE = 255


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """Names, how grave (0 = none .. 3), whether only synthetic pictures taught it, and codes an inspector may propose."""

    id: ClassId
    zh: str
    en: str
    severity: int
    experimental: bool
    proposed_codes: tuple[str, ...]
    colour: str
    letter: str


@cache
def class_table() -> dict[ClassId, ClassInfo]:
    """All classes by id."""
    pack = tomllib.loads(pack_path("hull", "classes.toml").read_text(encoding="utf-8"))
    return {
        ClassId(row["id"]): ClassInfo(
            id=ClassId(row["id"]),
            zh=row["zh"],
            en=row["en"],
            severity=row["severity"],
            experimental=row["experimental"],
            proposed_codes=tuple(row["proposed_codes"]),
            colour=row["colour"],
            letter=row["letter"],
        )
        for row in pack["class"]
    }
