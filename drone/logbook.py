"""Owns what is fetched from the vehicle in many pieces: its parameter list, its flight logs, photo records that got lost.

Never writes to the vehicle. The machines have no I/O; gaps are asked for until nothing is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.errors import EnvironmentFault
from drone.codec import Codec
from drone.dataflash import photos as photos_in_log
from drone.intake import take
from drone.link import Link, parameter_name
from drone.vehicle import PhotoFeedback, Telemetry

_CHUNK = 90  # bytes of a LOG_DATA
_BATCH = 64  # chunks asked for at once
_AGAIN_S = 0.5
_SILENT_S = 20.0
_NO_INDEX = 65535


@dataclass(slots=True)
class ParameterList:
    """PARAM_VALUEs by index until every one of `count` is there."""

    count: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def on_value(self, name: str, value: float, index: int, count: int) -> None:
        self.values[name] = value
        if index != _NO_INDEX:
            self.count = count
            self._names[index] = name

    @property
    def missing(self) -> list[int]:
        return [index for index in range(self.count or 0) if index not in self._names]

    @property
    def done(self) -> bool:
        return self.count is not None and not self.missing


@dataclass(slots=True)
class LogBytes:
    """The bytes of one log of known size, in any order."""

    size: int
    chunks: dict[int, bytes] = field(default_factory=dict)

    def on_data(self, offset: int, data: bytes) -> bool:
        """True for a piece that was missing."""
        if offset % _CHUNK or not 0 <= offset < self.size or offset in self.chunks:
            return False
        wanted = min(_CHUNK, self.size - offset)
        if len(data) < wanted:
            return False
        self.chunks[offset] = data[:wanted]
        return True

    def next_gap(self) -> tuple[int, int] | None:
        """(offset, bytes) of the first stretch that is missing; None when all is there."""
        first = next((at for at in range(0, self.size, _CHUNK) if at not in self.chunks), None)
        if first is None:
            return None
        end = first
        while end < self.size and end not in self.chunks and end - first < _BATCH * _CHUNK:
            end += _CHUNK
        return first, min(end, self.size) - first

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks[at] for at in sorted(self.chunks))


def all_parameters(link: Link) -> dict[str, float]:
    """Every parameter of the vehicle; raises EnvironmentFault `drone.link.incomplete`."""
    found = ParameterList()

    def take(message: Any) -> None:
        found.on_value(parameter_name(message), float(message.param_value), message.param_index, message.param_count)

    with link.listening("PARAM_VALUE", take):
        link.ask("PARAM_REQUEST_LIST")
        deadline = link.clock.monotonic() + _SILENT_S
        while not link.wait(lambda: found.done, _AGAIN_S):
            if link.clock.monotonic() >= deadline:
                raise EnvironmentFault("drone.link.incomplete", what="PARAM_VALUE", have=len(found.values), of=found.count)
            if found.count is None:
                link.ask("PARAM_REQUEST_LIST")
            for index in found.missing[:_BATCH]:
                link.ask("PARAM_REQUEST_READ", param_id=b"", param_index=index)
    return found.values


def newest_log(link: Link) -> bytes | None:
    """The vehicle's last flight log, whole; None when it has none. Only on the ground (ArduPilot refuses it in flight).

    Raises EnvironmentFault `drone.link.incomplete` when nothing new arrives for 20 s.
    """
    entries: dict[int, tuple[int, int]] = {}
    with link.listening("LOG_ENTRY", lambda m: entries.update({m.id: (m.size, m.num_logs)})):
        for _ in range(8):
            link.ask("LOG_REQUEST_LIST", start=0, end=0xFFFF)
            if link.wait(lambda: bool(entries) and len(entries) >= next(iter(entries.values()))[1], _AGAIN_S * 2):
                break
    sizes = {number: size for number, (size, _) in entries.items() if size > 0}
    if not sizes:
        return None
    number = max(sizes)
    log = LogBytes(sizes[number])
    heard = [link.clock.monotonic()]

    def take(message: Any) -> None:
        if message.id == number and log.on_data(message.ofs, bytes(message.data[: message.count])):
            heard[0] = link.clock.monotonic()

    with link.listening("LOG_DATA", take):
        while (gap := log.next_gap()) is not None:
            offset, count = gap
            link.ask("LOG_REQUEST_DATA", id=number, ofs=offset, count=count)
            asked = link.clock.monotonic()
            while link.clock.monotonic() - max(asked, heard[0]) < _AGAIN_S and (log.next_gap() or (-1, 0))[0] != -1:
                if all(at in log.chunks for at in range(offset, offset + count, _CHUNK)):
                    break
                link.wait(lambda: False, 0.05)
            if link.clock.monotonic() - heard[0] > _SILENT_S:
                raise EnvironmentFault("drone.link.incomplete", what="LOG_DATA", have=len(log.data), of=log.size)
        link.ask("LOG_REQUEST_END")
    return log.data


def fill_photo_gaps(link: Link, *, photos_taken: int) -> list[int]:
    """Fetch the records of photos whose message got lost: from the camera, or from the flight log of a vehicle on the ground.

    `photos_taken` is the highest number the vehicle may have used. Returns the numbers that are still missing.
    """
    telemetry = link.telemetry

    def missing() -> list[int]:
        return [index for index in range(1, photos_taken + 1) if index not in telemetry.photos]

    if telemetry.camera_component is not None:
        for index in missing():
            any(link.ask_photo(index) for _ in range(3))
    elif missing() and not telemetry.armed:
        log = newest_log(link)
        for index, photo in photos_in_log(log or b"").items():
            telemetry.photos.setdefault(index, photo)
    return missing()


def photos_in_tlog(frames: list[bytes]) -> dict[int, PhotoFeedback]:
    """The photo feedbacks of recorded frames (`drone.transport.read_tlog`), by image index; frames that do not decode
    are skipped.
    """
    telemetry = Telemetry()
    codec = Codec(0, 0, lambda: datetime.now(UTC))
    for frame in frames:
        for message in codec.decode(frame):
            kind = message.get_type()
            if kind in {"CAMERA_FEEDBACK", "CAMERA_IMAGE_CAPTURED", "GIMBAL_DEVICE_ATTITUDE_STATUS"}:
                take(telemetry, kind, message, 0.0)
    return telemetry.photos
