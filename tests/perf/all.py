"""Runs every benchmark here (``bench_*.py``), in its small seeded form with ``--small``, and gathers the JSON each prints.

Never judges a time: each bench prints a ratio measured in one run and says what the bar is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "var" / "bench"


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    failed = 0
    benches = sorted(HERE.glob("bench_*.py"))
    for bench in benches:
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, str(bench), *sys.argv[1:]], capture_output=True, text=True, check=False, timeout=3600
        )
        try:
            figures = json.loads(ran.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            failed += 1
            print(f"{bench.stem}: no figures (exit {ran.returncode})\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
            continue
        (OUT / f"{bench.stem}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
        print(f"{bench.stem} ({time.monotonic() - began:.1f} s): {json.dumps(figures)}", flush=True)
    print(f"{len(benches) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
