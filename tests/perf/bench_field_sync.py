"""Three devices, random sync schedules: `python -m tests.perf.bench_field_sync [--small]` (10,000; 500 with --small).

One JSON line: schedules, converged, operations lost, evidence lost, CPU seconds. Exit 1 if anything was lost.
"""

from __future__ import annotations

import json
import sys
import time

from tests.kit.field_schedules import live


def main() -> int:
    schedules = 500 if "--small" in sys.argv else 10_000
    began = time.process_time()
    converged = ops_lost = evidence_lost = conflicts = 0
    for seed in range(schedules):
        server, crew, written = live(seed)
        merged = server.merged()
        converged += all(one.log.merged() == merged for one in crew)
        ops_lost += len({one.id for one in written} - set(server.ops))
        shown = {(one.case_id, one.item_id, one.sha256) for one in written if one.kind == "evidence"}
        evidence_lost += len(shown - merged.evidence)
        conflicts += sum(one.conflict for one in merged.registers.values())
    good = converged == schedules and not ops_lost and not evidence_lost
    print(json.dumps({
        "bench": "field_sync", "schedules": schedules, "converged": converged, "operations_lost": ops_lost,
        "evidence_lost": evidence_lost, "conflicts_shown": conflicts, "cpu_s": round(time.process_time() - began, 1),
    }))  # fmt: skip
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
