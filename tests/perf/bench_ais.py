"""CPU of our decoder against pyais (stream + decode + asdict) on the same bytes in one run; prints one JSON object.

Ours: line finding, checksums, tag blocks, $PGHP, times, stations, fragments, repeats, every field of all 28 types into columns.
pyais: no times but those of its tag blocks, which it does not read unless asked, no repeats; one dict a message. Neither makes
JSON text. Both start from a file on disk and take turns, so that a busy machine slows both; ratios are of sums.
Usage: python -m tests.perf.bench_ais [--small]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pyais.exceptions import AISBaseException
from pyais.stream import FileReaderStream

from ais.batch import BatchDecoder, Route
from ais.kernels import COMPILED
from ais.reading import file_chunks
from config import load_settings

LOGS = Path(__file__).resolve().parents[3] / "shared/data/ais"
IN_ONE_COPY = 42_676  # sentences of all logs
COPIES, ROUNDS = 8, 3  # 24 copies are 1,024,224 sentences


def in_pieces(path: Path, lines: int | None) -> Iterator[bytes]:
    """The file in its own chunks, or cut into pieces of so many lines."""
    if lines is None:
        yield from file_chunks(path)
        return
    with path.open("rb") as file:
        while piece := b"".join(line for _, line in zip(range(lines), file, strict=False)):
            yield piece


def ours(path: Path, route: Route, lines: int | None) -> tuple[int, float]:
    decoder = BatchDecoder(load_settings().ais, route=route)
    pieces = list(in_pieces(path, lines)) if lines else None  # cutting into pieces is the receiver's work, not the decoder's
    began = time.process_time()
    for piece in pieces if pieces is not None else in_pieces(path, None):
        decoder.feed(piece)
    decoder.finish()
    spent = time.process_time() - began
    if not decoder.ledger.adds_up:
        raise AssertionError(decoder.ledger)
    return decoder.ledger.sentences, spent


def reference(path: Path) -> float:
    began = time.process_time()
    with FileReaderStream(str(path)) as stream:
        for sentence in stream:
            try:
                sentence.decode().asdict()
            except AISBaseException:
                continue
    return time.process_time() - began


def first_use() -> dict[str, float]:
    """Seconds to compile the kernels in a new process with an empty cache, and to load them in the next one."""
    script = "import time; from ais.batch import compile_once; b = time.process_time(); compile_once(); print(time.process_time() - b)"
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("compile_cpu_s", "load_cpu_s"):
            ran = subprocess.run(
                [sys.executable, "-c", script],
                env={**os.environ, "NUMBA_CACHE_DIR": cache}, capture_output=True, text=True, check=True,
            )  # fmt: skip
            found[name] = round(float(ran.stdout), 1)
    return found


def main(*, small: bool) -> None:
    once = b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in sorted(LOGS.glob("*.[na]*")))
    copies, rounds = (1, 1) if small else (COPIES, ROUNDS)
    fast: list[tuple[str, Route, int | None]] = [("numba_batch", "numba", None), ("numba_200_lines", "numba", 200)]
    slow: list[tuple[str, Route, int | None]] = [
        ("numpy_batch", "numpy", None), ("numpy_200_lines", "numpy", 200), ("python_200_lines", "python", 200),
    ]  # fmt: skip
    spent: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder) / "one.nmea", Path(folder) / "many.nmea"
        one.write_bytes(once)
        many.write_bytes(once * copies)
        if COMPILED:
            ours(one, "numba", 200)
        for _ in range(rounds):
            spent["pyais"] += reference(many)
            for name, route, lines in fast if COMPILED else []:
                read, seconds = ours(many, route, lines)
                spent[name] += seconds
                sentences[name] += read
        spent["pyais_one"] = reference(one)
        for name, route, lines in slow:
            _, spent[name] = ours(one, route, lines)
    result = {
        "bench": "ais_decode",
        "sentences": sentences["numba_batch"] or IN_ONE_COPY,
        "pyais_cpu_s": round(spent["pyais"], 2),
        "ours_cpu_s": {name: round(spent[name], 3) for name, _, _ in fast},
        "ratio_pyais_to_ours": {
            **{name: round(spent["pyais"] / spent[name], 1) for name, _, _ in fast if spent[name]},
            **{name: round(spent["pyais_one"] / spent[name], 1) for name, _, _ in slow},
        },
        "first_use": first_use() if COMPILED else None,
        "bar": {"numba_batch": 50, "numba_200_lines": 20},
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(small="--small" in sys.argv)
