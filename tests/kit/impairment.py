"""Owns what a bad network does to one direction of a datagram flow: loss, bursts of loss, delay, jitter, a rate cap.

Never does I/O and never reads a clock: the same seed and the same packets give the same fate.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Burst:
    """Gilbert's two-state model (Bell System Technical Journal 39, 1960): packets are lost in the bad state only."""

    enter: float
    leave: float
    loss: float = 1.0


@dataclass(frozen=True, slots=True)
class Link:
    """One direction. `queue_ms`: what the bottleneck holds before it drops from its tail; jitter never reorders."""

    loss: float = 0.0
    burst: Burst | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    rate_bps: float | None = None
    queue_ms: float = 300.0


class Impairment:
    """Decides each packet's fate in turn."""

    def __init__(self, link: Link, seed: int) -> None:
        self.link = link
        self.passed = self.passed_bytes = self.lost = self.overflowed = 0
        self.worst_queue_ms = 0.0
        self._random = random.Random(seed)
        self._bad = False
        self._free_at = 0.0
        self._last_out = 0.0

    def fate(self, now_s: float, size_bytes: int) -> float | None:
        """When the packet leaves (s, on the caller's clock), or None if it is lost."""
        link = self.link
        if self._unlucky():
            self.lost += 1
            return None
        out = now_s
        if link.rate_bps is not None:
            waiting_ms = max(0.0, self._free_at - now_s) * 1000
            if waiting_ms > link.queue_ms:
                self.overflowed += 1
                return None
            self.worst_queue_ms = max(self.worst_queue_ms, waiting_ms)
            out = self._free_at = max(now_s, self._free_at) + size_bytes * 8 / link.rate_bps
        out += (link.delay_ms + self._random.uniform(0.0, link.jitter_ms)) / 1000
        self._last_out = out = max(out, self._last_out)
        self.passed += 1
        self.passed_bytes += size_bytes
        return out

    def _unlucky(self) -> bool:
        burst = self.link.burst
        if burst is not None:
            self._bad = self._random.random() >= burst.leave if self._bad else self._random.random() < burst.enter
            if self._bad and self._random.random() < burst.loss:
                return True
        return self._random.random() < self.link.loss
