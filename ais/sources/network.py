"""Owns sources that come over sockets: UDP datagrams (also of a multicast group), a TCP server that we call, TCP clients.

Never lets the lines of two senders run into each other.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from ais.sources.inbox import Inbox, Lines
from ais.sources.spec import SourceSpec

_PIECE = 1 << 16
_TICK_S = 0.05  # datagrams are taken in handfuls: a wake-up for each costs more than reading it
_BUFFER = 4 << 20
_MAX_CLIENTS = 64


def udp(spec: SourceSpec, inbox: Inbox, stop: threading.Event) -> None:
    """Listen for datagrams until `stop`; the address of a group (IEC 61162-450 uses 239.192.0.4) is joined.

    Raises:
        OSError: the address cannot be bound, or the group not joined.
    """
    family = socket.AF_INET6 if ":" in spec.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as receiving:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        group = _group(spec.host)
        if group is not None:
            receiving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # others on this machine may listen too
        receiving.bind((spec.host, spec.port))
        if isinstance(group, IPv4Address):
            ours = IPv4Address(spec.interface or "0.0.0.0")  # noqa: S104 - the system chooses the interface
            receiving.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.packed + ours.packed)
        elif group is not None:
            number = socket.if_nametoindex(spec.interface) if spec.interface else 0
            receiving.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group.packed + struct.pack("@I", number))
        receiving.setblocking(False)
        inbox.state.condition, inbox.state.connects = "up", inbox.state.connects + 1
        port = receiving.getsockname()[1]
        while not stop.wait(_TICK_S):
            datagrams: list[bytes] = []
            try:
                while len(datagrams) < 10_000:
                    datagrams.append(receiving.recv(_PIECE))
            except BlockingIOError:
                pass
            if datagrams:
                inbox.put(b"\n".join(one.rstrip(b"\r\n") for one in datagrams) + b"\n")
            inbox.state.kernel_drops = _kernel_drops(port, family)


def _group(host: str) -> IPv4Address | IPv6Address | None:
    """The multicast group that an address names."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address if address.is_multicast else None


def _kernel_drops(port: int, family: int) -> int:
    """Datagrams dropped by Linux for want of buffer (``/proc/net/udp``); 0 where the system does not tell."""
    table = Path("/proc/net/udp6" if family == socket.AF_INET6 else "/proc/net/udp")
    suffix = f":{port:04X}"
    try:
        rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return 0
    return sum(int(row[-1]) for row in rows if row[1].endswith(suffix))


def tcp_client(spec: SourceSpec, inbox: Inbox, stop: threading.Event) -> None:
    """Read from a server until it ends the connection.

    Raises:
        OSError: it cannot be reached, or ended the connection: the caller connects again later.
    """
    with socket.create_connection((spec.host, spec.port), timeout=10.0) as connection:
        connection.settimeout(0.5)
        inbox.state.condition, inbox.state.connects, inbox.state.fault = "up", inbox.state.connects + 1, None
        lines = Lines()
        while not stop.is_set():
            try:
                data = connection.recv(_PIECE)
            except TimeoutError:
                continue
            if not data:
                inbox.put(lines.finish())
                raise ConnectionResetError("connection ended by the server")
            inbox.put(lines.feed(data))


def tcp_server(spec: SourceSpec, inbox: Inbox, stop: threading.Event) -> None:
    """Let receivers connect to us; each has its own lines.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in spec.host else socket.AF_INET
    with socket.create_server((spec.host, spec.port), family=family) as listening, selectors.DefaultSelector() as waiting:
        listening.setblocking(False)
        waiting.register(listening, selectors.EVENT_READ, None)
        inbox.state.condition = "up"
        clients: dict[socket.socket, Lines] = {}
        try:
            while not stop.is_set():
                for key, _ in waiting.select(0.5):
                    if key.data is None:
                        _accept(listening, waiting, clients, inbox)
                    elif isinstance(key.fileobj, socket.socket):
                        _read(key.fileobj, waiting, clients, inbox)
        finally:
            for client in clients:
                client.close()


def _accept(
    listening: socket.socket, waiting: selectors.BaseSelector, clients: dict[socket.socket, Lines], inbox: Inbox
) -> None:
    try:
        client, _ = listening.accept()
    except OSError:
        return
    if len(clients) >= _MAX_CLIENTS:
        client.close()
        return
    client.setblocking(False)
    clients[client] = Lines()
    waiting.register(client, selectors.EVENT_READ, "client")
    inbox.state.connects += 1


def _read(client: socket.socket, waiting: selectors.BaseSelector, clients: dict[socket.socket, Lines], inbox: Inbox) -> None:
    try:
        data = client.recv(_PIECE)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    lines = clients[client]
    if data:
        inbox.put(lines.feed(data))
        return
    inbox.put(lines.finish())
    waiting.unregister(client)
    del clients[client]
    client.close()
