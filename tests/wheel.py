"""Builds the wheel, installs it into an empty environment outside the checkout and runs the main job from there.

Never puts the checkout on the path: what the wheel lacks must show here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv" / "bin" / "uv"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="yunjian-wheel-") as folder:
        place = Path(folder)
        build = [UV, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", place / "dist"]
        subprocess.run(build, cwd=ROOT, check=True)
        (wheel,) = (place / "dist").glob("*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "env"], check=True)
        python = place / "env" / "bin" / "python"
        install = [UV, "pip", "install", "-q", "--python", python]
        subprocess.run([*install, "--require-hashes", "-r", ROOT / "requirements" / "base.lock"], check=True)
        subprocess.run([*install, "--no-deps", wheel], check=True)
        size_mb = sum(path.lstat().st_size for path in (place / "env").rglob("*")) / 1e6
        print(f"environment with the wheel: {size_mb:.0f} MB", flush=True)
        clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        clean["PATH"] = f"{place / 'env' / 'bin'}:{clean['PATH']}"
        work = place / "work"
        work.mkdir()
        ran = subprocess.run([place / "env" / "bin" / "yunjian", "run", "--once"], cwd=work, env=clean, check=False)
        where = subprocess.run([python, "-c", "import core; print(core.__file__)"], cwd=work, env=clean, check=True,
                               capture_output=True, text=True).stdout  # fmt: skip
        good = ran.returncode == 0 and str(place) in where and size_mb < 1000
        shutil.rmtree(work, ignore_errors=True)
    print("1 passed" if good else f"1 failed (exit {ran.returncode}, {where.strip()}, {size_mb:.0f} MB)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
