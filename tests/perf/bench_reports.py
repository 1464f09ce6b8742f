"""Cost of a report with 200 photographs and 45 minutes of video (2 Mbit/s).

Bars: one report <= 6 CPU-s and <= 700 MB with hashing; from the last confirmed finding to a bundle that waits for the second
signature <= 60 s (the steps before it, submit and approve, are rows: milliseconds). Run: ``python -m tests.perf.bench_reports
[--small]`` (30 photographs, 2 minutes). Prints one JSON object: CPU and wall seconds of one report, of the first signature, of
the second with sealing, of the check; memory of the typesetter.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from reports import complete, demo_ca_path, demo_signers, render_report, verify
from reports.service import prepare_record
from tests.unit.reports.cases import make_case
from tests.unit.reports.conftest import INSPECTOR, SUPERVISOR, make_services


def cpu() -> float:
    """CPU seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    small = "--small" in sys.argv
    photos, minutes = (30, 2) if small else (200, 45)
    with tempfile.TemporaryDirectory() as folder:
        services = make_services(Path(folder))
        video = os.urandom(minutes * 60 * 2_000_000 // 8)
        record = make_case(
            services.db, services.files, services.clock, photos=photos, items=100, size=(1600, 1200), video=video
        )
        del video
        signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
        marks = [cpu()]
        one = render_report(record, "zh", services.files, services.settings)
        marks.append(cpu())
        clock = [time.perf_counter()]
        prepare_record(services, record, signers.inspector, signers.time_stamp_key)
        clock.append(time.perf_counter())
        marks.append(cpu())
        built = complete(services, record.id, signers.supervisor, signers.time_stamp_key)
        clock.append(time.perf_counter())
        marks.append(cpu())
        status = verify.check(built.path, str(demo_ca_path(services.settings))).status
        marks.append(cpu())
        took = [round(after - before, 2) for before, after in pairwise(marks)]
        print(json.dumps({
            "schema": "yunjian.bench/1", "photos": photos, "video_minutes": minutes, "pages": built.pages,
            "pdf_mb": round(len(one.pdf) / 1e6, 1), "one_report_cpu_s": took[0], "first_signature_cpu_s": took[1],
            "second_signature_cpu_s": took[2], "verify_cpu_s": took[3], "verify": status,
            "ready_for_second_signature_s": round(clock[1] - clock[0], 2), "sealed_s": round(clock[2] - clock[1], 2),
            "typesetter_peak_mb": one.peak_mb, "children_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            "bars": {"one_report_cpu_s": 6, "typesetter_peak_mb": 700, "ready_for_second_signature_s": 60},
        }))  # fmt: skip
        services.db.close()


if __name__ == "__main__":
    main()
