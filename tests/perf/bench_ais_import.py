"""A day of AIS sentences into tracks, events and signals: time, peak memory, bytes a row; memory must not grow with the file.

`python -m tests.perf.bench_ais_import [--small] [--sentences N] [--scratch DIR]`; 5,000,000 sentences (small: 20,000), and a fifth
of them in a process of its own to compare its peak memory with. CPU is rusage of the importing process. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from random import Random

from pyais import encode_dict
from sqlalchemy import func, select

from ais import import_archive, track_of
from ais.event_store import EventRow, SignalRow
from ais.store import PositionRow
from config import load_settings
from console.services import open_services

VESSELS, TURN = 600, 60
FIRST_MMSI = 412_000_000
START = datetime(2026, 11, 23, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
DAY_S, FULL = 86_400, 5_000_000


def stock(random: Random) -> list[list[bytes]]:
    """Of each vessel a way out and back at ten knots; every fifth lies still."""
    made = []
    for number in range(VESSELS):
        lon, lat = 121.5 + random.random(), 39.8 + random.random()
        moves = number % 5 != 0
        steps = [step if step < TURN // 2 else TURN - step for step in range(TURN)]
        reports: list[dict[str, str | int | float | bytes | bool]] = [
            {"msg_type": 1, "mmsi": FIRST_MMSI + number, "lon": lon + step * 6e-4 * moves, "lat": lat,
             "speed": 10.0 * moves, "course": 90.0 if index < TURN // 2 else 270.0, "heading": 90, "status": 0 if moves else 5,
             "second": index}
            for index, step in enumerate(steps)
        ]  # fmt: skip
        made.append([encode_dict(one, sentence_type="VDM")[0].encode() for one in reports])
    return made


def write_day(path: Path, sentences: int, seed: int) -> None:
    """The first `sentences` of a day of five millions."""
    reports, second, tag = stock(Random(seed)), -1, b""
    with path.open("wb") as file:
        for number in range(sentences):
            at = number * DAY_S // FULL
            if at != second:
                second, body = at, b"s:bench,c:%d" % (START.timestamp() + at)
                tag = b"\\%b*%02X\\" % (body, reduce(xor, body))
            turn, vessel = divmod(number, VESSELS)
            file.write(b"%b%b\n" % (tag, reports[vessel][turn % TURN]))


def child(log: Path, folder: Path) -> dict[str, float]:
    """Import, one track query, and counts; run in a process of its own."""
    with open_services(load_settings({"data_dir": str(folder)}, environ={})) as services:
        idle_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, cpu = time.perf_counter(), time.process_time()
        result = import_archive(services, log)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        query = time.process_time()
        points = track_of(services, FIRST_MMSI + 1, START + timedelta(hours=1))
        query = time.process_time() - query
        with services.db.ais_read() as session:
            rows, events, signals = (
                session.scalar(select(func.count()).select_from(table)) or 0 for table in (PositionRow, EventRow, SignalRow)
            )
    size = sum(one.stat().st_size for one in folder.glob("ais.db*"))
    return {
        "sentences": result.ledger.sentences, "cpu_s": round(cpu, 1), "wall_s": round(wall, 1),
        "sentences_per_cpu_s": round(result.ledger.sentences / cpu), "start_mb": round(idle_mb), "peak_mb": round(peak_mb),
        "rows": rows, "bytes_a_row": round(size / rows, 1), "events": events, "signals": signals,
        "track_points": len(points), "track_query_cpu_ms": round(query * 1e3, 1),
    }  # fmt: skip


def measure(sentences: int, scratch: Path | None, seed: int = 1) -> dict[str, object]:
    figures: dict[str, dict[str, float]] = {}
    for name, count in (("fifth", sentences // 5), ("whole", sentences)):
        with tempfile.TemporaryDirectory(dir=scratch) as made:
            log = Path(made) / f"{name}.nmea"
            write_day(log, count, seed)
            command = [sys.executable, "-m", "tests.perf.bench_ais_import", "--child", str(log), str(Path(made) / "data")]
            ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
            figures[name] = json.loads(ran.stdout.splitlines()[-1])
    growth = figures["whole"]["peak_mb"] / figures["fifth"]["peak_mb"]
    return {"bench": "ais_import", **figures, "ratio_peak_memory_whole_to_fifth": round(growth, 3)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="20,000 sentences")
    parser.add_argument("--sentences", type=int, default=FULL)
    parser.add_argument("--scratch", type=Path, default=None, help="where the log and the database are made")
    parser.add_argument("--child", nargs=2, type=Path, default=None, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        figures: object = child(*asked.child)
    else:
        figures = measure(20_000 if asked.small else asked.sentences, asked.scratch and asked.scratch.resolve())
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
