"""Bars of the companion service: 100,000 open obligations swept < 1 s (with those of one midnight waking at once); 100,000 decisions replayed from their events < 60 s with
identical bytes and checked against the journal; a one-bit edit located.

Usage: python -m tests.perf.bench_companion [--small]. CPU seconds of this process (and its two workers), because the machine is shared.
The rows are written in bulk from decisions of the same engine; every replayed command is decided again, one by one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from companion import engine, obligations, replay, store, terms, writing
from companion.calendars import calendar_of
from companion.definition import procedures
from companion.model import Actor, Apply, CaseFile, Role
from companion.run import Context
from config import Settings, load_settings
from core import journal
from core.clock import ManualClock
from core.context import Services
from core.db import Database, migrate
from core.errors import Altered
from core.files import FileStore
from core.store import JournalRow

PAPER = "0" * 64
FIRMS = 50
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def fill(db: Database, settings: Settings, key: str, facts: dict, documents: list[str], count: int) -> None:
    """`count` granted applications, each a case file with its journal."""
    known = procedures()
    definition = known.current(key, NOW.date())
    context = Context(Actor("firm", Role.APPLICANT), NOW, calendar_of(settings), known.effects)
    results = []
    for firm in range(
        FIRMS
    ):  # events do not name their case file, so a firm's application is decided once and filed many times
        command = Apply(subject=f"firm-{firm}", facts=facts, documents=dict.fromkeys(documents, PAPER), commitment_signed=True)
        results.append(engine.decide(definition, CaseFile(), command, context))
    with db.write() as session:
        for start in range(0, count, 2_000):
            rows: dict[type, list[dict]] = {
                kind: [] for kind in (store.CaseRow, store.EventRow, JournalRow, store.ObligationRow)
            }
            for n in range(start, min(start + 2_000, count)):
                add(rows, definition, results[n % FIRMS], f"case-{n:07d}", n)
            for kind, values in rows.items():
                if values:
                    session.execute(kind.__table__.insert(), values)


def add(rows: dict, definition, result, case_id: str, n: int) -> None:
    case = result.case
    rows[store.CaseRow].append({"id": case_id, "key": case.key, "version": case.version, "subject": case.subject, "state": case.state,
                                "outcome": case.outcome, "klass": case.klass, "seq": case.seq, "opened_at": NOW, "waits_known": True})  # fmt: skip
    rows[store.EventRow] += [
        {"case_id": case_id, "seq": event.seq, "type": event.type, "at": event.at, "actor": event.actor, "role": event.role,
         "payload": dict(event.payload)} for event in result.events
    ]  # fmt: skip
    digests = writing.digests(case_id, result.events)
    entry = journal.seal(writing.stream_of(case_id), 1, journal.GENESIS, NOW, "firm", None, "apply",
                         {"version": f"{case.key}@{case.version}", "first": 1, "events": digests})  # fmt: skip
    rows[JournalRow].append({name: getattr(entry, name) for name in ("stream", "seq", "prev_hash", "hash", "at_utc", "actor",
                                                                     "on_behalf", "action", "payload")})  # fmt: skip
    for known in case.obligations.values():
        spread = timedelta(days=n % 180)  # due days over half a year, as they are in a running service
        rows[store.ObligationRow].append(
            {"case_id": case_id, "id": known.id, "subject": case.subject, "deadline": known.deadline, "owed_by": "applicant",
             "start": known.start, "due": known.due, "provisional": known.provisional, "state": "open", "overdue": False,
             "wakes_at": terms.wakes_at(definition, known) + spread}
        )  # fmt: skip


def part(data_dir: str, first: str, last: str) -> tuple[int, float]:
    """Replay a range of case files in a worker: (commands, CPU seconds)."""
    settings = load_settings({"data_dir": data_dir}, environ={})
    db, began = Database(settings.data_dir), time.process_time()
    with db.read() as session:
        told = replay.replay_all(session, settings, first=first, last=last)
    db.close()
    return told.commands, time.process_time() - began


def open_world(folder: Path) -> tuple[Services, ManualClock]:
    settings = load_settings({"data_dir": str(folder)}, environ={})
    db, clock = Database(settings.data_dir), ManualClock(NOW)
    migrate(db)
    return Services(settings, db, FileStore(folder / "files"), clock), clock


def bench_replay(folder: Path, count: int) -> dict[str, object]:
    services, _ = open_world(folder)
    fill(services.db, services.settings, "drainage_permit",
         {"on_city_list": False, "production_waste_water": False, "household": False}, ["water_quality_commitment"], count)  # fmt: skip
    half, began = f"case-{count // 2:07d}", time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(part, str(folder), "", half), pool.submit(part, str(folder), half, "")]
        done = [job.result() for job in jobs]
    wall = time.perf_counter() - began
    victim = f"case-{count // 3:07d}"
    with services.db.write() as session:
        payload = session.get_one(store.EventRow, (victim, 4)).payload
        changed = json.dumps(payload).replace("0", "1", 1)
        session.execute(
            text("UPDATE companion_event SET payload = :new WHERE case_id = :id AND seq = 4"), {"new": changed, "id": victim}
        )
    located = None
    with services.db.read() as session:
        try:
            replay.replay_all(session, services.settings, first=f"case-{max(0, count // 3 - 50):07d}", last="")
        except Altered as error:
            located = error.params
    services.db.close()
    assert located == {"case": victim, "seq": 4}, located
    decisions, cpu = sum(one for one, _ in done), [seconds for _, seconds in done]
    assert decisions == count
    return {"decisions": decisions, "replay_wall_s": round(wall, 2), "replay_cpu_s": round(sum(cpu), 2),
            "replay_slower_half_cpu_s": round(max(cpu), 2), "bar_s": 60, "ratio_goal_replay": round(max(cpu) / 60 * 100_000 / count, 3),
            "one_bit_edit_located": True}  # fmt: skip


def bench_sweep(folder: Path, count: int) -> dict[str, object]:
    services, clock = open_world(folder)
    papers = [
        part.id for part in procedures().current("network_freight_licence", NOW.date()).documents if part.role == "upfront"
    ]
    fill(services.db, services.settings, "network_freight_licence", {"assessment_level": 3}, papers, count)
    figures: dict[str, object] = {"open_obligations": count}
    with services.db.read() as session:
        first = session.scalar(select(func.min(store.ObligationRow.wakes_at)))
    for name, at in (("sweep_nothing_due", NOW), ("sweep_first_day", first)):
        clock.advance((at - clock.now()).total_seconds())
        began, wall = time.process_time(), time.perf_counter()
        swept = obligations.sweep(services)
        spent = time.process_time() - began
        figures |= {
            f"{name}_woken": swept.woken,
            f"{name}_cpu_s": round(spent, 3),
            f"{name}_wall_s": round(time.perf_counter() - wall, 3),
        }
    services.db.close()
    return figures | {"bar_s": 1, "ratio_goal_sweep": figures["sweep_first_day_cpu_s"]}


def main(*, small: bool) -> None:
    count = 2_000 if small else 100_000
    with tempfile.TemporaryDirectory() as folder:
        told = bench_replay(Path(folder) / "replay", count)
        swept = bench_sweep(Path(folder) / "sweep", count)
    print(json.dumps({"schema": "yunjian.bench/1", "replay": told, "sweep": swept}))


if __name__ == "__main__":
    main(small="--small" in sys.argv)
