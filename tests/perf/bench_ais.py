"""CPU of our decoder against pyais (stream + decode + asdict) on the same sentences in one run; prints one JSON object.

Both read the same file from disk. Ours also checks checksums, joins by station and reads times, which pyais does not.
Usage: python -m tests.perf.bench_ais [FILE] [REPEATS]
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

from pyais.exceptions import AISBaseException
from pyais.stream import FileReaderStream

from ais import Reader, file_chunks, read_messages
from config import load_settings

DEFAULT = Path(__file__).resolve().parents[3] / "shared/data/ais/amsa_mixed_talkers.nmea"


def ours(path: Path) -> tuple[int, float]:
    reader = Reader(load_settings().ais)
    start = time.process_time()
    for _message in read_messages(reader, file_chunks(path)):
        pass
    return reader.ledger.sentences, time.process_time() - start


def reference(path: Path) -> tuple[int, float]:
    count = 0
    start = time.process_time()
    with FileReaderStream(str(path)) as stream:
        for sentence in stream:
            count += 1
            try:
                sentence.decode().asdict()
            except AISBaseException:
                continue
    return count, time.process_time() - start


def main(path: Path, repeats: int) -> None:
    ours(path)
    reference(path)
    pairs = [(ours(path), reference(path)) for _ in range(repeats)]
    own, other = median(pair[0][1] for pair in pairs), median(pair[1][1] for pair in pairs)
    result = {
        "bench": "ais_decode",
        "file": path.name,
        "sentences": pairs[0][0][0],
        "ours_cpu_s": round(own, 4),
        "pyais_cpu_s": round(other, 4),
        "ratio_pyais_to_ours": round(other / own, 3),
        "path": "pyais",
        "note": "baseline: ours uses pyais as decoder and adds framing checks",
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "--small"]
    small = len(arguments) < len(sys.argv) - 1
    main(Path(arguments[0]) if arguments else DEFAULT, int(arguments[1]) if len(arguments) > 1 else 1 if small else 3)
