"""Owns the HTTP side of the number pool (case 14) and of the receivable finance ledger (case 15). Amounts are whole fen.

Never lends and never gives a number: `companion.ledger` and `companion.pool` do, in one statement each.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from fastapi import APIRouter, Request
from pydantic import Field, JsonValue

from companion import ledger, pool
from companion.api_common import Body, actor_of
from core.context import Services

Name = Field(min_length=1, max_length=100)


class NumbersIn(Body):
    numbers: tuple[str, ...] = Field(min_length=1, max_length=10_000)


class Free(Body):
    free: int


class AllotIn(Body):
    subject: str = Name


class AllottedOut(Body):
    number: str | None
    left: int
    low: bool


class DiligenceIn(Body):
    subject: str = Name
    verified: date | None = None
    used: date | None = None


class HeldOut(Body):
    number: str
    subject: str
    visit_due: date
    month_end: date
    frozen_after: date
    provisional: bool
    verified_on: date | None
    used_on: date | None
    state: str
    online_payment: bool


class BookOut(Body):
    free: int
    waiting: tuple[str, ...]
    items: list[HeldOut]
    next_cursor: None = None


class DeclarationIn(Body):
    number: str = Name
    subject: str = Name
    amount_fen: int
    call_ref: str | None = None


class AmountIn(Body):
    amount_fen: int


class LoanOut(Body):
    id: str
    number: str
    bank: str
    amount_fen: int
    state: str
    flag: str | None


class DeclarationOut(Body):
    number: str
    subject: str
    amount_fen: int
    open_fen: int
    state: str
    call_ref: str | None


class GrantIn(Body):
    bank: str = Name
    until: date


class GrantOut(Body):
    bank: str
    until: date


class OverviewOut(Body):
    declarations: list[DeclarationOut]
    loans: list[LoanOut]
    grants: list[GrantOut]


class LoanId(Body):
    id: str


class Flagged(Body):
    loans: list[str]


class LineOut(Body):
    amount_fen: int
    parts_fen: dict[str, int]
    capped: bool
    version: str


def add_routes(router: APIRouter, services: Services) -> None:
    _pool(router, services)
    _ledger(router, services)


def _pool(router: APIRouter, services: Services) -> None:
    @router.get("/pools/{name}")
    def book(request: Request, name: str) -> BookOut:
        found = pool.book(services, actor_of(request), name)
        return BookOut(free=found.free, waiting=found.waiting, items=[
            HeldOut(number=one.number, subject=one.subject, **asdict(one.terms), verified_on=one.verified_on, used_on=one.used_on,
                    state=one.state, online_payment=pool.online_payment_allowed(one.state)) for one in found.held])  # fmt: skip

    @router.post("/pools/{name}/numbers")
    def fill(request: Request, name: str, body: NumbersIn) -> Free:
        """Add numbers made beforehand, and serve who waits."""
        return Free(free=pool.fill(services, actor_of(request), name, body.numbers))

    @router.post("/pools/{name}/allot")
    def allot(request: Request, name: str, body: AllotIn) -> AllottedOut:
        """The firm's number: the one it has, the lowest free one, or a place in the queue (`number` null)."""
        given = pool.allot(services, actor_of(request), name, body.subject, pool.account_file().reserve)
        return AllottedOut(**asdict(given))

    @router.post("/pools/{name}/diligence", status_code=204)
    def diligence(request: Request, name: str, body: DiligenceIn) -> None:
        pool.note_diligence(services, actor_of(request), name, body.subject, verified=body.verified, used=body.used)


def _ledger(router: APIRouter, services: Services) -> None:
    @router.get("/ledger")
    def overview(request: Request) -> OverviewOut:
        """A firm's own declarations and permissions, a bank's own loans, everything for the authority."""
        seen = ledger.overview(services, actor_of(request))
        return OverviewOut(
            declarations=[DeclarationOut(**{name: getattr(row, name) for name in DeclarationOut.model_fields})
                          for row in seen.declarations],
            loans=[LoanOut(**{name: getattr(row, name) for name in LoanOut.model_fields}) for row in seen.loans],
            grants=[GrantOut(bank=row.bank, until=row.until) for row in seen.grants],
        )  # fmt: skip

    @router.get("/ledger/declarations/{number}")
    def query(request: Request, number: str) -> dict[str, JsonValue]:
        """What a bank sees; the credit fields come only with the firm's permission."""
        return ledger.query(services, actor_of(request), number)

    @router.post("/ledger/declarations", status_code=204)
    def register(request: Request, body: DeclarationIn) -> None:
        ledger.register(services, actor_of(request), body.number, body.subject, body.amount_fen, body.call_ref)

    @router.post("/ledger/declarations/{number}/correct")
    def correct(request: Request, number: str, body: AmountIn) -> Flagged:
        """Correct the amount, 0 withdraws it; returns the loans that were flagged."""
        return Flagged(loans=ledger.correct(services, actor_of(request), number, body.amount_fen))

    @router.post("/ledger/declarations/{number}/loans")
    def lend(request: Request, number: str, body: AmountIn) -> LoanId:
        return LoanId(id=ledger.lend(services, actor_of(request), number, body.amount_fen))

    @router.post("/ledger/loans/{loan_id}/repay", status_code=204)
    def repay(request: Request, loan_id: str) -> None:
        ledger.repay(services, actor_of(request), loan_id)

    @router.post("/ledger/grants", status_code=204)
    def grant(request: Request, body: GrantIn) -> None:
        ledger.grant(services, actor_of(request), body.bank, body.until)

    @router.delete("/ledger/grants/{bank}", status_code=204)
    def withdraw(request: Request, bank: str) -> None:
        ledger.withdraw(services, actor_of(request), bank)

    @router.post("/ledger/credit-line")
    def line(body: dict[str, int]) -> LineOut:
        """A credit line with what it was computed from; inputs in fen."""
        return LineOut(**asdict(ledger.credit_line(ledger.limit_formula(), body)))
