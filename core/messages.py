"""Owns outgoing messages: written in the caller's transaction, delivered later, with a state that says how far each came.

Never writes a sentence: subject and body come from the catalogue, already in the reader's language. How a message leaves
(mail, webhook, paper) is in `core.message_channels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import logs
from core.clock import Clock
from core.context import Services
from core.db import Base, Database, UtcDateTime
from core.errors import EnvironmentFault, NotFound, Refused, YunJianError
from core.ids import new_id
from core.message_channels import Channel, Message, Send, ways_out

_LEASE_FACTOR = 6.0  # a claimed message is free again after this many time-outs: its process must be dead


class Delivery(StrEnum):
    """queued -> sent | waiting_print | queued again after a failure | failed; waiting_print -> printed."""

    QUEUED = "queued"
    SENT = "sent"
    WAITING_PRINT = "waiting_print"
    PRINTED = "printed"
    FAILED = "failed"


class MessageRow(Base):
    """One message to one recipient. `key` makes it the same message when it is asked for, or sent, twice."""

    __tablename__ = "core_message"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str]
    recipient: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    link: Mapped[str | None]
    subject_ref: Mapped[str | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with its delivery state. `due_at` is when it is tried next, while it is queued."""

    id: str
    message: Message
    subject_ref: str | None
    state: Delivery
    attempts: int
    due_at: datetime
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """What one `deliver_due` did."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    to_print: int = 0


def post(session: Session, clock: Clock, message: Message, subject_ref: str | None = None) -> Outgoing:
    """Put a message into the outbox in the caller's transaction. The same key again gives the one that is there.

    Raises:
        Refused ``message.key_taken``: the key belongs to a different message.
    """
    row = session.scalars(select(MessageRow).where(MessageRow.key == message.key)).first()
    if row is None:
        state = Delivery.WAITING_PRINT if message.channel is Channel.PRINT else Delivery.QUEUED
        row = MessageRow(
            id=new_id(), key=message.key, channel=message.channel.value, recipient=message.recipient, subject=message.subject,
            body=message.body, link=message.link, subject_ref=subject_ref, state=state.value, attempts=0, due_at=clock.now(),
            created_at=clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
    found = _outgoing(row)
    if found.message != message:
        raise Refused("message.key_taken", key=message.key)
    return found


def deliver_due(services: Services, ways: Mapping[Channel, Send] | None = None, limit: int = 50) -> DeliveryCount:
    """Send what is due. Several processes may call it at once: each message is claimed by one of them first.

    A process killed between sending and noting it sends again: the webhook's ``Idempotency-Key`` and the mail's
    ``Message-ID`` are then the same, so that the other side can tell.
    """
    chosen = ways_out(services.settings.messages) if ways is None else ways
    count = DeliveryCount()
    for message_id in _claim(services, limit):
        outcome = _deliver_one(services, chosen, message_id)
        count = DeliveryCount(
            count.sent + (outcome is Delivery.SENT),
            count.retried + (outcome is Delivery.QUEUED),
            count.failed + (outcome is Delivery.FAILED),
            count.to_print + (outcome is Delivery.WAITING_PRINT),
        )
    return count


def mark_printed(session: Session, clock: Clock, message_id: str) -> Outgoing:
    """Note that a message went out on paper.

    Raises:
        NotFound: no such message.
        Refused ``message.not_printable``: it was sent already.
    """
    row = session.get(MessageRow, message_id)
    if row is None:
        raise NotFound("message.missing", id=message_id)
    if row.state == Delivery.SENT.value:
        raise Refused("message.not_printable", id=message_id)
    row.state, row.delivered_at = Delivery.PRINTED.value, row.delivered_at or clock.now()
    session.flush()
    return _outgoing(row)


def try_again(session: Session, clock: Clock, message_id: str) -> Outgoing:
    """Queue a failed message, or one that waits for paper, from the start. Raises NotFound; no effect on a sent one."""
    row = session.get(MessageRow, message_id)
    if row is None:
        raise NotFound("message.missing", id=message_id)
    if row.state in (Delivery.FAILED.value, Delivery.WAITING_PRINT.value) and row.channel != Channel.PRINT.value:
        row.state, row.attempts, row.due_at = Delivery.QUEUED.value, 0, clock.now()
        session.flush()
    return _outgoing(row)


def outbox(
    session: Session, *, state: Delivery | None = None, subject_ref: str | None = None, limit: int = 200
) -> list[Outgoing]:
    """Messages, newest first."""
    query = select(MessageRow).order_by(MessageRow.id.desc()).limit(limit)
    if state is not None:
        query = query.where(MessageRow.state == state.value)
    if subject_ref is not None:
        query = query.where(MessageRow.subject_ref == subject_ref)
    return [_outgoing(row) for row in session.scalars(query)]


def wait_s(attempts: int, first_s: float, longest_s: float) -> float:
    """Seconds until the next try: doubles with each failure, up to `longest_s`."""
    return min(longest_s, first_s * 2.0 ** min(attempts - 1, 40))


def _claim(services: Services, limit: int) -> list[str]:
    """Take due messages for this process by moving their due time past the longest a delivery can take."""
    now = services.clock.now()
    lease = timedelta(seconds=services.settings.messages.timeout_s * _LEASE_FACTOR)
    with services.db.write() as session:
        query = (
            select(MessageRow)
            .where(MessageRow.state == Delivery.QUEUED.value, MessageRow.due_at <= now)
            .order_by(MessageRow.due_at, MessageRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = session.scalars(query).all()
        for position, row in enumerate(rows, start=1):
            row.due_at = now + lease * position
        return [row.id for row in rows]


def _deliver_one(services: Services, ways: Mapping[Channel, Send], message_id: str) -> Delivery:
    outgoing = _load(services.db, message_id)
    send = ways.get(outgoing.message.channel)
    if send is None:
        return _note(services, message_id, Delivery.WAITING_PRINT, None)
    try:
        send(outgoing.message)
    except YunJianError as error:
        logs.get("core.messages").warning("message not delivered", id=message_id, code=error.code)
        final = not isinstance(error, EnvironmentFault) or outgoing.attempts + 1 >= services.settings.messages.max_attempts
        return _note(services, message_id, Delivery.FAILED if final else Delivery.QUEUED, error)
    return _note(services, message_id, Delivery.SENT, None)


def _load(db: Database, message_id: str) -> Outgoing:
    with db.read() as session:
        return _outgoing(session.get_one(MessageRow, message_id))


def _note(services: Services, message_id: str, state: Delivery, error: YunJianError | None) -> Delivery:
    limits, now = services.settings.messages, services.clock.now()
    with services.db.write() as session:
        row = session.get_one(MessageRow, message_id)
        if row.state != Delivery.QUEUED.value:  # printed by a person meanwhile
            return Delivery(row.state)
        row.state = state.value
        row.error_code = error.code if error else None
        row.error_detail = str(error.params.get("reason", "")) if error else None
        if state is Delivery.SENT:
            row.delivered_at = now
        if error is not None:
            row.attempts += 1
            row.due_at = now + timedelta(seconds=wait_s(row.attempts, limits.retry_s, limits.retry_max_s))
    return state


def _outgoing(row: MessageRow) -> Outgoing:
    message = Message(row.key, Channel(row.channel), row.recipient, row.subject, row.body, row.link)
    return Outgoing(
        row.id, message, row.subject_ref, Delivery(row.state), row.attempts, row.due_at, row.error_code, row.error_detail,
        row.created_at, row.delivered_at,
    )  # fmt: skip
