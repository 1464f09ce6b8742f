"""Precision and gain on lists small enough to reckon by hand; a tie gives no luck."""

from __future__ import annotations

import pytest

from ais.backtest import Scored, back_test


def scored(*pairs: tuple[float, bool]) -> list[Scored]:
    return [Scored(str(n), score, hit) for n, (score, hit) in enumerate(pairs)]


def test_a_perfect_order_and_its_reverse() -> None:
    best = back_test(scored((4, True), (3, True), (2, False), (1, False)), [1, 2, 4, 9])
    assert best.precision == {1: 1.0, 2: 1.0, 4: 0.5}
    assert best.gain == ((0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 1.0), (1.0, 1.0))
    assert best.area == pytest.approx(0.75)
    assert back_test(scored((1, True), (2, True), (3, False), (4, False)), [2]).precision == {2: 0.0}


def test_ships_of_equal_score_share_their_hits() -> None:
    for order in ([True, False], [False, True]):
        found = back_test(scored(*((1, hit) for hit in order)), [1])
        assert found.precision == {1: 0.5}
        assert found.area == pytest.approx(0.5)


def test_nothing_to_measure() -> None:
    assert back_test([], [1]).gain == ()
    assert back_test(scored((1, False)), [1]).area == 0.5
