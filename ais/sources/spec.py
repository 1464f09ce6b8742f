"""Owns the addresses of sources: ``udp://0.0.0.0:10110``, ``serial:///dev/ttyUSB0?baud=38400`` and their like.

Never opens anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from core.errors import InputError

Scheme = Literal["udp", "tcp", "tcp-listen", "http-listen", "serial", "file"]
_SCHEMES: dict[str, Scheme] = {scheme: scheme for scheme in get_args(Scheme)}
_OPTIONS: dict[Scheme, frozenset[str]] = {
    "udp": frozenset({"name", "interface"}),
    "tcp": frozenset({"name"}),
    "tcp-listen": frozenset({"name"}),
    "http-listen": frozenset({"name"}),
    "serial": frozenset({"name", "baud"}),
    "file": frozenset({"name", "speed", "rate"}),
}


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source. `speed`: replay so many times faster than the log's times (0 = at once); `rate`: lines a second without times;
    `interface`: our own address in the network whose multicast group is joined, empty = the system chooses.
    """

    name: str
    scheme: Scheme
    host: str
    port: int
    path: str
    baud: int
    speed: float
    rate: float
    interface: str = ""


def parse_source(address: str) -> SourceSpec:
    """One address.

    Raises:
        InputError ``ais.source``: naming the address and what is wrong with it.
    """
    parts = urlsplit(address)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise InputError("ais.source", source=address, reason=f"scheme {parts.scheme!r}; one of {', '.join(_SCHEMES)}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = set(options) - _OPTIONS[scheme]
    if unknown:
        raise InputError("ais.source", source=address, reason=f"option {min(unknown)!r}")
    path = unquote(parts.netloc + parts.path) if scheme == "file" else unquote(parts.path)
    try:
        port = parts.port or 0
        numbers = [float(options.get(key, default)) for key, default in (("baud", 38400), ("speed", 1), ("rate", 50))]
    except ValueError as error:
        raise InputError("ais.source", source=address, reason=str(error)) from error
    if scheme in {"serial", "file"}:
        if not path:
            raise InputError("ais.source", source=address, reason="no path")
    elif not parts.hostname or (not port and scheme == "tcp"):
        raise InputError("ais.source", source=address, reason="host:port")
    if min(numbers) < 0:
        raise InputError("ais.source", source=address, reason="negative number")
    name = options.get("name") or address.partition("?")[0]
    interface = options.get("interface", "")
    return SourceSpec(name, scheme, parts.hostname or "", port, path, int(numbers[0]), numbers[1], numbers[2], interface)


def parse_sources(addresses: Iterable[str]) -> list[SourceSpec]:
    """All addresses; two sources may not have one name.

    Raises:
        InputError ``ais.source``.
    """
    found: dict[str, SourceSpec] = {}
    for address in addresses:
        spec = parse_source(address)
        if spec.name in found:
            raise InputError("ais.source", source=address, reason=f"name {spec.name!r} twice")
        found[spec.name] = spec
    return list(found.values())
