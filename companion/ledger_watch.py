"""Owns what the authority sees of the receivable ledger (case 15): every step of a declaration, and what looks wrong in it.

Never changes a loan, and never shows a bank another bank's steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from companion import credit_store as store
from companion.model import Actor
from companion.roles import require
from companion.watch import Hint, observe
from core import journal
from core.context import Services

KIND = "declaration"


@dataclass(frozen=True, slots=True)
class Step:
    """One step on a declaration as the journal has it; refused requests too."""

    at: datetime
    actor: str
    action: str
    payload: Mapping[str, Any]


def steps(services: Services, actor: Actor, number: str) -> list[Step]:
    """Every step of every bank and of the firm on one declaration. Raises AccessDenied, NotFound."""
    require(actor, "ledger.watch")
    with services.db.read() as session:
        store.declaration(session, number)
        return _steps(session, number)


def monitor(services: Services, actor: Actor, number: str) -> tuple[Hint, ...]:
    """Look at one declaration now; hints go into the book and to the authority, once a day each. Raises AccessDenied, NotFound."""
    require(actor, "ledger.watch")
    with services.db.read() as session:
        row = store.declaration(session, number)
        seen = _steps(session, number)
        asking = {step.actor for step in seen if step.action in ("lent", "refused")}
        figures = {
            "refused_requests": float(sum(step.action == "refused" for step in seen)),
            "banks_asking": float(len(asking)),
            "open_loans_flagged": float(sum(loan.flag is not None for loan in store.open_loans(session, number))),
        }
        subject = row.subject
    return observe(services, actor, KIND, f"{subject}/{number}", figures, f"ledger:{number}")


def of_call(services: Services, actor: Actor, call_ref: str) -> list[str]:
    """Declarations that are linked to a ship call. Raises AccessDenied."""
    require(actor, "ledger.watch")
    with services.db.read() as session:
        return store.declarations_of_call(session, call_ref)


def _steps(session: Session, number: str) -> list[Step]:
    return [Step(one.at_utc, one.actor, one.action, one.payload) for one in journal.entries(session, f"ledger:{number}")]
