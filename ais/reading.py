"""Owns reading a log file, and the reference way through framing and pyais, one message after the other.

Never keeps messages: they pass one by one.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ais.decode import Message, Rejected, decode
from ais.fragments import Frame
from ais.framing import Framer
from ais.ledger import Ledger
from config.settings import AisSettings
from core.errors import InputError, NotFound

_CHUNK = 1 << 18
Progress = Callable[[int], None]


class Reader:
    """Bytes in, messages out; `ledger` counts. `batch.BatchDecoder` gives the same messages many times faster."""

    def __init__(self, settings: AisSettings) -> None:
        self._framer = Framer(
            fragment_age_s=settings.fragment_age_s,
            fragment_age_sentences=settings.fragment_age_sentences,
            max_pending=settings.max_pending_fragments,
        )

    @property
    def ledger(self) -> Ledger:
        return self._framer.ledger

    def feed(self, data: bytes) -> Iterator[Message]:
        yield from self._decoded(self._framer.feed(data))

    def finish(self) -> Iterator[Message]:
        yield from self._decoded(self._framer.finish())

    def _decoded(self, frames: list[Frame]) -> Iterator[Message]:
        for frame in frames:
            message = decode(frame)
            if isinstance(message, Rejected):
                self.ledger.reject(message.reason, frame.size, frame.sentences)
            else:
                self.ledger.accept(frame.sentences, frame.size)
                yield message


def read_messages(reader: Reader, chunks: Iterable[bytes]) -> Iterator[Message]:
    """All messages of a finite source."""
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


def file_chunks(path: Path, on_progress: Progress | None = None) -> Iterator[bytes]:
    """Content of a log, also ``.gz``; `on_progress` gets the bytes read so far from the file.

    Raises:
        NotFound: no such file.
        InputError: it cannot be read, or is not the gzip file that its name says.
    """
    if not path.is_file():
        raise NotFound("ais.file_missing", path=str(path))
    try:
        with path.open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            while chunk := stream.read(_CHUNK):
                if on_progress is not None:
                    on_progress(raw.tell())
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise InputError("ais.file_unreadable", path=str(path), reason=str(error)) from error
