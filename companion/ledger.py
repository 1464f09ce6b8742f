"""Owns the receivable finance ledger: the open loans on a declaration never pass its amount (case 15).

Never lends, and never shows a bank a firm's credit fields without that firm's permission. Amounts are whole fen.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import credit_store as store
from companion.creditfile import grade_on, list_source, stream_of
from companion.model import Actor, Role
from companion.roles import require
from config import pack_path
from core import events, journal
from core.context import Services
from core.errors import AccessDenied, InputError, Refused
from core.ids import new_id
from core.workdays import local_day

_LOANS = UUID("0192f0c6-5b7e-7c1d-9d0a-6a1f0b6e3c15")  # name space of loan ids made from a bank's request keys


class LimitFormula(BaseModel):
    """Credit line = sum of weight x input, at most `cap_fen`; versioned and shown with its inputs (A15.2)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    weights_pct: dict[str, int]
    cap_fen: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class Line:
    """A credit line with everything it was computed from."""

    amount_fen: int
    parts_fen: dict[str, int]
    capped: bool
    version: str


def register(services: Services, actor: Actor, number: str, subject: str, amount_fen: int, call_ref: str | None = None) -> None:
    """Enter a verified declaration; `call_ref` may link it to a ship call."""
    if amount_fen <= 0:
        raise InputError("ledger.bad_amount", amount=amount_fen)
    require(actor, "ledger.register")
    with services.db.write() as session:
        if session.get(store.DeclarationRow, number) is not None:
            raise Refused("ledger.known_declaration", number=number)
        session.add(
            store.DeclarationRow(
                number=number, subject=subject, amount_fen=amount_fen, open_fen=0, state="valid", call_ref=call_ref
            )
        )
        session.flush()
        _write(services, session, actor, number, "registered", {"amount_fen": amount_fen})


def lend(services: Services, actor: Actor, number: str, amount_fen: int, request: str | None = None) -> str:
    """Enter a bank's loan if the declaration still has room; returns its id. The same `request` key again is the same loan.

    Raises:
        Refused ``ledger.no_room`` with the open amount; ``ledger.not_valid`` for a withdrawn declaration;
            ``companion.key_taken`` for a key that was used for another loan.
    """
    if amount_fen <= 0:
        raise InputError("ledger.bad_amount", amount=amount_fen)
    require(actor, "ledger.lend")
    loan_id = new_id() if request is None else str(uuid5(_LOANS, f"{actor.user_id}:{request}"))
    with services.db.write() as session:
        known = session.get(store.FinancingRow, loan_id)
        if known is not None:
            if (known.number, known.amount_fen) != (number, amount_fen):
                raise Refused("companion.key_taken", key=request)
            return loan_id
        refusal = None if store.take_open(session, number, amount_fen) else _refusal(session, number, amount_fen)
        if refusal is None:
            session.add(
                store.FinancingRow(
                    id=loan_id, number=number, bank=actor.user_id, amount_fen=amount_fen, state="open", at=services.clock.now()
                )
            )
            _write(services, session, actor, number, "lent", {"loan": loan_id, "amount_fen": amount_fen})
            return loan_id
        _write(services, session, actor, number, "refused", {"amount_fen": amount_fen, "why": refusal.code})
    raise refusal  # after the transaction: the authority sees refused requests too


def _refusal(session: Session, number: str, amount_fen: int) -> Refused:
    row = store.declaration(session, number)
    if row.state != "valid":
        return Refused("ledger.not_valid", number=number)
    return Refused("ledger.no_room", number=number, room=(row.amount_fen - row.open_fen) / 100, asked=amount_fen / 100)


def repay(services: Services, actor: Actor, loan_id: str) -> None:
    """A repaid loan opens its amount again. A second repayment changes nothing."""
    require(actor, "ledger.lend")
    with services.db.write() as session:
        number = store.financing(session, loan_id).number
        row, loan = store.declaration(session, number), store.financing(session, loan_id)
        if loan.bank != actor.user_id:
            raise AccessDenied("ledger.not_your_loan", loan=loan_id)
        if loan.state == "repaid":
            return
        loan.state = "repaid"
        row.open_fen -= loan.amount_fen
        _write(services, session, actor, number, "repaid", {"loan": loan_id})


def correct(services: Services, actor: Actor, number: str, amount_fen: int) -> list[str]:
    """Withdraw (0) or correct a declaration; returns the ids of open loans, flagged to their banks and the authority."""
    if amount_fen < 0:
        raise InputError("ledger.bad_amount", amount=amount_fen)
    require(actor, "ledger.register")
    with services.db.write() as session:
        row = store.declaration(session, number)
        row.amount_fen, row.state = amount_fen, "valid" if amount_fen else "withdrawn"
        loans = store.open_loans(session, number)
        for loan in loans:
            loan.flag = "declaration_withdrawn" if not amount_fen else "declaration_corrected"
            payload = {"loan": loan.id, "number": number, "to": [loan.bank, "foreign_exchange_authority"], "flag": loan.flag}
            events.publish(session, services.clock, stream=f"ledger:{number}", type="companion.loan_flagged", payload=payload)
        _write(services, session, actor, number, "corrected", {"amount_fen": amount_fen, "flagged": len(loans)})
        return [loan.id for loan in loans]


def grant(services: Services, actor: Actor, bank: str, until: date) -> None:
    """The firm lets a bank read its credit fields up to a day, that day included; a new day replaces the one before.

    Raises:
        InputError ``ledger.bad_grant``: no bank, or a day that has passed.
    """
    require(actor, "ledger.grant")
    if not bank.strip() or until < local_day(services.clock.now()):
        raise InputError("ledger.bad_grant", day=until.isoformat())
    with services.db.write() as session:
        session.merge(store.QueryGrantRow(subject=actor.user_id, bank=bank.strip(), until=until))
        _note_grant(services, session, actor, "granted", {"bank": bank.strip(), "until": until.isoformat()})


def withdraw(services: Services, actor: Actor, bank: str) -> None:
    """Take a permission back; one that is not there changes nothing."""
    require(actor, "ledger.grant")
    with services.db.write() as session:
        row = session.get(store.QueryGrantRow, (actor.user_id, bank))
        if row is not None:
            session.delete(row)
            _note_grant(services, session, actor, "grant_withdrawn", {"bank": bank})


@dataclass(frozen=True, slots=True)
class Overview:
    """What a firm (its own), a bank (its loans) or the authority (all) has in the ledger."""

    declarations: tuple[store.DeclarationRow, ...]
    loans: tuple[store.FinancingRow, ...]
    grants: tuple[store.QueryGrantRow, ...]


def overview(services: Services, actor: Actor) -> Overview:
    """The newest rows that concern the actor. Raises AccessDenied."""
    require(actor, "ledger.read")
    firm = actor.user_id if actor.role is Role.APPLICANT else None
    bank = actor.user_id if actor.role is Role.BANK else None
    with services.db.read() as session:
        declarations = [] if bank else store.declarations(session, firm)
        loans = store.loans(session, bank=bank, subject=firm)
        grants = store.grants(session, firm) if firm else []
        session.expunge_all()
        return Overview(tuple(declarations), tuple(loans), tuple(grants))


def query(services: Services, actor: Actor, number: str) -> dict[str, Any]:
    """What a bank sees. The credit fields come only with the firm's permission."""
    require(actor, "ledger.query")
    today = local_day(services.clock.now())
    with services.db.read() as session:
        row = store.declaration(session, number)
        seen: dict[str, Any] = {"number": number, "state": row.state, "amount_fen": row.amount_fen, "open_fen": row.open_fen}
        if store.may_query(session, row.subject, actor.user_id, today):
            entries, _ = list_source(session, row.subject, today)
            seen["supervision_credit"] = {
                "class": grade_on(session, row.subject, today).letter, "on_list": [entry.kind for entry in entries]
            }  # fmt: skip
        return seen


def credit_line(formula: LimitFormula, inputs_fen: dict[str, int]) -> Line:
    """The line of a firm. Raises InputError for an input that is missing or unknown."""
    if inputs_fen.keys() != formula.weights_pct.keys():
        raise InputError("ledger.line_inputs", inputs=", ".join(sorted(formula.weights_pct)))
    parts = {name: value * formula.weights_pct[name] // 100 for name, value in inputs_fen.items()}
    total = sum(parts.values())
    return Line(min(total, formula.cap_fen), parts, total > formula.cap_fen, formula.version)


@cache
def limit_formula() -> LimitFormula:
    return LimitFormula.model_validate(tomllib.loads(pack_path("companion", "ledger.toml").read_text(encoding="utf-8")))


def _write(services: Services, session: Session, actor: Actor, number: str, action: str, payload: dict[str, Any]) -> None:
    session.flush()
    journal.append(session, services.clock, stream=f"ledger:{number}", actor=actor.user_id, action=action, payload=payload)


def _note_grant(services: Services, session: Session, actor: Actor, action: str, payload: dict[str, Any]) -> None:
    session.flush()
    journal.append(
        session, services.clock, stream=stream_of(actor.user_id), actor=actor.user_id, action=action, payload=payload
    )
