"""Cost of a report with 200 photographs (goal: <= 6 CPU-s and <= 700 MB with hashing, spec/inspection.md section 8).

Run: PYTHONPATH=. .venv/bin/python tests/perf/bench_reports.py
Prints one JSON object: CPU seconds of set-up, both languages, signing and writing, verification; memory of the typesetter.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path

from reports import build_from_record, demo_ca_path, demo_signers, render_report, verify
from tests.unit.reports.cases import make_case
from tests.unit.reports.conftest import INSPECTOR, SUPERVISOR, make_services


def cpu() -> float:
    """CPU seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        services = make_services(Path(folder))
        record = make_case(services.db, services.files, services.clock, photos=200, items=100, size=(1600, 1200))
        signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
        marks = [cpu()]
        one = render_report(record, "zh", services.files, services.settings)
        marks.append(cpu())
        wall = time.perf_counter()
        built = build_from_record(services, record, signers)
        wall = time.perf_counter() - wall
        marks.append(cpu())
        status = verify.check(built.path, str(demo_ca_path(services.settings))).status
        marks.append(cpu())
        print(json.dumps({
            "schema": "yunjian.bench/1", "photos": 200, "pages": built.pages, "pdf_mb": round(len(one.pdf) / 1e6, 1),
            "one_report_cpu_s": round(marks[1] - marks[0], 2), "whole_build_two_languages_cpu_s": round(marks[2] - marks[1], 2),
            "whole_build_wall_s": round(wall, 2), "verify_cpu_s": round(marks[3] - marks[2], 2), "verify": status,
            "typesetter_peak_mb": one.peak_mb, "children_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            "self_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "ratio_goal_cpu": round((marks[1] - marks[0]) / 6.0, 2),
        }))  # fmt: skip
        services.db.close()


if __name__ == "__main__":
    main()
