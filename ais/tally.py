"""Owns what is counted of one source's messages beyond the ledger of its sentences.

Never counts what another source sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ais.columns import NO_TIME, SOURCES, MessageBatch

_RECEIVER = SOURCES.index("receiver")


@dataclass(slots=True)
class Tally:
    """`late`: reports that came too late to be judged; `future`: times ahead of our clock, which were not believed."""

    undated: int = 0
    duplicates: int = 0
    own_station: int = 0
    late: int = 0
    future: int = 0

    def count(self, batch: MessageBatch) -> None:
        """Messages of the station itself are only that; of the others each is undated, a repetition, or neither."""
        others, dated = ~batch.own, batch.at_ms != NO_TIME
        self.own_station += int(batch.own.sum())
        self.undated += int((others & ~dated).sum())
        self.duplicates += int((others & dated & (batch.repeat_of >= 0)).sum())

    def believe(self, batch: MessageBatch, now_ms: int, bound_ms: float) -> None:
        """Of a live source: a written time further ahead than `bound_ms` becomes the receiver's, in place.

        One such time would make every honest report of every other source late.
        """
        ahead = np.flatnonzero(batch.at_ms > now_ms + bound_ms)
        if len(ahead):
            self.future += len(ahead)
            batch.at_ms[ahead], batch.at_source[ahead] = now_ms, _RECEIVER
