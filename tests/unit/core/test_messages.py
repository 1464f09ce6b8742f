"""The outbox: states, retries, claims; and how a message is composed for each way out."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from config import Settings, load_settings
from core import messages
from core.clock import ManualClock
from core.context import Services
from core.errors import EnvironmentFault, InputError, NotFound, Refused
from core.message_channels import Channel, Message, compose_mail, qr_png, qr_svg, ways_out
from core.messages import Delivery, DeliveryCount, deliver_due, mark_printed, outbox, post, try_again

MAIL = Message("k-1", Channel.EMAIL, "company@example.org", "整改通知", "请于期限内整改。", "https://example.org/j/abc")


def put(services: Services, message: Message = MAIL) -> str:
    with services.db.write() as session:
        return post(session, services.clock, message, "case-1").id


def only(services: Services) -> messages.Outgoing:
    with services.db.read() as session:
        (found,) = outbox(session, subject_ref="case-1")
    return found


def failing(error: Callable[[], Exception]) -> Callable[[Message], None]:
    def send(_message: Message) -> None:
        raise error()

    return send


def test_sent_once(services: Services) -> None:
    put(services)
    seen: list[Message] = []
    assert deliver_due(services, {Channel.EMAIL: seen.append}) == DeliveryCount(sent=1)
    assert deliver_due(services, {Channel.EMAIL: seen.append}) == DeliveryCount()
    assert seen == [MAIL]
    assert (only(services).state, only(services).delivered_at) == (Delivery.SENT, services.clock.now())


def test_same_key_is_the_same_message(services: Services) -> None:
    assert put(services) == put(services)
    other = Message("k-1", Channel.EMAIL, "other@example.org", "x", "y")
    with services.db.write() as session, pytest.raises(Refused):
        post(session, services.clock, other)


def test_message_falls_with_its_change(services: Services) -> None:
    def change() -> None:
        with services.db.write() as session:
            post(session, services.clock, MAIL, "case-1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert deliver_due(services, {}) == DeliveryCount()


def test_retries_wait_longer_and_end(services: Services, clock: ManualClock) -> None:
    put(services)
    limits = services.settings.messages
    ways = {Channel.EMAIL: failing(lambda: EnvironmentFault("message.smtp_down", host="h", reason="451"))}
    for attempt in range(1, limits.max_attempts):
        assert deliver_due(services, ways) == DeliveryCount(retried=1)
        found = only(services)
        assert (found.state, found.attempts, found.error_code, found.error_detail) == (
            Delivery.QUEUED, attempt, "message.smtp_down", "451",
        )  # fmt: skip
        wait = messages.wait_s(attempt, limits.retry_s, limits.retry_max_s)
        clock.advance(wait - 1)
        assert deliver_due(services, ways) == DeliveryCount()  # not due yet
        clock.advance(1)
    assert deliver_due(services, ways) == DeliveryCount(failed=1)
    clock.advance(10**6)
    assert deliver_due(services, ways) == DeliveryCount()
    with services.db.write() as session:
        assert try_again(session, clock, only(services).id).state is Delivery.QUEUED
    assert deliver_due(services, {Channel.EMAIL: lambda _message: None}) == DeliveryCount(sent=1)


def test_a_refused_message_is_not_tried_again(services: Services) -> None:
    put(services)
    ways = {Channel.EMAIL: failing(lambda: Refused("message.smtp_refused", reason="550 no such user"))}
    assert deliver_due(services, ways) == DeliveryCount(failed=1)
    assert only(services).error_detail == "550 no such user"


def test_a_claimed_message_is_not_sent_by_another_process(services: Services, clock: ManualClock) -> None:
    put(services)
    twice: list[DeliveryCount] = []

    def send(_message: Message) -> None:
        twice.append(deliver_due(services, {Channel.EMAIL: send}))

    deliver_due(services, {Channel.EMAIL: send})
    assert twice == [DeliveryCount()]


def test_a_message_claimed_by_a_killed_process_is_sent_later(services: Services, clock: ManualClock) -> None:
    put(services)

    def killed(_message: Message) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        deliver_due(services, {Channel.EMAIL: killed})
    assert deliver_due(services, {Channel.EMAIL: killed}) == DeliveryCount()
    clock.advance(services.settings.messages.timeout_s * 6)
    assert deliver_due(services, {Channel.EMAIL: lambda _message: None}) == DeliveryCount(sent=1)


def test_what_has_no_way_out_waits_for_paper(services: Services, settings: Settings) -> None:
    assert ways_out(settings.messages) == {}
    message_id = put(services)
    assert deliver_due(services) == DeliveryCount(to_print=1)
    with services.db.write() as session:
        assert [found.id for found in outbox(session, state=Delivery.WAITING_PRINT)] == [message_id]
        assert mark_printed(session, services.clock, message_id).state is Delivery.PRINTED
        paper = post(session, services.clock, Message("k-2", Channel.PRINT, "master", "s", "b"))
        assert paper.state is Delivery.WAITING_PRINT
        for unknown in (lambda: mark_printed(session, services.clock, "x"), lambda: try_again(session, services.clock, "x")):
            with pytest.raises(NotFound):
                unknown()


def test_sent_needs_no_paper(services: Services) -> None:
    message_id = put(services)
    deliver_due(services, {Channel.EMAIL: lambda _message: None})
    with services.db.write() as session, pytest.raises(Refused):
        mark_printed(session, services.clock, message_id)


def test_mail_is_composed_safely() -> None:
    settings = load_settings({"messages.smtp_from": "yunjian@authority.example"}, environ={}).messages
    mail = compose_mail(settings, MAIL)
    assert mail["Subject"] == "整改通知"
    assert MAIL.link is not None
    assert MAIL.link in mail.get_content()
    assert mail["Message-ID"] == compose_mail(settings, MAIL)["Message-ID"]
    for recipient in ("", "not an address", "a@b.example\nBcc: c@d.example", "a@b.example, c@d.example"):
        with pytest.raises(InputError):
            compose_mail(settings, Message("k", Channel.EMAIL, recipient, "s", "b"))
    with pytest.raises(InputError):
        compose_mail(settings, Message("k", Channel.EMAIL, "a@b.example", "s\r\nBcc: c@d.example", "b"))


def test_qr_codes() -> None:
    svg = qr_svg("YJ1:ABC")
    assert svg.startswith("<svg")
    assert "style" not in svg
    assert "script" not in svg
    image = Image.open(BytesIO(qr_png("YJ1:ABC")))
    assert image.size == (8 * 29, 8 * 29)  # version 1: 21 modules and four of quiet zone on each side
    with pytest.raises(InputError):
        qr_svg("x" * 5000)


def test_qr_can_be_read_back() -> None:
    import cv2
    import numpy as np

    text = "https://example.org/j/" + "a" * 200
    image = cv2.imdecode(np.frombuffer(qr_png(text), np.uint8), cv2.IMREAD_GRAYSCALE)
    found, _points, _straight = cv2.QRCodeDetector().detectAndDecode(image)
    assert found == text
