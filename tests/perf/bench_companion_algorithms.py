"""Draw, policy match, record code and the two races (one declaration, one number pool) of the companion service.

Run: PYTHONPATH=. .venv/bin/python tests/perf/bench_companion_algorithms.py [--small] [--races]
Prints one JSON object. Ratios are bar : ours (CPU seconds; above 1 = within the bar). `--races` adds 8 processes x 1,000 requests,
on SQLite and, where a cluster is at hand, on PostgreSQL; the invariants are asserted inside.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from companion.policy_match import package, tiers
from config import load_settings
from core import draw, record_codes
from core.clock import SystemClock
from core.db import Database, migrate
from core.record_codes import Record, Trust
from core.signing import KeyKind, KeyStore
from tests.integration.companion.race import Place, race_ledger, race_pool
from tests.unit.companion.test_case_21 import made
from tests.unit.core.test_draw import SECRET, plan_json, run_verifier


def cpu(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def bench_draw(firms: int, folder: Path) -> dict[str, Any]:
    raw = plan_json(firms=firms, officers=30, items=117)
    whole = cpu(lambda: draw.draw(draw.parse_plan(raw), SECRET, "x"))
    plan = draw.parse_plan(raw)
    result = draw.result_json(plan, "x", draw.draw(plan, SECRET, "x"))
    verified = run_verifier(folder, plan.as_json(), result, SECRET, draw.commitment(plan)).returncode == 0
    return {"firms": firms, "visits": sum(draw.planned_counts(plan).values()), "cpu_s": round(whole, 3), "verified": verified,
            "ratio_bar": round(1 / whole, 1)}  # fmt: skip


def bench_match(firms: int, policies: int) -> dict[str, Any]:
    people, rules = made(firms, policies)
    columns = cpu(lambda: tiers(people, rules))
    one_by_one = cpu(lambda: [package(firm, rules) for firm in people[:20]]) / 20 * firms
    return {"firms": firms, "policies": policies, "cpu_s": round(columns, 2), "one_by_one_cpu_s": round(one_by_one, 1),
            "ratio_one_by_one": round(one_by_one / columns, 1), "ratio_bar": round(10 / columns, 1)}  # fmt: skip


def bench_code(folder: Path) -> dict[str, Any]:
    key = KeyStore(folder / "keys").create("bench", KeyKind.DEMO)
    records = [Record(f"paper{n}", f"{n:064x}", date(2026, 1, 1)) for n in range(1000)]
    text = record_codes.issue(key, SystemClock(), registry="environment", subject="firm", records=records)
    spent = cpu(lambda: record_codes.check_files(record_codes.read(text, Trust((key.public,)), "environment"), records, {}))
    return {"records": len(records), "chars": len(text), "check_cpu_s": round(spent, 4), "ratio_bar": round(1 / spent)}


def bench_races(url: str, processes: int, requests: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"data_dir": folder}, environ={})
        database = Database(Path(folder), url)
        migrate(database)
        database.close()
        place = Place(settings, url)
        began = time.monotonic()
        said = race_ledger(place, processes, requests)
        lent_s, began = time.monotonic() - began, time.monotonic()
        got = race_pool(place, processes, requests, numbers=processes * requests * 3 // 4)
        return {"processes": processes, "requests": requests, "ledger": dict(said), "ledger_wall_s": round(lent_s, 1),
                "pool": dict(got), "pool_wall_s": round(time.monotonic() - began, 1)}  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--races", action="store_true")
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures: dict[str, Any] = {
            "schema": "yunjian.bench/1",
            "draw": bench_draw(400 if asked.small else 4000, folder),
            "policy_match": bench_match(*((400, 20) if asked.small else (8000, 200))),
            "record_code": bench_code(folder),
        }
    if asked.races or os.environ.get("YUNJIAN_TEST_SOAK"):
        size = (2, 20) if asked.small else (8, 1000)
        figures["races_sqlite"] = bench_races("", *size)
        if url := os.environ.get("YUNJIAN_TEST_POSTGRES"):
            figures["races_postgresql"] = bench_races(url, *size)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
