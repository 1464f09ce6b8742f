"""Owns detention: the order, the release, whom they were told to and how, what the master said, refusals and appeals.

Never detains by itself: a supervisor orders after somebody was on board, or writes why not; only attendance lifts an order.
Everything stands beside the record in the book ``detention``; an appeal is noted and suspends nothing.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from sqlalchemy.orm import Session

from config import pack_path
from core import evidence, messages
from core.catalogue import LANGS, Lang, text
from core.context import Services
from core.errors import InputError, NotFound, Refused
from core.message_channels import Channel, Message
from inspection import books_store, store
from inspection.assemble import subject_of
from inspection.change import DETENTIONS, OVERRIDES, Ask, Change, Written, change, digest
from inspection.model import Actor, Outcome
from inspection.record import DeficiencyPart, ShipPart, Text

DETENTION_SCHEMA: Literal["yunjian.detention/1"] = "yunjian.detention/1"
Party = Literal["master", "company", "flag_state", "class", "next_port", "coastal_state"]
OrderKind = Literal["order", "release"]
_KINDS: tuple[OrderKind, ...] = ("order", "release")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartyRule(_Model):
    id: Party
    must: bool


class DetentionRules(_Model):
    """``config/codes/detention.toml``."""

    id: str
    version: str
    procedure: str
    appeal_section: str
    party: tuple[PartyRule, ...]


class GroundPart(_Model):
    """A ground as it stood when the order was made."""

    deficiency_id: str
    code: str
    title: Text
    standard_not_met: str
    why: str


class OrderPart(_Model):
    """An order of detention or of release, in both languages."""

    seq: int
    kind: OrderKind
    at: datetime
    by: str
    reason: str
    attended: bool
    grounds: list[GroundPart]
    words: Text


class NewNotice(_Model):
    """A notice to one party. `recipient` empty with channel print: it goes on paper and its delivery is recorded by hand."""

    about: OrderKind
    party: Party
    name: str = Field(default="", max_length=200)
    channel: Channel = Channel.EMAIL
    recipient: str = Field(default="", max_length=200)
    lang: Lang = "en"

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.channel is not Channel.PRINT and not self.recipient.strip():
            raise ValueError("a notice by mail or message needs an address")
        return self


class NoticePart(NewNotice):
    """A notice with its way: the outbox says how far a message came, a person says when paper was handed over."""

    seq: int
    at: datetime
    by: str
    words: str
    delivery: str
    delivered_at: datetime | None
    delivered_note: str | None


class Refusal(_Model):
    """The master will not sign: two witnesses, or a recording."""

    witnesses: list[str] = Field(default=[], max_length=4)
    video_evidence_id: str | None = None

    @model_validator(mode="after")
    def _witnessed(self) -> Self:
        named = {one.strip() for one in self.witnesses if one.strip()}
        if len(named) < 2 and not self.video_evidence_id:
            raise ValueError("a refusal needs two different witnesses, or a recording")
        return self


class SaidPart(_Model):
    """Signed, objected, refused or appealed: by whom, when, in which words."""

    seq: int
    kind: Literal["signed", "objected", "refused", "appealed"]
    order: int | None
    at: datetime
    by: str
    words: str
    witnesses: list[str] = []
    video_evidence_id: str | None = None


class DetentionPackage(_Model):
    """Everything the papers of a detention are made of."""

    schema_: Literal["yunjian.detention/1"] = Field(default=DETENTION_SCHEMA, alias="schema")
    case_id: str
    number: str
    ship: ShipPart
    in_force: bool
    override: str | None
    orders: list[OrderPart]
    notices: list[NoticePart]
    said: list[SaidPart]
    appeal: Text
    missing: list[Party] = Field(description="parties that the newest order has not been told to, though they must be")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@cache
def rules() -> DetentionRules:
    return DetentionRules.model_validate(tomllib.loads(pack_path("codes", "detention.toml").read_text(encoding="utf-8")))


def override_attendance(services: Services, actor: Actor, case_id: str, reason: str) -> Outcome:
    """A supervisor writes why a ground for detention stands though nobody was on board. It never lifts a detention, and it does
    not help a ground that rests on a finding of the drone: that one needs somebody on board.
    """

    def body(work: Change) -> Written:
        books_store.write(
            work.session,
            OVERRIDES,
            case_id,
            subject_of(case_id),
            "override",
            {"reason": reason.strip()},
            actor.user_id,
            work.at,
        )
        return Written({"override": True})

    return change(services, actor, case_id, "override_attendance", body, Ask(reason=reason))


def detain(services: Services, actor: Actor, case_id: str, reason: str) -> Outcome:
    """Order the detention on every open ground; `ref` is the order's number in its book.

    Raises:
        Refused: no ground, nobody on board and no override, the submitting person, or an order in force already.
    """
    return _order(services, actor, case_id, "detain", "order", reason)


def release(services: Services, actor: Actor, case_id: str, reason: str) -> Outcome:
    """Lift the detention: every ground has ended and somebody was on board."""
    return _order(services, actor, case_id, "release", "release", reason)


def serve_notice(services: Services, actor: Actor, case_id: str, new: NewNotice, link: str | None = None) -> Outcome:
    """Tell one party, in its language. By mail or message it goes through the outbox; on paper it waits to be printed.

    Raises:
        NotFound ``inspection.no_order``: there is no such order yet.
    """

    def body(work: Change) -> Written:
        made = _orders(work.session, work.case, new.about)
        if not made:
            raise NotFound("inspection.no_order")
        order = made[-1]
        words = _notice_words(work.case, new, order)
        entry = books_store.write(
            work.session, DETENTIONS, case_id, subject_of(case_id), "notice",
            {**new.model_dump(mode="json"), "order": order.seq, "words": words}, actor.user_id, work.at,
        )  # fmt: skip
        subject = text(
            f"inspection.detention.subject.{new.about}", new.lang, ship=work.case.ship["name"], number=work.case.number
        )
        message = Message(
            key=_message_key(case_id, entry.seq), channel=new.channel, recipient=new.recipient.strip() or new.name.strip() or new.party,
            subject=subject, body=words, link=link,
        )  # fmt: skip
        messages.post(work.session, services.clock, message, subject_of(case_id))
        payload: dict[str, JsonValue] = {
            "notice": entry.seq, "party": new.party, "about": new.about, "recipient_sha256": digest(message.recipient),
            "words_sha256": digest(words),
        }  # fmt: skip
        return Written(payload, str(entry.seq), "inspection.notice_served")

    return change(services, actor, case_id, "serve_notice", body)


def record_delivery(services: Services, actor: Actor, case_id: str, notice: int, note: str) -> Outcome:
    """A person says that a notice was handed over, read out or faxed: how, to whom.

    Raises:
        NotFound: no such notice. InputError: nothing said.
    """
    said = _said(note)

    def body(work: Change) -> Written:
        if not any(one.seq == notice for one in books_store.entries(work.session, DETENTIONS, case_id, "notice")):
            raise NotFound("inspection.notice_missing", notice=notice)
        books_store.write(
            work.session,
            DETENTIONS,
            case_id,
            subject_of(case_id),
            "delivery",
            {"notice": notice, "note": said},
            actor.user_id,
            work.at,
        )
        return Written({"notice": notice, "note_sha256": digest(said)})

    return change(services, actor, case_id, "serve_notice", body)


def receive_order(services: Services, actor: Actor, case_id: str, *, objects: bool, words: str) -> Outcome:
    """The master signs receipt by the link, or objects in his own words. Neither changes the order.

    Raises:
        InputError ``inspection.words_needed``: an objection without words. NotFound: no order.
    """
    said = _said(words) if objects else words.strip()[:2000]
    return _say(services, actor, case_id, "receive_order", "objected" if objects else "signed", said)


def record_refusal(services: Services, actor: Actor, case_id: str, refusal: Refusal) -> Outcome:
    """The master will not take the order: noted with two witnesses, or with a recording that is evidence of this case."""
    if refusal.video_evidence_id:
        with services.db.read() as session:
            kept = evidence.get(session, refusal.video_evidence_id)
        if kept is None or kept.subject_ref != subject_of(case_id) or kept.kind not in ("recording", "clip"):
            raise NotFound("inspection.evidence_missing", evidence_id=refusal.video_evidence_id)
    return _say(services, actor, case_id, "record_refusal", "refused", "", refusal)


def record_appeal(services: Services, actor: Actor, case_id: str, words: str) -> Outcome:
    """The company appeals. The order stays in force until it is lifted."""
    return _say(services, actor, case_id, "record_appeal", "appealed", _said(words))


def package(session: Session, case_id: str) -> DetentionPackage:
    """The detention of a case in full. Raises NotFound for a case that does not exist."""
    case = store.case(session, case_id)
    orders = _orders(session, case)
    notices = _notices(session, case_id)
    override = books_store.newest(session, OVERRIDES, case_id)
    newest = orders[-1] if orders else None
    told = {one.party for one in notices if newest is not None and one.about == newest.kind and one.at >= newest.at}
    return DetentionPackage(
        case_id=case_id,
        number=case.number,
        ship=ShipPart.model_validate(case.ship),
        in_force=newest is not None and newest.kind == "order",
        override=str(override.part["reason"]) if override else None,
        orders=orders,
        notices=notices,
        said=_spoken(session, case_id),
        appeal=_both("inspection.detention.appeal", procedure=rules().procedure, section=rules().appeal_section),
        missing=[one.id for one in rules().party if newest is not None and one.must and one.id not in told],
    )


def _order(services: Services, actor: Actor, case_id: str, action: str, kind: OrderKind, reason: str) -> Outcome:
    def body(work: Change) -> Written:
        found = [
            DeficiencyPart.model_validate(row.part)
            for row in store.deficiencies(work.session, case_id)
            if row.ground_for_detention
        ]
        grounds = [
            GroundPart(deficiency_id=one.id, code=one.code, title=one.title, standard_not_met=one.standard_not_met, why=one.why)
            for one in found
            if kind == "release" or one.state == "open"
        ]
        if not grounds:
            raise Refused("inspection.guard.has_ground", action=action, state=work.case.state)
        part = {
            "reason": reason.strip(), "attended": work.case.attended_by is not None,
            "grounds": [one.model_dump(mode="json") for one in grounds],
        }  # fmt: skip
        entry = books_store.write(work.session, DETENTIONS, case_id, subject_of(case_id), kind, part, actor.user_id, work.at)
        payload: dict[str, JsonValue] = {"order": entry.seq, "kind": kind, "grounds": [one.deficiency_id for one in grounds]}
        return Written(payload, str(entry.seq), f"inspection.detention_{kind}")

    return change(services, actor, case_id, action, body, Ask(reason=reason))


def _say(
    services: Services, actor: Actor, case_id: str, action: str, kind: str, words: str, refusal: Refusal | None = None
) -> Outcome:
    def body(work: Change) -> Written | None:
        orders = _orders(work.session, work.case)
        if not orders:
            raise NotFound("inspection.no_order")
        part: dict[str, JsonValue] = {"order": orders[-1].seq, "words": words}
        if refusal is not None:
            part |= {"witnesses": [*refusal.witnesses], "video_evidence_id": refusal.video_evidence_id}
        entry = books_store.write(work.session, DETENTIONS, case_id, subject_of(case_id), kind, part, actor.user_id, work.at)
        return Written({"order": orders[-1].seq, "said": kind, "words_sha256": digest(words)}, str(entry.seq))

    return change(services, actor, case_id, action, body)


def _orders(session: Session, case: store.CaseRow, kind: OrderKind | None = None) -> list[OrderPart]:
    made: list[OrderPart] = []
    for wanted in (kind,) if kind else _KINDS:
        for entry in books_store.entries(session, DETENTIONS, case.id, wanted):
            grounds = [GroundPart.model_validate(one) for one in entry.part["grounds"]]
            reason = str(entry.part["reason"])
            words = _order_words(case, wanted, entry.at, reason, grounds)
            attended = bool(entry.part["attended"])
            made.append(
                OrderPart(
                    seq=entry.seq,
                    kind=wanted,
                    at=entry.at,
                    by=entry.by,
                    reason=reason,
                    attended=attended,
                    grounds=grounds,
                    words=words,
                )
            )
    return sorted(made, key=lambda one: one.seq)


def _notices(session: Session, case_id: str) -> list[NoticePart]:
    states = {one.message.key: one for one in messages.outbox(session, subject_ref=subject_of(case_id), limit=1000)}
    handed = {int(one.part["notice"]): one for one in books_store.entries(session, DETENTIONS, case_id, "delivery")}
    found = []
    for entry in books_store.entries(session, DETENTIONS, case_id, "notice"):
        out, by_hand = states.get(_message_key(case_id, entry.seq)), handed.get(entry.seq)
        values = {key: value for key, value in entry.part.items() if key in NewNotice.model_fields}
        found.append(
            NoticePart(
                **values, seq=entry.seq, at=entry.at, by=entry.by, words=str(entry.part["words"]),
                delivery="handed_over" if by_hand else out.state.value if out else "queued",
                delivered_at=by_hand.at if by_hand else out.delivered_at if out else None,
                delivered_note=str(by_hand.part["note"]) if by_hand else None,
            )
        )  # fmt: skip
    return found


def _spoken(session: Session, case_id: str) -> list[SaidPart]:
    kinds = ("signed", "objected", "refused", "appealed")
    return [
        SaidPart.model_validate({**one.part, "seq": one.seq, "kind": one.kind, "at": one.at, "by": one.by})
        for one in books_store.entries(session, DETENTIONS, case_id)
        if one.kind in kinds
    ]


def _order_words(case: store.CaseRow, kind: OrderKind, at: datetime, reason: str, grounds: list[GroundPart]) -> Text:
    said = {}
    for lang in LANGS:
        lines = [
            text(
                f"inspection.detention.{kind}", lang, ship=case.ship["name"], imo=case.ship["imo"] or "—", number=case.number,
                at=f"{at:%Y-%m-%d %H:%M}", procedure=rules().procedure,
            )
        ]  # fmt: skip
        lines += [
            text(
                "inspection.detention.ground",
                lang,
                code=one.code,
                title=getattr(one.title, lang),
                standard=one.standard_not_met,
                why=one.why,
            )
            for one in grounds
        ]
        lines.append(text("inspection.detention.reason", lang, reason=reason))
        if kind == "order":
            lines.append(text("inspection.detention.appeal", lang, procedure=rules().procedure, section=rules().appeal_section))
        said[lang] = "\n".join(lines)
    return Text(zh=said["zh"], en=said["en"])


def _notice_words(case: store.CaseRow, new: NewNotice, order: OrderPart) -> str:
    opening = text(f"inspection.detention.notice.{new.party}", new.lang, name=new.name.strip() or "—", ship=case.ship["name"])
    return f"{opening}\n\n{order.words.zh if new.lang == 'zh' else order.words.en}"


def _message_key(case_id: str, notice: int) -> str:
    return f"detention:{case_id}:{notice}"


def _said(words: str) -> str:
    said = words.strip()
    if not said or len(said) > 2000:
        raise InputError("inspection.words_needed")
    return said


def _both(key: str, **params: object) -> Text:
    return Text(zh=text(key, "zh", **params), en=text(key, "en", **params))
