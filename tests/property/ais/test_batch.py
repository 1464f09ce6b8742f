"""What pyais encodes comes back through the columns, and the routes agree on any bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyais import encode_dict

from ais.batch import BatchDecoder, Repeats, Route
from ais.decode import Rejected, decode_payload
from ais.kernels import COMPILED
from ais.message_tables import APPLICATIONS
from ais.reading import Reader, read_messages
from config import load_settings
from tests.unit.ais.kit import sentence, single

AIS = load_settings(environ={}).ais
ROUTES: list[Route] = ["numba", "numpy", "python"] if COMPILED else ["numpy", "python"]

mmsi = st.integers(200_000_000, 799_999_999)
text = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -./", min_size=1).map(str.strip).filter(bool)
place = {"lon": st.floats(-179.9, 179.9), "lat": st.floats(-89.9, 89.9), "accuracy": st.booleans()}
course = {"course": st.integers(0, 3599).map(lambda tenth: tenth / 10)}
move = {**place, **course, "speed": st.integers(0, 1022).map(lambda tenth: tenth / 10), "heading": st.integers(0, 359)}
second = {"second": st.sampled_from([*range(60), 61, 62, 63])}
# pyais folds reserved ship types into 0, so only codes with a meaning come back
ship_type = {"ship_type": st.sampled_from([30, 36, 37, 52, 60, 69, 70, 79, 80, 89])}
sides = {
    "to_bow": st.integers(1, 511), "to_stern": st.integers(0, 511), "to_port": st.integers(0, 63), "to_starboard": st.integers(0, 63),
}  # fmt: skip
epfd = {"epfd": st.integers(1, 8)}
when = {"month": st.integers(1, 12), "day": st.integers(1, 31), "hour": st.integers(0, 23), "minute": st.integers(0, 59)}


def name(key: str, length: int) -> dict[str, st.SearchStrategy[str]]:
    return {key: text.map(lambda value: value[:length].strip()).filter(bool)}


class_a = {**move, **second, "status": st.integers(0, 14), "maneuver": st.sampled_from([1, 2]), "raim": st.booleans()}
base = {**place, **when, **second, **epfd, "year": st.integers(1, 9999)}
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({"msg_type": kind}, class_a) for kind in (1, 2, 3)),
    *(({"msg_type": kind}, base) for kind in (4, 11)),
    (
        {"msg_type": 5},
        {
            **name("shipname", 20), **name("callsign", 7), **name("destination", 20), **sides, **ship_type, **epfd, **when,
            "imo": st.integers(1, 9_999_999), "draught": st.integers(1, 255).map(lambda tenth: tenth / 10), "dte": st.booleans(),
        },
    ),
    ({"msg_type": 9}, {**place, **course, **second, "alt": st.integers(0, 4094), "speed": st.integers(0, 1022)}),
    ({"msg_type": 18}, {**move, **second, "cs": st.booleans(), "band": st.booleans()}),
    ({"msg_type": 19}, {**move, **second, **name("shipname", 20), **ship_type, **sides, **epfd}),
    ({"msg_type": 21}, {**place, **second, **name("name", 20), **sides, **epfd, "aid_type": st.integers(1, 31)}),
    ({"msg_type": 24, "partno": 0}, name("shipname", 20)),
    ({"msg_type": 24, "partno": 1}, {**name("callsign", 7), **ship_type, **sides, "serial": st.integers(0, 2**20 - 1)}),
    (
        {"msg_type": 27},
        {
            "lon": st.integers(-107_900, 107_900).map(lambda raw: raw / 600), "lat": st.integers(-53_900, 53_900).map(lambda raw: raw / 600),
            "speed": st.integers(0, 62), "course": st.integers(0, 359), "status": st.integers(0, 14), "raim": st.booleans(),
        },
    ),
    ({"msg_type": 6, "dac": 235}, {"dest_mmsi": mmsi, "seqno": st.integers(0, 3), "fid": st.integers(0, 63)}),
    ({"msg_type": 8, "dac": 316}, {"fid": st.integers(0, 63)}),
    ({"msg_type": 10}, {"dest_mmsi": mmsi}),
    *(({"msg_type": kind}, {"mmsi1": mmsi, "mmsiseq1": st.integers(0, 3)}) for kind in (7, 13)),
    ({"msg_type": 15}, {"mmsi1": mmsi, "type1_1": st.integers(0, 27), "offset1_1": st.integers(0, 4095), "mmsi2": mmsi}),
    ({"msg_type": 12}, {"dest_mmsi": mmsi, "seqno": st.integers(0, 3), "retransmit": st.booleans(), "text": text}),
    ({"msg_type": 14}, {"text": text}),
    ({"msg_type": 16}, {"mmsi1": mmsi, "offset1": st.integers(0, 4095), "increment1": st.integers(0, 1023)}),
    ({"msg_type": 16}, {"mmsi1": mmsi, "mmsi2": mmsi, "offset2": st.integers(0, 4095), "increment2": st.integers(0, 1023)}),
    ({"msg_type": 17}, {"data": st.binary(min_size=1, max_size=80)}),
    ({"msg_type": 22, "addressed": 0}, {"channel_a": st.integers(0, 4095), "power": st.booleans(), "zonesize": st.integers(0, 7)}),
    ({"msg_type": 22, "addressed": 1}, {"channel_b": st.integers(0, 4095), "dest1": mmsi, "dest2": mmsi, "band_a": st.booleans()}),
    ({"msg_type": 23}, {"ne_lon": st.integers(-108_000, 108_000).map(lambda raw: raw / 10), "quiet": st.integers(0, 15), **ship_type}),
    *(
        ({"msg_type": kind, "addressed": addressed, "structured": structured}, {"data": st.binary(min_size=1, max_size=10)})
        for kind in (25, 26)
        for addressed in (0, 1)
        for structured in (0, 1)
    ),
    ({"msg_type": 28}, {**{key: place[key] for key in ("lon", "lat")}, **second, "iala_mrn": st.integers(0, 2**17 - 1)}),
    (
        {"msg_type": 8, "dac": 1, "fid": 31},
        {
            "lon": place["lon"], "lat": place["lat"], "wspeed": st.integers(0, 127), "ice": st.integers(0, 3),
            "airtemp": st.integers(-600, 600).map(lambda raw: raw / 10), "pressure": st.integers(799, 1201),
        },
    ),
    ({"msg_type": 8, "dac": 200, "fid": 10}, {**name("vin", 8), "length": st.integers(1, 8000).map(lambda raw: raw / 10)}),
    ({"msg_type": 6, "dac": 1, "fid": 18}, {"dest_mmsi": mmsi, **name("port_name", 20), "linkage": st.integers(0, 1023)}),
    (
        {"msg_type": 20},
        {"offset1": st.integers(0, 4095), "number1": st.integers(0, 15), "timeout1": st.integers(0, 7), "increment1": st.integers(0, 2047)},
    ),
]  # fmt: skip


def test_every_type_has_a_case() -> None:
    assert {fixed["msg_type"] for fixed, _ in CASES} == set(range(1, 29))


@pytest.mark.parametrize(("fixed", "free"), CASES, ids=lambda case: str(case.get("msg_type", "")))
def test_each_type_comes_back(fixed: dict[str, Any], free: dict[str, Any]) -> None:
    @settings(max_examples=15, deadline=None)
    @given(mmsi, st.fixed_dictionaries(free))
    def check(number: int, values: dict[str, Any]) -> None:
        sent = {**fixed, "mmsi": number, **values}
        data = "\n".join(encode_dict(sent, sentence_type="VDM")).encode() + b"\n"
        for route in ROUTES:
            (line,) = BatchDecoder(AIS, route=route).feed(data).dicts()
            for key, value in sent.items():
                tolerance = 1e-4 if key in {"lon", "lat"} else 1e-9
                expected = value.hex() if isinstance(value, bytes) else value
                found = (line[key] or "")[: len(expected)] if isinstance(value, bytes) else line[key]
                assert found == (pytest.approx(value, abs=tolerance) if isinstance(value, float) else expected), (route, key)

    check()


HEADS = (
    *((kind, 0, 0) for kind in range(64)), *((kind, area, function) for kind, area, function, _ in APPLICATIONS.tolist()),
    *((kind, 0, 0) for kind in (6, 8, 16, 22, 24, 25, 26) for _ in range(3)),
)  # fmt: skip


def armoured(kind: int, area: int, function: int, rest: bytes, bits: int) -> tuple[bytes, int]:
    """A payload of so many bits: the type, for an application its codes, the rest as it comes; and its fill bits."""
    value = int.from_bytes(rest.ljust(140, b"\x5a"))
    total = 140 * 8
    for number, start, width in ((kind, 0, 6), *(((area, 72, 10), (function, 82, 6)) if kind == 6 and area else ()),
                                 *(((area, 40, 10), (function, 50, 6)) if kind == 8 and area else ())):  # fmt: skip
        shift = total - start - width
        value = value & ~(((1 << width) - 1) << shift) | number << shift
    characters = -(-bits // 6)
    value = value >> (total - bits) << (characters * 6 - bits)
    codes = [value >> (6 * (characters - 1 - i)) & 63 for i in range(characters)]
    return bytes(code + 48 if code < 40 else code + 56 for code in codes), characters * 6 - bits


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(HEADS), st.binary(min_size=20, max_size=140), st.one_of(st.integers(6, 180), st.integers(6, 1110)))
def test_any_payload_of_any_length_is_what_pyais_says(head: tuple[int, int, int], rest: bytes, bits: int) -> None:
    payload, fill = armoured(*head, rest, bits)
    expected = decode_payload(payload, fill)
    data = sentence(b"!AIVDM,1,1,,A,%s,%d" % (payload, fill)) + b"\n"
    for route in ROUTES:
        decoder = BatchDecoder(AIS, route=route, repeats=SHARED)
        batch = decoder.feed(data)
        if isinstance(expected, Rejected):
            assert decoder.ledger.rejected == {expected.reason: 1}
            assert len(batch) == 0
        else:
            assert batch.fields(0) == expected
            assert list(batch.fields(0)) == list(expected)
        if bits < 149 and head[0] in {1, 2, 3, 4, 11}:
            assert len(batch) == 0


def test_what_an_earlier_payload_left_behind_the_last_one_is_not_read() -> None:
    """A number that ends behind the payload's last word: the next word must not reach into it, whatever it holds."""
    rest = bytes.fromhex("c50c5c522c228954" * 6)
    for bits in range(150, 260):
        payload, fill = armoured(8, 1, 31, rest, bits)
        expected = decode_payload(payload, fill)
        data = sentence(b"!AIVDM,1,1,,A,%s,%d" % (payload, fill)) + b"\n"
        for route in ROUTES:
            decoder = BatchDecoder(AIS, route=route)
            decoder.feed(data)
            words = decoder._room.words
            assert 0 <= words.min() <= words.max() < 1 << 60, "each word has 60 bits, the unused ones too"
            words[:] = (1 << 60) - 1
            assert decoder.feed(data).fields(0) == expected, (bits, route)


SHARED = Repeats(30.0, buckets=64)
PGHP = sentence(b"$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,%02X" % int(single()[-2:], 16))
PGHP_ANY = sentence(b"$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,00")
pieces = st.one_of(
    st.binary(max_size=60), st.just(single()), st.just(PGHP + b"\n" + single()), st.just(b"\\s:st,c:1420030798*00\\" + single()),
    st.just(single() + b",1327664821"), st.just(b"\\g:2-2-7*00\\" + single()), st.just(b"!AIPWR,UNIT=0*1E"), st.just(single()[:-3]),
    st.just(b"\\g:1-2-7,c:1420030801*00\\" + single(talker=b"BS")), st.just(b"\\g:2-2-7,s:w*00\\" + single() + b",1327664822"), st.just(single() + b",b003669794,1272412827"), st.just(b"\\g:1-2-7,s:q*00\\" + single()),
    st.just(PGHP), st.just(b"# text\r"), st.just(b" \t"), st.just(b"1420030798 " + single(kind=b"VDO")),
    st.builds(
        lambda total, number, seq, payload, fill, wrap: wrap
        + sentence(b"!AIVDM,%d,%d,%s,A,%s,%s" % (total, number, seq, payload, fill)),
        st.sampled_from([0, 1, 2, 2, 2, 3, 3, 4]), st.sampled_from([0, 1, 1, 2, 2, 3, 4]), st.sampled_from([b"", b"1", b"2"]),
        st.text("0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW`abcdefghijklmnopqrstuvw", max_size=75).map(str.encode),
        st.sampled_from([b"0", b"2", b"4", b"7", b""]), st.sampled_from([
            b"", b"", b"\\c:1420030798*00\\", b"\\s:a*00\\", b"\\g:1-2-9,c:1420030799*00\\", b"\\g:2-2-9*00\\", PGHP_ANY + b"\n",
        ]),
    ),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=25), st.integers(8, 400), st.sampled_from([None, datetime(2026, 1, 1, tzinfo=UTC)]))
def test_the_routes_agree_on_any_bytes(parts: list[bytes], step: int, received: datetime | None) -> None:
    data = b"\n".join(parts)
    results = []
    for route in ROUTES:
        decoder = BatchDecoder(AIS, route=route, repeats=Repeats(30.0, buckets=64))
        batches = [decoder.feed(data[at : at + step], received) for at in range(0, len(data), step)] + [decoder.finish()]
        lines = [line for batch in batches for line in batch.dicts()]
        repeats = [serial for batch in batches for serial in batch.repeat_of.tolist()]
        assert decoder.ledger.adds_up
        results.append((lines, repeats, decoder.ledger.as_summary()))
    assert all(result == results[0] for result in results)
    if received is None:
        reader = Reader(AIS)
        expected = [message.as_json() for message in read_messages(reader, [data])]
        assert [line | {"_path": "pyais"} for line in results[0][0]] == expected
        assert reader.ledger.as_summary() == results[0][2]
