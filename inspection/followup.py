"""Owns what happens after the report: rectification shown by the company and judged, reminders, the watch on a held ship.

Never ends a deficiency by itself: an inspector accepts, and a ground for detention still needs attendance on board.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

import ais
from config import pack_path
from core import catalogue, events, evidence, journal, messages
from core.context import Services
from core.errors import InputError, NotFound, Refused
from core.evidence import Envelope
from core.ids import new_id
from core.media import media_type_of
from core.message_channels import Channel, Message
from core.workdays import local_day
from inspection import store
from inspection.assemble import subject_of
from inspection.change import Ask, Change, Written, change, digest
from inspection.content import act
from inspection.model import Actor, Outcome
from inspection.record import CaseState, DeficiencyPart, ShipPart

AlertKind = Literal["due_soon", "overdue", "moved"]


class FollowUpRules(BaseModel):
    """``config/followup.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    version: str
    source: str
    accept_action: str
    remind_days_before: list[int]
    hold_actions: list[str]
    moving_speed_kn: float = Field(gt=0)
    position_age_minutes: float = Field(gt=0)
    link_days: int = Field(gt=0)
    largest_upload_mb: int = Field(gt=0)
    media: dict[str, Literal["still", "document", "clip"]]


@cache
def rules() -> FollowUpRules:
    return FollowUpRules.model_validate(tomllib.loads(pack_path("followup.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Motion:
    """What AIS says of a ship now."""

    sog_kn: float
    at: datetime
    lonlat: tuple[float, float]


@dataclass(frozen=True, slots=True)
class OpenLine:
    """One open deficiency on the deadline board. `days_left` counts local days, negative when overdue, None without a day."""

    case_id: str
    number: str
    ship: ShipPart
    deficiency: DeficiencyPart
    days_left: int | None
    held: bool
    motion: Motion | None

    @property
    def tone(self) -> str:
        """How urgent: alarm, warning, info or plain."""
        if (self.held and self.motion is not None) or (self.days_left is not None and self.days_left < 0):
            return "alarm"
        if self.held or (self.days_left is not None and self.days_left <= max(rules().remind_days_before)):
            return "warning"
        return "info" if self.days_left is not None else "plain"


@dataclass(frozen=True, slots=True)
class Rectification:
    """A company's answer to a deficiency as pages show it."""

    id: str
    case_id: str
    deficiency_id: str
    submitted_at: datetime
    note: str
    evidence_ids: tuple[str, ...]
    verdict: str | None
    judged_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert with the words' parameters."""

    id: str
    case_id: str
    number: str
    ship_name: str
    deficiency_code: str
    kind: AlertKind
    facts: dict[str, JsonValue]
    raised_at: datetime


class NewRectification(BaseModel):
    """What was done, in the company's words, and the evidence uploaded for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    note: str = Field(min_length=3, max_length=4000)
    evidence_ids: list[str] = Field(min_length=1, max_length=50)


def taken_type(head: bytes) -> str:
    """The media type of an upload.

    Raises:
        InputError ``inspection.upload_type``: none of those allowed.
    """
    found = media_type_of(head)
    if found not in rules().media:
        raise InputError("inspection.upload_type", allowed=", ".join(rules().media))
    return found


def keep_upload(
    services: Services, actor: Actor, case_id: str, deficiency_id: str, chunks: Iterable[bytes], captured_at: datetime | None
) -> Outcome:
    """Store one file that a company shows for a deficiency. `ref` is its evidence id; the same bytes again are the same evidence.

    Raises:
        InputError: empty, too large, or not a type that is allowed.
        Refused, AccessDenied, NotFound: as `change`.
    """
    with services.db.read() as session:
        if store.deficiency(session, case_id, deficiency_id).state != "open":
            raise Refused("inspection.deficiency_ended", deficiency_id=deficiency_id)
    parts = iter(chunks)
    head = next(parts, b"")
    media_type = taken_type(head)
    stored = services.files.put(_measured(head, parts))
    item_ref = f"deficiency:{deficiency_id}"
    with services.db.read() as session:
        case = store.case(session, case_id)
        for known in evidence.of_subject(session, subject_of(case_id)):
            if (known.sha256, known.item_ref) == (stored.sha256, item_ref):
                return Outcome(case_id=case_id, state=cast("CaseState", case.state), rev=case.rev, ref=known.id)

    def body(work: Change) -> Written:
        envelope = Envelope(
            sha256=stored.sha256, size=stored.size, media_type=media_type, kind=rules().media[media_type],
            captured_at=captured_at or work.at, clock_offset_ms=None, received_at=work.at, device=f"upload:{actor.role}",
            producer="inspection", subject_ref=subject_of(case_id), item_ref=item_ref,
            extra={"captured_at_source": "device" if captured_at else "received"},
        )  # fmt: skip
        evidence.keep(work.session, envelope)
        return Written({"evidence_id": envelope.id, "sha256": stored.sha256, "deficiency_id": deficiency_id}, envelope.id)

    return change(services, actor, case_id, "submit_rectification", body)


def submit_rectification(services: Services, actor: Actor, case_id: str, deficiency_id: str, new: NewRectification) -> Outcome:
    """The company says what it did and shows it. `ref` is the id; it waits for the inspector.

    Raises:
        NotFound: no such deficiency, or evidence that was not uploaded for it.
        Refused ``inspection.deficiency_ended``: nothing is open any more; ``inspection.rectification_waiting``: one already waits.
    """

    def body(work: Change) -> Written:
        row = store.deficiency(work.session, case_id, deficiency_id)
        if row.state != "open":
            raise Refused("inspection.deficiency_ended", deficiency_id=deficiency_id)
        if any(one.deficiency_id == row.id for one in store.rectifications(work.session, case_id=case_id, waiting=True)):
            raise Refused("inspection.rectification_waiting", deficiency_id=deficiency_id)
        for evidence_id in new.evidence_ids:
            kept = evidence.get(work.session, evidence_id)
            if kept is None or kept.subject_ref != subject_of(case_id) or kept.item_ref != f"deficiency:{row.id}":
                raise NotFound("inspection.evidence_missing", evidence_id=evidence_id)
        made = store.RectificationRow(
            id=new_id(), case_id=case_id, deficiency_id=row.id, submitted_by=actor.user_id, submitted_at=work.at,
            note=new.note.strip(), evidence_ids=list(new.evidence_ids),
        )  # fmt: skip
        work.session.add(made)
        payload: dict[str, JsonValue] = {
            "rectification_id": made.id, "deficiency_id": row.id, "evidence_ids": [*new.evidence_ids],
            "note_sha256": digest(made.note),
        }  # fmt: skip
        return Written(payload, made.id, "inspection.rectification_submitted")

    return change(services, actor, case_id, "submit_rectification", body)


def judge_rectification(
    services: Services, actor: Actor, case_id: str, rectification_id: str, verdict: Literal["accepted", "rejected"], reason: str
) -> Outcome:
    """Accept (the deficiency ends as rectified) or reject with a reason (it stays open and the company may try again).

    Raises:
        Refused ``inspection.reason_required``: a rejection without reason; ``inspection.rectification_judged``: done already;
            ``inspection.detention_needs_attendance``: a ground for detention ends only after somebody was on board.
    """
    if verdict == "rejected" and not reason.strip():
        raise Refused("inspection.reason_required", action="reject")

    def body(work: Change) -> Written:
        row = store.rectification(work.session, case_id, rectification_id)
        if row.verdict is not None:
            raise Refused("inspection.rectification_judged", rectification_id=rectification_id)
        deficiency = store.deficiency(work.session, case_id, row.deficiency_id)
        if verdict == "accepted":
            act(work, deficiency, rules().accept_action)
        row.verdict, row.judged_by, row.judged_at, row.reason = verdict, actor.user_id, work.at, reason.strip() or None
        payload: dict[str, JsonValue] = {
            "rectification_id": row.id, "deficiency_id": row.deficiency_id, "verdict": verdict, "deficiency_state": deficiency.state,
        }  # fmt: skip
        return Written(payload, row.id, "inspection.rectification_judged")

    return change(services, actor, case_id, "judge_rectification", body, Ask(reason=reason or None))


def name_contact(
    services: Services, actor: Actor, case_id: str, channel: Channel, recipient: str, lang: catalogue.Lang
) -> Outcome:
    """Say whom reminders go to. The same address again changes nothing."""
    address = recipient.strip()
    if not address or "\n" in address or len(address) > 200:
        raise InputError("message.bad_recipient", recipient=address[:80])

    def body(work: Change) -> Written | None:
        if any((one.channel, one.recipient) == (channel.value, address) for one in store.contacts(work.session, case_id)):
            return None
        work.session.add(store.ContactRow(case_id=case_id, channel=channel.value, recipient=address, lang=lang))
        return Written({"channel": channel.value, "recipient_sha256": digest(address)})

    return change(services, actor, case_id, "name_contact", body)


def board(services: Services) -> list[OpenLine]:
    """Every open deficiency after issue, the most urgent first."""
    now = services.clock.now()
    with services.db.read() as session:
        found = [(case.id, case.number, ShipPart.model_validate(case.ship), DeficiencyPart.model_validate(row.part))
                 for case, row in store.open_deficiencies(session)]  # fmt: skip
    seen: dict[str, Motion | None] = {}
    lines = []
    for case_id, number, ship, part in found:
        held = part.ground_for_detention or part.action_code in rules().hold_actions
        if held and ship.mmsi and ship.mmsi not in seen:
            seen[ship.mmsi] = motion_of(services, ship.mmsi, now)
        left = None if part.due_at is None else (local_day(part.due_at) - local_day(now)).days
        lines.append(OpenLine(case_id, number, ship, part, left, held, seen.get(ship.mmsi or "") if held else None))
    order = ("alarm", "warning", "info", "plain")
    return sorted(lines, key=lambda line: (order.index(line.tone), 10_000 if line.days_left is None else line.days_left))


def motion_of(services: Services, mmsi: str, now: datetime) -> Motion | None:
    """The ship's movement if a recent position says that it moves, else None (at rest, or nothing recent was heard)."""
    try:
        position = ais.live_ship(services, int(mmsi)).position
    except NotFound:
        return None
    if position is None or position.sog_kn is None or position.sog_kn <= rules().moving_speed_kn:
        return None
    if now - position.at_utc > timedelta(minutes=rules().position_age_minutes):
        return None
    return Motion(position.sog_kn, position.at_utc, (position.lonlat.lon, position.lonlat.lat))


def sweep(services: Services) -> int:
    """Raise what is due: reminders before the due day, overdue, a held ship that moves. Returns how many alerts are new.

    Each is raised once (a key per deficiency, kind and day), also after a restart and with several processes.
    """
    raised = 0
    now = services.clock.now()
    for line in board(services):
        for kind, key, facts in _due(line, now):
            raised += _raise(services, line, kind, f"{line.deficiency.id}:{kind}:{key}", facts)
    return raised


def _due(line: OpenLine, now: datetime) -> Iterable[tuple[AlertKind, str, dict[str, JsonValue]]]:
    left, due_at = line.days_left, line.deficiency.due_at
    if left is not None and due_at is not None:
        day = f"{local_day(due_at):%Y-%m-%d}"
        step = min((days for days in rules().remind_days_before if 0 <= left <= days), default=None)
        if now > due_at:
            yield "overdue", day, {"due": day}
        elif step is not None:
            yield "due_soon", f"{day}:{step}", {"due": day, "days": left}
    if line.motion is not None:
        yield "moved", f"{local_day(now):%Y-%m-%d}", {
            "sog_kn": line.motion.sog_kn, "at": line.motion.at.isoformat(), "lonlat": [*line.motion.lonlat],
        }  # fmt: skip


def _raise(services: Services, line: OpenLine, kind: AlertKind, key: str, facts: dict[str, JsonValue]) -> bool:
    with services.db.write() as session:
        if store.alert_by_key(session, key) is not None:
            return False
        row = store.AlertRow(
            id=new_id(), key=key, case_id=line.case_id, deficiency_id=line.deficiency.id, kind=kind, facts=facts,
            raised_at=services.clock.now(),
        )  # fmt: skip
        session.add(row)
        stream = subject_of(line.case_id)
        payload: dict[str, JsonValue] = {
            "case_id": line.case_id,
            "alert_id": row.id,
            "deficiency_id": line.deficiency.id,
            "kind": kind,
        }
        journal.append(session, services.clock, stream=stream, actor=Actor.system().user_id, action="alert", payload=payload)
        events.publish(session, services.clock, stream=stream, type="inspection.alert", payload=payload)
        for contact in store.contacts(session, line.case_id):
            messages.post(session, services.clock, _reminder(contact, line, kind, facts, row.id), stream)
    return True


def _reminder(
    contact: store.ContactRow, line: OpenLine, kind: AlertKind, facts: dict[str, JsonValue], alert_id: str
) -> Message:
    lang = cast("catalogue.Lang", contact.lang)
    title = line.deficiency.title.zh if lang == "zh" else line.deficiency.title.en
    words: dict[str, object] = {
        "number": line.number,
        "ship": line.ship.name,
        "code": line.deficiency.code,
        "title": title,
        **facts,
    }
    return Message(
        key=f"alert:{alert_id}:{contact.channel}:{digest(contact.recipient)[:16]}",
        channel=Channel(contact.channel),
        recipient=contact.recipient,
        subject=catalogue.text("inspection.reminder.subject", lang, **words),
        body=catalogue.text(f"inspection.reminder.{kind}", lang, **words),
    )


def alerts(session: Session) -> list[Alert]:
    """Alerts that nobody has acknowledged, newest first."""
    found = []
    for row in store.alerts(session):
        case = store.case(session, row.case_id)
        code = DeficiencyPart.model_validate(store.deficiency(session, row.case_id, row.deficiency_id).part).code
        found.append(
            Alert(
                row.id,
                row.case_id,
                case.number,
                str(case.ship["name"]),
                code,
                cast("AlertKind", row.kind),
                row.facts,
                row.raised_at,
            )
        )
    return found


def acknowledge(services: Services, actor: Actor, alert_id: str) -> None:
    """Take an alert off the board, by name. Raises NotFound."""
    with services.db.write() as session:
        row = session.get(store.AlertRow, alert_id)
        if row is None:
            raise NotFound("inspection.alert_missing", alert_id=alert_id)
        if row.seen_at is not None:
            return
        row.seen_by, row.seen_at = actor.user_id, services.clock.now()
        journal.append(
            session, services.clock, stream=subject_of(row.case_id), actor=actor.user_id, action="alert_seen",
            payload={"alert_id": alert_id, "role": actor.role},
        )  # fmt: skip


def rectifications(session: Session, case_id: str | None = None, *, waiting: bool = False) -> list[Rectification]:
    """What companies have shown, oldest first."""
    return [
        Rectification(
            row.id, row.case_id, row.deficiency_id, row.submitted_at, row.note, tuple(row.evidence_ids), row.verdict,
            row.judged_at, row.reason,
        )
        for row in store.rectifications(session, case_id=case_id, waiting=waiting)
    ]  # fmt: skip


def _measured(head: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    most = rules().largest_upload_mb * 1_000_000
    size = len(head)
    yield head
    for chunk in rest:
        size += len(chunk)
        if size > most:
            raise InputError("inspection.upload_too_large", most_mb=rules().largest_upload_mb)
        yield chunk
