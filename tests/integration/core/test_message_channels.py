"""Mail to a real SMTP server and posts to a real web server, both on loopback."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from config import load_settings
from config.settings import MessageSettings
from core.errors import EnvironmentFault, Refused
from core.message_channels import Channel, Message, post_webhook, send_mail

MAIL = Message("k-1", Channel.EMAIL, "company@example.org", "整改通知", "请于期限内整改。\n.\n完", "https://example.org/j/abc")


class SmtpServer(socketserver.ThreadingTCPServer):
    """RFC 5321's least: keeps what it is given; `answer` is its reply to the named command."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SmtpSession)
        self.kept: list[bytes] = []
        self.answer: dict[str, str] = {}


class _SmtpSession(socketserver.StreamRequestHandler):
    server: SmtpServer

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self) -> None:
        self.say("220 loopback")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            reply = self.server.answer.get(verb)
            if reply is not None:
                self.say(reply)
            elif verb == "DATA":
                self.say("354 go on")
                lines = []
                while (data := self.rfile.readline()) != b".\r\n":
                    lines.append(data.removeprefix(b".") if data.startswith(b"..") else data)
                self.server.kept.append(b"".join(lines))
                self.say("250 kept")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class _Hook(BaseHTTPRequestHandler):
    status = 200
    kept: list[tuple[dict[str, str], dict[str, object]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).kept.append((dict(self.headers), body))
        self.send_response(type(self).status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def hook() -> Iterator[tuple[type[_Hook], int]]:
    handler = type("Hook", (_Hook,), {"kept": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield handler, server.server_address[1]
        server.shutdown()


def mail_settings(port: int, **more: object) -> MessageSettings:
    values = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_from": "yunjian@authority.example", "timeout_s": 5.0, **more}
    return load_settings({f"messages.{name}": value for name, value in values.items()}, environ={}).messages


def test_mail_arrives_as_written(smtp: SmtpServer) -> None:
    send_mail(mail_settings(smtp.server_address[1]), MAIL)
    (raw,) = smtp.kept
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert (mail["To"], mail["Subject"], mail["Auto-Submitted"]) == (MAIL.recipient, MAIL.subject, "auto-generated")
    assert mail.get_content().splitlines() == [*MAIL.body.splitlines(), "", MAIL.link]


@pytest.mark.parametrize(("verb", "reply", "kind"), [("RCPT", "550 no such user", Refused), ("RCPT", "451 later", EnvironmentFault),
                                                     ("DATA", "554 no", Refused), ("MAIL", "421 busy", EnvironmentFault)])  # fmt: skip
def test_answers_of_the_mail_server(smtp: SmtpServer, verb: str, reply: str, kind: type[Exception]) -> None:
    smtp.answer[verb] = reply
    with pytest.raises(kind):
        send_mail(mail_settings(smtp.server_address[1]), MAIL)
    assert smtp.kept == []


def test_no_mail_server_or_no_tls_there(smtp: SmtpServer, tmp_path: Path) -> None:
    port = smtp.server_address[1]
    for settings in (mail_settings(1), mail_settings(port, smtp_security="starttls")):
        with pytest.raises(EnvironmentFault):
            send_mail(settings, MAIL)
    with pytest.raises(EnvironmentFault) as caught:
        send_mail(mail_settings(port, smtp_user="u", smtp_password_file=str(tmp_path / "none")), MAIL)
    assert caught.value.code == "message.no_secret"
    assert smtp.kept == []


def test_webhook_carries_key_and_token(hook: tuple[type[_Hook], int], tmp_path: Path) -> None:
    handler, port = hook
    (tmp_path / "token").write_text("t0ken\n")
    settings = mail_settings(1, webhook_url=f"http://127.0.0.1:{port}/sms", webhook_token_file=str(tmp_path / "token"))
    post_webhook(settings, MAIL)
    ((headers, body),) = handler.kept
    assert (headers["Idempotency-Key"], headers["Authorization"]) == ("k-1", "Bearer t0ken")
    assert body == {"key": "k-1", "recipient": MAIL.recipient, "subject": MAIL.subject, "body": MAIL.body, "link": MAIL.link}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (404, Refused), (429, EnvironmentFault), (500, EnvironmentFault), (302, EnvironmentFault)],
)
def test_answers_of_the_webhook(hook: tuple[type[_Hook], int], status: int, kind: type[Exception]) -> None:
    handler, port = hook
    handler.status = status
    with pytest.raises(kind):
        post_webhook(mail_settings(1, webhook_url=f"http://127.0.0.1:{port}/"), MAIL)
    with pytest.raises(EnvironmentFault):
        post_webhook(mail_settings(1, webhook_url="http://127.0.0.1:1/"), MAIL)
