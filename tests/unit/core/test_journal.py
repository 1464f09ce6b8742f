"""The hash chain: any change of any field is named; the database itself refuses changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core import journal
from core.context import Services
from core.errors import Altered

CHANGES: dict[str, Callable[[journal.Entry], dict[str, Any]]] = {
    "stream": lambda entry: {"stream": entry.stream + "x"},
    "seq": lambda entry: {"seq": entry.seq + 1},
    "prev_hash": lambda _entry: {"prev_hash": "f" * 64},
    "hash": lambda _entry: {"hash": "f" * 64},
    "at_utc": lambda entry: {"at_utc": entry.at_utc + timedelta(milliseconds=1)},
    "actor": lambda _entry: {"actor": "another"},
    "on_behalf": lambda _entry: {"on_behalf": "another"},
    "action": lambda _entry: {"action": "other"},
    "payload": lambda entry: {"payload": {**entry.payload, "n": -1}},
}


@pytest.fixture
def chain(services: Services) -> list[journal.Entry]:
    with services.db.write() as session:
        for number in range(4):
            journal.append(session, services.clock, stream="s", actor="a", action="did", payload={"n": number})
    with services.db.read() as session:
        return journal.entries(session, "s")


def test_whole_chain_verifies(chain: list[journal.Entry]) -> None:
    journal.verify(chain)
    journal.verify([])
    assert [entry.seq for entry in chain] == [1, 2, 3, 4]
    assert chain[0].prev_hash == journal.GENESIS
    assert set(chain[0].as_json()) == set(CHANGES)


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("position", [0, 1, 3])
def test_any_changed_field_is_named(chain: list[journal.Entry], field: str, position: int) -> None:
    chain[position] = replace(chain[position], **CHANGES[field](chain[position]))
    with pytest.raises(Altered) as caught:
        journal.verify(chain)
    assert caught.value.params["seq"] == position + 1


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_missing_or_moved_entry_is_named(chain: list[journal.Entry], position: int) -> None:
    shorter = chain[:position] + chain[position + 1 :]
    swapped = [*chain]
    swapped[position], swapped[position + 1] = swapped[position + 1], swapped[position]
    for wrong in (shorter, swapped):
        with pytest.raises(Altered) as caught:
            journal.verify(wrong)
        assert caught.value.params["seq"] == position + 1


_COPY = "REPLACE INTO core_journal SELECT {id}, stream, seq, prev_hash, hash, at_utc, 'x', on_behalf, action, payload"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_journal SET actor = 'x' WHERE seq = 2",
        "DELETE FROM core_journal WHERE seq = 4",
        _COPY.format(id="id") + " FROM core_journal WHERE seq = 2",
        _COPY.format(id="id + 100") + " FROM core_journal WHERE seq = 2",
    ],
)
def test_the_database_refuses_changes(services: Services, chain: list[journal.Entry], statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), services.db.write() as session:
        session.execute(text(statement))
    with services.db.read() as session:
        assert journal.entries(session, "s") == chain


def test_entry_falls_with_its_change(services: Services) -> None:
    def change() -> None:
        with services.db.write() as session:
            journal.append(session, services.clock, stream="s", actor="a", action="did", payload={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    with services.db.read() as session:
        assert journal.streams(session) == []
