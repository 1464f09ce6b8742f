"""CPU of every check that data proves for one ship of 25 crew with 30 days of rest records; bar 50 ms. Prints one JSON object.

Reference in the same run: counting each 24-hour and 7-day window of one seafarer minute by minute, which the checks replace.
Usage: python -m tests.perf.bench_checks [--small]
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median

from ais.certificates import judge_certificate, load_terms
from ais.crosscheck import cross_check, load_checks, statements
from ais.manning import by_seafarer, load_capacities, manning_proofs, match_crew
from ais.records import Certificate, CrewCertificate, ManningLine, RestPeriod
from ais.rest import load_scheme
from ais.rest_proofs import ShipState, against_ais, load_against_ais, rest_proofs

CREW, DAYS, BAR_MS = 25, 30, 50
START = datetime(2026, 10, 1, tzinfo=UTC)
TODAY = date(2026, 11, 1)
COVERED = (START, START + timedelta(days=DAYS))
RANKS = (("master", "II/2"), ("chief_mate", "II/2"), ("deck_officer", "II/1"), ("chief_engineer", "III/2"),
         ("second_engineer", "III/2"), ("engine_officer", "III/1"), ("able_seafarer_deck", "II/5"))  # fmt: skip


def ship() -> tuple[list[Certificate], list[CrewCertificate], list[ManningLine], list[RestPeriod]]:
    papers = [
        Certificate(imo=1, code=term.id, number=term.id, issued_on=date(2024, 1, 10), expires_on=date(2029, 1, 9), source="s",
                    as_of=TODAY, licence="l", annual_on=(date(2025, 1, 9), date(2026, 1, 9)), intermediate_on=date(2026, 6, 1))
        for term in load_terms().certificate
    ]  # fmt: skip
    crew = [
        CrewCertificate(imo=1, seafarer=f"S{n:02d}", capacity=RANKS[n % 7][0], regulation=RANKS[n % 7][1], number=str(n),
                        expires_on=date(2028, 1, 1), source="s", as_of=TODAY, licence="l")
        for n in range(CREW)
    ]  # fmt: skip
    lines = [
        ManningLine(imo=1, line=n, capacity=capacity, regulation=rule, count=2, source="s", as_of=TODAY, licence="l")
        for n, (capacity, rule) in enumerate(RANKS)
    ]  # fmt: skip
    rests = [
        RestPeriod(imo=1, seafarer=f"S{n:02d}", starts_at=START + timedelta(hours=h + n % 6),
                   ends_at=START + timedelta(hours=h + n % 6 + 6), source="s", as_of=TODAY, licence="l")
        for n in range(CREW) for h in range(0, DAYS * 24 - 12, 12)
    ]  # fmt: skip
    return papers, crew, lines, rests


def checks(papers: list[Certificate], crew: list[CrewCertificate], lines: list[ManningLine], rests: list[RestPeriod]) -> int:
    results = match_crew(load_capacities(), lines, crew, TODAY)
    moves = [ShipState("arrival", START + timedelta(days=d), START + timedelta(days=d, hours=2), "AIS") for d in range(DAYS)]
    return (
        len([judge_certificate(load_terms(), paper, TODAY) for paper in papers])
        + len(cross_check(load_checks(), statements(papers, None, TODAY), TODAY))
        + len(manning_proofs(load_capacities(), results))
        + len(rest_proofs(load_scheme("stcw_mlc_rest"), rests, COVERED))
        + len(against_ais(load_against_ais(), rests, by_seafarer(results), moves, COVERED))
    )


def one_by_one(rests: list[RestPeriod]) -> int:
    line = bytearray(DAYS * 1440)
    for one in rests:
        if one.seafarer == "S00":
            first, last = (round((at - START).total_seconds() / 60) for at in (one.starts_at, one.ends_at))
            line[first:last] = b"\1" * (last - first)
    return min(line.count(1, at, at + size) for size in (1440, 10080) for at in range(len(line) - size + 1))


def main(repeats: int) -> None:
    given = ship()
    results = checks(*given)
    own: list[float] = []
    other: list[float] = []
    for _ in range(repeats):
        begin = time.process_time()
        checks(*given)
        middle = time.process_time()
        one_by_one(given[3])
        own.append((middle - begin) * 1000)
        other.append((time.process_time() - middle) * 1000 * CREW)
    figures = {
        "bench": "ship_checks", "crew": CREW, "days": DAYS, "results": results, "ours_cpu_ms": round(median(own), 2),
        "bar_ms": BAR_MS, "within_bar": median(own) <= BAR_MS, "reference_cpu_ms": round(median(other), 1),
        "ratio_reference_to_ours": round(median(other) / median(own), 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(2 if "--small" in sys.argv else 15)
