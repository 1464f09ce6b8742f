"""Owns the estimate of what a path to a viewer carries, from transport-wide feedback: delay first, and what has arrived.

Never does I/O and never reads a clock. Method and constants: draft-ietf-rmcat-gcc-02 (overuse by the trend of the one-way
delay, adaptive threshold, multiplicative rate control). One departure: loss alone only stops the estimate from growing (up to a
share no usable path has), because a ship's satellite link loses packets at random without being full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

GROUP_S = 0.005  # packets sent within this time count as one
WINDOW_GROUPS = 20
SMOOTHING = 0.9
GAIN = 4.0
MOST_GROUPS = 60
OVERUSE_S = 0.010
THRESHOLD_MS, THRESHOLD_MIN_MS, THRESHOLD_MAX_MS = 12.5, 6.0, 600.0
K_UP, K_DOWN = 0.0087, 0.039
BACKOFF = 0.85
GROWTH_PER_S = 0.08
HEADROOM, HEADROOM_BPS = 1.5, 10_000.0
RATE_WINDOW_S = 1.0
LOSS_NO_GROWTH, LOSS_FULL = 0.1, 0.4
FLOOR_BPS = 10_000.0


class Settled(NamedTuple):
    """A packet whose fate is known: sent and arrived (None = lost), each on its own clock in seconds."""

    sent_s: float
    arrived_s: float | None
    size_bytes: int


class Usage(Enum):
    NORMAL = "normal"
    OVER = "over"
    UNDER = "under"


@dataclass
class DelayTrend:
    """Whether the queue on the path grows, from groups of packets (draft sections 5.2-5.4, trend line in place of Kalman)."""

    usage: Usage = Usage.NORMAL
    threshold_ms: float = THRESHOLD_MS
    _group: tuple[float, float, float] | None = None  # first sent, last sent, last arrived
    _before: tuple[float, float] | None = None  # last sent, last arrived
    _points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=WINDOW_GROUPS))
    _sum_ms: float = 0.0
    _smooth_ms: float = 0.0
    _count: int = 0
    _over_s: float = 0.0
    _last_trend: float = 0.0
    _last_update: float | None = None

    def add(self, sent_s: float, arrived_s: float) -> None:
        group = self._group
        if group is None or arrived_s < group[2] - 1.0:  # the first, or the receiver's clock has begun anew
            self._group, self._before = (sent_s, sent_s, arrived_s), None
            self._points.clear()
            return
        if sent_s - group[0] <= GROUP_S:
            self._group = (group[0], max(group[1], sent_s), max(group[2], arrived_s))
            return
        if self._before is not None:
            self._delta(group[1] - self._before[0], group[2] - self._before[1], group[2])
        self._before, self._group = (group[1], group[2]), (sent_s, sent_s, arrived_s)

    def _delta(self, sent_gap_s: float, arrival_gap_s: float, arrived_s: float) -> None:
        self._count += 1
        self._sum_ms += (arrival_gap_s - sent_gap_s) * 1000
        self._smooth_ms = SMOOTHING * self._smooth_ms + (1 - SMOOTHING) * self._sum_ms
        self._points.append((arrived_s * 1000, self._smooth_ms))
        if len(self._points) == WINDOW_GROUPS:
            self._detect(slope(self._points) * min(self._count, MOST_GROUPS) * GAIN, sent_gap_s, arrived_s)

    def _detect(self, trend_ms: float, sent_gap_s: float, now_s: float) -> None:
        if trend_ms > self.threshold_ms:
            self._over_s += sent_gap_s
            if self._over_s > OVERUSE_S and trend_ms >= self._last_trend:
                self._over_s, self.usage = 0.0, Usage.OVER
        else:
            self._over_s = 0.0
            self.usage = Usage.UNDER if trend_ms < -self.threshold_ms else Usage.NORMAL
        self._last_trend = trend_ms
        self._adapt(abs(trend_ms), now_s)

    def _adapt(self, size_ms: float, now_s: float) -> None:
        elapsed_ms = min(100.0, (now_s - (self._last_update or now_s)) * 1000)
        self._last_update = now_s
        if size_ms > self.threshold_ms + 15.0:  # a spike says nothing of the path's usual noise
            return
        gain = K_DOWN if size_ms < self.threshold_ms else K_UP
        moved = self.threshold_ms + gain * (size_ms - self.threshold_ms) * elapsed_ms
        self.threshold_ms = max(THRESHOLD_MIN_MS, min(THRESHOLD_MAX_MS, moved))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least squares; 0 where all times are the same. In one pass from the first point: this runs for each frame of each viewer."""
    count = len(points)
    first_x, first_y = points[0]
    sum_x = sum_y = sum_xx = sum_xy = 0.0
    for at_x, at_y in points:
        x, y = at_x - first_x, at_y - first_y
        sum_x += x
        sum_y += y
        sum_xx += x * x
        sum_xy += x * y
    spread = count * sum_xx - sum_x * sum_x
    return (count * sum_xy - sum_x * sum_y) / spread if spread > 1e-9 else 0.0


class Estimator:
    """Feed it every report; `bps` is what the path is believed to carry, `loss` the share lost of late."""

    def __init__(self, start_bps: float) -> None:
        self.bps = start_bps
        self.loss = 0.0
        self.trend = DelayTrend()
        self._arrived: deque[tuple[float, int]] = deque()
        self._arrived_bytes = 0
        self._last_s: float | None = None
        self._backed_off_s = -1.0

    @property
    def arrived_bps(self) -> float:
        """Rate of what has arrived over the last second."""
        if len(self._arrived) < 2:
            return 0.0
        span = max(0.25, self._arrived[-1][0] - self._arrived[0][0])
        return (self._arrived_bytes - self._arrived[0][1]) * 8 / span

    def update(self, now_s: float, settled: list[Settled]) -> float:
        """Take one report; returns the new estimate in bit/s."""
        elapsed = min(1.0, now_s - self._last_s) if self._last_s is not None else 0.0
        self._last_s = now_s
        lost = 0
        for one in settled:
            if one.arrived_s is None:
                lost += 1
                continue
            self.trend.add(one.sent_s, one.arrived_s)
            self._count(one.arrived_s, one.size_bytes)
        if settled:
            self.loss += 0.1 * (lost / len(settled) - self.loss)
        arrived = self.arrived_bps
        if self.trend.usage is Usage.OVER:
            if now_s - self._backed_off_s > 0.2 and arrived:
                self.bps, self._backed_off_s = min(self.bps, BACKOFF * arrived), now_s
        elif self.loss > LOSS_FULL and arrived:
            self.bps = min(self.bps, arrived)
        elif self.trend.usage is Usage.NORMAL and self.loss < LOSS_NO_GROWTH:
            most = HEADROOM * arrived + HEADROOM_BPS
            # what arrives while no queue grows is carried: so a picture that is tried again finds its room at once
            self.bps = max(self.bps, arrived, min(most, self.bps * (1 + GROWTH_PER_S) ** elapsed))
        self.bps = max(FLOOR_BPS, self.bps)
        return self.bps

    def _count(self, arrived_s: float, size: int) -> None:
        if self._arrived and arrived_s < self._arrived[-1][0] - 1.0:
            self._arrived.clear()
            self._arrived_bytes = 0
        self._arrived.append((arrived_s, size))
        self._arrived_bytes += size
        while arrived_s - self._arrived[0][0] > RATE_WINDOW_S:
            self._arrived_bytes -= self._arrived.popleft()[1]


@dataclass
class AudioFirst:
    """Whether there is room for a picture: off after `hold_s` below the limit, tried again after `retry_s`, then twice that.

    A try is the only way to learn that a path has recovered, because sound alone is too little to measure it by.
    """

    limit_bps: float
    hold_s: float
    retry_s: float
    retry_max_s: float
    picture: bool = True
    _below_since: float | None = None
    _off_at: float = 0.0
    _wait_s: float = 0.0
    _on_at: float = 0.0

    def decide(self, now_s: float, estimate_bps: float) -> bool:
        if not self.picture:
            if now_s - self._off_at >= self._wait_s:
                self.picture, self._below_since, self._on_at = True, None, now_s
            return self.picture
        if estimate_bps >= self.limit_bps:
            self._below_since = None
            if now_s - self._on_at > self.retry_max_s:
                self._wait_s = 0.0
            return True
        if self._below_since is None:
            self._below_since = now_s
        # a picture just tried again gets time to show what the path carries
        if now_s - max(self._below_since, self._on_at) >= self.hold_s:
            self._wait_s = min(self.retry_max_s, self._wait_s * 2) if self._wait_s else self.retry_s
            self.picture, self._off_at = False, now_s
        return self.picture
