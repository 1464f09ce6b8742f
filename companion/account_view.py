"""Owns what a bank sees of a firm that opens its account first (case 14): the address of case 8, and the credit of case 4 by permission.

Never shows a grade without the firm's permission; lists that are published are public.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from companion import credit_store, store
from companion.creditfile import grade_on, list_source
from companion.model import Actor
from companion.roles import require
from companion.standing import standing_of
from core.context import Services
from core.workdays import local_day

ADDRESS = "address_commitment"
_REGISTERED = frozenset({"registered", "corrected"})


@dataclass(frozen=True, slots=True)
class AccountView:
    """`address` None: none on a commitment; `virtual` = on a commitment, so that the actual address is to be checked on site.
    `grade` None: not permitted.
    """

    subject: str
    address: str | None
    virtual: bool
    abnormal: bool
    grade: str | None


def view(services: Services, actor: Actor, subject: str) -> AccountView:
    """What the bank may look up before it verifies a firm. Raises AccessDenied."""
    require(actor, "account.view")
    today = local_day(services.clock.now())
    with services.db.read() as session:
        address = _address(session, subject)
        entries = standing_of(session, subject, today, list_source).entries
        permitted = credit_store.may_query(session, subject, actor.user_id, today)
        return AccountView(
            subject, address, address is not None, any(entry.kind == "abnormal" for entry in entries),
            _letter(session, subject, today) if permitted else None,
        )  # fmt: skip


def _letter(session: Session, subject: str, on: date) -> str:
    return grade_on(session, subject, on).letter


def _address(session: Session, subject: str) -> str | None:
    """The address of the newest registration that holds."""
    held = [row for row in store.cases(session, subject=subject, key=ADDRESS) if row.state in _REGISTERED]
    if not held:
        return None
    given = store.case_file(session, held[-1].id).facts.get("address")
    return None if given is None else str(given)
