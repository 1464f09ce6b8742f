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
def platform_rows() -> tuple[tuple[Benefit, Figure], ...]:
    """Every figure beside its entry of the file (title), in the order of the cases."""
    raw = tomllib.loads(pack_path("companion", "figures.toml").read_text(encoding="utf-8"))
    rows = [(int(row.pop("case")), Benefit.model_validate(row)) for row in raw["figure"]]
    return tuple((benefit, figure_of(case, benefit)) for case, benefit in rows)


@cache
def platform_figures() -> tuple[Figure, ...]:
    """Every figure, in the order of the cases."""
    return tuple(figure for _, figure in platform_rows())
