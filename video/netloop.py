"""Owns an event loop for media: UDP sockets inside a configured port range (for firewalls), read until they are empty.

Never changes a socket whose port the caller has chosen.
"""

from __future__ import annotations

import asyncio
import errno
from asyncio import selector_events
from typing import Any

MAX_DATAGRAM = 4096  # media, DTLS and STUN keep below what Ethernet carries
READS_AT_ONCE = 32  # then other sockets get their turn
_BASE: Any = selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio has no public one


class MediaTransport(_BASE):  # type: ignore[misc]  # see above
    """A UDP socket where a wake-up costs more than a packet: a burst is taken at once.

    asyncio's own reads one datagram for each turn of the loop, and makes room for 256 KiB before it, which costs ten times the read.
    """

    max_size = MAX_DATAGRAM

    def _read_ready(self) -> None:
        for _ in range(READS_AT_ONCE):
            if self._conn_lost:
                return
            try:
                data, addr = self._sock.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._protocol.error_received(error)
                return
            self._protocol.datagram_received(data, addr)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send now, if nothing waits; else as asyncio does."""
        if not self._buffer and addr is not None:
            try:
                self._sock.sendto(data, addr)
            except OSError:  # no room, or an error to report: asyncio tries once more and sees to it
                super().sendto(data, addr)
        else:
            super().sendto(data, addr)


class PortRangeLoop(asyncio.SelectorEventLoop):
    """`udp_ports`: (lowest, highest) inclusive; (0, 0) lets the system choose."""

    def __init__(self, udp_ports: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self._low, self._high = udp_ports
        self._next = self._low

    def _make_datagram_transport(
        self, sock: Any, protocol: Any, address: Any = None, waiter: Any = None, extra: Any = None
    ) -> Any:
        return MediaTransport(self, sock, protocol, address, waiter, extra)

    async def create_datagram_endpoint(self, protocol_factory: Any, *others: Any, local_addr: Any = None, **kwargs: Any) -> Any:
        """Only a local port of 0 is taken from the range."""
        if others:  # aioice and asyncio itself name the addresses; nothing of ours passes them by place
            return await super().create_datagram_endpoint(protocol_factory, *others, **kwargs)
        if local_addr is None or local_addr[1] != 0 or not self._low:
            return await super().create_datagram_endpoint(protocol_factory, local_addr, **kwargs)
        for _ in range(self._high - self._low + 1):
            port, self._next = self._next, self._next + 1 if self._next < self._high else self._low
            try:
                return await super().create_datagram_endpoint(protocol_factory, (local_addr[0], port), **kwargs)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"no free UDP port in {self._low}-{self._high}")
