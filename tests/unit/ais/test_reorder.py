"""Late things take their place by time within the bound; how the stream is cut into pieces changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ais.batch import BatchDecoder
from ais.columns import SOURCES
from ais.reorder import Reorder
from ais.tally import Tally
from config import load_settings
from tests.unit.ais.kit import single

BOUND_MS = 10_000


def run(times: Sequence[int], pieces: Sequence[int] = ()) -> tuple[list[int], list[int]]:
    """What came out, by its place in `times`, and what was refused; `pieces`: after which places it is asked."""
    made: Reorder[int] = Reorder(BOUND_MS)
    out, late = [], []
    for place, at_ms in enumerate(times):
        if not made.put(at_ms, place):
            late.append(place)
        if place in pieces:
            out += list(made.ready())
    return [*out, *made.rest()], late


def test_late_ones_take_their_place_and_too_late_ones_are_refused() -> None:
    times = [0, 30_000, 25_000, 21_000, 19_000, 30_500, 60_000, 30_000]
    assert run(times) == ([0, 3, 2, 1, 5, 6], [4, 7])


def test_nothing_waits_longer_than_the_bound() -> None:
    made: Reorder[int] = Reorder(BOUND_MS)
    for second in range(3600):
        made.put(second * 1000, second)
        for _ in made.ready():
            pass
        assert len(made) <= BOUND_MS // 1000 + 1
    assert list(made.rest()) == list(range(3589, 3600))
    assert not made.put(3_599_000, 0)  # its second was handed over


@given(st.lists(st.integers(0, 60_000), max_size=60), st.sets(st.integers(0, 59)))
def test_order_by_time_whatever_the_pieces(times: list[int], pieces: set[int]) -> None:
    out, late = run(times, sorted(pieces))
    assert run(times) == (out, late)
    assert [times[place] for place in out] == sorted(times[place] for place in out)
    assert sorted((*out, *late)) == list(range(len(times)))
    newest = np.maximum.accumulate(np.array(times, np.int64)) if times else np.array([])
    assert all(times[place] < newest[place] - BOUND_MS for place in late)


def test_times_ahead_of_our_clock_become_the_receivers() -> None:
    now_s = 1_795_485_600
    lines = b"".join(b"\\c:%d*00\\%b\n" % (at, single()) for at in (now_s - 5, now_s + 59, now_s + 61, now_s + 86_400))
    batch = BatchDecoder(load_settings({}, environ={}).ais, route="python").feed(lines)
    tally = Tally()
    tally.believe(batch, now_s * 1000, 60_000)
    assert (batch.at_ms // 1000 - now_s).tolist() == [-5, 59, 0, 0]
    assert [SOURCES[place] for place in batch.at_source] == ["tag", "tag", "receiver", "receiver"]
    assert tally.future == 2
