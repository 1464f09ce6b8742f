"""Owns notices to all ships in an area: whom one concerns, how each was told, and the tick of each receipt.

Never claims that a ship was reached: queued, sent and acknowledged are three things, and a ship without address is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

import ais
from ais.port import is_inside
from core import journal, messages
from core.catalogue import Lang, text
from core.context import Services
from core.errors import InputError, NotFound
from core.geo import LonLat, distance_m
from core.ids import new_id
from core.message_channels import Channel, Message
from inspection import books_store
from inspection.model import Actor
from inspection.record import Text
from inspection.service_rules import file_of, rules

BOOK, ADDRESSES, ALL = "notice", "address", "notices"
_METRES_PER_NM = 1852.0
How = Literal["link", "vhf", "telephone", "other"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PortArea(_Model):
    """The watched port: its limits, its anchorage alone, or every ship that is heard (also far outside)."""

    kind: Literal["port", "anchorage", "all"]


class CircleArea(_Model):
    kind: Literal["circle"]
    lonlat: tuple[float, float]
    radius_nm: float = Field(gt=0)


Area = Annotated[PortArea | CircleArea, Field(discriminator="kind")]


class NewNotice(_Model):
    """What is to be told, from a template, with the officer's own words in both languages."""

    template: str
    area: Area
    detail_zh: str = Field(default="", max_length=1000)
    detail_en: str = Field(default="", max_length=1000)
    valid_from: datetime
    valid_to: datetime | None = None


class Address(_Model):
    """Where messages for a ship go."""

    channel: Channel
    recipient: str = Field(min_length=1, max_length=200)
    lang: Lang = "en"


@dataclass(frozen=True, slots=True)
class Tick:
    """How far a notice has come with one ship."""

    ship: str
    name: str
    told: str
    seen_at: datetime | None
    acknowledged_at: datetime | None
    how: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as pages show it."""

    id: str
    template: str
    subject: Text
    body: Text
    area: Mapping[str, JsonValue]
    valid_from: datetime
    valid_to: datetime
    issued_at: datetime
    by: str
    ticks: tuple[Tick, ...]

    @property
    def acknowledged(self) -> int:
        return sum(one.acknowledged_at is not None for one in self.ticks)


def keep_address(services: Services, actor: Actor, ship: str, address: Address) -> None:
    """Say where messages for a ship go; the same address again changes nothing."""
    with services.db.write() as session:
        if address not in addresses(session, ship):
            at = services.clock.now()
            books_store.write(session, ADDRESSES, ship, file_of(ship), "address", address, actor.user_id, at)
            payload: dict[str, JsonValue] = {"channel": address.channel.value}
            journal.append(
                session, services.clock, stream=file_of(ship), actor=actor.user_id, action="address", payload=payload
            )


def addresses(session: Session, ship: str) -> list[Address]:
    return [one.read(Address) for one in books_store.entries(session, ADDRESSES, ship)]


def ships_in(services: Services, area: PortArea | CircleArea) -> list[ais.LiveShip]:
    """Ships heard lately whose last position lies in the area, also at anchor and outside the port.

    Raises:
        InputError: a circle larger than allowed.
    """
    if isinstance(area, CircleArea) and area.radius_nm > rules().largest_radius_nm:
        raise InputError("service.radius", most=rules().largest_radius_nm)
    port = ais.watched_port(services)
    since = services.clock.now() - timedelta(hours=rules().position_age_hours)
    found = []
    for ship in ais.live_ships(services, ships_only=True):
        if ship.position is None or ship.position.at_utc < since:
            continue
        at = ship.position.lonlat
        if isinstance(area, CircleArea):
            inside = distance_m(LonLat(*area.lonlat), at) <= area.radius_nm * _METRES_PER_NM
        elif area.kind == "all":
            inside = True
        else:
            inside = is_inside(port.anchorage, at) or (area.kind == "port" and is_inside(port.limits, at))
        if inside:
            found.append(ship)
    return found


def issue_notice(services: Services, actor: Actor, new: NewNotice) -> str:
    """Send a notice to every ship in its area; returns its id. Ships without address stand in the list as not told.

    Raises:
        InputError: no such template, or it would end before it begins.
    """
    template = rules().of(new.template)
    valid_to = new.valid_to or new.valid_from + timedelta(hours=template.hours)
    if valid_to <= new.valid_from:
        raise InputError("service.notice_times")
    concerned = ships_in(services, new.area)
    notice_id, at = new_id(), services.clock.now()
    subject, body = _words(new, valid_to)
    with services.db.write() as session:
        part = {
            **new.model_dump(mode="json"), "valid_to": valid_to.isoformat(), "subject": subject.model_dump(), "body": body.model_dump(),
        }  # fmt: skip
        books_store.write(session, BOOK, notice_id, ALL, "issued", part, actor.user_id, at)
        for seq, ship in enumerate(concerned, start=2):
            key = f"{ship.mmsi:09d}"
            told = [_post(services, session, notice_id, key, one, subject, body) for one in addresses(session, key)]
            entry = {"ship": key, "name": ship.name or key, "messages": told}
            books_store.write_at(session, BOOK, notice_id, seq, file_of(key), "for_ship", entry, actor.user_id, at)
        payload: dict[str, JsonValue] = {
            "notice": notice_id,
            "template": new.template,
            "ships": len(concerned),
            "role": actor.role,
        }
        journal.append(session, services.clock, stream=ALL, actor=actor.user_id, action="notice_issued", payload=payload)
    return notice_id


def acknowledge(services: Services, actor: Actor, notice_id: str, ship: str, how: How, note: str = "") -> None:
    """The ship has it: it pressed the button behind its link, or an officer heard it say so. Once is enough.

    Raises:
        NotFound: the notice does not concern this ship.
    """
    _receipt(services, actor, notice_id, ship, "acknowledged", {"how": how, "note": note.strip()[:500]})


def mark_seen(services: Services, actor: Actor, notice_id: str, ship: str) -> None:
    """The ship's page showed it."""
    _receipt(services, actor, notice_id, ship, "seen", {})


def notices(session: Session) -> list[Notice]:
    """All notices, the newest first."""
    found = books_store.entries(session, BOOK, kind="issued")
    return [notice(session, one.ref) for one in reversed(found)]


def notices_for(session: Session, ship: str) -> list[Notice]:
    """Notices that concern a ship, the newest first."""
    found = [one.ref for one in books_store.of_subject(session, file_of(ship), BOOK) if one.kind == "for_ship"]
    return [notice(session, one) for one in reversed(found)]


def notice(session: Session, notice_id: str) -> Notice:
    """Raises NotFound."""
    found = sorted(books_store.entries(session, BOOK, notice_id), key=lambda one: one.seq)
    if not found:
        raise NotFound("service.notice_missing", notice_id=notice_id)
    first, own = found[0], [one for one in found if one.kind == "for_ship"]
    sent = {one.message.key: one.state.value for one in messages.outbox(session, subject_ref=f"notice:{notice_id}", limit=5000)}
    receipts = {(str(one.part["ship"]), one.kind): one for one in reversed(found) if one.kind in ("seen", "acknowledged")}
    ticks = []
    for one in own:
        key = str(one.part["ship"])
        seen, done = receipts.get((key, "seen")), receipts.get((key, "acknowledged"))
        states = [sent.get(str(message), "queued") for message in one.part["messages"]]
        told = (
            "no_address"
            if not states
            else next((state for state in ("sent", "printed", "queued", "waiting_print") if state in states), "failed")
        )
        ticks.append(
            Tick(
                key, str(one.part["name"]), told, seen.at if seen else None, done.at if done else None,
                str(done.part["how"]) if done else None,
            )
        )  # fmt: skip
    return Notice(
        id=notice_id,
        template=str(first.part["template"]),
        subject=Text.model_validate(first.part["subject"]),
        body=Text.model_validate(first.part["body"]),
        area=first.part["area"],
        valid_from=datetime.fromisoformat(str(first.part["valid_from"])),
        valid_to=datetime.fromisoformat(str(first.part["valid_to"])),
        issued_at=first.at,
        by=first.by,
        ticks=tuple(ticks),
    )


def _receipt(services: Services, actor: Actor, notice_id: str, ship: str, kind: str, part: dict[str, JsonValue]) -> None:
    with services.db.write() as session:
        found = books_store.entries(session, BOOK, notice_id)
        if not any(one.kind == "for_ship" and one.part["ship"] == ship for one in found):
            raise NotFound("service.notice_missing", notice_id=notice_id)
        if any(one.kind == kind and one.part["ship"] == ship for one in found):
            return
        at = services.clock.now()
        books_store.write(session, BOOK, notice_id, file_of(ship), kind, {"ship": ship, **part}, actor.user_id, at)
        payload: dict[str, JsonValue] = {"notice": notice_id, "role": actor.role}
        journal.append(
            session, services.clock, stream=file_of(ship), actor=actor.user_id, action=f"notice_{kind}", payload=payload
        )


def _post(services: Services, session: Session, notice_id: str, ship: str, to: Address, subject: Text, body: Text) -> str:
    key = f"notice:{notice_id}:{ship}:{to.channel.value}:{to.recipient}"
    said = (subject.zh, body.zh) if to.lang == "zh" else (subject.en, body.en)
    messages.post(session, services.clock, Message(key, to.channel, to.recipient, *said), f"notice:{notice_id}")
    return key


def _words(new: NewNotice, valid_to: datetime) -> tuple[Text, Text]:
    values = {"start": f"{new.valid_from:%Y-%m-%d %H:%M}", "end": f"{valid_to:%Y-%m-%d %H:%M}"}

    def both(key: str) -> Text:
        return Text(
            zh=text(key, "zh", detail=new.detail_zh or new.detail_en, **values).strip(),
            en=text(key, "en", detail=new.detail_en or new.detail_zh, **values).strip(),
        )

    return both(f"notice.{new.template}.subject"), both(f"notice.{new.template}.body")
