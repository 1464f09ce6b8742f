"""Owns a userspace UDP path with a bad network in it, between one browser and the forwarder, on loopback.

Never looks inside a packet. The kernel's netem is not needed. It stands in the way because the ICE candidates of offer
and answer are rewritten to its two sockets: `offer()` on the way up, `answer()` on the way down.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.kit.impairment import Impairment, Link

_HOST = "127.0.0.1"
_CANDIDATE = re.compile(r"a=candidate:(\S+) (\d+) (udp|UDP) (\d+) (\S+) (\d+) typ host.*")
Address = tuple[str, int]


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, take: Any) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)


class UdpProxy:
    """`up`: browser to forwarder; `down`: the other way. Links may be changed while packets flow."""

    def __init__(self, up: Link, down: Link, seed: int = 1) -> None:
        self.up, self.down = Impairment(up, seed), Impairment(down, seed + 1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="udp-proxy", daemon=True)
        self._browser: Address | None = None
        self._server: Address | None = None
        self._front: Any = None
        self._back: Any = None

    def start(self) -> None:
        self._thread.start()
        self._front = self._run(self._open(self._from_browser))
        self._back = self._run(self._open(self._from_server))

    def stop(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()

    def offer(self, sdp: str) -> str:
        """The browser's offer with one candidate: ours."""
        return _only_candidate(sdp, self._back.get_extra_info("sockname"), keep_address=None)

    def answer(self, sdp: str) -> str:
        """The forwarder's answer with one candidate: ours; its own is where we send."""
        found = [match for match in map(_CANDIDATE.match, sdp.splitlines()) if match and match[5] == _HOST]
        if not found:
            raise ValueError(f"no {_HOST} candidate in the answer")
        self._server = (_HOST, int(found[0][6]))
        return _only_candidate(sdp, self._front.get_extra_info("sockname"), keep_address=found[0])

    def change_address(self) -> None:
        """What a move from Wi-Fi to a mobile network does: the old address is dead at once, packets come from a new one."""
        old, self._back = self._back, self._run(self._open(self._from_server))
        self._loop.call_soon_threadsafe(old.close)

    def cut(self) -> None:
        """The link is gone in both directions."""
        self.up.link = self.down.link = Link(loss=1.0)

    def _run(self, job: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(5.0)

    async def _open(self, take: Any) -> Any:
        transport, _ = await self._loop.create_datagram_endpoint(lambda: _Socket(take), local_addr=(_HOST, 0))
        inner = transport.get_extra_info("socket")
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return transport

    async def _close(self) -> None:
        for transport in (self._front, self._back):
            transport.close()
        await asyncio.sleep(0)

    def _from_browser(self, data: bytes, addr: Address) -> None:
        self._browser = addr
        if self._server is not None:
            self._pass(self.up, data, partial(self._to_server, data))

    def _from_server(self, data: bytes, _addr: Address) -> None:
        if self._browser is not None:
            self._pass(self.down, data, partial(self._to_browser, data))

    def _pass(self, way: Impairment, data: bytes, send: Any) -> None:
        now = self._loop.time()
        out = way.fate(now, len(data))
        if out is None:
            return
        if out <= now:
            send()
        else:
            self._loop.call_at(out, send)

    def _to_server(self, data: bytes) -> None:
        if not self._back.is_closing():
            self._back.sendto(data, self._server)

    def _to_browser(self, data: bytes) -> None:
        if not self._front.is_closing():
            self._front.sendto(data, self._browser)


def _only_candidate(sdp: str, address: Address, keep_address: re.Match[str] | None) -> str:
    """`sdp` with all candidates but one taken out of each media section, and that one pointing at `address`."""
    out: list[str] = []
    written = False
    for line in sdp.splitlines():
        if line.startswith("m="):
            written = False
        if not line.startswith("a=candidate:"):
            out.append(line)
            continue
        match = _CANDIDATE.match(line)
        if match and not written and (keep_address is None or match[5] == keep_address[5]):
            out.append(f"a=candidate:{match[1]} {match[2]} udp {match[4]} {address[0]} {address[1]} typ host")
            written = True
    return "\r\n".join(out) + "\r\n"


@contextmanager
def bad_network(up: Link, down: Link, seed: int = 1) -> Iterator[UdpProxy]:
    """A running proxy."""
    proxy = UdpProxy(up, down, seed)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
