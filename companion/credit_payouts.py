"""Owns what the credit system pays and vouches for (case 4): policy money by month without a visit, guarantee letters, public arrears.

Never pays a firm that a list closes subsidies to, and never pays a month twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from companion import books, store
from companion.books import Entry
from companion.conditions import Value
from companion.credit_services import Arrears, Payout, guarantees, monthly_payouts, service_rules, still_owed
from companion.creditfile import grade_on, list_source
from companion.list_effects import require_open
from companion.model import Actor
from companion.roles import require
from companion.standing import standing_of
from core.context import Services
from core.errors import InputError, Refused
from core.ids import new_id
from core.workdays import local_day

ARREARS, LETTERS, PAYOUTS = "arrears", "guarantee_letters", "policy_payouts"
REWARD: Final = "policy_reward"
_FEN = 100
_PAGE = 100


def issue_letters(
    services: Services, actor: Actor, subject: str, wanted_fen: Mapping[str, int], *, one_for_all: bool = False
) -> list[Entry]:
    """Guarantee letters in place of cash deposits, several at once or one for all, to a firm of good credit (A4.1).

    Raises:
        AccessDenied; as `companion.credit_services.guarantees`; Refused ``lists.closed`` for a tender that a list closes.
    """
    require(actor, "letters.issue")
    today = local_day(services.clock.now())
    with services.db.write() as session:
        good = standing_of(session, subject, today, list_source).good_credit
        letters = guarantees(wanted_fen, service_rules().guarantees, good_credit=good, one_for_all=one_for_all)
        if "bid_bond" in wanted_fen:
            require_open(session, subject, today, "tender")
        grade = grade_on(session, subject, today).letter
        return [
            books.write_in(services, session, actor, LETTERS, new_id(),
                           {"kinds": list(letter.kinds), "amount_fen": letter.amount_fen, "grade": grade}, subject)
            for letter in letters
        ]  # fmt: skip


def pay_month(services: Services, actor: Actor, month: date) -> tuple[list[Entry], list[str]]:
    """Enter every firm's payment of a month that is over; returns the new entries and the firms that a list keeps out.

    What was granted is read from the case files of case 21; the same month again enters nothing twice.

    Raises:
        AccessDenied; InputError ``credit_services.month_open``: the month has not ended.
    """
    require(actor, "payout.enter")
    first, today = month.replace(day=1), local_day(services.clock.now())
    if today.replace(day=1) <= first:
        raise InputError("credit_services.month_open", month=first.isoformat())
    with services.db.write() as session:
        granted, cases = _granted(session, first)
        made, kept_out = [], []
        for payout in monthly_payouts(granted, first):
            ref = f"{first:%Y-%m}:{payout.subject}"
            if books.history(session, PAYOUTS, ref):
                continue
            try:
                require_open(session, payout.subject, today, "subsidy")
            except Refused:
                kept_out.append(payout.subject)
                continue
            made.append(books.write_in(services, session, actor, PAYOUTS, ref, _payout(payout, cases), payout.subject))
        return made, kept_out


def open_arrears(services: Services, actor: Actor) -> list[Entry]:
    """Enter the published ledger of arrears with its plan of repayment, once."""
    require(actor, "payout.enter")
    with services.db.write() as session:
        known = {one.ref for one in books.entries(session, ARREARS)}
        rows = [row for row in service_rules().arrears if str(row.year) not in known]
        return [books.write_in(services, session, actor, ARREARS, str(row.year), row.model_dump(mode="json")) for row in rows]


def arrears_left(session: Session) -> int:
    """Fen that the ledger still plans to pay."""
    return still_owed([Arrears.model_validate(dict(one.values)) for one in books.entries(session, ARREARS)])


def _granted(session: Session, first: date) -> tuple[dict[str, list[tuple[date, int]]], dict[str, list[str]]]:
    """By firm: (day, fen) of each reward granted in the month of `first`, and the case files."""
    sums: dict[str, list[tuple[date, int]]] = {}
    cases: dict[str, list[str]] = {}
    after = ""
    while rows := store.cases(session, key=REWARD, after=after, limit=_PAGE):
        after = rows[-1].id
        for row in rows:
            case = store.case_file(session, row.id)
            at, amount = case.steps.get("grant"), case.facts.get("amount_cny")
            day = local_day(at) if at is not None else None
            if row.outcome != "granted" or day is None or amount is None or day.replace(day=1) != first:
                continue
            sums.setdefault(row.subject, []).append((day, round(float(str(amount)) * _FEN)))
            cases.setdefault(row.subject, []).append(row.id)
    return sums, cases


def _payout(payout: Payout, cases: Mapping[str, list[str]]) -> dict[str, Value]:
    return {"month": payout.month.isoformat(), "amount_fen": payout.amount_fen, "cases": [*cases[payout.subject]]}
