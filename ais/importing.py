"""Owns importing archives: sentences of a log into tracks and conclusions, to go on after a kill with each exactly once.

Never keeps more than one stretch of a file in memory. How far it came is written in the transaction that writes the rows.
After a kill the part that is stored is read again without storing it, because what follows depends on it (half messages, the
state of each ship); so going on costs the decoding of that part, and nothing is there twice or missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ais.base_clock import BaseClock
from ais.batch import BatchDecoder
from ais.behaviour import load_behaviour
from ais.intake import Intake, feed_of
from ais.ledger import Ledger
from ais.reading import Progress, file_chunks
from ais.store import ImportRow, import_state, save_feed, save_import
from ais.tally import Tally
from core.context import Services
from core.errors import NotFound

_STRETCH_BYTES = 4 << 20
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ArchiveResult:
    """What an archive gave. `resumed_at`: unpacked bytes that were stored before; `known`: it was whole already; `late`: reports
    that were kept in the track but came too late to be judged.
    """

    name: str
    known: bool
    resumed_at: int
    ledger: Ledger
    positions: int
    events: int
    signals: int
    late: int = 0


def import_archive(services: Services, path: Path, on_progress: Progress | None = None) -> ArchiveResult:
    """Import one log, also ``.gz``; a file that was imported whole is left alone.

    Raises:
        NotFound, InputError: the file is missing or unreadable; what came before the fault is stored.
    """
    key = _key(path)
    with services.db.ais_read() as session:
        held = import_state(session, key)
        session.expunge_all()
    offset, positions = (held.offset, held.positions) if held else (0, 0)
    started = held.started_at if held else services.clock.now()
    decoder = BatchDecoder(services.settings.ais)
    if held is not None and held.done:
        return ArchiveResult(path.name, True, offset, decoder.ledger, positions, 0, 0)
    intake, tally, clock = Intake(services.settings.ais, started), Tally(), BaseClock(load_behaviour().base_clock)
    done = stored_to = 0

    def store(*, last: bool) -> None:
        nonlocal positions, stored_to
        with services.db.ais_write() as session:
            positions += intake.store(session, path.name)
            save_import(
                session, ImportRow(key=key, name=path.name, started_at=started, offset=done, positions=positions, done=last)
            )
            if last:
                save_feed(session, feed_of(path.name, started, services.clock.now(), decoder.ledger, tally))
        stored_to = done

    for chunk in file_chunks(path, on_progress):
        known = min(max(offset - done, 0), len(chunk))
        if known:
            intake.take(clock.dated(decoder.feed(chunk[:known])), tally)
            intake.forget()
            stored_to = done + known
        intake.take(clock.dated(decoder.feed(chunk[known:])), tally)
        done += len(chunk)
        if done - stored_to >= _STRETCH_BYTES:
            store(last=False)
    intake.take(clock.dated(decoder.finish()), tally)
    intake.settle()
    store(last=True)
    return ArchiveResult(path.name, False, offset, decoder.ledger, positions, intake.events, intake.signals, tally.late)


def _key(path: Path) -> str:
    """A file is known by its name, size and beginning."""
    if not path.is_file():
        raise NotFound("ais.file_missing", path=str(path))
    with path.open("rb") as file:
        return hashlib.sha256(f"{path.name}:{path.stat().st_size}:".encode() + file.read(_HEAD_BYTES)).hexdigest()
