"""Owns the payload channel of an enforcement flight: gas readings with calibration, time and place, loudspeaker, light, night camera.

Never moves the vehicle and never judges a ship: it says what was read and whether time, place and instrument were in order.
Instruments speak as MAV_COMP_ID_USER1: NAMED_VALUE_FLOAT for readings, parameters CAL_* (days since 1970) for their calibration,
TUNNEL for the loudspeaker's text and its receipt.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from config import pack_path
from core.errors import Refused
from drone.link import Link, parameter_name
from drone.mission import Command
from drone.vehicle import SimulatorOnly

PAYLOAD_COMPONENT = 25  # MAV_COMP_ID_USER1
SPEECH_TYPE = 32_800  # MAV_TUNNEL_PAYLOAD_TYPE: 32768 and above are private
_SPEECH_TRIES, _SPEECH_AGAIN_S = 8, 0.6
_COLOUR, _INFRARED = 1.0, 2.0  # CAMERA_SOURCE_RGB, CAMERA_SOURCE_IR

Kind = Literal["gas_detection", "loudspeaker", "lighting", "night_vision"]


@dataclass(frozen=True, slots=True)
class Gas:
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class PayloadRules:
    """config/drone/payload.toml; the comments there say what each is."""

    time_off_ms: float
    silent_s: float
    calibration_days: int
    speech_bytes: int
    sniff_distance_m: float
    sniff_half_width_m: float
    sniff_speed_m_s: float
    sniff_passes: int
    sniff_least_wind_m_s: float
    funnel_x_share: float
    funnel_above_deck_m: float
    plume_rise_m: float
    gases: dict[str, Gas]
    sulphur_factor: float
    least_co2_ppm: float
    least_seconds: float


@cache
def payload_rules() -> PayloadRules:
    data = tomllib.loads(pack_path("drone", "payload.toml").read_text(encoding="utf-8"))
    plain = {name: data[name] for name in PayloadRules.__slots__ if name in data}
    gases = {what: Gas(**entry) for what, entry in data["gas"].items()}
    sulphur = data["sulphur"]
    return PayloadRules(
        **plain, gases=gases, sulphur_factor=sulphur["factor"], least_co2_ppm=sulphur["least_co2_ppm"],
        least_seconds=sulphur["least_seconds"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Task:
    """What an order wants on board, and what the loudspeaker says."""

    kinds: frozenset[Kind]
    words: str = ""


class PayloadReading(BaseModel):
    """One value: where (degrees, metres above the launch point), when (UTC), and what speaks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    value: float
    unit: str
    at_utc: datetime | None
    lonlat: tuple[float, float] | None
    height_m: float | None
    calibrated_on: date | None
    instrument_calibrated: bool
    time_calibrated: bool
    position_calibrated: bool


class Spoken(BaseModel):
    """Words sent to the loudspeaker; `heard` = the loudspeaker's receipt has the digest of these words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str
    at_utc: datetime
    heard: bool


class Sulphur(BaseModel):
    """Fuel sulphur from one flight through a plume, % by mass, with the peaks above background it rests on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    percent: float
    so2_peak_ppb: float
    co2_peak_ppm: float
    seconds: float


class PayloadLog(BaseModel):
    """`yunjian.payload/1`, what the payload channel of a flight leaves."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["yunjian.payload/1"] = Field(default="yunjian.payload/1", alias="schema")
    simulated: bool
    readings: list[PayloadReading]
    spoken: list[Spoken]
    lit: bool
    infrared: bool
    sulphur: Sulphur | None

    def write(self, path: Path) -> str:
        """Returns the file's SHA-256."""
        data = self.model_dump_json(by_alias=True, indent=1).encode()
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Payload:
    """On one link. `ready` on the ground, `start` in the air, `stop` when it is down; readings come in by themselves."""

    link: Link
    task: Task
    readings: list[PayloadReading] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    lit: bool = False
    infrared: bool = False
    _waiting: list[tuple[float, str, float]] = field(default_factory=list)  # boot seconds, what, value
    _calibrated: dict[str, date] = field(default_factory=dict)
    _receipts: set[bytes] = field(default_factory=set)
    _heard_at: float | None = None
    _said_at: float = -1e9
    _said: int = 0
    _clock_off_s: float | None = None  # the vehicle's clock against ours

    def __post_init__(self) -> None:
        self.link.observers.append(self._take)

    def _take(self, kind: str, message: Any) -> None:
        if kind == "SYSTEM_TIME" and message.time_unix_usec > 0:
            self._clock_off_s = message.time_unix_usec / 1e6 - self.link.clock.now().timestamp()
        if message.get_srcComponent() != PAYLOAD_COMPONENT:
            return
        self._heard_at = self.link.clock.monotonic()
        if kind == "NAMED_VALUE_FLOAT":
            name = _text(message.name)
            for what, gas in payload_rules().gases.items():
                if gas.name == name and np.isfinite(message.value):
                    self._waiting.append((message.time_boot_ms / 1000.0, what, float(message.value)))
            self.settle()
        elif kind == "PARAM_VALUE" and parameter_name(message).startswith("CAL_") and 0 < message.param_value < _DAYS_MOST:
            what = parameter_name(message).removeprefix("CAL_").lower()
            self._calibrated[what] = date(1970, 1, 1) + timedelta(days=int(message.param_value))
        elif kind == "TUNNEL" and message.payload_type == SPEECH_TYPE:
            self._receipts.add(bytes(message.payload[: message.payload_length]))

    # --- readings --------------------------------------------------------------------------------------------------

    def settle(self, *, last: bool = False) -> None:
        """Give every reading the place between the two position reports around it; `last` = no more reports will come."""
        t = self.link.telemetry
        while self._waiting:
            boot_s, what, value = self._waiting[0]
            if not last and t.track and t.track[-1].boot_s < boot_s:
                return
            self._waiting.pop(0)
            self.readings.append(self._reading(boot_s, what, value))

    def _reading(self, boot_s: float, what: str, value: float) -> PayloadReading:
        t, rules = self.link.telemetry, payload_rules()
        placed = t.placed_at(boot_s)
        at = None if t.boot_utc_s is None else datetime.fromtimestamp(t.boot_utc_s + boot_s, UTC)
        fixed = (t.gps_fix or 0) >= _FIX_3D
        off_ms = None if self._clock_off_s is None else abs(self._clock_off_s) * 1000.0
        on = self._calibrated.get(what)
        today = self.link.clock.now().date()
        return PayloadReading(
            what=what, value=round(value, 3), unit=rules.gases[what].unit, at_utc=at,
            lonlat=None if placed is None else (placed.lonlat.lon, placed.lonlat.lat),
            height_m=None if placed is None else round(placed.alt_rel_m, 2), calibrated_on=on,
            instrument_calibrated=on is not None and timedelta(0) <= today - on <= timedelta(days=rules.calibration_days),
            time_calibrated=fixed and off_ms is not None and off_ms <= rules.time_off_ms,
            position_calibrated=fixed and placed is not None,
        )  # fmt: skip

    # --- what the order wants --------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """On the ground: the instrument is there and has told its calibration."""
        if not self.task.kinds & {"gas_detection", "loudspeaker"}:
            return True
        names = [f"CAL_{what.upper()}" for what in payload_rules().gases] if "gas_detection" in self.task.kinds else []
        for name in names:
            for _ in range(4):
                self.link.ask("PARAM_REQUEST_READ", component=PAYLOAD_COMPONENT, param_id=name.encode(), param_index=-1)
                if self.link.wait(lambda name=name: name.removeprefix("CAL_").lower() in self._calibrated, 0.5):  # type: ignore[misc]
                    break
        return self._heard_at is not None and self.link.clock.monotonic() - self._heard_at <= payload_rules().silent_s

    def start(self) -> None:
        """Before take-off: light and night camera, as far as ordered. Raises Refused `drone.payload.speech` for too many words."""
        if len(self.task.words.encode()) > payload_rules().speech_bytes:
            raise Refused("drone.payload.speech", bytes=len(self.task.words.encode()), most=payload_rules().speech_bytes)
        if "lighting" in self.task.kinds:
            self.lit = self.link.command(Command.ILLUMINATOR_ON_OFF, 1.0, component=PAYLOAD_COMPONENT) == 0
        if "night_vision" in self.task.kinds:
            self.infrared = self.link.command(Command.SET_CAMERA_SOURCE, 0.0, _INFRARED) == 0

    def tick(self, *, airborne: bool) -> None:
        """In flight: the ordered words, sent until the loudspeaker's receipt is here, a few times at most. Never waits."""
        now = self.link.clock.monotonic()
        if "loudspeaker" not in self.task.kinds or not self.task.words or not airborne or self.spoken:
            return
        data = self.task.words.encode()
        heard = hashlib.sha256(data).digest()[:8] in self._receipts
        if heard or self._said >= _SPEECH_TRIES:
            self.spoken.append(Spoken(words=self.task.words, at_utc=self.link.clock.now(), heard=heard))
        elif now - self._said_at >= _SPEECH_AGAIN_S:
            self._said_at, self._said = now, self._said + 1
            self.link.tunnel(PAYLOAD_COMPONENT, SPEECH_TYPE, data)

    def stop(self) -> None:
        """Down: everything off again."""
        self.settle(last=True)
        if self.lit:
            self.link.command(Command.ILLUMINATOR_ON_OFF, 0.0, component=PAYLOAD_COMPONENT)
        if self.infrared:
            self.link.command(Command.SET_CAMERA_SOURCE, 0.0, _COLOUR)

    def log(self) -> PayloadLog:
        identity = self.link.identity
        return PayloadLog(
            simulated=identity is not None and SimulatorOnly().accepts(identity), readings=self.readings, spoken=self.spoken,
            lit=self.lit, infrared=self.infrared, sulphur=fuel_sulphur(self.readings, payload_rules()),
        )  # fmt: skip


_FIX_3D = 3
_ALOFT_M = 5.0
_DAYS_MOST = 100_000.0


def fuel_sulphur(readings: list[PayloadReading], rules: PayloadRules) -> Sulphur | None:
    """From SO2 and CO2 above their background (the lower quarter of each); None without a plume or without times."""
    series: dict[str, dict[float, float]] = {"so2": {}, "co2": {}}
    for one in readings:
        if one.what in series and one.at_utc is not None:
            series[one.what][round(one.at_utc.timestamp(), 1)] = one.value
    times = sorted(series["so2"].keys() & series["co2"].keys())
    if len(times) < 8:
        return None
    so2, co2 = (np.array([series[what][at] for at in times]) for what in ("so2", "co2"))
    so2, co2 = so2 - np.percentile(so2, 25), co2 - np.percentile(co2, 25)
    inside = co2 > rules.least_co2_ppm / 3.0
    step = float(np.median(np.diff(times)))
    seconds = float(np.sum(inside)) * step
    if float(np.max(co2)) < rules.least_co2_ppm or seconds < rules.least_seconds:
        return None
    ratio = float(np.sum(so2[inside]) / np.sum(co2[inside]))
    return Sulphur(
        percent=round(max(0.0, rules.sulphur_factor * ratio), 3), so2_peak_ppb=round(float(np.max(so2)), 1),
        co2_peak_ppm=round(float(np.max(co2)), 1), seconds=round(seconds, 1),
    )  # fmt: skip


def findings(log: PayloadLog) -> list[PayloadReading]:
    """What an order is told: of each gas the highest reading, and the fuel sulphur in %. A figure that rests on readings of which one
    lacks time, place or a calibrated instrument lacks it too.
    """
    aloft = [one for one in log.readings if one.height_m is not None and one.height_m > _ALOFT_M] or log.readings
    gases = sorted({one.what for one in aloft})
    found = [max((one for one in aloft if one.what == what), key=lambda one: one.value) for what in gases]
    if log.sulphur is None or not found:
        return found
    rests_on = [one for one in aloft if one.what in {"so2", "co2"}]
    found.append(
        found[0].model_copy(
            update={
                "what": "fuel_sulphur", "value": log.sulphur.percent, "unit": "%",
                "instrument_calibrated": all(one.instrument_calibrated for one in rests_on),
                "time_calibrated": all(one.time_calibrated for one in rests_on),
                "position_calibrated": all(one.position_calibrated for one in rests_on),
            }
        )
    )  # fmt: skip
    return found


def _text(raw: bytes | str) -> str:
    return (raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw).rstrip("\0")
