"""Owns the compiled and the numpy route as one import, for `batch.py` alone.

Never imported before something is decoded: with numba it costs a second, and most processes decode nothing.
"""

from __future__ import annotations

from ais import fast_numpy
from ais.kernels_columns import fill
from ais.kernels_lines import scan
from ais.kernels_stamps import place_of

__all__ = ["fast_numpy", "fill", "place_of", "scan"]
