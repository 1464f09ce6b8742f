"""Owns ``python -m console.assets``: says whether it built or had nothing to do.

Never fails quietly: a failing npm or esbuild gives its own words and exit status 5 (environment).
"""

from __future__ import annotations

import subprocess
import sys

from console.assets import VENDOR, make

try:
    built = make()
except subprocess.CalledProcessError as error:
    sys.stderr.write(f"assets: {' '.join(map(str, error.cmd))} ended with status {error.returncode}\n")
    raise SystemExit(5) from error
sys.stderr.write(f"assets: {'built' if built else 'up to date'} in {VENDOR}\n")
