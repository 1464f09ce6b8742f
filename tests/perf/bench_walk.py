"""The main job from nothing to a verified report: wall and CPU seconds against the bars of 300 s and 400 CPU-s on 2 cores.

With ``--small`` it stops after the case is open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BAR_WALL_S, BAR_CPU_S = 300, 400


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "console.cli", "run", "--once", "--json"]
        command += ["--until", "case"] if "--small" in sys.argv else []
        env = {**os.environ, "YUNJIAN_DATA_DIR": folder, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.stderr.write(ran.stdout[-2000:] + ran.stderr[-2000:])
        return 1
    data = json.loads(ran.stdout.splitlines()[-1])["data"]
    figures = {
        "bench": "walk",
        "stations": list(data["seconds"]),
        "seconds": data["seconds"],
        "wall_s": data["wall_s"],
        "cpu_s": data["cpu_s"],
        "wall_to_bar": round(data["wall_s"] / BAR_WALL_S, 3),
        "cpu_to_bar": round(data["cpu_s"] / BAR_CPU_S, 3),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
