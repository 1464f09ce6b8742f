"""CPU of our decoder against pyais (stream + decode + asdict) on the same bytes in one run; prints one JSON object.

Ours: line finding, checksums, tag blocks, $PGHP, times, stations, fragments, repeats, every field into columns; pyais for the
rest. Both start from a file on disk. `decode`: types without columns are decoded by pyais too; `count`: they keep their row only.
Usage: python -m tests.perf.bench_ais [--small]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pyais.exceptions import AISBaseException
from pyais.stream import FileReaderStream

from ais.batch import BatchDecoder, OtherTypes, Route
from ais.reading import file_chunks
from config import load_settings

LOGS = Path(__file__).resolve().parents[3] / "shared/data/ais"
SENTENCES = 1_000_000


def corpus(folder: Path, sentences: int) -> Path:
    """All logs, one after the other, again and again until there are so many sentences."""
    once = b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in sorted(LOGS.glob("*.[na]*")))
    path = folder / "all.nmea"
    path.write_bytes(once * max(1, -(-sentences // 42_676)))
    return path


def in_pieces(path: Path, lines: int | None) -> Iterator[bytes]:
    """The file in its own chunks, or cut into pieces of so many lines."""
    if lines is None:
        yield from file_chunks(path)
        return
    with path.open("rb") as file:
        while piece := b"".join(line for _, line in zip(range(lines), file, strict=False)):
            yield piece


def ours(path: Path, route: Route, lines: int | None, others: OtherTypes) -> tuple[int, float]:
    decoder = BatchDecoder(load_settings().ais, route=route, other_types=others)
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


def first_use_s() -> float:
    """Seconds to compile the kernels in a new process with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        ran = subprocess.run(
            [sys.executable, "-c", "from ais.batch import compile_once; print(compile_once())"],
            env={**os.environ, "NUMBA_CACHE_DIR": cache}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return float(ran.stdout)


def main(*, small: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = corpus(Path(folder), 42_676 if small else SENTENCES)
        few = path if small else corpus(Path(tempfile.mkdtemp(dir=folder)), 128_000)
        ours(few, "numba", 200, "decode")
        ours(few, "numba", None, "decode")
        pyais_s = reference(path)
        pyais_few_s = pyais_s if small else reference(few)
        sentences, _ = counted = ours(path, "numba", None, "decode")
        figures = {
            "numba_batch": pyais_s / counted[1],
            "numba_batch_count": pyais_s / ours(path, "numba", None, "count")[1],
            "numba_200_lines": pyais_few_s / ours(few, "numba", 200, "decode")[1],
            "numba_200_lines_count": pyais_few_s / ours(few, "numba", 200, "count")[1],
            "numpy_batch": pyais_few_s / ours(few, "numpy", None, "decode")[1],
            "numpy_200_lines": pyais_few_s / ours(few, "numpy", 200, "decode")[1],
            "python_200_lines": pyais_few_s / ours(few, "python", 200, "decode")[1],
        }
        result = {
            "bench": "ais_decode",
            "sentences": sentences,
            "pyais_cpu_s": round(pyais_s, 3),
            "ours_cpu_s": round(counted[1], 3),
            "ratio_pyais_to_ours": {name: round(value, 1) for name, value in figures.items()},
            "first_use_compile_s": round(first_use_s(), 1),
            "bar": {"numba_batch": 50, "numba_200_lines": 20},
        }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(small="--small" in sys.argv)
