"""Owns an event loop that opens its UDP sockets inside a configured port range, for firewalls.

Never changes a socket whose port the caller has chosen.
"""

from __future__ import annotations

import asyncio
import errno
from typing import Any


class PortRangeLoop(asyncio.SelectorEventLoop):
    """`udp_ports`: (lowest, highest) inclusive; (0, 0) lets the system choose."""

    def __init__(self, udp_ports: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self._low, self._high = udp_ports
        self._next = self._low

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
