"""A process that decodes nothing and opens no spreadsheet does not wait for the libraries that would."""

from __future__ import annotations

import subprocess
import sys

LATER = ("numba", "llvmlite", "duckdb", "openpyxl", "networkx")


def test_heavy_libraries_are_imported_when_first_used() -> None:
    script = f"import sys, ais, ais.api, ais.api_targets; print([one for one in {LATER} if one in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=170)
    assert ran.stdout.strip() == "[]"
