"""Owns how bytes reach the vehicle: memory with programmable loss and delay, UDP, TCP, serial; and the .tlog on disk.

Never looks into the bytes.
"""

from __future__ import annotations

import random
import socket
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Protocol, Self

import serial

from core.clock import Clock
from core.errors import EnvironmentFault, InputError

_DATAGRAM = 65535
_BAUD = 57600  # what telemetry radios ship with
_NETWORK: dict[str, Literal["udpin", "udpout", "tcp"]] = {"udpin": "udpin", "udpout": "udpout", "tcp": "tcp"}
_TLOG_HEAD = struct.Struct(">Q")


class Transport(Protocol):
    """A way to one vehicle. Datagrams or pieces of a stream: the codec accepts either. `direct` = nobody listens between
    (memory, a cable): only there a signing key may be handed over.
    """

    @property
    def direct(self) -> bool: ...

    def send(self, data: bytes) -> None: ...

    def receive(self) -> list[bytes]:
        """Everything that has arrived; never waits."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class MemoryEnd:
    """One end of a pair in this process. What it sends arrives `delay_s` of the shared clock later, or is lost."""

    clock: Clock
    loss: float = 0.0
    delay_s: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - loss pattern, no secret
    inbox: deque[tuple[float, bytes]] = field(default_factory=deque)
    peer: MemoryEnd | None = None
    direct: bool = True

    def send(self, data: bytes) -> None:
        if self.peer is not None and self.rng.random() >= self.loss:
            self.peer.inbox.append((self.clock.monotonic() + self.delay_s, data))

    def receive(self) -> list[bytes]:
        now = self.clock.monotonic()
        arrived = []
        while self.inbox and self.inbox[0][0] <= now:
            arrived.append(self.inbox.popleft()[1])
        return arrived

    def close(self) -> None:
        if self.peer is not None:
            self.peer.peer = None
            self.peer = None


def memory_pair(clock: Clock, *, loss: float = 0.0, delay_s: float = 0.0, seed: int = 0) -> tuple[MemoryEnd, MemoryEnd]:
    """Two joined ends; the same seed loses the same packets."""
    first = MemoryEnd(clock, loss, delay_s, random.Random(seed))  # noqa: S311 - loss pattern, no secret
    second = MemoryEnd(clock, loss, delay_s, random.Random(seed + 1))  # noqa: S311 - loss pattern, no secret
    first.peer, second.peer = second, first
    return first, second


class UdpTransport:
    """UDP: listens on `host:port` and answers whoever spoke first, or speaks to `peer` only. Datagrams of others are not
    read: a stranger on the network can neither take the link over nor speak into it.
    """

    direct = False

    def __init__(self, host: str, port: int, peer: tuple[str, int] | None = None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise EnvironmentFault("drone.port_in_use", port=port) from error
        self._socket.setblocking(False)
        self._peer = peer

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def send(self, data: bytes) -> None:
        if self._peer is None:
            return
        try:
            self._socket.sendto(data, self._peer)
        except (BlockingIOError, ConnectionRefusedError):
            return  # a lost datagram; the protocol machines send again

    def receive(self) -> list[bytes]:
        arrived: list[bytes] = []
        while True:
            try:
                data, sender = self._socket.recvfrom(_DATAGRAM)
            except (BlockingIOError, ConnectionRefusedError):
                return arrived
            self._peer = self._peer or sender
            if sender == self._peer:
                arrived.append(data)

    def close(self) -> None:
        self._socket.close()


class TcpTransport:
    """TCP: connects to a vehicle that listens."""

    direct = False

    def __init__(self, host: str, port: int, timeout_s: float = 5.0) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout_s)
        except OSError as error:
            raise EnvironmentFault("drone.no_connection", address=f"{host}:{port}", reason=str(error)) from error
        self._socket.setblocking(False)
        self._pending = b""

    def send(self, data: bytes) -> None:
        self._pending += data
        try:
            sent = self._socket.send(self._pending)
        except BlockingIOError:
            return
        except OSError:
            self._pending = b""  # the connection is gone: silence of the vehicle says so
            return
        self._pending = self._pending[sent:]

    def receive(self) -> list[bytes]:
        try:
            data = self._socket.recv(_DATAGRAM)
        except (BlockingIOError, OSError):
            return []
        return [data] if data else []

    def close(self) -> None:
        self._socket.close()


class SerialTransport:
    """A serial port: a telemetry radio, or the vehicle's own cable (`direct`)."""

    def __init__(self, device: str, baud: int, *, direct: bool = False) -> None:
        self.direct = direct
        try:
            self._port = serial.Serial(device, baud, timeout=0, write_timeout=0.2)
        except (serial.SerialException, ValueError, OSError) as error:
            raise EnvironmentFault("drone.no_connection", address=f"serial:{device}", reason=str(error)) from error

    def send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError):
            return  # a pulled cable: silence of the vehicle says so

    def receive(self) -> list[bytes]:
        try:
            data = self._port.read(_DATAGRAM)
        except (serial.SerialException, OSError):
            return []
        return [data] if data else []

    def close(self) -> None:
        self._port.close()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a vehicle is: `kind` udpin (it speaks to us), udpout (we speak to it), tcp or serial."""

    kind: Literal["udpin", "udpout", "tcp", "serial"]
    where: str
    number: int


def parse_address(address: str) -> Address:
    """``udpin:0.0.0.0:14550``, ``udpout:HOST:PORT``, ``tcp:HOST:PORT``, ``serial:/dev/ttyUSB0[:57600]``.

    Raises InputError `drone.address`.
    """
    kind, _, rest = address.partition(":")
    if kind == "serial" and rest:
        device, _, baud = rest.partition(":")
        if device and (not baud or baud.isdigit()):
            return Address("serial", device, int(baud or _BAUD))
    host, _, port = rest.rpartition(":")
    if kind in _NETWORK and host and port.isdigit() and 0 < int(port) <= 65535:
        return Address(_NETWORK[kind], host, int(port))
    raise InputError("drone.address", address=address)


def open_transport(address: Address) -> Transport:
    """Raises EnvironmentFault `drone.port_in_use` or `drone.no_connection`."""
    if address.kind == "serial":
        return SerialTransport(address.where, address.number)
    if address.kind == "tcp":
        return TcpTransport(address.where, address.number)
    if address.kind == "udpout":
        return UdpTransport("", 0, (address.where, address.number))
    return UdpTransport(address.where, address.number)


class TlogWriter:
    """A .tlog: uint64 big-endian microseconds since 1970, then the raw frame, for each frame in and out."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("wb")

    def write(self, frame: bytes) -> None:
        self._file.write(_TLOG_HEAD.pack(round(self._clock.now().timestamp() * 1e6)) + frame)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def read_tlog(path: Path) -> Iterator[tuple[int, bytes]]:
    """(microseconds, raw MAVLink 1 or 2 frame) of a .tlog; raises InputError `drone.tlog` where it is broken."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        if at + 18 > len(data) or data[at + 8] not in {0xFD, 0xFE}:
            raise InputError("drone.tlog", file=path.name, byte=at)
        usec = _TLOG_HEAD.unpack_from(data, at)[0]
        payload, start = data[at + 9], at + 8
        signature = 13 if data[start] == 0xFD and data[start + 2] & 1 else 0
        length = payload + (12 + signature if data[start] == 0xFD else 8)
        if start + length > len(data):
            raise InputError("drone.tlog", file=path.name, byte=at)
        yield usec, data[start : start + length]
        at = start + length
