"""Small pure parts: CSRF, local paths, formatting, the hull drawing, the steps of a case, TLS files, what may be bound."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from config import Settings, load_settings
from console import csrf, hullview, tls, view
from console.pages.cases import steps
from console.pages.preferences import local_path
from console.serve import Binding, is_loopback, require_safe, tls_files
from core.context import Services
from core.errors import NotFound, Refused
from inspection.record import CaseRecord

GOLDEN = Path(__file__).resolve().parents[2] / "contract" / "inspection" / "record.golden.json"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
OPEN = "0.0.0.0"  # noqa: S104  # the address under test; nothing listens


@pytest.fixture
def record() -> CaseRecord:
    return CaseRecord.model_validate(json.loads(GOLDEN.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, True),
        ({"host": "a:1", "origin": "https://a:1"}, True),
        ({"host": "a:1", "origin": "https://b:1"}, False),
        ({"host": "a", "origin": "null"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
    ],
)
def test_same_origin(headers: dict[str, str], *, same: bool) -> None:
    assert csrf.same_origin(Headers(headers)) is same


def test_the_form_is_played_again_after_its_token_was_read() -> None:
    pieces = [b"a=1&csrf_", b"token=right&b=2"]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def run() -> None:
        headers = Headers({"content-type": "application/x-www-form-urlencoded", "content-length": "24"})
        token, replay = await csrf.form_token(headers, receive)
        assert token == "right"
        assert (await replay())["body"] == b"a=1&csrf_token=right&b=2"

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", ""])
def test_other_bodies_are_not_read(kind: str) -> None:
    async def receive() -> dict[str, object]:
        raise AssertionError

    headers = Headers({"content-type": kind, "content-length": "10"})
    token, same = asyncio.run(csrf.form_token(headers, receive))
    assert token is None
    assert same is receive
    assert not csrf.matches(None, "x")


@pytest.mark.parametrize("target", ["//a", "/\\a", "https://a", "a", "", "javascript:1", "/a\r\nx: y"])
def test_other_places_become_the_start_page(target: str) -> None:
    assert local_path(target) == "/"


def test_own_places_stay() -> None:
    assert local_path("/cases/1?x=2#y") == "/cases/1?x=2#y"


def test_formats() -> None:
    assert view.num(None) == view.UNKNOWN
    assert view.num(0) == "0"
    assert view.num(1234567.891, 1, "m") == "1\u2009234\u2009567.9\u2009m"
    assert view.utc(NOW) == "2026-11-24 02:00:00Z"
    assert view.local(NOW) == "2026-11-24 10:00 +0800"
    assert [view.size_text(one) for one in (12, 1500, 2_500_000, 3_100_000_000)] == [
        "12\u2009B", "1.5\u2009kB", "2.5\u2009MB", "3.1\u2009GB",
    ]  # fmt: skip
    assert str(view.short_hash('"><b>' + "a" * 20)).count("<b>") == 0


def test_findings_lie_where_the_record_says(record: CaseRecord) -> None:
    drawn = hullview.build(record)
    (side,) = drawn.sides
    assert side.side == "starboard"
    first = next(mark for mark in side.marks if mark.number == 1)
    assert first.x == pytest.approx(92.4)
    scale = (side.waterline - first.y) / 1.9
    assert (side.keel - side.waterline) / scale == pytest.approx(7.2, abs=0.05)  # the waterline lies at the draught
    assert [one.number for one in drawn.findings] == [1, 2, 3]


def test_port_is_drawn_with_the_bow_to_the_left(record: CaseRecord) -> None:
    finding = record.findings[0]
    assert finding.place is not None
    place = finding.place.model_copy(update={"side": "port"})
    turned = record.model_copy(update={"findings": [finding.model_copy(update={"place": place})]})
    (side,) = hullview.build(turned).sides
    assert side.marks[0].x == pytest.approx(190.0 - 92.4)


def test_a_finding_without_a_place_is_listed_but_not_drawn(record: CaseRecord) -> None:
    bare = [record.findings[0].model_copy(update={"place": None, "polygon_hull_m": []})]
    drawn = hullview.build(record.model_copy(update={"findings": bare}))
    assert drawn.sides == ()
    assert len(drawn.findings) == 1
    assert hullview.build(record.model_copy(update={"findings": []})).findings == ()


def test_steps_of_a_case(record: CaseRecord) -> None:
    tones = {step.state: step.tone for step in steps(record)}
    assert tones["approved"] == "now"
    assert tones["selected"] == "done"
    assert tones["closed"] == "ahead"
    aside = steps(record.model_copy(update={"state": "cancelled"}))
    assert (aside[-1].state, aside[-1].tone) == ("cancelled", "out")


def test_tls_init_makes_a_chain_that_a_client_accepts(tmp_path: Path) -> None:
    assert tls.init(tmp_path, ["localhost", "127.0.0.1"], datetime.now(UTC))
    files = tls.TlsFiles.in_folder(tmp_path)
    before = files.key.read_bytes()
    assert not tls.init(tmp_path, ["other"], datetime.now(UTC)), "keys that exist stay"
    assert files.key.read_bytes() == before
    assert files.key.stat().st_mode & 0o077 == 0
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", tls.fingerprint(files.authority))
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cafile=files.authority)
    server.load_cert_chain(files.certificate, files.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asked = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    asks = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for one in (asked, asks):
            try:
                one.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert asked.getpeercert()["subjectAltName"] == (("DNS", "localhost"), ("IP Address", "127.0.0.1"))


@pytest.mark.parametrize(("host", "near"), [("127.0.0.1", True), ("::1", True), ("localhost", True), (OPEN, False), ("::", False), ("192.0.2.1", False), ("port.example", False)])  # fmt: skip
def test_what_only_this_machine_reaches(host: str, *, near: bool) -> None:
    assert is_loopback(host) is near


def services(settings: Settings) -> Services:
    return Services(settings, None, None, None)


def test_an_open_address_needs_tls_or_a_proxy(tmp_path: Path) -> None:
    plain = load_settings({"data_dir": str(tmp_path)}, environ={})
    with pytest.raises(Refused) as refused:
        require_safe(Binding(OPEN, 1, None), services(plain))
    assert refused.value.code == "console.open_without_tls"
    require_safe(Binding("127.0.0.1", 1, None), services(plain))
    require_safe(Binding(OPEN, 1, tls.TlsFiles.in_folder(tmp_path)), services(plain))
    behind = load_settings({"data_dir": str(tmp_path), "web.trusted_proxies": ["192.0.2.9"]}, environ={})
    require_safe(Binding(OPEN, 1, None), services(behind))


def test_tls_without_a_certificate_is_named(tmp_path: Path) -> None:
    plain = load_settings({"data_dir": str(tmp_path)}, environ={})
    with pytest.raises(NotFound):
        tls_files(services(plain))
    tls.init(tmp_path / "tls", ["localhost"], NOW)
    assert tls_files(services(plain)).complete
