"""Ranking 10,000 ships with their reasons, and explaining one of them: CPU time against the bars of 1 s and 20 ms.

Counted: joining each ship to the register, collecting its facts, judging every criterion, ordering, and saying every reason in
both languages. Not counted: making the ships and reading the register from the database. ``--small`` ranks 1,000 ships against a
tenth of the bar.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import UTC, date, datetime, timedelta

from ais.changes import what_would_change
from ais.decode import Dimensions
from ais.join import RegisterIndex
from ais.live import LiveShip
from ais.ranking import FeedInfo, RegisterData, rank
from ais.register import Particular
from ais.register_store import Inspection, Rating, RatingKind, RegisterValue
from ais.rules import RulePack, load_rules
from core.ids import Imo

ON = date(2026, 11, 24)
BAR_RANK_S, BAR_EXPLAIN_S = 1.0, 0.020
SHIPS = 10_000
TYPES = ("oil_tanker", "bulk_carrier", "container_ship", "general_cargo", "passenger_ship", "roro_cargo")
FLAGS = ("PA", "LR", "MH", "HK", "SG", "TG", "KR")


def imo_numbers(count: int) -> list[int]:
    stems = range(100_000, 100_000 + count)
    return [
        stem * 10 + sum(int(digit) * weight for digit, weight in zip(str(stem), range(7, 1, -1), strict=True)) % 10
        for stem in stems
    ]


def ratings(pack: RulePack) -> list[Rating]:
    def line(kind: RatingKind, key: str, value: str) -> Rating:
        return Rating(kind, pack.regime, key, date(2026, 7, 1), date(2027, 6, 30), value, True, "bench", "none")

    flags = [line("flag", flag, ("white", "grey", "black")[at % 3]) for at, flag in enumerate(FLAGS)]
    organisations = [line("ro", f"RO{at}", ("high", "medium", "low")[at % 3]) for at in range(9)]
    companies = [line("company", str(at), ("high", "medium", "low", "very_low")[at % 4]) for at in range(500)]
    return [*flags, *organisations, *companies]


def fleet(count: int, seed: int) -> tuple[list[LiveShip], list[Particular], dict[int, list[Inspection]]]:
    dice = random.Random(seed)
    ships, entries, history = [], [], {}
    for at, imo in enumerate(imo_numbers(count)):
        length, mmsi = dice.randint(60, 350), 352_000_000 + at
        ships.append(
            LiveShip(
                mmsi=mmsi, station_class="A", at_ms=0, time_source="log", messages=9, imo=imo, name=f"BENCH {at}",
                call_sign=f"B{at}", ship_type=70, dimensions=Dimensions(length, 0, length // 6, 0), draught_m=8.0,
            )
        )  # fmt: skip
        built = date(1990, 1, 1) + timedelta(days=dice.randint(0, 13_000))
        said = {
            "imo": str(Imo(imo)), "mmsi": str(mmsi), "name": f"BENCH {at}", "call_sign": f"B{at}", "flag": dice.choice(FLAGS),
            "ship_type": dice.choice(TYPES), "build_date": built.isoformat(), "loa_m": str(length), "ro": f"RO{dice.randrange(9)}",
            "company_imo": str(dice.randrange(500)), "psc_history_from": "2020-01-01", "psc_history_to": ON.isoformat(),
        }  # fmt: skip
        for name in dice.sample(("flag", "ro", "company_imo", "build_date", "psc_history_to"), dice.randrange(2)):
            del said[name]
        subject = f"imo:{imo}"
        entries.append(
            Particular(
                subject, {key: RegisterValue(subject, key, value, "bench", ON, "none", 1) for key, value in said.items()}
            )
        )
        days = sorted(dice.sample(range(1, 1400), dice.randrange(5)), reverse=True)
        history[imo] = [
            Inspection(
                imo, ON - timedelta(days=day), "A", "tokyo", dice.randrange(12), dice.random() < 0.1, "bench", ON, "none"
            )
            for day in days
        ]
    return ships, entries, history


def main() -> int:
    count = SHIPS // 10 if "--small" in sys.argv else SHIPS
    figures: dict[str, object] = {"bench": "targeting", "ships": count}
    ships, entries, history = fleet(count, seed=1)
    feed = FeedInfo("bench", 0, datetime(2026, 11, 24, tzinfo=UTC))
    for name in ("tokyo_mou_nir", "paris_mou"):
        pack = load_rules(f"rules/{name}.toml")
        register = RegisterData(RegisterIndex(entries), history, ratings(pack))
        began = time.process_time()
        ranking = rank(pack, ships, register, feed, ON)
        said = sum(len(line.reasons) for line in ranking.ships)
        spent = time.process_time() - began
        lines = random.Random(2).sample(ranking.ships, 50)
        began = time.process_time()
        for line in lines:
            one = rank(pack, [line.live], register, feed, ON).ships[0]
            what_would_change(pack, one.facts, one.assessment, ON)
        each = (time.process_time() - began) / len(lines)
        figures[name] = {
            "rank_cpu_s": round(spent, 3), "rank_to_bar": round(spent / (BAR_RANK_S * count / SHIPS), 3), "reasons": said,
            "explain_cpu_ms": round(each * 1000, 2), "explain_to_bar": round(each / BAR_EXPLAIN_S, 3),
        }  # fmt: skip
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
