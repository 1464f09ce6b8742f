"""Owns the HTTP side of the smaller services: no-penalty list and rewards (16), freight (19), medicine (20), policies (21), credit services (4).

Never decides; amounts are whole fen, days are local days.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from companion import credit_services, exemption_desk, freight_filing, medicine, policy_match
from companion.api_common import Body, actor_of, subject_for
from companion.credit import good_credit
from companion.creditfile import grade_on, list_source
from companion.exemption import Breach, exemption_rules
from companion.freight import Judged, Trip
from companion.model import Actor
from companion.roles import require
from core.context import Services
from core.track_overlap import Track
from core.workdays import local_day


class ExemptOut(Body):
    id: str
    domain: str
    zh: str
    en: str


class ExemptionList(Body):
    version: str
    source: str
    published_items: int
    complete: bool
    items: list[ExemptOut]
    next_cursor: None = None


class BreachIn(Body):
    """`record`: keep the answer as a notice slip or a minor breach. A value that is not known is left out."""

    subject: str = Field(min_length=1, max_length=100)
    item: str = Field(min_length=1, max_length=100)
    day: date
    intent: bool | None = None
    harm: bool | None = None
    minor: bool | None = None
    corrected_on: date | None = None
    record: bool = False


class PenaltyOut(Body):
    penalty: str
    tests: dict[str, bool | None]
    ref: str | None


class RewardIn(Body):
    lead: str = Field(min_length=1, max_length=100)
    level: int
    penalty_fen: int


class RewardOut(Body):
    level: int
    computed_fen: int
    paid_fen: int
    cut_fen: int


class TrackIn(Body):
    """`points`: rows of (seconds since 1970, longitude, latitude), time rising."""

    source: str = Field(min_length=1, max_length=40)
    points: list[tuple[float, float, float]] = Field(min_length=2, max_length=50_000)


class TripIn(Body):
    order: str = Field(min_length=1, max_length=100)
    phone: str = Field(min_length=1, max_length=40)
    photos: frozenset[str] = frozenset()
    tracks: list[TrackIn] = Field(min_length=1, max_length=6)
    platform: str | None = None


class PairOut(Body):
    first: str
    second: str
    ratio: float
    offset_s: float
    ratio_shifted: float


class JudgedOut(Body):
    outcome: str
    pairs: list[PairOut]
    reasons: list[tuple[str, str]]


class TripOut(Body):
    order: str
    platform: str
    outcome: str
    starts: datetime
    ends: datetime
    filed_at: datetime | None


class TripPage(Body):
    items: list[TripOut]
    next_cursor: None = None


class PolicyOut(Body):
    id: str
    zh: str
    en: str
    future: bool
    asks_zh: list[str]
    asks_en: list[str]


class PolicyPage(Body):
    items: list[PolicyOut]
    next_cursor: None = None


class GapOut(Body):
    field: str
    amount: float | None
    changeable: bool


class MatchOut(Body):
    policy: str
    tier: str
    gaps: list[GapOut]
    asks_zh: tuple[str, ...]
    asks_en: tuple[str, ...]


class MatchPage(Body):
    items: list[MatchOut]
    next_cursor: None = None


class ItemIn(Body):
    id: str
    price_fen: int
    insured: bool = False
    needs_prescription: bool = False
    prescription_ref: str | None = None


class PayIn(Body):
    callback: str = Field(min_length=1, max_length=200)
    person: str = Field(min_length=1, max_length=100)
    items: tuple[ItemIn, ...] = Field(min_length=1)
    seller_filed: bool
    credit_fen: int = 0
    parts: int | None = None


class SplitOut(Body):
    insurance_fen: int
    credit_fen: int
    own_fen: int
    instalments_fen: tuple[int, ...]


class WalletIn(Body):
    person: str = Field(min_length=1, max_length=100)
    amount_fen: int


class Used(Body):
    credit_used_fen: int


class ComparedOut(Body):
    done: bool
    differing: list[tuple[str, str, str]]
    listed: bool


class CompareIn(Body):
    said: dict[str, str]
    published: dict[str, str]
    on_dishonest_list: bool = False


class GuaranteeIn(Body):
    wanted_fen: dict[str, int] = Field(min_length=1)
    one_for_all: bool = False
    subject: str | None = None


class LetterOut(Body):
    kinds: tuple[str, ...]
    amount_fen: int


class Letters(Body):
    items: list[LetterOut]
    next_cursor: None = None


def add_routes(router: APIRouter, services: Services) -> None:
    _supervision(router, services)
    _freight(router, services)
    _for_firms(router, services)
    _medicine(router, services)


def _supervision(router: APIRouter, services: Services) -> None:
    @router.get("/exemptions")
    def exemptions() -> ExemptionList:
        rules = exemption_rules()
        return ExemptionList(
            version=rules.version, source=rules.source, published_items=rules.published_items, complete=rules.complete,
            items=[ExemptOut(id=one.id, domain=one.domain, zh=one.zh, en=one.en) for one in rules.item],
        )  # fmt: skip

    @router.post("/exemptions/judge")
    def judge(request: Request, body: BreachIn) -> PenaltyOut:
        """The five tests of one breach. About the penalty alone."""
        breach = Breach(body.item, body.day, body.intent, body.harm, body.minor, body.corrected_on)
        found = exemption_desk.judge_breach(services, actor_of(request), body.subject, breach, record=body.record)
        return PenaltyOut(penalty=found.answer.penalty, tests=found.answer.tests, ref=found.ref)

    @router.post("/rewards")
    def reward(request: Request, body: RewardIn) -> RewardOut:
        earned = exemption_desk.decide_reward(services, actor_of(request), body.lead, body.level, body.penalty_fen)
        return RewardOut(**asdict(earned), cut_fen=earned.cut_fen)


def _freight(router: APIRouter, services: Services) -> None:
    @router.get("/freight/trips")
    def trips(request: Request) -> TripPage:
        rows = freight_filing.judged_trips(services, actor_of(request))
        return TripPage(items=[TripOut(order=row.order_id, platform=row.platform, outcome=row.outcome, starts=row.starts,
                                       ends=row.ends, filed_at=row.filed_at) for row in rows])  # fmt: skip

    @router.post("/freight/trips")
    def submit(request: Request, body: TripIn) -> JudgedOut:
        actor = actor_of(request)
        tracks = tuple(Track.of(one.source, one.points) for one in body.tracks)
        trip = Trip(body.order, body.phone, tracks, body.photos)
        return judged(freight_filing.submit(services, actor, subject_for(actor, body.platform), trip))


def judged(found: Judged) -> JudgedOut:
    return JudgedOut(outcome=found.outcome, pairs=[PairOut(**asdict(one)) for one in found.pairs], reasons=list(found.reasons))


def _for_firms(router: APIRouter, services: Services) -> None:
    @router.get("/policies")
    def policies() -> PolicyPage:
        return PolicyPage(items=[
            PolicyOut(id=one.id, zh=one.zh, en=one.en, future=one.future, asks_zh=[part.ask_zh for part in one.conditions],
                      asks_en=[part.ask_en for part in one.conditions]) for one in policy_match.policy_rules().policy])  # fmt: skip

    @router.post("/policies/match")
    def match(body: dict[str, float | str | None]) -> MatchPage:
        """What a firm with these values can have; a value that is missing becomes a question. Nothing is kept."""
        found = policy_match.package(body, policy_match.policy_rules())
        return MatchPage(items=[
            MatchOut(policy=one.policy, tier=one.tier.name.lower(), gaps=[GapOut(**asdict(gap)) for gap in one.gaps],
                     asks_zh=one.asks_zh, asks_en=one.asks_en) for one in found])  # fmt: skip

    @router.post("/credit/compare")
    def compare(request: Request, body: CompareIn) -> ComparedOut:
        require(actor_of(request), "credit.compare")
        found = credit_services.compare(body.said, body.published, on_dishonest_list=body.on_dishonest_list)
        return ComparedOut(done=found.done, differing=list(found.differing), listed=found.listed)

    @router.post("/credit/guarantees")
    def guarantee(request: Request, body: GuaranteeIn) -> Letters:
        """Letters in place of cash deposits, for a firm with good credit."""
        actor = actor_of(request)
        found = letters(services, actor, subject_for(actor, body.subject), body.wanted_fen, one_for_all=body.one_for_all)
        return Letters(items=[LetterOut(kinds=one.kinds, amount_fen=one.amount_fen) for one in found])


def letters(
    services: Services, actor: Actor, subject: str, wanted_fen: dict[str, int], *, one_for_all: bool
) -> tuple[credit_services.Letter, ...]:
    """Guarantee letters by the firm's credit of today. Raises AccessDenied, InputError, Refused."""
    require(actor, "credit.guarantee")
    today = local_day(services.clock.now())
    with services.db.read() as session:
        entries, _ = list_source(session, subject, today)
        black = any(one.kind == "black" for one in entries)
        good = good_credit(grade_on(session, subject, today), black=black, overdue_commitment=False)
    rules = credit_services.service_rules().guarantees
    return credit_services.guarantees(wanted_fen, rules, good_credit=good, one_for_all=one_for_all)


def _medicine(router: APIRouter, services: Services) -> None:
    @router.post("/medicine/wallets", status_code=204)
    def wallet(request: Request, body: WalletIn) -> None:
        medicine.open_wallet(services, actor_of(request), body.person, body.amount_fen)

    @router.post("/medicine/payments")
    def pay(request: Request, body: PayIn) -> SplitOut:
        """Settle a basket; the same callback again gives the same split and debits once."""
        items: list[Any] = [medicine.Item(**one.model_dump()) for one in body.items]
        paid = medicine.pay(
            services, actor_of(request), body.callback, body.person, items, seller_filed=body.seller_filed,
            credit_fen=body.credit_fen, parts=body.parts,
        )  # fmt: skip
        return SplitOut(**asdict(paid))

    @router.post("/medicine/repayments")
    def repay(request: Request, body: WalletIn) -> Used:
        return Used(credit_used_fen=medicine.repay(services, actor_of(request), body.person, body.amount_fen))
