"""The contract with aiortc on its newest release: fetches it with pip into a folder of its own and runs the contract test there.

`make newest-aiortc`. Exit 0: the contract holds (also where the newest is the pinned one); 1: it is broken, the test names what is gone;
5: pip could not reach an index, so nothing is known. It is no part of the ordinary tests, which use no network and may not be skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
TESTS = ["tests/contract/video", "tests/integration/video/test_forward.py"]
INSTALL_S, TEST_S = 300, 300


def main() -> int:
    with TemporaryDirectory(prefix="yunjian-newest-") as folder:
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", folder, "--upgrade", "aiortc"]
        fetched = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if fetched.returncode:
            print(f"not known: pip could not fetch aiortc\n{fetched.stderr.strip()[-400:]}", file=sys.stderr)
            return 5
        names = sorted(
            path.name for path in Path(folder).glob("*.dist-info") if path.name.startswith(("aiortc-", "aioice-", "av-"))
        )
        print(f"pinned aiortc {version('aiortc')}; newest: {', '.join(name.removesuffix('.dist-info') for name in names)}")
        environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
        tested = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
            cwd=ROOT, env=environment, timeout=TEST_S, check=False,
        )  # fmt: skip
        return 1 if tested.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
