"""Owns bytes -> MessageBatch: the fast routes over plain lines and whole payloads, and what they leave to framing and pyais.

Never decides what a sentence means differently from `framing.py` and `decode.py`: every route gives the same messages.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ais import kernels
from ais import kernels as k
from ais.columns import SOURCES, MessageBatch
from ais.fragments import Fragment, Frame
from ais.framing import Framer
from ais.ledger import Ledger
from ais.message_tables import MOST_FIELDS, MOST_TEXTS, PERSONS_PLACE, TABLES, WEATHER_PLACE
from ais.stamps import NO_STAMP, Stamp
from ais.text import say
from config.settings import AisSettings

if TYPE_CHECKING:
    from types import ModuleType

    from ais.fast_numpy import PlainLines

Route = Literal["numba", "numpy", "python"]
NUMPY_FROM_BYTES = 30_000  # about 500 sentences: below, numpy costs more than it saves (docs/decisions/0008)
NUMPY_FROM_ROWS = 32  # the same for the columns alone
_MAX_NAMES = 1 << 16
_SHORTEST = 17  # bytes of the shortest sentence with its line feed
_UNUSED = 2  # references to an array that only its owner holds: the owner's and the question's
_SIX: list[int] = k.SIX_OF.tolist()
_REJECTS = ("no_checksum", "bad_checksum", "empty_payload")  # from k.S_NO_CHECKSUM on


@cache
def _routes() -> ModuleType:
    """The routes, once something is decoded."""
    from ais import routes  # noqa: PLC0415

    return routes


class Repeats:
    """Payloads heard lately, shared by the decoders of several sources so that overlapping stations count once.

    Bounded: four payloads a bucket; when a bucket is full its oldest gives room. `buckets` is a power of two.
    """

    def __init__(self, window_s: float, buckets: int = 1 << 16) -> None:
        self.window_ms = int(window_s * 1000)
        self.serial = 1
        self.table: NDArray[np.int64] = np.zeros((buckets, k.WAYS, 3), np.int64)


class Stations:
    """Numbers of the stations' names, for `kernels_lines.place_of` and for what framing reads. Bounded by `forget`."""

    def __init__(self) -> None:
        self.slots: NDArray[np.int64] = np.zeros((k.NAME_SLOTS, 2), np.int64)
        self.names: tuple[str, ...] = ()
        self._numbers: dict[str, int] = {}

    def forget(self, state: NDArray[np.int64]) -> None:
        """Begin anew if there are too many."""
        if len(self.names) > _MAX_NAMES:
            self.slots[:] = 0
            self.names = ()
            self._numbers.clear()
            state[k.S_NAMES] = state[k.S_NAMED] = 0

    def learn(self, names: Iterable[str]) -> None:
        for name in names:
            self._numbers[name] = len(self.names)
            self.names += (name,)

    def number(self, name: str | None, state: NDArray[np.int64], fresh: NDArray[np.int64]) -> int:
        if name is None:
            return -1
        if name not in self._numbers:
            if kernels.COMPILED:
                raw = np.frombuffer(name.encode(), np.uint8)
                if _routes().place_of(raw, 0, len(raw), state, self.slots, fresh) < len(self.names):
                    raise AssertionError(name)  # the kernel knows only names that were learnt
                state[k.S_FRESH] = 0
            self.learn((name,))
        return self._numbers[name]


class _Room:
    """Arrays to decode into, used again for the next pieces unless somebody still reads a batch in them.

    New memory costs more than decoding: the kernel of the system fills each page with zeros at its first use.
    """

    def __init__(self, length: int) -> None:
        most = length // _SHORTEST + 8
        self.length = length
        self.rows: NDArray[np.void] = np.empty(most, k.ROW)
        self.words: NDArray[np.int64] = np.zeros(
            length // 10 + 2 * most + 64, np.int64
        )  # each read as 60 bits, also behind the last
        self.fresh: NDArray[np.int64] = np.empty((most, 2), np.int64)
        self.held: NDArray[np.int64] = np.zeros((k.HELD + 1, k.SENTENCE_WIDTH), np.int64)
        self.groups: NDArray[np.int64] = np.zeros((k.HELD, k.G_STATION + 1), np.int64)
        self.values: NDArray[np.int32] = np.empty(0, np.int32)
        self.octets: NDArray[np.uint8] = np.empty(0, np.uint8)

    def for_bytes(self, length: int) -> _Room:
        """Itself, or a new room if it is too small or in use."""
        if length <= self.length and sys.getrefcount(self.rows) <= _UNUSED:
            return self
        return _Room(max(length, self.length))

    def for_columns(self, rows: int, words: int) -> None:
        if rows * MOST_FIELDS > len(self.values):
            self.values = np.empty(rows * MOST_FIELDS, np.int32)
        if 10 * words + rows * MOST_TEXTS > len(self.octets):
            self.octets = np.empty(10 * words + rows * MOST_TEXTS, np.uint8)


class BatchDecoder:
    """One per source: it carries the unfinished line, half messages and the tag groups of that source from feed to feed.

    Args:
        repeats: share one between sources; None makes an own one.
        route: forces one, for tests and benchmarks; None takes numba if installed, else numpy for large pieces, else Python.
    """

    def __init__(self, settings: AisSettings, *, repeats: Repeats | None = None, route: Route | None = None) -> None:
        self._framer = Framer(
            fragment_age_s=settings.fragment_age_s,
            fragment_age_sentences=settings.fragment_age_sentences,
            max_pending=settings.max_pending_fragments,
        )
        self._repeats = repeats or Repeats(settings.duplicate_window_s)
        self._route = route
        self._stations = Stations()
        self._room = _Room(0)
        self._state: NDArray[np.int64] = np.zeros(k.STATE_WIDTH, np.int64)
        self._state[k.S_AGE] = int(settings.fragment_age_s * 1000)
        self._state[k.S_AGE_SENTENCES] = settings.fragment_age_sentences
        self._result: NDArray[np.int64] = np.zeros(k.RESULT_WIDTH, np.int64)
        if kernels.COMPILED and route in (None, "numba"):
            compile_once()

    @property
    def ledger(self) -> Ledger:
        return self._framer.ledger

    def feed(self, data: bytes, received_at: datetime | None = None) -> MessageBatch:
        """Messages completed by `data`, which may end anywhere. `received_at` (aware) stamps what carries no time itself."""
        self.ledger.read_bytes += len(data)
        self._framer.received_ms = None if received_at is None else int(received_at.timestamp() * 1000)
        return self._batch(self._framer.pieces(data))

    def finish(self) -> MessageBatch:
        """The last line without an end; what is still half is given up."""
        line = self._framer.last_line()
        batch = self._batch([(line, 0, len(line))])
        self._framer.assembler.give_up_all()
        return batch

    def batches(self, chunks: Iterable[bytes]) -> Iterator[MessageBatch]:
        """All messages of a finite source."""
        for chunk in chunks:
            yield self.feed(chunk)
        yield self.finish()

    def _batch(self, pieces: list[tuple[bytes, int, int]]) -> MessageBatch:
        length = sum(last - first for _, first, last in pieces)
        route = self._route or _route_for(length)
        state = self._state
        self._stations.forget(state)
        self._room = self._room.for_bytes(length)
        state[k.S_WORDS] = state[k.S_ROWS] = 0
        state[k.S_RECEIVED] = -1 if self._framer.received_ms is None else self._framer.received_ms
        for data, first, last in pieces:
            if route == "numba":
                self._scan(data, first, last)
            else:
                lines = data[first:last]
                self._walk(lines, _routes().fast_numpy.plain_lines(lines) if route == "numpy" else None)
        return self._columns(route)

    def _scan(self, data: bytes, pos: int, last: int) -> None:
        """Plain lines by the kernel, each other line by `framing.py`, in order."""
        state, room, stations, ledger, assembler = self._state, self._room, self._stations, self.ledger, self._framer.assembler
        raw, routes = np.frombuffer(data, np.uint8), _routes()
        self._wrapper_in()
        while pos < last:
            state[k.S_LINES : k.S_EMPTY_BYTES + 1] = 0
            state[k.S_LINE], state[k.S_SENTENCE] = ledger.read_lines, ledger.sentences
            state[k.S_MOST_HELD] = min(k.HELD, assembler.free)
            pos = routes.scan(
                raw, pos, last, state, room.rows, room.words, assembler.busy, stations.slots, room.fresh, room.held, room.groups
            )
            if state[k.S_FRESH]:
                places = room.fresh[: state[k.S_FRESH]].tolist()
                stations.learn(data[first : first + length].decode("ascii") for first, length in places)
                state[k.S_FRESH] = 0
            if state[k.S_HELD] or state[k.S_GROUPS]:
                self._give_back(data)
            lines, sentences, other = state[k.S_LINES : k.S_OTHER + 1].tolist()
            ledger.read_lines += lines
            ledger.sentences += sentences
            ledger.no_sentence(int(state[k.S_OTHER_BYTES]), other)
            for place, reason in enumerate(_REJECTS, k.S_NO_CHECKSUM):
                if count := int(state[place]):
                    ledger.reject(reason, int(state[place + k.S_BYTES]), count)
            if pos < last:
                end = data.index(b"\n", pos)
                self._wrapper_out()
                self._line(data[pos:end], last - end)
                self._wrapper_in()
                pos = end + 1
        self._wrapper_out()

    def _give_back(self, data: bytes) -> None:
        """Hand half messages and tag groups of a scan to framing, which keeps them between scans."""
        state, room, names, framer = self._state, self._room, self._stations.names, self._framer
        for row in room.held[: state[k.S_HELD]].tolist():
            at, source, station, check, payload = (
                row[k.L_AT],
                row[k.L_SOURCE],
                row[k.L_STATION],
                row[k.L_CHECK],
                row[k.L_PAYLOAD],
            )
            fragment = Fragment(
                talker=bytes(divmod(row[k.L_TALKER], 256)),
                own=row[k.L_OWN] == 1,
                total=row[k.L_TOTAL],
                number=row[k.L_NUMBER],
                sequence=b"" if row[k.L_SEQ] < 0 else b"%d" % row[k.L_SEQ],
                channel=bytes((row[k.L_CHANNEL],)) if row[k.L_CHANNEL] else b"",
                payload=data[payload : payload + row[k.L_LENGTH]],
                fill=row[k.L_FILL],
                checksum=row[k.L_SUM],
                line=row[k.L_LINE],
                size=row[k.L_SIZE],
                stamp=_stamp(at, source, None if station < 0 else names[station], check),
                received_ms=framer.received_ms,
            )
            framer.assembler.hold(fragment, row[k.L_SENTENCE])
        for row in room.groups[: state[k.S_GROUPS]].tolist():
            place, at, station = row[k.G_PLACE], row[k.G_AT], row[k.G_STATION]
            name = data[place : place + row[k.G_LENGTH]]
            framer.tags.learn(name, _stamp(at, 0 if at >= 0 else -1, None if station < 0 else names[station], -1))
        state[k.S_HELD] = state[k.S_GROUPS] = 0

    def _walk(self, data: bytes, plain: PlainLines | None) -> None:
        """Runs of plain lines by numpy, each other line by `framing.py`, in order."""
        lines = data.split(b"\n")[:-1]
        at = 0
        while at < len(lines):
            run = plain.run_from(at) if plain is not None and self._framer.wrapper is NO_STAMP else at
            if plain is not None and run > at:
                self._take_run(plain, at, run)
                at = run
            else:
                self._line(lines[at], len(data))
                at += 1

    def _take_run(self, plain: PlainLines, first: int, last: int) -> None:
        state, count = self._state, last - first
        place = int(state[k.S_ROWS])
        rows = self._room.rows[place : place + count]
        received = int(state[k.S_RECEIVED])
        state[k.S_WORDS] = plain.copy(first, last, rows, self._room.words, int(state[k.S_WORDS]))
        rows["at_ms"], rows["at_source"] = received, SOURCES.index("receiver") if received >= 0 else -1
        rows["station"] = -1
        rows["first_line"] = rows["last_line"] = self.ledger.read_lines + 1 + np.arange(count)
        rows["sentences"] = 1
        state[k.S_ROWS] = place + count
        self.ledger.read_lines += count
        self.ledger.sentences += count

    def _line(self, line: bytes, to_come: int) -> None:
        for frame in self._framer.line(line):
            self._add(frame, to_come)

    def _add(self, frame: Frame, to_come: int) -> None:
        """A frame that framing made, into the next row; `to_come`: bytes of the piece behind it."""
        state, room = self._state, self._room
        at, place = int(state[k.S_WORDS]), int(state[k.S_ROWS])
        words = _words(frame.payload)
        behind = to_come // 10 + len(room.rows) + 64
        if at + len(words) + behind > len(room.words):
            room.words = np.concatenate([room.words, np.zeros(len(words) + behind, np.int64)])
        room.words[at : at + len(words)] = words
        room.rows[place] = (
            -1 if frame.at_ms is None else frame.at_ms, frame.first_line, frame.last_line, 0, -1, at, len(frame.payload),
            self._stations.number(frame.station, state, room.fresh), 0, 0, 0, 0, frame.size, frame.fill, frame.sentences, frame.own,
            -1 if frame.source is None else SOURCES.index(frame.source), 0, 0,
        )  # fmt: skip
        state[k.S_WORDS], state[k.S_ROWS] = at + len(words), place + 1

    def _wrapper_in(self) -> None:
        """What framing knows of a $PGHP line in force, into the kernel's state."""
        state, wrapper = self._state, self._framer.wrapper
        state[k.S_WRAPPED] = wrapper is not NO_STAMP
        if wrapper.at_ms is not None:
            state[k.S_W_AT] = wrapper.at_ms
            state[k.S_W_CHECK] = -1 if wrapper.packet_check is None else wrapper.packet_check
            state[k.S_W_STATION] = self._stations.number(wrapper.station, state, self._room.fresh)

    def _wrapper_out(self) -> None:
        state = self._state
        if not state[k.S_WRAPPED]:
            self._framer.wrapper = NO_STAMP
            return
        station, check = int(state[k.S_W_STATION]), int(state[k.S_W_CHECK])
        name = None if station < 0 else self._stations.names[station]
        self._framer.wrapper = Stamp(int(state[k.S_W_AT]), "pghp", name, None if check < 0 else check)

    def _columns(self, route: Route) -> MessageBatch:
        state, room, result, repeats = self._state, self._room, self._result, self._repeats
        count = int(state[k.S_ROWS])
        if count == 0:
            return MessageBatch(room.rows[:0], room.values[:0], room.octets[:0], self._stations.names)
        room.for_columns(count, int(state[k.S_WORDS]))
        by_layout = route == "numpy" or (count >= NUMPY_FROM_ROWS and not kernels.COMPILED)
        fill_columns = _routes().fast_numpy.fill if by_layout else _routes().fill
        fill_columns(
            room.rows if kernels.COMPILED else room.rows.view(np.recarray), count, room.words, *TABLES, PERSONS_PLACE, WEATHER_PLACE, repeats.serial, repeats.window_ms, repeats.table,
            room.values, room.octets, result,
        )  # fmt: skip
        kept, values, octets, used, used_bytes = result[: k.R_SOURCES].tolist()
        repeats.serial += kept
        self.ledger.messages += kept
        self.ledger.fragments_used += used
        self.ledger.decoded_bytes += used_bytes
        for place, reason in enumerate(k.R_REASONS):
            if sentences := int(result[k.R_UNKNOWN_TYPE + place]):
                self.ledger.reject(reason, int(result[k.R_BYTES + place]), sentences)
        return MessageBatch(room.rows[:kept], room.values[:values], room.octets[:octets], self._stations.names)


def _stamp(at: int, source: int, station: str | None, check: int) -> Stamp:
    if at < 0 and station is None:
        return NO_STAMP
    return Stamp(None if at < 0 else at, None if source < 0 else SOURCES[source], station, None if check < 0 else check)


def _words(payload: bytes) -> list[int]:
    """Ten characters a word, as `kernels_lines` packs them."""
    words = []
    for first in range(0, len(payload), 10):
        word = 0
        for code in payload[first : first + 10].ljust(10, b"0"):
            word = word << 6 | _SIX[code]
        words.append(word)
    return words


def _route_for(length: int) -> Route:
    if kernels.COMPILED:
        return "numba"
    return "numpy" if length >= NUMPY_FROM_BYTES else "python"


_compiled: list[float] = []


def compile_once() -> float:
    """Compile the kernels, or load them from numba's cache on disk; says so on stderr if it compiled. Seconds it took."""
    if not _compiled:
        began = time.perf_counter()
        entries = (_routes().place_of, _routes().scan, _routes().fill)
        if not _run_once():  # the cache is of other sources
            for kernel in entries:
                kernel.recompile()
            _run_once()
        _compiled.append(time.perf_counter() - began)
        if any(kernel.stats.cache_misses for kernel in entries):
            words = say("ais.cli.compiled", seconds=f"{_compiled[0]:.1f}")
            sys.stderr.write(f"{words.zh} / {words.en}\n")
    return _compiled[0]


def _run_once() -> bool:
    """Each entry once over nothing; False if the machine code is not of these sources."""
    room, stations = _Room(1), Stations()
    state, result = np.zeros(k.STATE_WIDTH, np.int64), np.zeros(k.RESULT_WIDTH, np.int64)
    raw = np.frombuffer(b"\n", np.uint8)
    busy, routes = np.zeros(k.BUSY_SLOTS, np.int64), _routes()
    routes.scan(raw, 0, 1, state, room.rows, room.words, busy, stations.slots, room.fresh, room.held, room.groups)
    table = np.zeros((1, k.WAYS, 3), np.int64)
    routes.fill(
        room.rows, 0, room.words, *TABLES, PERSONS_PLACE, WEATHER_PLACE, 1, 1, table, room.values, room.octets, result
    )  # fmt: skip
    routes.place_of(raw, 0, 0, state, stations.slots, room.fresh)
    return bool(state[k.S_SOURCES] == result[k.R_SOURCES] == k.SOURCES_MARK)
