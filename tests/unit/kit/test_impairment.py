"""The bad network of the test kit is itself tested: seeded, measured, and really in the way."""

from __future__ import annotations

import itertools
import socket

import pytest

from tests.kit.impairment import Burst, Impairment, Link
from tests.kit.udp_proxy import bad_network


def fates(link: Link, count: int = 20_000, seed: int = 5) -> list[float | None]:
    way = Impairment(link, seed)
    return [way.fate(number * 0.001, 1200) for number in range(count)]


def test_the_same_seed_gives_the_same_fate_and_another_does_not() -> None:
    link = Link(loss=0.2, jitter_ms=30)
    assert fates(link) == fates(link)
    assert fates(link) != fates(link, seed=6)


def test_random_loss_is_as_ordered() -> None:
    assert sum(one is None for one in fates(Link(loss=0.2))) / 20_000 == pytest.approx(0.2, abs=0.01)


def test_bursts_lose_neighbours() -> None:
    gone = [one is None for one in fates(Link(burst=Burst(enter=0.01, leave=0.2)))]
    pairs = sum(a and b for a, b in itertools.pairwise(gone))
    assert sum(gone) / 20_000 == pytest.approx(0.01 / 0.21, abs=0.015)  # stationary share of the bad state
    assert pairs / sum(gone) == pytest.approx(0.8, abs=0.05)  # stays with 1 - leave


def test_a_cap_delays_then_drops_from_the_tail() -> None:
    way = Impairment(Link(rate_bps=1_000_000, queue_ms=100), 1)
    out = [way.fate(number * 0.001, 1250) for number in range(1000)]  # 10 Mbit/s into 1
    left = [one for one in out if one is not None]
    assert len(left) == pytest.approx(110, abs=3)  # a second's worth and the queue
    assert way.overflowed == 1000 - len(left)
    assert 90 < way.worst_queue_ms <= 100


def test_jitter_does_not_reorder() -> None:
    out = [one for one in fates(Link(delay_ms=40, jitter_ms=50)) if one is not None]
    assert out == sorted(out)
    assert out[0] >= 0.04


SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=candidate:1 1 udp 2113937151 127.0.0.1 {port} typ host generation 0\r\n"


def test_packets_go_through_both_ways_and_come_from_a_new_address_after_a_move() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
    ):
        for one in (browser, server):
            one.bind(("127.0.0.1", 0))
            one.settimeout(10)
        with bad_network(Link(), Link()) as proxy:
            offer = proxy.offer(SDP.format(port=browser.getsockname()[1]) + "a=candidate:2 1 tcp 1 10.0.0.1 9 typ host\r\n")
            answer = proxy.answer(SDP.format(port=server.getsockname()[1]))
            assert offer.count("a=candidate") == answer.count("a=candidate") == 1
            front = ("127.0.0.1", int(answer.split("127.0.0.1 ")[1].split()[0]))
            browser.sendto(b"up", front)
            data, first = server.recvfrom(100)
            assert (data, first[1]) == (b"up", int(offer.split("127.0.0.1 ")[1].split()[0]))
            server.sendto(b"down", first)
            assert browser.recvfrom(100) == (b"down", front)
            proxy.change_address()
            browser.sendto(b"again", front)
            data, second = server.recvfrom(100)
            assert data == b"again"
            assert second != first
