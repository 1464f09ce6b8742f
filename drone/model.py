"""Owns the formats this folder hands out: `yunjian.plan/1`, `yunjian.survey/1`, and the inputs of the planner.

Never computes a path and never reads a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from core.geo import LonLat
from core.ship import ShipGeometry, ShipPose, XOrigin

PLAN_SCHEMA: Literal["yunjian.plan/1"] = "yunjian.plan/1"
SURVEY_SCHEMA: Literal["yunjian.survey/1"] = "yunjian.survey/1"

ShipSide = Literal["port", "starboard"]
LegKind = Literal["ferry", "pass", "turn"]
Vector = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GeometryPart(_Part):
    """`core.ship.ShipGeometry` as JSON: metres; `estimated` names class defaults, sorted; `form` the hull model."""

    loa_m: float
    beam_m: float
    depth_m: float
    draught_m: float
    x_origin: XOrigin
    estimated: list[str] = Field(default_factory=list)
    form: str = "merchant"

    @classmethod
    def of(cls, geometry: ShipGeometry) -> GeometryPart:
        return cls(
            loa_m=geometry.loa_m,
            beam_m=geometry.beam_m,
            depth_m=geometry.depth_m,
            draught_m=geometry.draught_m,
            x_origin=geometry.x_origin,
            estimated=sorted(geometry.estimated),
            form=geometry.form,
        )

    def geometry(self) -> ShipGeometry:
        """Raises ValueError for impossible dimensions."""
        estimated = frozenset(self.estimated)
        return ShipGeometry(self.loa_m, self.beam_m, self.depth_m, self.draught_m, self.x_origin, estimated, self.form)


class PosePart(_Part):
    """`core.ship.ShipPose` as JSON; lonlat = [lon, lat] of the ship frame's origin."""

    lonlat: tuple[float, float]
    heading_deg_true: float
    at_utc: datetime
    source: str

    @classmethod
    def of(cls, pose: ShipPose) -> PosePart:
        return cls(
            lonlat=(pose.origin.lon, pose.origin.lat),
            heading_deg_true=pose.heading_deg_true,
            at_utc=pose.at_utc,
            source=pose.source,
        )

    def pose(self) -> ShipPose:
        return ShipPose(LonLat(*self.lonlat), self.heading_deg_true, self.at_utc, self.source)


class PlanShip(_Part):
    """The ship as planned for. East-north-up metres of the plan are around `pose.lonlat`, up = 0 at the waterline."""

    name: str
    imo: str | None
    mmsi: str | None
    geometry: GeometryPart
    pose: PosePart | None
    quay_side: ShipSide | None


class PlanCamera(_Part):
    id: str
    standoff_m: float
    gsd_mm: float
    target_gsd_mm: float


class Leg(_Part):
    """One straight or bent piece of path with one yaw and one gimbal pitch (degrees, negative = down)."""

    kind: LegKind
    points_enu_m: list[Vector]
    speed_m_s: float
    yaw_deg_true: float
    gimbal_pitch_deg: float


class Sortie(_Part):
    """One battery: from home and back. Triggers lie on the `pass` legs, in the order they are flown."""

    legs: list[Leg]
    triggers_enu_m: list[Vector]
    time_s: float


class ExclusionPolygon(_Part):
    """Horizontal polygon the path never enters, metres east and north, not closed."""

    kind: Literal["hull", "quay", "crane", "mooring_line", "ship", "people", "other"]
    points_enu_m: list[tuple[float, float]]


class Coverage(_Part):
    """`seen2_pct`: part of `area_m2` (what of the hull above water can be reached) seen by two photos near and steep enough;
    `sharp2_pct`: by two whose ground sample distance there, with obliquity, keeps to the limit too.
    """

    seen2_pct: float
    seen1_pct: float
    area_m2: float
    sharp2_pct: float = 0.0


class CloseUpShot(_Part):
    """A place of the checklist to be seen near by; `blocked_by` = quay or keep_out when a camera may not stand there, else empty."""

    id: str
    item_ref: str
    side: Literal["port", "starboard", "bow", "stern", "deck"]
    place_enu_m: Vector
    yaw_deg_true: float
    gimbal_pitch_deg: float
    gsd_mm: float
    wanted_gsd_mm: float
    above_water_m: float
    above_baseline_m: float
    blocked_by: str


class LightPart(_Part):
    """The sun at the time of the survey and how it stands to each planned side: lit, shade, mirror (glare), into_lens."""

    at_utc: datetime
    sun_azimuth_deg: float
    sun_elevation_deg: float
    sides: dict[str, str]


class FlightOrder(_Part):
    """How near the order of passes is to the best: seconds between passes and from and to home, and a bound no order can beat."""

    pieces: int
    joins_s: float
    bound_s: float
    exact: bool


class RowHeight(_Part):
    """One row of the plan: height of the camera and of the middle of its strip, above waterline and above baseline."""

    camera_above_water_m: float
    camera_above_baseline_m: float
    strip_above_water_m: float
    strip_above_baseline_m: float


class Refusal(_Part):
    code: str
    zh: str
    en: str


class Plan(_Part):
    """A survey that can be flown, or the reasons why not (`refusals`; then there may be no sorties). `notes` = what is still to be
    known or accepted, in words. A plan of the deck is flown above everything and has no fence around the ship.
    """

    schema_: Literal["yunjian.plan/1"] = Field(default=PLAN_SCHEMA, alias="schema")
    ship: PlanShip
    camera: PlanCamera
    safety_distance_m: float
    return_altitude_m: float
    sorties: list[Sortie]
    home_lonlat_alt: Vector
    exclusion_polygons: list[ExclusionPolygon]
    coverage: Coverage
    lower_bound_s: float
    refusals: list[Refusal]
    order: FlightOrder | None = None
    rows: list[RowHeight] = Field(default_factory=list)
    part: Literal["hull", "deck"] = "hull"
    notes: list[Refusal] = Field(default_factory=list)
    close_ups: list[CloseUpShot] = Field(default_factory=list)
    light: LightPart | None = None
    tide_m: float | None = None
    accepted_by: str = ""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @property
    def time_s(self) -> float:
        return sum(sortie.time_s for sortie in self.sorties)

    @property
    def trigger_count(self) -> int:
        return sum(len(sortie.triggers_enu_m) for sortie in self.sorties)

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=1)


class SurveyCamera(_Part):
    """Pinhole camera of every photo in a survey; `dist` = OpenCV k1 k2 p1 p2 k3."""

    focal_mm: float
    pitch_um: float
    width_px: int
    height_px: int
    dist: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)


class SurveyPhoto(_Part):
    """`c_ship_m` camera centre and `q_ship_xyzw` camera-to-ship rotation (camera: x right, y down, z forward);
    `cov_6x6` of x y z (m2) and rotation about the ship's axes (rad2). All null for a photo without pose.
    """

    file: str
    sha256: str
    t_utc: datetime
    trigger_idx: int | None
    c_ship_m: Vector | None
    q_ship_xyzw: tuple[float, float, float, float] | None
    cov_6x6: list[list[float]] | None
    pose_source: str | None


class SurveyGap(_Part):
    """A trigger without a photo, a photo without a trigger, or a file that is not a photo."""

    kind: Literal["trigger_without_photo", "photo_without_trigger", "not_a_photo"]
    trigger_idx: int | None
    file: str | None


class Survey(_Part):
    schema_: Literal["yunjian.survey/1"] = Field(default=SURVEY_SCHEMA, alias="schema")
    ship: GeometryPart
    draught_m: float
    camera: SurveyCamera
    photos: list[SurveyPhoto]
    gaps: list[SurveyGap]
    simulated: bool

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """A camera of the library, `config/cameras.toml`."""

    id: str
    name: str
    pixel_pitch_um: float
    focal_mm: float
    width_px: int
    height_px: int
    exposure_s: float
    min_interval_s: float
    fictitious: bool
    source: str

    @property
    def focal_px(self) -> float:
        return self.focal_mm * 1000.0 / self.pixel_pitch_um

    def distance_m(self, gsd_mm: float) -> float:
        """Stand-off at which a pixel covers `gsd_mm` of a surface square to the camera."""
        return gsd_mm / 1000.0 * self.focal_px

    def gsd_mm(self, distance_m: float) -> float:
        return distance_m / self.focal_px * 1000.0

    def for_survey(self) -> SurveyCamera:
        return SurveyCamera(
            focal_mm=self.focal_mm, pitch_um=self.pixel_pitch_um, width_px=self.width_px, height_px=self.height_px
        )


@dataclass(frozen=True, slots=True)
class Wind:
    """Mean and gust in m/s; direction the wind comes from."""

    speed_m_s: float
    gust_m_s: float
    from_deg_true: float
