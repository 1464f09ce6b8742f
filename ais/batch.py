"""Owns bytes -> MessageBatch: the fast routes over plain lines and whole payloads, and what they leave to framing and pyais.

Never decides what a sentence means differently from `framing.py` and `decode.py`: every route gives the same messages.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ais import fast_numpy, kernels
from ais import kernels as k
from ais.columns import SOURCES, MessageBatch
from ais.decode import MIN_BITS, DecodeReason, Rejected, decode_payload
from ais.fields import COLUMNS, TEXT_WIDTH
from ais.fragments import Frame
from ais.framing import Framer
from ais.ledger import Ledger
from ais.stamps import NO_STAMP, Stamp
from ais.text import say
from config.settings import AisSettings

Route = Literal["numba", "numpy", "python"]
OtherTypes = Literal["decode", "count"]
NUMPY_FROM_BYTES = 30_000  # about 500 sentences: below, numpy costs more than it saves (docs/decisions/0008)
_MAX_NAMES = 1 << 16
_BEHIND = 8
_REASONS: dict[int, DecodeReason] = {k.UNKNOWN_TYPE: "unknown_type", k.SHORT: "short_payload", k.NO_PART: "decode_error"}
_MINIMUM: NDArray[np.int64] = np.array([MIN_BITS.get(kind, 0) for kind in range(64)], np.int64)
_ARMOUR = bytes(code + 48 if code < 40 else code + 56 for code in range(64)) + bytes(192)


class Repeats:
    """Payloads heard lately, shared by the decoders of several sources so that overlapping stations count once.

    Bounded: four payloads a bucket; when a bucket is full its oldest gives room.
    """

    def __init__(self, window_s: float, buckets: int = 1 << 16) -> None:
        self.window_ms = int(window_s * 1000)
        self.serial = 1
        self.table: NDArray[np.int64] = np.zeros((buckets, k.WAYS, 3), np.int64)


@dataclass(slots=True)
class _Buffers:
    """What a piece of the stream becomes before it is decoded."""

    data: bytes
    rows: NDArray[np.int64]
    six: NDArray[np.uint8]


class BatchDecoder:
    """One per source: it carries the unfinished line, half messages and the tag groups of that source from feed to feed.

    Args:
        repeats: share one between sources; None makes an own one.
        other_types: ``decode`` = types without columns are decoded by pyais at once; ``count`` = they are checked, counted and
            get their row (type, MMSI, time, station) only, which is all that a picture or a track store needs.
        route: forces one, for tests and benchmarks; None takes numba if installed, else numpy for large pieces, else Python.
    """

    def __init__(
        self, settings: AisSettings, *, repeats: Repeats | None = None, other_types: OtherTypes = "decode",
        route: Route | None = None,
    ) -> None:  # fmt: skip
        self._framer = Framer(
            fragment_age_s=settings.fragment_age_s,
            fragment_age_sentences=settings.fragment_age_sentences,
            max_pending=settings.max_pending_fragments,
        )
        self._repeats = repeats or Repeats(settings.duplicate_window_s)
        self._other_types = other_types
        self._route = route
        self._names: dict[int, str] = {}
        self._state: NDArray[np.int64] = np.zeros(k.STATE_WIDTH, np.int64)
        self._state[k.S_AGE] = int(settings.fragment_age_s * 1000)
        if kernels.COMPILED and route in (None, "numba"):
            compile_once()

    @property
    def ledger(self) -> Ledger:
        return self._framer.ledger

    def feed(self, data: bytes, received_at: datetime | None = None) -> MessageBatch:
        """Messages completed by `data`, which may end anywhere. `received_at` (aware) stamps what carries no time itself."""
        self.ledger.read_bytes += len(data)
        self._framer.received_ms = None if received_at is None else int(received_at.timestamp() * 1000)
        return self._batch(self._framer.whole_lines(data))

    def finish(self) -> MessageBatch:
        """The last line without an end; what is still half is given up."""
        batch = self._batch(self._framer.last_line())
        self._framer.assembler.give_up_all()
        return batch

    def batches(self, chunks: Iterable[bytes]) -> Iterator[MessageBatch]:
        """All messages of a finite source."""
        for chunk in chunks:
            yield self.feed(chunk)
        yield self.finish()

    def _batch(self, data: bytes) -> MessageBatch:
        route = self._route or _route_for(len(data))
        if len(self._names) > _MAX_NAMES:
            self._names.clear()
        capacity = len(data) // 17 + 8  # no sentence is shorter
        buffers = _Buffers(data, np.empty((capacity, k.FRAME_WIDTH), np.int64), np.empty(len(data) + 4096, np.uint8))
        state = self._state
        state[k.S_SIX] = state[k.S_ROWS] = 0
        state[k.S_RECEIVED] = -1 if self._framer.received_ms is None else self._framer.received_ms
        if route == "numba":
            self._scan(buffers)
        else:
            plain = fast_numpy.plain_lines(data) if route == "numpy" else None
            self._walk(buffers, plain)
        return self._columns(buffers, route)

    def _scan(self, buffers: _Buffers) -> None:
        """Plain lines by the kernel, each other line by `framing.py`, in order."""
        data, state = buffers.data, self._state
        raw = np.frombuffer(data, np.uint8)
        pos = 0
        self._wrapper_in()
        while pos < len(data):
            state[k.S_LINES] = state[k.S_SENTENCES] = state[k.S_OTHER] = 0
            state[k.S_LINE] = self.ledger.read_lines
            pos = k.scan(raw, pos, len(data), state, buffers.rows, buffers.six, self._framer.assembler.busy)
            self.ledger.read_lines += int(state[k.S_LINES])
            self.ledger.sentences += int(state[k.S_SENTENCES])
            self.ledger.ignored_non_ais += int(state[k.S_OTHER])
            if pos < len(data):
                end = data.index(b"\n", pos)
                self._wrapper_out(data)
                self._line(buffers, data[pos:end])
                self._wrapper_in()
                pos = end + 1
        self._wrapper_out(data)

    def _walk(self, buffers: _Buffers, plain: fast_numpy.PlainLines | None) -> None:
        """Runs of plain lines by numpy, each other line by `framing.py`, in order."""
        lines = buffers.data.split(b"\n")[:-1]
        at = 0
        while at < len(lines):
            run = plain.run_from(at) if plain is not None and self._framer.wrapper is NO_STAMP else at
            if plain is not None and run > at:
                self._take_run(buffers, plain, at, run)
                at = run
            else:
                self._line(buffers, lines[at])
                at += 1

    def _take_run(self, buffers: _Buffers, plain: fast_numpy.PlainLines, first: int, last: int) -> None:
        state, count = self._state, last - first
        place = int(state[k.S_ROWS])
        rows = buffers.rows[place : place + count]
        received = int(state[k.S_RECEIVED])
        used = plain.copy(first, last, rows, buffers.six, int(state[k.S_SIX]))
        rows[:, k.AT], rows[:, k.SOURCE] = received, SOURCES.index("receiver") if received >= 0 else -1
        rows[:, k.ST_HASH : k.ST_LEN + 1] = 0
        rows[:, k.FIRST] = rows[:, k.LAST] = self.ledger.read_lines + 1 + np.arange(count)
        rows[:, k.PARTS] = 1
        state[k.S_SIX] = used
        state[k.S_ROWS] = place + count
        self.ledger.read_lines += count
        self.ledger.sentences += count

    def _line(self, buffers: _Buffers, line: bytes) -> None:
        for frame in self._framer.line(line):
            self._add(buffers, frame)

    def _add(self, buffers: _Buffers, frame: Frame) -> None:
        state = self._state
        at, place, length = int(state[k.S_SIX]), int(state[k.S_ROWS]), len(frame.payload)
        if at + length + len(buffers.data) > len(buffers.six):
            buffers.six = np.concatenate([buffers.six, np.empty(len(buffers.six) + length + len(buffers.data), np.uint8)])
        buffers.six[at : at + length] = fast_numpy.SIX_OF[np.frombuffer(frame.payload, np.uint8)]
        key = self._key(frame.station)
        buffers.rows[place] = (
            at, length, frame.fill, -1 if frame.at_ms is None else frame.at_ms,
            -1 if frame.source is None else SOURCES.index(frame.source), key, -1, 0 if frame.station is None else 1,
            frame.first_line, frame.last_line, frame.sentences, frame.own,
        )  # fmt: skip
        state[k.S_SIX], state[k.S_ROWS] = at + length, place + 1

    def _key(self, name: str | None) -> int:
        if name is None:
            return 0
        raw = np.frombuffer(name.encode(), np.uint8)
        key = int(k.name_hash(raw, 0, len(raw)))
        self._names[key] = name
        return key

    def _wrapper_in(self) -> None:
        """What framing knows of a $PGHP line in force, into the kernel's state."""
        state, wrapper = self._state, self._framer.wrapper
        state[k.S_WRAPPED] = wrapper.at_ms is not None
        if wrapper.at_ms is not None:
            state[k.S_W_AT] = wrapper.at_ms
            state[k.S_W_CHECK] = -1 if wrapper.packet_check is None else wrapper.packet_check
            state[k.S_W_HASH], state[k.S_W_OFF] = self._key(wrapper.station), -1
            state[k.S_W_LEN] = 0 if wrapper.station is None else 1

    def _wrapper_out(self, data: bytes) -> None:
        state = self._state
        if not state[k.S_WRAPPED]:
            self._framer.wrapper = NO_STAMP
            return
        off, length, check = int(state[k.S_W_OFF]), int(state[k.S_W_LEN]), int(state[k.S_W_CHECK])
        if length == 0:
            name = None
        else:
            name = self._names[int(state[k.S_W_HASH])] if off < 0 else data[off : off + length].decode("ascii")
        self._framer.wrapper = Stamp(int(state[k.S_W_AT]), "pghp", name, None if check < 0 else check)

    def _stations(self, rows: NDArray[np.int64], data: bytes) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        station = np.full(len(rows), -1, np.int32)
        named = np.flatnonzero(rows[:, k.ST_LEN] > 0)
        if not len(named):
            return station, ()
        keys, first, inverse = np.unique(rows[named, k.ST_HASH], return_index=True, return_inverse=True)
        names: list[str] = []
        for key, place in zip(keys.tolist(), first.tolist(), strict=True):
            name = self._names.get(key)
            if name is None:
                off, length = rows[named[place], k.ST_OFF], rows[named[place], k.ST_LEN]
                name = self._names[key] = data[off : off + length].decode("ascii")
            names.append(name)
        station[named] = inverse
        return station, tuple(names)

    def _columns(self, buffers: _Buffers, route: Route) -> MessageBatch:
        rows, six = buffers.rows[: int(self._state[k.S_ROWS])], buffers.six
        end = int(self._state[k.S_SIX])
        six[end : end + _BEHIND] = 0  # a cut field is read to its full width
        n = len(rows)
        outputs = _outputs(n)
        layout, mmsi, whole, values, text_row, texts, hashes = outputs
        fill: Callable[..., int] = fast_numpy.fill_columns if route == "numpy" else k.fill_columns
        used = fill(six, rows, _MINIMUM, *k.TABLES, *outputs)
        decoded = self._decode_rest(rows, six, layout, whole)
        station, names = self._stations(rows, buffers.data)
        good = layout >= k.OTHER
        if not good.all():
            decoded = _moved(decoded, good)
            rows, layout, mmsi, whole = rows[good], layout[good], mmsi[good], whole[good]
            values, text_row, hashes, station = values[good], text_row[good], hashes[good], station[good]
        self.ledger.messages += len(rows)
        self.ledger.fragments_used += int(rows[:, k.PARTS].sum())
        repeats = self._repeats
        serial = repeats.serial
        repeats.serial += len(rows)
        at_ms = np.ascontiguousarray(rows[:, k.AT])
        repeat_of: NDArray[np.int64] = np.empty(len(rows), np.int64)
        k.mark_repeats(hashes, at_ms, serial, repeats.window_ms, repeats.table, repeat_of)
        return MessageBatch(
            msg_type=six[rows[:, k.SIX]],
            mmsi=mmsi,
            at_ms=at_ms,
            at_source=rows[:, k.SOURCE].astype(np.int8),
            station=station,
            own=rows[:, k.OWN] == 1,
            lines=rows[:, k.FIRST : k.LAST + 1],
            sentences=rows[:, k.PARTS].astype(np.uint8),
            fast=whole,
            layout=layout,
            serial=np.arange(serial, serial + len(rows)),
            repeat_of=repeat_of,
            values=values,
            text_row=text_row,
            texts=texts[:used],
            six=six,
            payload=rows[:, k.SIX : k.FILL + 1],
            stations=names,
            decoded=decoded,
        )

    def _decode_rest(
        self, rows: NDArray[np.int64], six: NDArray[np.uint8], layout: NDArray[np.int8], whole: NDArray[np.bool_]
    ) -> dict[int, dict[str, JsonValue]]:
        """Everything that is not whole: count it as rejected, or decode it with pyais."""
        decoded: dict[int, dict[str, JsonValue]] = {}
        for row in np.flatnonzero(~whole).tolist():
            parts = int(rows[row, k.PARTS])
            reason = _REASONS.get(int(layout[row]))
            if reason is None and self._other_types == "decode":
                first, length = int(rows[row, k.SIX]), int(rows[row, k.LENGTH])
                payload = six[first : first + length].tobytes().translate(_ARMOUR)
                fields = decode_payload(payload, int(rows[row, k.FILL]))
                if isinstance(fields, Rejected):
                    reason = fields.reason
                    layout[row] = k.NO_PART
                else:
                    decoded[row] = fields
            if reason is not None:
                self.ledger.reject(reason, parts)
        return decoded


def _moved(decoded: dict[int, dict[str, JsonValue]], good: NDArray[np.bool_]) -> dict[int, dict[str, JsonValue]]:
    """The same by the row numbers that are left when bad rows are gone."""
    places = np.cumsum(good) - 1
    return {int(places[row]): fields for row, fields in decoded.items()}


def _outputs(
    n: int,
) -> tuple[
    NDArray[np.int8], NDArray[np.int32], NDArray[np.bool_], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8],
    NDArray[np.int64],
]:  # fmt: skip
    """Room for n rows: layout, mmsi, whole, values, text_row, texts, hashes."""
    return (
        np.empty(n, np.int8), np.empty(n, np.int32), np.empty(n, np.bool_), np.empty((n, len(COLUMNS)), np.int32),
        np.empty(n, np.int32), np.empty((n, TEXT_WIDTH), np.uint8), np.empty(n, np.int64),
    )  # fmt: skip


def _route_for(length: int) -> Route:
    if kernels.COMPILED:
        return "numba"
    return "numpy" if length >= NUMPY_FROM_BYTES else "python"


_compiled: list[float] = []


def compile_once() -> float:
    """Compile the kernels, or load them from numba's cache on disk; says so on stderr if it compiled. Seconds it took."""
    if not _compiled:
        began = time.perf_counter()
        state = np.zeros(k.STATE_WIDTH, np.int64)
        raw = np.frombuffer(b"\n", np.uint8)
        six, rows = np.zeros(64, np.uint8), np.zeros((1, k.FRAME_WIDTH), np.int64)
        k.scan(raw, 0, 1, state, rows, six, np.zeros(k.BUSY_SLOTS, np.int64))
        layout, mmsi, whole, values, text_row, texts, hashes = _outputs(0)
        k.fill_columns(six, rows[:0], _MINIMUM, *k.TABLES, layout, mmsi, whole, values, text_row, texts, hashes)
        empty = np.empty(0, np.int64)
        k.mark_repeats(empty, empty, 1, 1, np.zeros((1, k.WAYS, 3), np.int64), empty)
        k.name_hash(raw, 0, 0)
        k.busy_slot(0, 0, 1)
        _compiled.append(time.perf_counter() - began)
        kernels_of: tuple[Any, ...] = (k.scan, k.fill_columns, k.mark_repeats)
        if any(kernel.stats.cache_misses for kernel in kernels_of if kernels.COMPILED):
            words = say("ais.cli.compiled", seconds=f"{_compiled[0]:.1f}")
            sys.stderr.write(f"{words.zh} / {words.en}\n")
    return _compiled[0]
