from __future__ import annotations

import asyncio

from video.netloop import PortRangeLoop


def test_udp_sockets_open_inside_the_range() -> None:
    async def ports() -> list[int]:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)))[0] for _ in range(3)
        ]
        found = [transport.get_extra_info("sockname")[1] for transport in opened]
        for transport in opened:
            transport.close()
        return found

    with asyncio.Runner(loop_factory=lambda: PortRangeLoop((41_200, 41_299))) as runner:
        found = runner.run(ports())
    assert len(set(found)) == 3
    assert all(41_200 <= port <= 41_299 for port in found)
    with asyncio.Runner(loop_factory=PortRangeLoop) as runner:
        assert len(set(runner.run(ports()))) == 3
