"""The bar on replay: any one-bit edit of what is stored of a case file is located, whatever column it hits."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from companion import replay, writing
from companion.model import Role
from core.errors import Altered

EVENTS = (
    "type",
    "at",
    "actor",
    "role",
    "payload",
    "seq",
    "case_id",
)  # the last two are the key: the row is gone from its place
JOURNAL = ("prev_hash", "hash", "at_utc", "actor", "action", "payload", "seq", "stream")
CASE = ("key", "version", "subject", "state", "outcome", "seq", "id")


@pytest.fixture
def breached(window):
    """A case file with a journal of three entries."""
    window.at("2026-03-02")
    case = window.apply("network_freight_licence", {"assessment_level": 3}).case
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    return window.confirm(case).case


def flipped(value: object, seed: random.Random) -> bytes | int:
    """The value with one bit the other way: of a number, or of its text."""
    if isinstance(value, int):
        return value ^ (1 << seed.randint(6, 30))  # not to the number of another row
    raw = bytearray(str(value).encode())
    raw[seed.randrange(len(raw))] ^= 1 << seed.randrange(8)
    return bytes(raw)


class File:
    """The database file in the hands of somebody who goes around the service and its triggers."""

    def __init__(self, path: Path) -> None:
        self.at = sqlite3.connect(path, isolation_level=None)
        self.at.execute("PRAGMA synchronous = OFF")
        for (name,) in self.at.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self.at.execute(f"DROP TRIGGER {name}")

    def edit(self, table: str, column: str, where: str, seed: random.Random) -> Callable[[], None]:
        """Flip one bit; returns how to put it back."""
        rowid, old = self.at.execute(f"SELECT rowid, {column} FROM {table} WHERE {where}").fetchone()  # noqa: S608 - names of ours
        change = f"UPDATE {table} SET {column} = {'?' if isinstance(old, int) else 'CAST(? AS TEXT)'} WHERE rowid = ?"  # noqa: S608
        self.at.execute(change, (flipped(old, seed), rowid))
        return lambda: self.at.execute(change, (old, rowid))


def test_any_one_bit_edit_is_located(window, breached):
    seed, case_id, stream = random.Random(20261124), breached.id, writing.stream_of(breached.id)
    settings = window.services.settings
    with window.services.db.read() as session:
        assert replay.replay_all(session, settings).events == breached.seq
    edits = [("companion_event", column, "case_id", case_id, seed.randint(1, breached.seq)) for column in EVENTS * 8]
    edits += [("core_journal", column, "stream", stream, seed.randint(1, 3)) for column in JOURNAL * 4]
    edits += [("companion_case", column, "id", case_id, 0) for column in CASE * 2]
    file = File(settings.data_dir / "yunjian.db")
    for table, column, key, name, seq in edits:
        put_back = file.edit(table, column, f"{key} = '{name}'" + (f" AND seq = {seq}" if seq else ""), seed)
        with window.services.db.read() as session, pytest.raises(Altered) as caught:
            replay.replay_all(session, settings)
        put_back()
        if table == "companion_event":
            assert caught.value.params == {"case": case_id, "seq": seq}, column
        elif table == "core_journal" and column not in ("stream", "seq"):
            assert caught.value.params == {"stream": stream, "seq": seq}, column
    file.at.close()
    with window.services.db.read() as session:
        assert replay.replay_all(session, settings).events == breached.seq
