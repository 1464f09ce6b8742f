"""The estimator on simulated paths: it finds a cap, keeps the queue short, stands random loss, and notices that a path shrank."""

from __future__ import annotations

import heapq

import pytest

from tests.kit.impairment import Impairment, Link
from video.estimator import AudioFirst, DelayTrend, Estimator, Settled, Usage, slope

PACKET = 1200
REPORT_S = 0.05


class Path:
    """A sender that sends at the estimate (`most_bps` at most) through an impaired link, with a report each 50 ms."""

    def __init__(self, link: Link, start_bps: float, most_bps: float = 1e9, seed: int = 2) -> None:
        self.way = Impairment(link, seed)
        self.estimator = Estimator(start_bps)
        self.most_bps = most_bps
        self.now = 0.0
        self.queue_ms = 0.0
        self._flying: list[tuple[float, float, bool]] = []

    def run(self, seconds: float) -> list[float]:
        """Estimates, one per report."""
        out, end, report_at = [], self.now + seconds, self.now + REPORT_S
        while self.now < end:
            rate = min(self.most_bps, self.estimator.bps)
            arrival = self.way.fate(self.now, PACKET)
            heapq.heappush(self._flying, (arrival if arrival is not None else self.now + 0.2, self.now, arrival is not None))
            if arrival is not None:
                self.queue_ms = max(self.queue_ms, (arrival - self.now) * 1000 - self.way.link.delay_ms)
            self.now += PACKET * 8 / rate
            while self.now >= report_at:
                settled = []
                while self._flying and self._flying[0][0] <= report_at:
                    at, sent, arrived = heapq.heappop(self._flying)
                    settled.append(Settled(sent, at if arrived else None, PACKET))
                settled.sort(key=lambda one: one.sent_s)
                out.append(self.estimator.update(report_at, settled))
                report_at += REPORT_S
        return out


@pytest.mark.parametrize("cap", [300_000, 1_000_000, 2_500_000])
def test_it_finds_a_cap_from_above_and_keeps_the_queue_below_the_limit(cap: int) -> None:
    path = Path(Link(rate_bps=cap, delay_ms=40, queue_ms=1000), start_bps=1.3 * cap)
    path.run(5.0)
    path.queue_ms = 0.0
    estimates = path.run(20.0)
    assert 0.7 * cap < sum(estimates) / len(estimates) < 1.1 * cap
    assert path.queue_ms < 300


def test_it_grows_to_what_is_sent_on_a_free_path_and_not_beyond_the_headroom() -> None:
    path = Path(Link(delay_ms=20), start_bps=200_000, most_bps=2_000_000)
    estimates = path.run(60.0)
    assert estimates[-1] > 2_000_000
    assert estimates[-1] < 3_300_000


def test_random_loss_is_not_taken_for_congestion() -> None:
    path = Path(Link(loss=0.2, delay_ms=40), start_bps=2_000_000, most_bps=2_000_000)
    assert min(path.run(30.0)) > 0.7 * 2_000_000
    assert path.estimator.loss == pytest.approx(0.2, abs=0.08)


def test_a_path_that_loses_half_is_believed_to_carry_what_arrives() -> None:
    path = Path(Link(loss=0.5, delay_ms=40), start_bps=2_000_000, most_bps=2_000_000)
    assert path.run(10.0)[-1] < 1_200_000


def test_a_path_that_shrinks_is_noticed_within_two_seconds() -> None:
    path = Path(Link(rate_bps=2_500_000, delay_ms=40, queue_ms=2000), start_bps=2_000_000)
    path.run(5.0)
    path.way.link = Link(rate_bps=400_000, delay_ms=40, queue_ms=2000)
    assert min(path.run(2.0)) < 500_000


def test_a_receiver_clock_that_begins_anew_is_not_congestion() -> None:
    trend = DelayTrend()
    for step in range(200):
        trend.add(step * 0.02, (1000.0 if step < 100 else 0.0) + step * 0.02)
        assert trend.usage is Usage.NORMAL


def test_slope_of_nothing_is_flat() -> None:
    assert slope([(1.0, 2.0), (1.0, 9.0)]) == 0.0
    assert slope([(0.0, 0.0), (1.0, 2.0), (2.0, 4.0)]) == pytest.approx(2.0)


def test_the_picture_rests_below_the_limit_and_is_tried_again_less_and_less_often() -> None:
    gate = AudioFirst(limit_bps=120_000, hold_s=1.0, retry_s=5.0, retry_max_s=12.0)
    assert gate.decide(0.0, 119_000)
    assert gate.decide(0.9, 119_000)
    assert not gate.decide(1.0, 119_000)
    changes, was = [], False
    for tenth in range(10, 500):
        now = gate.decide(tenth / 10, 50_000)
        if now != was:
            changes.append(tenth / 10)
        was = now
    assert changes == pytest.approx([6.0, 7.0, 17.0, 18.0, 30.0, 31.0, 43.0, 44.0], abs=0.6)


def test_a_path_that_is_well_again_keeps_its_picture() -> None:
    gate = AudioFirst(limit_bps=120_000, hold_s=1.0, retry_s=5.0, retry_max_s=12.0)
    gate.decide(0.0, 50_000)
    assert not gate.decide(1.0, 50_000)
    assert all(gate.decide(6.0 + tenth / 10, 300_000) for tenth in range(300))
    assert gate.decide(40.0, 119_000)
    assert gate.decide(40.5, 130_000)
    assert gate.decide(41.2, 119_000)
