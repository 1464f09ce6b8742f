"""Owns the simulated enforcement payload: a gas instrument in the ship's plume, a loudspeaker and a light. SIMULATED values.

Never flies. The plume is a Gaussian one from the funnel down the wind; its SO2 follows from the sulphur in the fuel.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mav

from core.geo import Float
from drone.payload import PAYLOAD_COMPONENT, SPEECH_TYPE, payload_rules
from drone.sim.world import Body

_CO2_PPM, _SO2_PPB, _NO2_PPB = 421.0, 2.0, 8.0  # background of a harbour
_NOISE = {"co2": 0.8, "so2": 1.5, "no2": 1.0}  # one sigma of the instrument, in its unit
_SOURCE = 60_000.0  # ppm of CO2 times m3/s: a few tens of ppm 60 m down the wind
_SPREAD, _NOZZLE_M = 0.12, 1.0


@dataclass(slots=True)
class SimPayload:
    """Of one vehicle. `calibrated_day` = days since 1970."""

    fuel_sulphur_pct: float = 0.1
    calibrated_day: float = 20_700.0
    said: list[str] = field(default_factory=list)
    lit: bool = False
    _rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))

    def readings(self, body: Body, boot_ms: int) -> list[Any]:
        """NAMED_VALUE_FLOAT of every gas at the vehicle's place."""
        extra = self.plume_ppm(body)
        values = {
            "co2": _CO2_PPM + extra,
            "so2": _SO2_PPB + extra * self.fuel_sulphur_pct / payload_rules().sulphur_factor,
            "no2": _NO2_PPB + 0.6 * extra,
        }
        return [
            mav.MAVLink_named_value_float_message(
                boot_ms, gas.name.encode(), values[what] + self._rng.normal(0.0, _NOISE[what])
            )
            for what, gas in payload_rules().gases.items()
        ]

    @staticmethod
    def plume_ppm(body: Body) -> float:
        """CO2 above background at the vehicle's true place."""
        rules, geometry = payload_rules(), body.spec.hull.geometry
        funnel = np.array(
            [rules.funnel_x_share * geometry.loa_m, 0.0, geometry.depth_m + rules.funnel_above_deck_m + rules.plume_rise_m]
        )
        source = body.ship.to_enu(funnel, geometry.draught_m)[0] + body.spec.ship.frame.to_enu(body.ship.origin)
        wind = body.mean_wind
        towards = math.radians(wind.from_deg_true + 180.0)
        down: Float = np.array([math.sin(towards), math.cos(towards), 0.0])
        off = body.position_m - source
        distance = float(off @ down)
        if distance <= 0.0:
            return 0.0
        spread = _NOZZLE_M + _SPREAD * distance
        across = float(np.sum((off - distance * down) ** 2))
        return _SOURCE / (2.0 * math.pi * max(wind.speed_m_s, 0.5) * spread**2) * math.exp(-across / (2.0 * spread**2))

    def answer(self, message: Any) -> list[Any]:
        """To what is addressed to the payload: its calibration, words for the loudspeaker, the light."""
        kind = message.get_type()
        if kind == "PARAM_REQUEST_READ":
            raw = message.param_id
            name = (raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw).rstrip("\0")
            if name.removeprefix("CAL_").lower() not in payload_rules().gases:
                return []
            return [mav.MAVLink_param_value_message(name.encode(), self.calibrated_day, mav.MAV_PARAM_TYPE_REAL32, 1, 0)]
        if kind == "TUNNEL" and message.payload_type == SPEECH_TYPE:
            words = bytes(message.payload[: min(message.payload_length, len(message.payload))])
            self.said.append(words.decode("utf-8", "replace"))
            receipt = list(hashlib.sha256(words).digest()[:8])
            return [mav.MAVLink_tunnel_message(0, 0, SPEECH_TYPE, len(receipt), [*receipt, *([0] * 120)])]
        if kind == "COMMAND_LONG" and message.command == mav.MAV_CMD_ILLUMINATOR_ON_OFF:
            self.lit = message.param1 > 0
            return [mav.MAVLink_command_ack_message(message.command, 0)]
        return []


def is_for_payload(message: Any) -> bool:
    return bool(getattr(message, "target_component", 0) == PAYLOAD_COMPONENT)
