"""Owns the ledger of addresses registered on a commitment (case 8): one row per licence, sent to supervision month by month.

Never sends a month twice, nor one that is not over.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta

import rfc8785
from sqlalchemy.orm import Session

from companion import books, books_store, store
from companion.books import Entry
from companion.conditions import Value
from companion.model import ENGINE, Actor, Role
from core import events
from core.clock import rfc3339
from core.context import Services
from core.events import Event
from core.workdays import SHANGHAI, add_months, local_day

SUBSCRIBER = "companion_address_ledger"
LEDGER, SENT = "address_ledger", "address_ledgers_sent"
RECEIVER = "supervision"
_TOLD = "companion.address_ledger"
_BY_SYSTEM = Actor(ENGINE, Role.SYSTEM)


def gather(services: Services) -> int:
    """Write the rows of registrations told since the last time; returns how many facts were heard."""
    heard = 0
    while count := events.deliver(services.db, SUBSCRIBER, lambda event: _on_event(services, event)):
        heard += count
    return heard


def send_due(services: Services) -> list[Entry]:
    """Send every month that is over and was not sent: its rows in one message, with one key for all tries.

    A month without a row is not sent.
    """
    gather(services)
    this_month = local_day(services.clock.now()).replace(day=1)
    with services.db.write() as session:
        first = books_store.first_written(session, LEDGER)
        made = []
        month = _month_before(local_day(first)) if first is not None else this_month
        while month < this_month:
            if (entry := _send(services, session, month)) is not None:
                made.append(entry)
            month = add_months(month, 1)
        return made


def _on_event(services: Services, event: Event) -> None:
    """A registration on a commitment gains its row, once."""
    if event.type != _TOLD:
        return
    case_id, subject = str(event.payload["case_id"]), str(event.payload["subject"])
    with services.db.write() as session:
        if books.history(session, LEDGER, case_id):
            return
        case = store.case_file(session, case_id)
        values = {
            "registered_on": local_day(event.at_utc).isoformat(), "address": str(case.facts.get("address", "")),
            "procedure": case.key,
        }  # fmt: skip
        books.write_in(services, session, _BY_SYSTEM, LEDGER, case_id, values, subject)


def _send(services: Services, session: Session, month: date) -> Entry | None:
    ref = f"{month:%Y-%m}"
    if books.history(session, SENT, ref):
        return None
    rows = [row for row in books_store.written_since(session, LEDGER, _start(month)) if row.values["registered_on"][:7] == ref]
    if not rows:
        return None
    listed = [{"case_id": row.ref, "subject": row.subject, **row.values} for row in rows]
    digest = hashlib.sha256(rfc8785.dumps(listed)).hexdigest()
    now = services.clock.now()
    addressed = RECEIVER in services.settings.companion.endpoints
    body = {"kind": "ledger", "what": {"ledger": LEDGER, "month": ref, "rows": listed, "sha256": digest}, "at": rfc3339(now)}
    session.add(
        store.PushRow(  # filed under the newest case file that it lists
            key=f"{LEDGER}:{ref}:{RECEIVER}", case_id=rows[-1].ref, receiver=RECEIVER, kind="ledger", body=body,
            state="queued" if addressed else "inbox", attempts=0, due_at=now, queued_at=now,
            delivered_at=None if addressed else now, error=None,
        )
    )  # fmt: skip
    values: dict[str, Value] = {"month": month.isoformat(), "rows": len(rows), "sha256": digest}
    return books.write_in(services, session, _BY_SYSTEM, SENT, ref, values)


def _month_before(day: date) -> date:
    """A row is written just after its registration: at most in the month after it."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
