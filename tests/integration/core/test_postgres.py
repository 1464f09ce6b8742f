"""The kernel on a real PostgreSQL: transactions, journal, events, codes, messages, jobs, backup."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config import load_settings
from core import events, jobs, journal
from core.backup import backup
from core.clock import ManualClock
from core.context import Services
from core.errors import Altered, Refused
from core.job_runner import JobRunner
from core.message_channels import Channel, Message
from core.messages import DeliveryCount, deliver_due, post
from core.restore import restore
from tests.kernel import make_services
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]

pytestmark = pytest.mark.peer


@pytest.fixture
def pg(postgres_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[Services]:
    settings = load_settings({"data_dir": str(tmp_path / "pg"), "database.url": postgres_url}, environ={})
    settings.data_dir.mkdir()
    services = make_services(settings, clock)
    yield services
    services.db.close()


def test_times_json_and_rollback(pg: Services) -> None:
    with pg.db.write() as session:
        job = jobs.enqueue(session, pg.clock, "k", "key", {"zh": "船", "n": [1, None]})
    with pg.db.read() as session:
        assert jobs.get(session, "key") == job
        assert jobs.get(session, "key").created_at == pg.clock.now()


def test_journal_refuses_changes_and_parallel_writers_keep_one_chain(pg: Services) -> None:
    def write(actor: str) -> None:
        for number in range(10):
            with pg.db.write() as session:
                journal.append(session, pg.clock, stream="s", actor=actor, action="did", payload={"n": number})

    threads = [threading.Thread(target=write, args=(f"a{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pg.db.read() as session:
        chain = journal.entries(session, "s")
    assert len(chain) == 40
    journal.verify(chain)
    for statement in ("UPDATE core_journal SET actor = 'x'", "DELETE FROM core_journal", "TRUNCATE core_journal"):
        with pytest.raises(DBAPIError, match="append-only"), pg.db.write() as session:
            session.execute(text(statement))


def test_no_event_is_skipped_while_writers_overlap(pg: Services) -> None:
    """Ids grow in commit order: a reader that runs meanwhile never passes over one that commits late."""
    seen: list[int] = []
    writing = threading.Event()

    def write() -> None:
        for _ in range(20):
            with pg.db.write() as session:
                events.publish(session, pg.clock, stream="s", type="t", payload={})
        writing.set()

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        events.deliver(pg.db, "one", lambda event: seen.append(event.id))
    events.deliver(pg.db, "one", lambda event: seen.append(event.id))
    assert len(seen) == 60
    assert seen == sorted(seen)


def test_messages_and_keys(pg: Services) -> None:
    with pg.db.write() as session:
        post(session, pg.clock, Message("k", Channel.EMAIL, "a@b.example", "s", "b"))
        with pytest.raises(Refused):
            post(session, pg.clock, Message("k", Channel.EMAIL, "c@b.example", "s", "b"))
    assert deliver_due(pg, {Channel.EMAIL: lambda _message: None}) == DeliveryCount(sent=1)


def test_job_runs_on_postgres(pg: Services) -> None:
    with pg.db.write() as session:
        jobs.enqueue(session, pg.clock, "k", "key", {})
    done = threading.Event()

    def handler(run: object) -> dict[str, bool]:
        return {"ok": True}

    runner = JobRunner(pg, {"k": handler})
    runner.start()
    try:
        runner.dispatch()
        for _ in range(400):
            with pg.db.read() as session:
                if jobs.get(session, "key").state.is_final:
                    break
            done.wait(0.05)
    finally:
        runner.stop()
    with pg.db.read() as session:
        assert jobs.get(session, "key").result == {"ok": True}


def test_backup_and_restore(pg: Services, postgres_url: str, tmp_path: Path) -> None:
    pg.files.put_bytes(b"photo")
    with pg.db.write() as session:
        journal.append(session, pg.clock, stream="s", actor="a", action="did", payload={"zh": "船"})
    saved = backup(pg, tmp_path / "b.tar").path
    base, _, name = postgres_url.rpartition("/")
    target = f"{name}_r"
    with pg.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {target}"))
    settings = load_settings({"data_dir": str(tmp_path / "r"), "database.url": f"{base}/{target}"}, environ={})
    report = restore(settings, saved)
    assert (report.files, report.streams) == (1, 1)
    again = make_services(settings, pg.clock)
    with again.db.read() as session:
        assert journal.entries(session, "s")[0].payload == {"zh": "船"}
        with pytest.raises(Altered):
            journal.verify(journal.entries(session, "s") * 2)
    again.db.close()
    with pytest.raises(Refused):
        restore(load_settings({"data_dir": str(tmp_path / "r2"), "database.url": f"{base}/{target}"}, environ={}), saved)
