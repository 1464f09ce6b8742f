from __future__ import annotations

import pytest

from ais.sources.inbox import Inbox, Lines
from ais.sources.receiver_http import sentences_of
from ais.sources.spec import parse_source, parse_sources
from core.errors import InputError


def test_addresses_are_read() -> None:
    udp = parse_source("udp://0.0.0.0:10110?name=north")
    assert (udp.name, udp.scheme, udp.host, udp.port) == ("north", "udp", "0.0.0.0", 10110)  # noqa: S104 - text, not a socket
    assert parse_source("udp://239.192.0.4:60004?interface=192.0.2.7").interface == "192.0.2.7"
    line = parse_source("serial:///dev/ttyUSB0?baud=4800")
    assert (line.path, line.baud, line.name) == ("/dev/ttyUSB0", 4800, "serial:///dev/ttyUSB0")
    log = parse_source("file:///logs/a.nmea.gz?speed=10")
    assert (log.path, log.speed) == ("/logs/a.nmea.gz", 10.0)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://a:1",
        "tcp://host",
        "udp://:",
        "udp://h:99999",
        "serial://",
        "udp://h:1?speed=2",
        "serial:///x?baud=fast",
        "file:///x?speed=-1",
    ],
)
def test_bad_addresses_are_refused_with_their_name(address: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_source(address)
    assert refused.value.params["source"] == address


def test_two_sources_need_two_names() -> None:
    with pytest.raises(InputError):
        parse_sources(["udp://h:1?name=a", "udp://h:2?name=a"])


def test_a_full_inbox_drops_whole_lines_and_counts_them() -> None:
    inbox = Inbox(limit_bytes=20)
    inbox.put(b"123456789\n")
    inbox.put(b"123456789\n")
    inbox.put(b"a\nb\n")
    assert inbox.take() == b"123456789\n123456789\n"
    assert (inbox.snapshot().dropped_lines, inbox.snapshot().read_bytes) == (2, 24)
    inbox.put(b"c\n")
    assert inbox.take() == b"c\n"


def test_lines_wait_for_their_end_but_not_for_ever() -> None:
    lines = Lines(limit=8)
    assert lines.feed(b"ab") == b""
    assert lines.feed(b"c\nd") == b"abc\n"
    assert lines.feed(b"x" * 20) == b"d" + b"x" * 20 + b"\n"
    assert lines.feed(b"end") == b""
    assert lines.finish() == b"end\n"


def test_a_post_of_ais_catcher_becomes_tagged_sentences() -> None:
    body = (
        b'{"protocol":"jsonaiscatcher","stationid":"HARBOUR 1","msgs":[{"rxtime":"20261124020000","nmea":'
        b'["!AIVDM,2,1,1,A,55?MbV02;H;s<HtKR20EHE:0@T4@Dn2222222216L961O5Gf0NSQEp6ClRp8,0*1C","!AIVDM,2,2,1,A,88888888880,2*25"]}]}'
    )
    first, second = sentences_of(body).splitlines()
    assert first.startswith(b"\\g:1-2-0,s:HARBOUR1,c:1795485600*")
    assert second.startswith(b"\\g:2-2-0*")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"msgs":[{"nmea":["x"]}]}', b'{"msgs":[{"nmea":["!a\\n!AIVDM,1,1,,A,1,0*00"]}]}']
)
def test_other_posts_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        sentences_of(body)
