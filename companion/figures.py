"""Owns the published figures of the cases that are no procedures (``config/companion/figures.toml``), computed as all others are.

Never derives a base that the source does not give.
"""

from __future__ import annotations

import tomllib
from functools import cache

from companion.benefits import Figure, figure_of
from companion.definition import Benefit
from config import pack_path


@cache
def platform_figures() -> tuple[Figure, ...]:
    """Every figure, in the order of the cases."""
    raw = tomllib.loads(pack_path("companion", "figures.toml").read_text(encoding="utf-8"))
    return tuple(figure_of(row.pop("case"), Benefit.model_validate(row)) for row in raw["figure"])
