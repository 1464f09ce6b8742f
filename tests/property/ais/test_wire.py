"""Arbitrary bytes never raise and the ledger adds up; what pyais encodes comes back as it was."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyais import encode_dict

from ais.decode import Message, Rejected, decode
from ais.facts import Built, Fact, History
from ais.register import parse_register
from ais.targeting import assess
from core.errors import InputError
from tests.unit.ais.kit import TODAY, facts, framer, frames, history, inspection, pack, rating, sentence, single

text = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -./", max_size=20).map(lambda value: value.strip())
# pyais turns reserved ship type codes (1-19, 38, 39, 100-255) into 0, so only codes with a meaning come back
ship_types = st.sampled_from([30, 36, 37, 52, 60, 69, 70, 79, 80, 89])
mmsi = st.integers(200_000_000, 799_999_999)
sides = st.fixed_dictionaries(
    {
        "to_bow": st.integers(1, 511),
        "to_stern": st.integers(0, 511),
        "to_port": st.integers(0, 63),
        "to_starboard": st.integers(0, 63),
    }
)
degrees = st.fixed_dictionaries(
    {"lon": st.floats(-179.9, 179.9), "lat": st.floats(-89.9, 89.9), "speed": st.integers(0, 1022).map(lambda tenth: tenth / 10),
     "course": st.integers(0, 3599).map(lambda tenth: tenth / 10), "heading": st.integers(0, 359), "second": st.integers(0, 59)}
)  # fmt: skip
pieces = st.one_of(
    st.binary(max_size=80), st.just(single()), st.just(b"\n"), st.just(b"\\c:1420030798*00\\"),
    st.builds(
        lambda total, number, seq, payload, fill: sentence(b"!AIVDM,%d,%d,%s,A,%s,%d" % (total, number, seq, payload, fill)),
        st.integers(0, 12), st.integers(0, 12), st.sampled_from([b"", b"1", b"2"]),
        st.text("0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW`abcdefghijklmnopqrstuvw", max_size=80).map(str.encode), st.integers(0, 7),
    ),
)  # fmt: skip


@given(st.lists(pieces, max_size=30), st.integers(1, 200))
def test_any_bytes_are_read_and_every_sentence_is_accounted_for(parts: list[bytes], step: int) -> None:
    data = b"\n".join(parts)
    made = framer()
    found = [frame for at in range(0, len(data), step) for frame in made.feed(data[at : at + step])] + made.finish()
    used = 0
    for frame in found:
        message = decode(frame)
        if isinstance(message, Rejected):
            made.ledger.reject(message.reason, frame.size, frame.sentences)
        else:
            made.ledger.accept(frame.sentences, frame.size)
            message.as_json()
            used += frame.sentences
    assert made.ledger.adds_up
    assert made.ledger.read_bytes == len(data)
    assert made.ledger.fragments_used == used


def back(values: dict[str, Any]) -> Message:
    data = "\n".join(encode_dict(values, sentence_type="VDM")).encode()
    message = decode(frames(data)[0])
    assert isinstance(message, Message)
    return message


def close(message: Message, values: dict[str, Any]) -> None:
    for key, value in values.items():
        found = message.fields[key]
        if key in {"lon", "lat"}:
            assert isinstance(found, float)
            assert abs(found - value) <= 1.0 / 600_000
        elif isinstance(value, str):
            assert found == (value or None), key
        else:
            assert found == value, key


@given(mmsi, degrees, st.integers(0, 14))
def test_type_1_comes_back(number: int, report: dict[str, Any], status: int) -> None:
    values = {"msg_type": 1, "mmsi": number, "status": status, **report}
    close(back(values), values)


@given(
    mmsi,
    text,
    text.map(lambda value: value[:7].strip()),
    text,
    sides,
    st.integers(1, 255),
    ship_types,
    st.integers(1, 9_999_999),
)
def test_type_5_comes_back(
    number: int, name: str, call: str, destination: str, size: dict[str, int], draught: int, ship_type: int, imo: int
) -> None:
    values = {
        "msg_type": 5, "mmsi": number, "shipname": name, "callsign": call, "destination": destination, "draught": draught / 10,
        "ship_type": ship_type, "imo": imo, **size,
    }  # fmt: skip
    close(back(values), values)


@given(mmsi, degrees)
def test_type_18_comes_back(number: int, report: dict[str, Any]) -> None:
    values = {"msg_type": 18, "mmsi": number, **report}
    close(back(values), values)


@given(mmsi, text, text.map(lambda value: value[:7].strip()), sides, ship_types)
def test_type_24_comes_back(number: int, name: str, call: str, size: dict[str, int], ship_type: int) -> None:
    part_a = {"msg_type": 24, "mmsi": number, "partno": 0, "shipname": name}
    close(back(part_a), part_a)
    part_b = {"msg_type": 24, "mmsi": number, "partno": 1, "callsign": call, "ship_type": ship_type, **size}
    close(back(part_b), part_b)


@given(st.binary(max_size=400))
def test_any_bytes_as_a_register_give_rows_or_one_error(data: bytes) -> None:
    with suppress(InputError):
        parsed = parse_register(b"imo_number,ship_name,source,as_of,licence\n" + data, "x.csv")
        assert parsed.rows >= parsed.rows_used


flags = st.sampled_from(["white", "grey", "black"])
marks = st.sampled_from(["high", "medium", "low", "very_low"])


@settings(max_examples=150)
@given(
    st.sampled_from(["bulk_carrier", "general_cargo", "oil_tanker"]),
    st.integers(1990, 2025),
    flags,
    marks,
    marks,
    st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 12), st.booleans()), max_size=5),
    st.sets(st.sampled_from(["types", "built", "flag", "ro", "company", "history"])),
)
def test_hiding_a_fact_only_widens_the_range(
    ship_type: str, year: int, flag: str, ro: str, company: str, past: list[tuple[int, int, bool]], hidden: set[str]
) -> None:
    rows = [inspection(TODAY - timedelta(days=days), count, detained=held) for days, count, held in sorted(past, reverse=True)]
    ratings = {"flag": rating("flag", flag), "ro": rating("ro", ro), "company": rating("company", company)}
    whole = facts(
        types=Fact(frozenset({ship_type}), "t"), built=Fact(Built(date(year, 5, 5), date(year, 5, 5)), "t"), ratings=ratings,
        history=history(*rows),
    )  # fmt: skip
    known = assess(pack(), whole, TODAY)
    assert known.points_low == known.points_high
    assert known.profile_best == known.profile_worst
    part = facts(
        types=Fact(None) if "types" in hidden else whole.types,
        built=Fact(None) if "built" in hidden else whole.built,
        ratings={kind: Fact(None) if kind in hidden else line for kind, line in ratings.items()},
        history=History((), None, complete=False, last_known=False, source=None, gap=None)
        if "history" in hidden
        else whole.history,
    )
    blind = assess(pack(), part, TODAY)
    order = ["LRS", "SRS", "HRS"]
    assert order.index(blind.profile_best) <= order.index(known.profile_best) <= order.index(blind.profile_worst)
    assert (
        blind.points_low
        <= known.points_low
        <= max(blind.points_high, 4 if "history" in hidden else 0) + (5 if "history" in hidden else 0)
    )
