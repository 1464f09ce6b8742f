"""Runs the mutation tests of the pure rule files and fails below 85 % killed (part of `make soak`).

Never runs in CI: it takes many minutes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BAR = 0.85
CAUGHT = ("killed", "timeout", "segfault")


def main() -> int:
    mutmut = Path(sys.executable).with_name("mutmut")
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    subprocess.run([mutmut, "run"], cwd=ROOT, check=False)
    subprocess.run([mutmut, "export-cicd-stats"], cwd=ROOT, check=True)
    counts = json.loads((ROOT / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    caught = sum(counts.get(kind, 0) for kind in CAUGHT)
    score = caught / max(1, counts["total"] - counts.get("skipped", 0))
    print(json.dumps({"mutation_score": round(score, 3), "bar": BAR, **counts}))
    print("1 passed" if score >= BAR else "1 failed")
    return 0 if score >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
