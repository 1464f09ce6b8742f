"""Spoilt sentences by the thousand, and by ten millions under YUNJIAN_TEST_SOAK: no exception, the ledger adds up, memory is bounded."""

from __future__ import annotations

import os
import resource

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.batch import BatchDecoder, Repeats
from config import load_settings
from tests.unit.ais.kit import POSITION, sentence, single

AIS = load_settings(environ={}).ais
GOOD = (
    single(), single(talker=b"B1", kind=b"VDO"), b"\\s:st,c:1420030798*00\\" + single(), single() + b",1420030798",
    b"\\g:1-2-7,c:1420030798*00\\" + sentence(b"!AIVDM,2,1,3,A,55R3Vn82=ILTQ3KKS>1<D60Dq@E918U<F222221J1`?164vc03S1CCAD,0"),
    sentence(b"!AIVDM,2,2,3,A,`88888888888880,2"), sentence(b"$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,00"),
    sentence(b"!BSVDM,1,1,,B,402R3Wiuef:dO0tgkNOgc?A00HBd,0"), sentence(b"!AIVDM,1,1,,B," + POSITION * 3 + b",0"),
)  # fmt: skip
SHARED = Repeats(30.0)


@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(GOOD), st.integers(0, 120), st.integers(0, 30), st.binary(max_size=30))
def test_ten_thousand_spoilt_sentences(line: bytes, at: int, cut: int, put: bytes) -> None:
    decoder = BatchDecoder(AIS, repeats=SHARED)
    spoilt = line[:at] + put + line[at + cut :]
    whole = single()
    messages = list(decoder.feed(spoilt + b"\n" + whole + b"\n").dicts()) + list(decoder.finish().dicts())
    assert decoder.ledger.adds_up
    assert any(message["mmsi"] == 371798000 for message in messages)  # the good one behind it is never lost


LENGTHS = np.array([len(line) for line in GOOD])
TABLE = np.array([list(line.ljust(int(LENGTHS.max()) + 1)) for line in GOOD], np.uint8)


def spoil(random: np.random.Generator, lines: int) -> bytes:
    """So many lines, most with one to three bytes changed, some of these cut."""
    picks = random.integers(0, len(GOOD), lines)
    made, lengths, changes = TABLE[picks], LENGTHS[picks], random.integers(0, 4, lines)
    for change in range(3):
        some = np.flatnonzero(changes > change)
        made[some, random.integers(0, lengths[some])] = random.integers(0, 256, len(some))
    lengths = np.where(changes == 3, random.integers(1, lengths), lengths)
    made[np.arange(lines), lengths] = 10
    return made[np.arange(made.shape[1]) <= lengths[:, None]].tobytes()


def test_a_seeded_mutator_leaves_nothing_behind() -> None:
    inputs = 10_000_000 if os.environ.get("YUNJIAN_TEST_SOAK") else 20_000
    random = np.random.default_rng(7)
    decoder = BatchDecoder(AIS)
    held = 0
    for done in range(0, inputs, 10_000):
        batch = decoder.feed(spoil(random, 10_000))
        lon, lat = batch.column("lon"), batch.column("lat")
        assert ((lon == -(2**31)) == (lat == -(2**31))).all()
        if done == min(inputs // 2, 500_000) // 10_000 * 10_000:
            held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decoder.finish()
    assert decoder.ledger.adds_up
    assert decoder.ledger.rejected_sentences > inputs // 20
    assert decoder._framer.assembler.pending == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 50_000  # kB


@pytest.mark.parametrize("length", range(1, 28))
def test_no_position_comes_from_a_short_payload(length: int) -> None:
    batch = BatchDecoder(AIS).feed(single(POSITION[:length]) + b"\n")
    assert all(line["lon"] is None or length * 6 >= 149 for line in batch.dicts())
    assert len(batch) == (1 if length * 6 >= 149 else 0)
