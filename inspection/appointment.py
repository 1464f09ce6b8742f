"""Owns the one appointment that covers every item due (集约性检查): what it covers, when it can be, the invitation.

Never sends anything and never agrees for the ship: a named crew seat does.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal, Self
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vText
from pydantic import BaseModel, ConfigDict, Field, model_validator

from config import pack_path
from core.catalogue import LANGS, Lang, text
from core.errors import Refused
from core.geo import LonLat
from inspection.daylight import sun_elevation_deg
from inspection.record import CaseRecord, ChecklistPart, ShipPart, Text


class AppointmentRules(BaseModel):
    """Times of an appointment, ``config/checklists/appointment.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    min_notice_h: float = Field(ge=0)
    horizon_h: float = Field(gt=0)
    step_minutes: int = Field(gt=0)
    call_minutes: int = Field(gt=0)
    document_minutes_per_item: int = Field(ge=0)
    survey_minutes: int = Field(ge=0)
    min_sun_elevation_deg: float
    proposals: int = Field(gt=0)
    settle_after_arrival_h: float = Field(ge=0)
    clear_before_departure_h: float = Field(ge=0)
    display_zone: str
    min_visibility_m: float = Field(gt=0)
    min_up_kbps: float = Field(gt=0)
    max_rtt_ms: float = Field(gt=0)
    max_loss_pct: float = Field(ge=0)


class CertificateRow(BaseModel):
    """One paper to ask for. `min_gt`, `ship_types` (words of a type) and `flag` say which ships carry it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    code: str
    zh: str
    en: str
    instrument: str
    min_gt: float
    ship_types: list[str]
    flag: str


class _Certificates(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    date: str
    source: str
    certificate: list[CertificateRow]


@dataclass(frozen=True, slots=True)
class DueItem:
    """One thing the appointment covers."""

    kind: Literal["checklist", "certificate", "survey", "deficiency"]
    ref: str
    label: Text
    reason: Text


@dataclass(frozen=True, slots=True)
class PastDeficiency:
    """A deficiency of an earlier inspection of the ship that is still open. `number`: of that inspection."""

    id: str
    number: str
    code: str
    title: Text


@dataclass(frozen=True, slots=True)
class PortStay:
    """When and where the ship can be met; None = not known."""

    place: str
    position: LonLat
    arrives_at: datetime | None = None
    departs_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """`daylight`: the sun is high enough for photographs from start to end."""

    starts_at: datetime
    ends_at: datetime
    daylight: bool


class Seat(BaseModel):
    """Who takes part and in what role."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    seat: str = Field(min_length=1)
    role: str = Field(min_length=1)
    name: str


class Proposal(BaseModel):
    """An appointment as it is put to the ship."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    place: str = Field(min_length=1)
    starts_at: datetime
    ends_at: datetime
    participants: list[Seat] = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts_at.tzinfo is None or self.ends_at <= self.starts_at:
            raise ValueError("an appointment needs a start and a later end, both with a time zone")
        return self


@dataclass(frozen=True, slots=True)
class Invitation:
    """What goes out, in both languages, with the calendar file (RFC 5545)."""

    subject: Text
    body: Text
    ics: bytes


@cache
def appointment_rules() -> AppointmentRules:
    return AppointmentRules.model_validate(
        tomllib.loads(pack_path("checklists", "appointment.toml").read_text(encoding="utf-8"))
    )


@cache
def certificate_rows() -> tuple[CertificateRow, ...]:
    """The papers pack in force."""
    pack = pack_path("checklists", "certificates_2026_1.toml")
    return tuple(_Certificates.model_validate(tomllib.loads(pack.read_text(encoding="utf-8"))).certificate)


def certificates_of(ship: ShipPart, rows: tuple[CertificateRow, ...]) -> list[DueItem]:
    """Papers this ship should carry. Where size, type or flag is unknown the paper is asked for, and the reason says so."""
    due: list[DueItem] = []
    for row in rows:
        tests = (
            None if ship.gross_tonnage is None and row.min_gt > 0 else (ship.gross_tonnage or 0.0) >= row.min_gt,
            None if ship.ship_type is None and row.ship_types else _type_fits(ship.ship_type, row.ship_types),
            None if ship.flag is None and row.flag else row.flag in ("", ship.flag),
        )
        if False in tests:
            continue
        key = "inspection.due.scope_unknown" if None in tests else "inspection.due.certificate"
        due.append(
            DueItem("certificate", row.id, Text(zh=row.zh, en=row.en), _both(key, instrument=row.instrument)),
        )
    return due


def collect(
    ship: ShipPart, checklist: ChecklistPart, *, attend_items: tuple[str, ...] = (), past: tuple[PastDeficiency, ...] = ()
) -> list[DueItem]:
    """Everything one appointment covers: remote checklist items, papers, what is open from before, the drone survey.

    Items for attendance (never remote, or remote last time) stay out; the record names them as not examined.
    """
    due = [
        DueItem("checklist", item.id, item.title, Text(zh=item.legal_basis, en=item.legal_basis))
        for item in checklist.items
        if item.remote and item.id not in attend_items
    ]
    due += certificates_of(ship, certificate_rows())
    due += [
        DueItem(
            "deficiency",
            f"deficiency:{one.id}",
            one.title,
            _both("inspection.due.deficiency", number=one.number, code=one.code),
        )
        for one in past
    ]
    if any("drone" in item.media and item.remote for item in checklist.items):
        due.append(DueItem("survey", "survey", _both("inspection.due.survey"), _both("inspection.due.survey_reason")))
    return due


def length_of(due: list[DueItem], rules: AppointmentRules) -> timedelta:
    """How long the appointment takes: call, papers, and the survey after it."""
    minutes = rules.call_minutes + rules.document_minutes_per_item * sum(item.kind == "certificate" for item in due)
    return timedelta(minutes=minutes + (rules.survey_minutes if any(item.kind == "survey" for item in due) else 0))


def propose_slots(
    now: datetime, stay: PortStay, length: timedelta, rules: AppointmentRules, *, needs_daylight: bool = True
) -> list[Slot]:
    """The earliest slots inside the stay, after the notice, on the step grid; daylight throughout where it is needed.

    Raises:
        Refused: ``inspection.no_slot`` if the stay has no such slot; the ship is then checked on board or later.
    """
    earliest = now + timedelta(hours=rules.min_notice_h)
    if stay.arrives_at is not None:
        earliest = max(earliest, stay.arrives_at + timedelta(hours=rules.settle_after_arrival_h))
    latest = now + timedelta(hours=rules.horizon_h)
    if stay.departs_at is not None:
        latest = min(latest, stay.departs_at - timedelta(hours=rules.clear_before_departure_h))
    step = timedelta(minutes=rules.step_minutes)
    start = on_grid(earliest, step)
    found: list[Slot] = []
    while start + length <= latest and len(found) < rules.proposals:
        daylight = light_throughout(stay.position, start, length, step, rules.min_sun_elevation_deg)
        if daylight or not needs_daylight:
            found.append(Slot(start, start + length, daylight))
            start = on_grid(start + length, step)
        else:
            start += step
    if not found:
        raise Refused("inspection.no_slot", place=stay.place)
    return found


def invitation(record: CaseRecord, asked: list[Text]) -> Invitation:
    """The invitation for the case's appointment, in both languages; `asked`: conditions the ship is to confirm.

    Raises:
        Refused: the case has no appointment yet.
    """
    meeting = record.appointment
    if meeting is None:
        raise Refused("inspection.no_appointment", number=record.number)
    zone = ZoneInfo(appointment_rules().display_zone)
    times = {
        "start": f"{meeting.starts_at.astimezone(zone):%Y-%m-%d %H:%M}",
        "end": f"{meeting.ends_at.astimezone(zone):%H:%M}",
        "start_utc": f"{meeting.starts_at.astimezone(UTC):%Y-%m-%d %H:%M}",
    }
    subject = _both("inspection.invitation.subject", ship=record.ship.name, number=record.number)
    body = {lang: _body(record, lang, asked, times) for lang in LANGS}
    return Invitation(subject, Text(zh=body["zh"], en=body["en"]), _ics(record, subject))


def _body(record: CaseRecord, lang: Lang, asked: list[Text], times: dict[str, str]) -> str:
    meeting = record.appointment
    lines = [
        text(
            "inspection.invitation.opening", lang, ship=record.ship.name, place=meeting.place if meeting else "",
            items=len(meeting.item_ids) if meeting else 0, **times,
        ),
    ]  # fmt: skip
    lines += [text("inspection.invitation.line", lang, line=_in(lang, line)) for line in asked]
    lines += [text("inspection.invitation.simulated", lang, line=_in(lang, line)) for line in record.simulated]
    lines.append(text("inspection.invitation.closing", lang))
    return "\n".join(lines)


def _ics(record: CaseRecord, subject: Text) -> bytes:
    meeting = record.appointment
    if meeting is None:
        return b""
    calendar = Calendar()
    calendar.add("prodid", "-//YunJian//inspection//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    event = Event()
    event.add("uid", f"{meeting.id}@yunjian")
    event.add("dtstamp", record.opened_at)
    event.add("dtstart", meeting.starts_at.astimezone(UTC))
    event.add("dtend", meeting.ends_at.astimezone(UTC))
    event.add("summary", f"{subject.zh} / {subject.en}")
    event["location"] = vText(meeting.place)
    event.add("status", "CONFIRMED" if meeting.agreed_at else "TENTATIVE")
    calendar.add_component(event)
    ics: bytes = calendar.to_ical()
    return ics


def on_grid(at: datetime, step: timedelta) -> datetime:
    """The next multiple of `step` since midnight UTC, not before `at`."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + -((midnight - at) // step) * step


def light_throughout(place: LonLat, start: datetime, length: timedelta, step: timedelta, least_deg: float) -> bool:
    """True if the sun stands at least `least_deg` high from start to end."""
    at = start
    while at < start + length:
        if sun_elevation_deg(place, at) < least_deg:
            return False
        at += step
    return sun_elevation_deg(place, start + length) >= least_deg


def _type_fits(ship_type: str | None, words: list[str]) -> bool:
    return not words or any(word in (ship_type or "").casefold() for word in words)


def _in(lang: Lang, both: Text) -> str:
    return both.zh if lang == "zh" else both.en


def _both(key: str, **params: object) -> Text:
    return Text(zh=text(key, "zh", **params), en=text(key, "en", **params))
