"""The bar of the join on real ships: precision 100 %, recall at least 95 %.

Truth is the valid IMO number that a row of the logs carries, because that number stays with a hull for life while name, call sign
and MMSI change (85 of these ships were renamed between the logs and the register). Recall: rows whose valid number is in the
register and that are joined to exactly that entry. Precision: of all rows that are joined to anything, those joined to their own
number; rows without a valid number, or with one the register lacks, must be joined to nobody here.
"""

from __future__ import annotations

import csv
from pathlib import Path

from ais.decode import Dimensions
from ais.join import RegisterIndex
from ais.live import LiveShip
from ais.register import parse_register, particulars


def heard(row: dict[str, str]) -> LiveShip:
    length, beam = int(row["length"]), int(row["beam"])
    return LiveShip(
        mmsi=int(row["mmsi"]), station_class="A", at_ms=0, time_source="log", messages=1, imo=int(row["imo"]) or None,
        name=row["name"] or None, call_sign=row["callsign"] or None, ship_type=int(row["ais_type"] or 0),
        dimensions=Dimensions(length, 0, beam, 0) if length and beam else None,
    )  # fmt: skip


def test_real_ships_against_the_mrv_register(shared_data: Path) -> None:
    folder = shared_data / "registry"
    values = parse_register((folder / "eu_mrv_2020_ships.csv").read_bytes(), "mrv.csv").values
    index = RegisterIndex(particulars(values))
    registered = {value.value for value in values if value.field == "imo"}
    with (folder / "ais_static_from_shared_logs.csv").open(encoding="utf-8") as source:
        ships = [heard(row) for row in csv.DictReader(source)]
    due = right = joined = 0
    for ship in ships:
        found = index.join(ship).particular
        own = None if ship.valid_imo is None else str(ship.valid_imo)
        due += own in registered
        joined += found is not None
        right += found is not None and str(found.imo) == own
    assert (len(ships), due) == (1727, 193)
    assert joined == right, f"precision {right / joined:.3f}"
    assert right / due >= 0.95, f"recall {right / due:.3f}"
