"""Owns how a message leaves: SMTP, a webhook for SMS or enterprise chat, and QR pictures for paper.

Never keeps state: `core.messages` does. Every failure is a `YunJianError`; an `EnvironmentFault` is worth another try.
"""

from __future__ import annotations

import base64
import hashlib
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from io import BytesIO
from pathlib import Path

import httpx
import segno

from config.settings import MessageSettings
from core.errors import EnvironmentFault, InputError, Refused


class Channel(StrEnum):
    """How a recipient is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    PRINT = "print"


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text for one recipient: a mail address, or what the webhook's service understands (a phone number).

    `key` is the idempotency key: the same key is the same message. `link` is shown and becomes the QR code on paper.
    """

    key: str
    channel: Channel
    recipient: str
    subject: str
    body: str
    link: str | None = None


Send = Callable[[Message], None]


def ways_out(settings: MessageSettings) -> Mapping[Channel, Send]:
    """The channels this site has set up; a message of another channel waits to be printed."""
    ways: dict[Channel, Send] = {}
    if settings.smtp_host:
        ways[Channel.EMAIL] = lambda message: send_mail(settings, message)
    if settings.webhook_url:
        ways[Channel.WEBHOOK] = lambda message: post_webhook(settings, message)
    return ways


def compose_mail(settings: MessageSettings, message: Message) -> EmailMessage:
    """A plain-text mail whose ``Message-ID`` is made from the key, so that a repeated mail is recognised.

    Raises:
        InputError ``message.bad_recipient``: not one mail address, or a line break in a header.
    """
    mail = EmailMessage(policy=SMTP)
    try:
        sender = Address(addr_spec=settings.smtp_from)
        mail["From"] = sender
        mail["To"] = Address(addr_spec=message.recipient)
        mail["Subject"] = message.subject
    except (ValueError, IndexError, AttributeError) as error:  # the parser of addresses raises all three
        raise InputError("message.bad_recipient", recipient=message.recipient) from error
    mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    mail.set_content(message.body if message.link is None else f"{message.body}\n\n{message.link}\n")
    return mail


def send_mail(settings: MessageSettings, message: Message) -> None:
    """Hand a mail to the site's SMTP server.

    Raises:
        EnvironmentFault ``message.smtp_down``: try again later (no connection, or a 4xx answer).
        Refused ``message.smtp_refused``: the server will not take this mail (a 5xx answer).
    """
    mail = compose_mail(settings, message)
    try:
        with _smtp(settings) as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, _secret(settings.smtp_password_file))
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _refusal(code, reason) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise EnvironmentFault("message.smtp_down", host=settings.smtp_host, reason=type(error).__name__) from error


def post_webhook(settings: MessageSettings, message: Message) -> None:
    """POST a message as JSON ``{key, recipient, subject, body, link}`` with ``Idempotency-Key``; redirects are not followed.

    Raises:
        EnvironmentFault ``message.webhook_down``: try again later (no answer, 5xx, 408, 425, 429, or a redirect).
        Refused ``message.webhook_refused``: the service will not take it (any other 4xx).
    """
    headers = {"Idempotency-Key": message.key}
    if settings.webhook_token_file:
        headers["Authorization"] = f"Bearer {_secret(settings.webhook_token_file)}"
    content = {
        "key": message.key,
        "recipient": message.recipient,
        "subject": message.subject,
        "body": message.body,
        "link": message.link,
    }
    try:
        with httpx.Client(timeout=settings.timeout_s, trust_env=False) as client:
            status = client.post(settings.webhook_url, json=content, headers=headers).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EnvironmentFault("message.webhook_down", reason=type(error).__name__) from error
    if 200 <= status < 300:
        return
    if 400 <= status < 500 and status not in (408, 425, 429):
        raise Refused("message.webhook_refused", reason=status)
    raise EnvironmentFault("message.webhook_down", reason=status)


def qr_svg(text: str) -> str:
    """A QR code as an SVG element for a page: attributes only, no style, so that a strict CSP lets it through."""
    out = BytesIO()
    _qr(text).save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, svgclass=None, lineclass=None)
    return out.getvalue().decode()


def qr_data_uri(text: str) -> str:
    """The same picture as the address of an image element."""
    return f"data:image/svg+xml;base64,{base64.b64encode(qr_svg(text).encode()).decode()}"


def qr_png(text: str, module_px: int = 8) -> bytes:
    """A QR code as PNG with the quiet zone of four modules that ISO/IEC 18004 asks for."""
    out = BytesIO()
    _qr(text).save(out, kind="png", scale=module_px, border=4)
    return out.getvalue()


def _qr(text: str) -> segno.QRCode:
    try:
        return segno.make_qr(text, error="m")
    except segno.DataOverflowError as error:
        raise InputError("message.qr_too_long", length=len(text)) from error


def _smtp(settings: MessageSettings) -> smtplib.SMTP:
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s, context=context)
    return smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s)


def _refusal(code: int, reason: bytes | str) -> Refused | EnvironmentFault:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    detail = f"{code} {text}"[:200]
    if code >= 500:
        return Refused("message.smtp_refused", reason=detail)
    return EnvironmentFault("message.smtp_down", host="", reason=detail)


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EnvironmentFault("message.no_secret", path=path) from error
