"""Owns starting child processes that end with their parent, so that a killed run leaves no orphan behind.

Never restarts anything: supervision is `console`'s and `video`'s.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

_M_ARENA_MAX = -8  # <malloc.h> of glibc


def few_arenas(count: int = 2) -> bool:
    """Let all threads of this process share so many heaps of the C library; False where it has no such setting (glibc only).

    By default the threads of a pool get up to eight heaps a core, and each heap keeps the memory of its largest answer: a server
    of 40 threads that reads 2,000 ships grew from 112 to 207 MB, with two heaps to 165 MB, and stayed there. Call it first.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return mallopt is not None and mallopt(_M_ARENA_MAX, count) == 1


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def spawn(
    command: Sequence[str],
    *,
    stdin: int | IO[Any] | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a child that the kernel kills when this process dies (util-linux setpriv, where it is there)."""
    setpriv = shutil.which("setpriv")
    tied = [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)
    return subprocess.Popen(tied, stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, env=env, text=True)


def stop(process: subprocess.Popen[str], patience_s: float = 5.0) -> None:
    """Ask a child to end; insist after `patience_s`."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
