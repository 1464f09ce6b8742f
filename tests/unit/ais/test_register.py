from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ais.decode import Dimensions
from ais.join import RegisterIndex, normal_name
from ais.layouts import layouts
from ais.live import LiveShip
from ais.register import Particular, parse_register, particulars
from ais.register_store import RegisterValue
from core.errors import InputError

HEAD = "imo_number,mmsi,ship_name,flag,ship_type,build_date,loa_m,detained,source,as_of,licence\n"


def test_a_good_row_gives_sourced_facts() -> None:
    parsed = parse_register(
        (HEAD + "9074729,413000001,EVER TEST,pa,bulk_carrier,2010-02-03,180.5,no,list A,2026-01-01,CC0\n").encode(), "a.csv"
    )
    assert (parsed.layout_id, parsed.rows, parsed.rows_used, parsed.issues) == ("yunjian_ships", 1, 1, [])
    facts = {value.field: value for value in parsed.values}
    assert (facts["flag"].value, facts["loa_m"].value, facts["mmsi"].value) == ("PA", "180.5", "413000001")
    assert (facts["name"].source, facts["name"].as_of, facts["name"].licence) == ("list A", date(2026, 1, 1), "CC0")
    assert facts["name"].subject == "imo:9074729"


def test_bad_cells_are_named_by_row_and_column_and_good_rows_load() -> None:
    rows = (
        "9074729,,GOOD,PA,bulk_carrier,2010,100,no,list A,2026-01-01,CC0\n"
        "9074728,,BAD IMO,PA,bulk_carrier,2010,100,no,list A,2026-01-01,CC0\n"
        "9074729,,X,QQ,submarine,1492,-3,maybe,list A,2026-01-01,CC0\n"
        "9074729,,NO SOURCE,PA,,,,,,,\n"
        ",413000001,BY MMSI,,,,,,list A,2026-01-01,CC0\n"
        ',,"quoted, name\n with newline",,,,,,list A,2026-01-01,CC0\n'
    )
    parsed = parse_register((HEAD + rows).encode("utf-8-sig"), "a.csv")
    assert (parsed.rows, parsed.rows_used) == (6, 3)
    assert [(issue.row, issue.column, issue.code) for issue in parsed.issues] == [
        (3, "imo_number", "cell"), (3, "imo, mmsi", "no_key"),
        (4, "flag", "cell"), (4, "ship_type", "cell"), (4, "build_date", "cell"), (4, "loa_m", "cell"), (4, "detained", "cell"),
        (5, "source, as_of, licence", "no_source"),
        (8, "imo, mmsi", "no_key"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "ais.register_empty"), (b"  \n\n", "ais.register_empty"), (HEAD.encode(), "ais.register_empty"),
        (b"\xff\xfe\x00junk", "ais.register_not_text"), (b"a\0b,c\n1,2\n", "ais.register_not_text"),
        (b"colour,size\nred,1\n", "ais.register_layout"), (b'a,b\n"' + b"x" * 200_000 + b"\n", "ais.register_layout"),
    ],
)  # fmt: skip
def test_unusable_files_give_one_clear_error(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_register(data, "a.csv")
    assert caught.value.code == code


def test_every_layout_can_be_told_apart() -> None:
    for layout in layouts():
        assert layout.required <= set(layout.columns) | {"reporting_period", "BaseDateTime"}
    assert len({layout.required for layout in layouts()}) == len(layouts())


def particular(**fields: str) -> Particular:
    subject = f"imo:{fields['imo']}" if "imo" in fields else f"mmsi:{fields['mmsi']}"
    return Particular(
        subject, {key: RegisterValue(subject, key, value, "list", date(2026, 1, 1), "x", 1) for key, value in fields.items()}
    )


def heard(**fields: Any) -> LiveShip:
    base: dict[str, Any] = {"mmsi": 352000001, "station_class": "A", "at_ms": 0, "time_source": "log", "messages": 1}
    return LiveShip(**{**base, **fields})


def test_the_most_trusted_and_newest_value_counts() -> None:
    values = [
        RegisterValue("imo:9074729", "name", "NEW", "own", date(2026, 1, 1), "x", 10),
        RegisterValue("imo:9074729", "name", "OLD", "mrv", date(2026, 6, 1), "x", 30),
    ]
    assert particulars(values)[0].get("name") == "NEW"
    assert particulars(values)[0].source("name") == "own (2026-01-01)"


def test_join_by_imo_first_then_weaker_keys() -> None:
    ships = [
        particular(imo="9074729", mmsi="352000001", name="EVER TEST", call_sign="AB1", loa_m="100", flag="PA"),
        particular(imo="9307839", name="MSC NAISHA III", call_sign="5LCB4", loa_m="208"),
    ]
    index = RegisterIndex(ships)
    sides = Dimensions(180, 28, 15, 15)
    by_imo = index.join(heard(imo=9307839, name="MSC NAISHA III"))
    assert (by_imo.matched_by, by_imo.confidence) == ("imo", 1.0)
    assert index.join(heard(imo=9307839, unconfirmed=frozenset({"imo"}))).confidence == 0.8
    lied = index.join(heard(imo=9307839, name="BLACK SWAN", call_sign="ZZ9"))
    assert (lied.confidence, lied.mismatches) == (0.5, ("call_sign", "name"))
    assert index.join(heard(imo=1234568)).matched_by == "mmsi"
    assert index.join(heard(mmsi=636000001, call_sign="5LCB4", name="M/V MSC NAISHA II.")).matched_by == "call_sign_and_name"
    assert index.join(heard(mmsi=636000001, call_sign="5LCB4", name="OTHER")).matched_by == "none"
    assert index.join(heard(mmsi=636000001, name="Msc Naisha III", dimensions=sides)).matched_by == "name_and_length"
    assert index.join(heard(mmsi=636000001, name="Msc Naisha III", dimensions=Dimensions(80, 20, 9, 9))).matched_by == "none"
    assert index.join(heard(imo=9155236, mmsi=352000001)).matched_by == "none"  # another valid IMO number: not that ship


def test_a_shared_key_finds_nobody() -> None:
    index = RegisterIndex([particular(imo="9074729", mmsi="352000001"), particular(imo="9307839", mmsi="352000001")])
    assert index.join(heard()).matched_by == "none"


def test_missing_values_are_not_comparable() -> None:
    index = RegisterIndex([particular(imo="9074729")])
    found = index.join(heard(imo=9074729))
    states = {item.field: item.state for item in found.comparisons}
    assert states.pop("imo") == "match"
    assert set(states.values()) == {"not_comparable"}


def test_lengths_within_five_per_cent_match() -> None:
    index = RegisterIndex([particular(imo="9074729", loa_m="200")])
    for length, state in ((200, "match"), (190, "match"), (189, "mismatch")):
        found = index.join(heard(imo=9074729, dimensions=Dimensions(length - 20, 20, 5, 5)))
        assert {item.field: item.state for item in found.comparisons}["length"] == state, length


def test_names_are_compared_without_prefix_and_punctuation() -> None:
    assert normal_name("M/V Ever-Test 3.") == normal_name("EVER TEST 3") == "EVERTEST3"
    assert normal_name(None) == ""
