"""Owns the no-penalty list and the rewards as desks use them: a judgement against the firm's own record, notice slips, payments.

Never judges by itself (`companion.exemption` does), and never keeps who reported: a lead is a number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from companion import credit_store, practice_store
from companion.credit import CreditEvent
from companion.creditfile import record_event
from companion.exemption import Answer, Breach, Penalty, Reward, exemption_rules, judge, reward
from companion.model import Actor
from companion.roles import require
from core import journal
from core.context import Services
from core.errors import InputError, Refused
from core.ids import new_id

MINOR = "minor_breach"
NOTICE = "notice_slip"


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer, and the number of the notice slip or of the record that was made of it."""

    answer: Answer
    ref: str | None


def judge_breach(services: Services, actor: Actor, subject: str, breach: Breach, *, record: bool) -> Judged:
    """Judge a breach; earlier ones of the same item come from the firm's credit file, never from the asker.

    `record` keeps it: a notice slip where it is exempt, else a minor breach; a question for an officer is not kept.

    Raises:
        AccessDenied; InputError ``credit.nameless``.
    """
    require(actor, "exemption.judge")
    domain = next((one.domain for one in exemption_rules().item if one.id == breach.item), "")
    if not subject.strip() or not breach.item.strip():
        raise InputError("credit.nameless")
    with services.db.read() as session:
        known = credit_store.events_of(session, subject)
    earlier = tuple(one.day for one in known if one.kind in (MINOR, NOTICE) and one.source == breach.item)
    answer = judge(replace(breach, earlier=earlier), exemption_rules())
    if not record or answer.penalty is Penalty.OFFICER:
        return Judged(answer, None)
    kind = NOTICE if answer.penalty is Penalty.EXEMPT else MINOR
    ref = f"{kind}:{new_id()}"
    record_event(services, actor, subject, CreditEvent(ref, kind, breach.day, domain, breach.item))
    return Judged(answer, ref)


def decide_reward(services: Services, actor: Actor, lead: str, level: int, penalty_fen: int) -> Reward:
    """Fix what a report earns, once.

    Raises:
        AccessDenied; InputError ``rewards.bad_case``; Refused ``rewards.decided``.
    """
    require(actor, "reward.decide")
    earned = reward(level, penalty_fen, exemption_rules().rewards)
    number = lead.strip()
    if not number or len(number) > 100:
        raise InputError("rewards.bad_case", level=level, penalty=penalty_fen)
    with services.db.write() as session:
        if practice_store.reward_of(session, number) is not None:
            raise Refused("rewards.decided", lead=number)
        session.add(
            practice_store.RewardRow(
                id=new_id(), lead=number, level=level, penalty_fen=penalty_fen, computed_fen=earned.computed_fen,
                paid_fen=earned.paid_fen, at=services.clock.now(), by=actor.user_id,
            )
        )  # fmt: skip
        session.flush()
        payload = {"level": level, "paid_fen": earned.paid_fen, "cut_fen": earned.cut_fen}
        journal.append(
            session, services.clock, stream="companion:rewards", actor=actor.user_id, action="rewarded", payload=payload
        )
    return earned


def rewards(services: Services, actor: Actor) -> list[practice_store.RewardRow]:
    """The newest first. Raises AccessDenied."""
    require(actor, "reward.read")
    with services.db.read() as session:
        rows = practice_store.rewards(session)
        session.expunge_all()
        return rows
