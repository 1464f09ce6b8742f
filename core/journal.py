"""Owns the tamper-evident journal: one hash chain per stream, written in the caller's transaction.

Payloads hold ids and hashes, never names, faces or free text. Hash = SHA-256(previous hash + RFC 8785 JSON of the entry).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.clock import Clock, rfc3339
from core.errors import Altered
from core.store import JournalRow

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry as it is hashed and exported."""

    stream: str
    seq: int
    prev_hash: str
    hash: str
    at_utc: datetime
    actor: str
    on_behalf: str | None
    action: str
    payload: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The exported form: a line of ``journal.jsonl`` in a bundle."""
        return {**_hashed_part(self), "prev_hash": self.prev_hash, "hash": self.hash}


def append(
    session: Session,
    clock: Clock,
    *,
    stream: str,
    actor: str,
    action: str,
    payload: dict[str, Any],
    on_behalf: str | None = None,
) -> Entry:
    """Add the next entry of `stream`; it commits or falls with the caller's change."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"journal:{stream}"})
    last = _last(session, stream)
    at = clock.now()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    entry = seal(stream, last.seq + 1 if last else 1, last.hash if last else GENESIS, at, actor, on_behalf, action, payload)
    session.add(
        JournalRow(
            stream=entry.stream, seq=entry.seq, prev_hash=entry.prev_hash, hash=entry.hash, at_utc=entry.at_utc,
            actor=entry.actor, on_behalf=entry.on_behalf, action=entry.action, payload=entry.payload,
        )
    )  # fmt: skip
    session.flush()
    return entry


def seal(
    stream: str,
    seq: int,
    prev_hash: str,
    at_utc: datetime,
    actor: str,
    on_behalf: str | None,
    action: str,
    payload: dict[str, Any],
) -> Entry:
    """Build an entry with its hash."""
    draft = Entry(stream, seq, prev_hash, "", at_utc, actor, on_behalf, action, payload)
    return Entry(stream, seq, prev_hash, _digest(draft), at_utc, actor, on_behalf, action, payload)


def head(session: Session, stream: str) -> str:
    """Hash of the newest entry of a stream; GENESIS where there is none."""
    last = _last(session, stream)
    return last.hash if last else GENESIS


def _last(session: Session, stream: str) -> JournalRow | None:
    query = select(JournalRow).where(JournalRow.stream == stream).order_by(JournalRow.seq.desc()).limit(1)
    return session.scalars(query).first()


def entries(session: Session, stream: str) -> list[Entry]:
    """All entries of a stream in order."""
    rows = session.scalars(select(JournalRow).where(JournalRow.stream == stream).order_by(JournalRow.seq))
    return [
        Entry(row.stream, row.seq, row.prev_hash, row.hash, row.at_utc, row.actor, row.on_behalf, row.action, row.payload)
        for row in rows
    ]


def entries_of_many(session: Session, names: Sequence[str]) -> dict[str, list[Entry]]:
    """All entries of several streams, each in order, in one query."""
    row = JournalRow
    columns = (row.stream, row.seq, row.prev_hash, row.hash, row.at_utc, row.actor, row.on_behalf, row.action, row.payload)
    found: dict[str, list[Entry]] = {name: [] for name in names}
    for values in session.execute(select(*columns).where(row.stream.in_(names)).order_by(row.stream, row.seq)):
        entry = Entry(*values)
        found[entry.stream].append(entry)
    return found


def streams(session: Session) -> list[str]:
    """Names of all streams."""
    return list(session.scalars(select(JournalRow.stream).distinct().order_by(JournalRow.stream)))


def verify(chain: list[Entry]) -> None:
    """Recompute a stream's chain.

    Raises:
        Altered: naming the stream and the first entry that does not match.
    """
    previous = GENESIS
    for number, entry in enumerate(chain, start=1):
        if entry.seq != number or entry.prev_hash != previous or entry.hash != _digest(entry):
            raise Altered("journal.broken", stream=entry.stream, seq=number)
        previous = entry.hash


def _hashed_part(entry: Entry) -> dict[str, Any]:
    return {
        "stream": entry.stream,
        "seq": entry.seq,
        "at_utc": rfc3339(entry.at_utc),
        "actor": entry.actor,
        "on_behalf": entry.on_behalf,
        "action": entry.action,
        "payload": entry.payload,
    }


def _digest(entry: Entry) -> str:
    return hashlib.sha256(entry.prev_hash.encode() + rfc8785.dumps(_hashed_part(entry))).hexdigest()
