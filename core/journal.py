"""Owns the tamper-evident journal: one hash chain per stream, written in the caller's transaction.

Payloads hold ids and hashes, never names, faces or free text. Hash = SHA-256(previous hash + RFC 8785 JSON of the entry).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, func, insert, select, text
from sqlalchemy.orm import Session

from core import canonical
from core.clock import Clock, rfc3339
from core.db import text_of_time
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


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that is not yet chained."""

    stream: str
    actor: str
    action: str
    payload: dict[str, Any]


def append_many(session: Session, clock: Clock, drafts: Sequence[Draft]) -> None:
    """As `append` for many entries, in their order: one query for the heads, one statement for the rows."""
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(
            {draft.stream for draft in drafts}
        ):  # in one order everywhere, so that two batches never wait for each other
            session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"journal:{name}"})
    at = clock.now()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    heads = _heads(session, {draft.stream for draft in drafts})
    rows = []
    for draft in drafts:
        seq, previous = heads.get(draft.stream, (0, GENESIS))
        entry = seal(draft.stream, seq + 1, previous, at, draft.actor, None, draft.action, draft.payload)
        heads[draft.stream] = (entry.seq, entry.hash)
        rows.append({name: getattr(entry, name) for name in Entry.__slots__})
    if rows:
        session.execute(insert(JournalRow), rows)


def _heads(session: Session, names: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Stream -> number and hash of its newest entry."""
    row = JournalRow
    last = select(row.stream, func.max(row.seq).label("seq")).where(row.stream.in_(names)).group_by(row.stream).subquery()
    newest = (row.stream == last.c.stream) & (row.seq == last.c.seq)
    found = session.execute(select(row.stream, row.seq, row.hash).join(last, newest))
    return {stream: (seq, digest) for stream, seq, digest in found}


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


def entries(session: Session, stream: str, only: int | None = None) -> list[Entry]:
    """All entries of a stream in order, or the one of a number."""
    query = select(JournalRow).where(JournalRow.stream == stream).order_by(JournalRow.seq)
    rows = session.scalars(query if only is None else query.where(JournalRow.seq == only))
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


def check_times(session: Session, names: Sequence[str]) -> None:
    """See that each stored time is the very text that was written, where the database keeps text; the hash sees milliseconds only.

    Raises:
        Altered: naming the stream and the first entry whose time is not.
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    row = JournalRow
    query = select(row.stream, row.seq, row.at_utc, cast(row.at_utc, Text).label("written")).where(row.stream.in_(names))
    for stream, seq, at, written in session.execute(query.order_by(row.stream, row.seq)):
        if written != text_of_time(at) or at.microsecond % 1000:
            raise Altered("journal.broken", stream=stream, seq=seq)


def streams(session: Session) -> list[str]:
    """Names of all streams."""
    return list(session.scalars(select(JournalRow.stream).distinct().order_by(JournalRow.stream)))


def verify(chain: Sequence[Entry]) -> None:
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
    return hashlib.sha256(entry.prev_hash.encode() + canonical.dumps(_hashed_part(entry))).hexdigest()
