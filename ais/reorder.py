"""Owns the order of what the watch hears: what comes late, but within the bound, takes its place by the time it carries.

Never holds anything for longer than the bound of event time, and never lets in what comes after its time has passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Generic, TypeVar

_T = TypeVar("_T")
_SECOND_MS = 1000
_time = itemgetter(0)


class Reorder(Generic[_T]):
    """Two receivers are never equally quick, and one may deliver what it kept while its line was down.

    Things wait until the newest is `bound_ms` ahead of them, a whole second at a time. What is accepted depends on the times
    and their order only, never on how the stream was cut into pieces: an import that goes on after a kill decides the same.
    """

    def __init__(self, bound_ms: float) -> None:
        self._bound_ms = int(bound_ms)
        self._waiting: dict[int, list[tuple[int, _T]]] = {}
        self.newest_ms = 0
        self._passed_ms = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, at_ms: int, thing: _T) -> bool:
        """False: it comes too late to be put in its place."""
        if at_ms < self._passed_ms:
            return False
        if at_ms > self.newest_ms:
            self.newest_ms = at_ms
            self._passed_ms = max(self._passed_ms, (at_ms - self._bound_ms) // _SECOND_MS * _SECOND_MS)
        self._waiting.setdefault(at_ms // _SECOND_MS, []).append((at_ms, thing))
        return True

    def ready(self) -> Iterator[_T]:
        """What no accepted thing can come before any more, oldest first; equal times in the order they came."""
        last = self._passed_ms // _SECOND_MS
        for second in sorted(second for second in self._waiting if second < last):
            for _, thing in sorted(self._waiting.pop(second), key=_time):  # stable: the order of coming stays
                yield thing

    def rest(self) -> Iterator[_T]:
        """Everything: nothing more comes, or nothing came for as long as the bound."""
        self._passed_ms = max(self._passed_ms, (self.newest_ms // _SECOND_MS + 1) * _SECOND_MS)
        yield from self.ready()
