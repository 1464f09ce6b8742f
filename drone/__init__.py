"""Owns the hull survey by drone: planner, MAVLink link, transfer of missions and fences, flight state machine, safety gate,
capture and poses, simulated vehicle.

Never detects defects and never looks a ship up.
"""

from drone.beacon import ShipBeacon
from drone.capture import CaptureFrame, collect, load_survey
from drone.flight import fly
from drone.gate import Override
from drone.lease import Lease
from drone.link import Link
from drone.model import CameraSpec, Plan, Survey, Wind
from drone.packs import camera, cameras
from drone.papers import Papers
from drone.payload import PayloadLog, PayloadReading, Task, findings
from drone.planner import plan_survey
from drone.service import SurveyRun, fly_connected, fly_simulated, planned_sides, survey_coverage
from drone.simulator import SimulatorProcess, start_simulator
from drone.sizing import Wishes
from drone.sniff import sniff_plan
from drone.watch import FlightProgress, FlightResult, Stage, Watch

__all__ = [
    "CameraSpec",
    "CaptureFrame",
    "FlightProgress",
    "FlightResult",
    "Lease",
    "Link",
    "Override",
    "Papers",
    "PayloadLog",
    "PayloadReading",
    "Plan",
    "ShipBeacon",
    "SimulatorProcess",
    "Stage",
    "Survey",
    "SurveyRun",
    "Task",
    "Watch",
    "Wind",
    "Wishes",
    "camera",
    "cameras",
    "collect",
    "findings",
    "fly",
    "fly_connected",
    "fly_simulated",
    "load_survey",
    "plan_survey",
    "planned_sides",
    "sniff_plan",
    "start_simulator",
    "survey_coverage",
]
