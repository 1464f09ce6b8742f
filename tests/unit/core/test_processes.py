"""`few_arenas` bounds the heaps of a process of many threads, as the C library itself tells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.processes import few_arenas

CHILD = """
import ctypes, sys, threading
from core.processes import few_arenas
assert sys.argv[2] == "all" or few_arenas()
together = threading.Barrier(12)
def work():
    together.wait()
    kept = [bytearray(20_000) for _ in range(20)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for one in threads: one.start()
for one in threads: one.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


def heaps(path: Path, mode: str) -> int:
    subprocess.run([sys.executable, "-c", CHILD, str(path), mode], check=True, cwd=Path(__file__).parents[3])
    return path.read_text(encoding="ascii").count("<heap nr=")


@pytest.mark.skipif(not few_arenas(), reason="this C library has no mallopt(M_ARENA_MAX)")
def test_threads_share_two_heaps(tmp_path: Path) -> None:
    assert heaps(tmp_path / "few.xml", "few") <= 2
    assert heaps(tmp_path / "all.xml", "all") > 2
