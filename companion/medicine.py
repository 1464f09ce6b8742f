"""Owns how a basket of medicine is paid: insurance account, own money, credit line, instalments (case 20).

Never pays an item that needs a prescription without one, and never connects a seller without its filing. Amounts are whole fen.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import practice_store as store
from companion.model import Actor
from companion.roles import require
from config import pack_path
from core import journal
from core.context import Services
from core.errors import InputError, Refused


class MedicineRules(BaseModel):
    """``config/companion/medicine.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    credit_line_fen: int = Field(ge=0)
    instalments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a basket."""

    id: str
    price_fen: int
    insured: bool = False
    needs_prescription: bool = False
    prescription_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Who pays what; the parts add up to the basket."""

    insurance_fen: int
    credit_fen: int
    own_fen: int
    instalments_fen: tuple[int, ...] = ()


def split(items: Sequence[Item], account_fen: int, *, seller_filed: bool, credit_fen: int = 0) -> Split:
    """Insurance pays insured items as far as the account goes, credit what is asked of it, the person the rest.

    Raises:
        InputError ``medicine.bad_basket``; Refused ``medicine.no_prescription`` naming the item, ``medicine.seller_not_filed``.
    """
    if not seller_filed:
        raise Refused("medicine.seller_not_filed")
    if not items or any(item.price_fen <= 0 for item in items) or credit_fen < 0:
        raise InputError("medicine.bad_basket")
    for item in items:
        if item.needs_prescription and not item.prescription_ref:
            raise Refused("medicine.no_prescription", item=item.id)
    total, insured = sum(item.price_fen for item in items), sum(item.price_fen for item in items if item.insured)
    insurance = min(insured, account_fen)
    if credit_fen > total - insurance:
        raise InputError("medicine.bad_basket")
    return Split(insurance, credit_fen, total - insurance - credit_fen)


def require_credit(used_fen: int, asked_fen: int, rules: MedicineRules) -> None:
    """Raises Refused ``medicine.credit_used_up`` with what is left of the revolving line."""
    if used_fen + asked_fen > rules.credit_line_fen:
        raise Refused("medicine.credit_used_up", left=(rules.credit_line_fen - used_fen) / 100, asked=asked_fen / 100)


def instalments(amount_fen: int, count: int, rules: MedicineRules) -> tuple[int, ...]:
    """Equal parts; the first ones take the odd fen, so that they add up exactly."""
    if count not in rules.instalments:
        raise InputError("medicine.instalments", choices=", ".join(map(str, rules.instalments)))
    part, odd = divmod(amount_fen, count)
    return tuple(part + (number < odd) for number in range(count))


def pay(
    services: Services, actor: Actor, callback: str, person: str, items: Sequence[Item], *, seller_filed: bool, credit_fen: int = 0,
    parts: int | None = None,
) -> Split:  # fmt: skip
    """Settle a basket when the payment channel confirms it; the same callback again changes nothing and gives the same split."""
    require(actor, "medicine.pay")
    rules = medicine_rules()
    with services.db.write() as session:
        done = session.get(store.PaymentRow, callback)
        if done is not None:
            return Split(**{**done.split, "instalments_fen": tuple(done.split["instalments_fen"])})
        wallet = store.wallet(session, person)
        paid = split(items, wallet.insurance_fen, seller_filed=seller_filed, credit_fen=credit_fen)
        require_credit(wallet.credit_used_fen, paid.credit_fen, rules)
        if parts is not None:
            paid = Split(paid.insurance_fen, paid.credit_fen, paid.own_fen, instalments(paid.credit_fen, parts, rules))
        wallet.insurance_fen -= paid.insurance_fen
        wallet.credit_used_fen += paid.credit_fen
        _keep(services, session, actor, callback, person, paid)
        return paid


def repay(services: Services, actor: Actor, person: str, amount_fen: int) -> int:
    """Pay credit back; returns what is still used."""
    require(actor, "medicine.pay")
    with services.db.write() as session:
        wallet = store.wallet(session, person)
        if not 0 < amount_fen <= wallet.credit_used_fen:
            raise InputError("medicine.bad_basket")
        wallet.credit_used_fen -= amount_fen
        payload = {"wallet": _wallet_hash(person), "amount_fen": amount_fen}
        journal.append(session, services.clock, stream="medicine", actor=actor.user_id, action="repaid", payload=payload)
        return wallet.credit_used_fen


def open_wallet(services: Services, actor: Actor, person: str, insurance_fen: int) -> None:
    """Open a person's account; one that is there keeps its used credit and gets the new balance of the insurance."""
    require(actor, "medicine.wallet")
    if not person.strip() or insurance_fen < 0:
        raise InputError("medicine.bad_basket")
    with services.db.write() as session:
        known = session.get(store.WalletRow, person)
        if known is None:
            session.add(store.WalletRow(person=person, insurance_fen=insurance_fen, credit_used_fen=0))
        else:
            known.insurance_fen = insurance_fen
        payload = {"wallet": _wallet_hash(person), "insurance_fen": insurance_fen}
        journal.append(session, services.clock, stream="medicine", actor=actor.user_id, action="wallet_set", payload=payload)


def _wallet_hash(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[:32]


def _keep(services: Services, session: Session, actor: Actor, callback: str, person: str, paid: Split) -> None:
    parts = {"insurance_fen": paid.insurance_fen, "credit_fen": paid.credit_fen, "own_fen": paid.own_fen}
    kept = {**parts, "instalments_fen": list(paid.instalments_fen)}
    session.add(store.PaymentRow(callback=callback, person=person, split=kept, at=services.clock.now()))
    session.flush()
    journal.append(
        session, services.clock, stream="medicine", actor=actor.user_id, action="paid", payload={"callback": callback, **parts}
    )


@cache
def medicine_rules() -> MedicineRules:
    return MedicineRules.model_validate(tomllib.loads(pack_path("companion", "medicine.toml").read_text(encoding="utf-8")))
