"""A bundle with one byte changed, again and again: every change must be found by sha256sum, openssl and pdfsig alone.

Run: ``python -m tests.perf.bench_bundle_tamper [--small]`` (1,000 changes, 80 with --small; seeded). Prints one JSON object:
how many of the changes each tool found. A share of `found` below 1 is a defect.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from reports import verify
from tests.unit.reports.conftest import issue

SEED = 20261124
MANIFESTS = ("manifest-sha256.txt", verify.TAGMANIFEST)


def quiet(bag: Path, *command: str) -> bool:
    """True where the tool is content."""
    return subprocess.run(command, cwd=bag, capture_output=True, check=False).returncode == 0


def finders(bag: Path, ca: Path, changed: str) -> list[str]:
    """The tools that find something wrong, as VERIFY.txt tells a stranger to run them."""
    found = [f"sha256sum {name}" for name in MANIFESTS if not quiet(bag, "sha256sum", "--quiet", "--strict", "-c", name)]
    for role, signed in verify.SIGNED.items():
        key, signature = f"trust/{role}.pub.pem", verify.signature_file(role)
        if not quiet(
            bag, "openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key, "-in", signed, "-sigfile", signature
        ):
            found.append(f"openssl {role}")
    if not quiet(bag, "openssl", "verify", "-CAfile", str(ca), "trust/inspector.pem", "trust/supervisor.pem"):
        found.append("openssl certificates")
    if changed.endswith(".pdf"):
        said = subprocess.run(["pdfsig", "-nocert", changed], cwd=bag, capture_output=True, text=True, check=False).stdout
        if said.count("Signature Validation: Signature is Valid.") != 2:
            found.append("pdfsig")
    return found


def main() -> None:
    changes = 80 if "--small" in sys.argv else 1000
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        made = issue(Path(folder), photos=2)
        bag = Path(folder) / "bag"
        shutil.copytree(made.bundle.path, bag)
        files = sorted(path for path in bag.rglob("*") if path.is_file())
        if finders(bag, made.ca, "data/report.zh.pdf"):
            raise SystemExit("the tools reject the bundle before anything was changed")
        by_tool: Counter[str] = Counter()
        missed: list[str] = []
        for number in range(changes):
            path = files[number % len(files)]  # every file, again and again
            data = path.read_bytes()
            at = rng.randrange(len(data))
            spoilt = bytearray(data)
            spoilt[at] ^= rng.randrange(1, 256)
            path.write_bytes(bytes(spoilt))
            name = path.relative_to(bag).as_posix()
            found = finders(bag, made.ca, name)
            by_tool.update(found)
            if not found:
                missed.append(f"{name} at {at}")
            path.write_bytes(data)
        made.services.db.close()
    print(
        json.dumps(
            {
                "schema": "yunjian.bench/1", "changes": changes, "files": len(files), "found": (changes - len(missed)) / changes,
                "by_tool": dict(sorted(by_tool.items())), "missed": missed[:5], "bar": "found 1.0",
            }
        )
    )  # fmt: skip
    if missed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
