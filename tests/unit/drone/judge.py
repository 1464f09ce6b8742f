"""The independent judge of a survey plan: reads the plan and the ship file (as JSON) and the data packs, nothing of `drone` or `core`.

Everything is worked out here a second time: the hull surface from config/hull_forms.toml, the frames, which photo sees what, what can
be seen at all, how near the path comes, how long it takes and the lower bound. Metres, seconds, degrees; ship frame x forward from
the stern end, y to port, z up from the keel.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CONFIG = Path(__file__).parents[3] / "config"
FLOOR_M = 3.0  # above the water, drone spec section 5
NEAR = 1.25  # of the target distance
STEEP_DEG = 60.0
ROW_SHARE = 0.6  # T_LB: fixed by the bar
ACCELERATION_M_S2 = 2.5  # ArduCopter's WPNAV_ACCEL
_CLEARANCE_GRID_M = 0.6

Array = np.ndarray


def _pack(*parts: str) -> dict[str, Any]:
    return tomllib.loads(CONFIG.joinpath(*parts).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Hull:
    """The surface of the ship file's geometry; `form` is a table of config/hull_forms.toml."""

    loa: float
    beam: float
    depth: float
    draught: float
    form: dict[str, Any]

    @classmethod
    def of(cls, ship: dict[str, Any]) -> Hull:
        g = ship["geometry"]
        return cls(g["loa_m"], g["beam_m"], g["depth_m"], g["draught_m"], _pack("hull_forms.toml")[g.get("form", "merchant")])

    def half(self, x: Array, z: Array) -> Array:
        f, up = self.form, np.clip(z / self.depth, 0, 1)
        stem = self.loa * (1 - f["rake"] * (1 - up))
        t = np.clip((x - f["bow_start"] * self.loa) / (stem - f["bow_start"] * self.loa), 0, 1)
        bow = 1 - t ** (f["bow_power"] * (1 - f["flare"] * (1 - up)))
        aft = f["transom"] + (1 - f["transom"]) * np.sin(np.clip(x / (f["stern_end"] * self.loa), 0, 1) * math.pi / 2)
        return np.asarray(np.where((x < 0) | (x > stem), 0.0, self.beam / 2 * np.minimum(bow, aft)))

    def stem(self, z: Array) -> Array:
        return np.asarray(self.loa * (1 - self.form["rake"] * (1 - np.clip(z / self.depth, 0, 1))))

    def inside(self, p: Array) -> Array:
        within = (p[..., 0] > 0) & (p[..., 2] > 0) & (p[..., 2] < self.depth)
        return np.asarray(within & (np.abs(p[..., 1]) < self.half(p[..., 0], p[..., 2]) - 0.02))


@dataclass(frozen=True)
class Patches:
    """Centres (n, 3), outward normals (n, 3), areas (n,) of sides and transom above the water."""

    at: Array
    normal: Array
    area: Array


def patches(hull: Hull, cells: int = 5000) -> Patches:
    """Quadrilaterals between a stretched grid along each side (finer at the ends), their normals by cross product."""
    height = hull.depth - hull.draught
    size = max(0.4, math.sqrt(2 * hull.loa * height / cells))
    rows, columns = max(3, round(height / size)), max(40, round(hull.loa / size))
    z = np.linspace(hull.draught, hull.depth, rows + 1)
    u = np.linspace(0.0, 1.0, columns + 1)
    u = u + 0.06 * np.sin(2 * math.pi * u) * -1.0  # denser at stern and stem
    x = u[:, None] * hull.stem(z)[None, :]
    found = []
    for side in (1.0, -1.0):
        y = side * hull.half(x, z[None, :])
        corner = np.stack([x, y, np.broadcast_to(z, x.shape)], axis=2)
        found.append(_quads(corner, side))
    half = float(hull.half(np.array(0.0), np.array(hull.depth)))
    across = np.linspace(-half, half, max(4, round(2 * half / size)) + 1)
    corner = np.stack(np.broadcast_arrays(np.zeros((1, 1)), across[:, None], z[None, :]), axis=2)
    found.append(_quads(corner, 0.0))
    at, normal, area = (np.concatenate([one[k] for one in found]) for k in range(3))
    keep = area > 1e-6
    return Patches(at[keep], normal[keep], area[keep])


def _quads(corner: Array, side: float) -> tuple[Array, Array, Array]:
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    cross = np.cross(c - a, d - b).reshape(-1, 3) / 2
    area = np.linalg.norm(cross, axis=1)
    normal = cross / np.maximum(area, 1e-12)[:, None]
    out = normal[:, 1] * side if side else -normal[:, 0]
    return ((a + b + c + d) / 4).reshape(-1, 3), normal * np.sign(np.where(out == 0, 1, out))[:, None], area


@dataclass(frozen=True)
class Photos:
    """Camera centres (n, 3) and axes right, down, forward (n, 3, 3: rows) in the ship frame."""

    at: Array
    axes: Array


def to_ship(plan: dict[str, Any], enu: Array) -> Array:
    h = math.radians(plan["ship"]["pose"]["heading_deg_true"])
    forward = enu[:, 0] * math.sin(h) + enu[:, 1] * math.cos(h)
    port = -enu[:, 0] * math.cos(h) + enu[:, 1] * math.sin(h)
    return np.stack([forward, port, enu[:, 2] + plan["ship"]["geometry"]["draught_m"]], axis=1)


def photos(plan: dict[str, Any]) -> Photos:
    """Each trigger with yaw and pitch of the first pass leg, in flying order, on whose line it lies."""
    heading = plan["ship"]["pose"]["heading_deg_true"]
    places, axes = [], []
    for sortie in plan["sorties"]:
        legs = [leg for leg in sortie["legs"] if leg["kind"] == "pass"]
        k = 0
        for point in np.array(sortie["triggers_enu_m"]):
            while _off(point, legs[k]) > 0.03:
                k += 1
            off = math.radians(legs[k]["yaw_deg_true"] - heading)
            up = math.radians(legs[k]["gimbal_pitch_deg"])
            forward = np.array([math.cos(off) * math.cos(up), -math.sin(off) * math.cos(up), math.sin(up)])
            right = np.array([-math.sin(off), -math.cos(off), 0.0])
            places.append(point)
            axes.append(np.stack([right, np.cross(forward, right), forward]))
    return Photos(to_ship(plan, np.array(places)), np.array(axes))


def _off(point: Array, leg: dict[str, Any]) -> float:
    a, b = np.array(leg["points_enu_m"][0]), np.array(leg["points_enu_m"][-1])
    t = np.clip((point - a) @ (b - a) / max((b - a) @ (b - a), 1e-9), 0, 1)
    return float(np.linalg.norm(point - a - t * (b - a)))


def views(hull: Hull, skin: Patches, seen_by: Photos, camera: dict[str, Any], target_m: float) -> Array:
    """(n,) photos that see each patch in frame, at most 1.25 target distances away, at most 60 degrees steep, not hidden."""
    scale = camera["pixel_pitch_um"] / 1000 / camera["focal_mm"]
    wide, high = camera["width_px"] / 2 * scale, camera["height_px"] / 2 * scale
    count = np.zeros(len(skin.at), int)
    for at, axes in zip(seen_by.at, seen_by.axes, strict=True):
        near = np.flatnonzero(np.abs(skin.at[:, 0] - at[0]) < NEAR * target_m)
        away = skin.at[near] - at
        distance = np.linalg.norm(away, axis=1)
        right, down, ahead = (away @ axis for axis in axes)
        steep = -np.einsum("ij,ij->i", away, skin.normal[near]) / distance
        good = (ahead > 0) & (np.abs(right) <= wide * ahead) & (np.abs(down) <= high * ahead)
        good &= (distance <= NEAR * target_m) & (steep >= math.cos(math.radians(STEEP_DEG)))
        good[good] = ~_hidden(hull, at, skin.at[near][good], skin.normal[near][good])
        count[near] += good
    return count


def _hidden(hull: Hull, at: Array, points: Array, normals: Array) -> Array:
    share = np.linspace(0.02, 0.98, 16)[:, None, None]
    end = points + 0.1 * normals
    return np.asarray(np.any(hull.inside(end + share * (at - end)), axis=0))


def reachable(hull: Hull, skin: Patches, quay_side: str | None, safety_m: float, target_m: float) -> Array:
    """(n,) True where some allowed place of a camera could see the patch well enough.

    Allowed: level distance from the deck's edge not below the safety distance (the fence around the ship is a level polygon: those of
    autopilots have no height), 3 m above water, on the water side of the quay line by the margin.
    """
    margin = _pack("drone", "limits.toml")["planner"]["quay_margin_m"]
    edge = _edge(hull)
    found = np.zeros(len(skin.at), bool)
    frame = _frames(skin.normal)
    for share in (1.0, 0.8, 1.24, 0.6):
        for tilt in (0.0, 20.0, 40.0, 59.0):
            for turn in np.arange(0.0, 360.0, 30.0 if tilt else 360.0):
                todo = np.flatnonzero(~found)
                if not len(todo):
                    return found
                lean, around = math.radians(tilt), math.radians(turn)
                local = np.array([math.sin(lean) * math.cos(around), math.sin(lean) * math.sin(around), math.cos(lean)])
                ray = np.einsum("nij,i->nj", frame[todo], local)
                at = skin.at[todo] + share * target_m * ray
                good = at[:, 2] >= hull.draught + FLOOR_M
                if quay_side:
                    good &= (1 if quay_side == "port" else -1) * at[:, 1] <= hull.beam / 2 - margin
                good[good] = clearance(edge, at[good][:, :2]) >= safety_m
                good &= ~((at[:, 0] > 0) & (np.abs(at[:, 1]) < hull.half(at[:, 0], np.array(hull.depth))))
                todo, at = todo[good], at[good]
                shares = np.linspace(0.05, 0.95, 10)[:, None, None]
                start = skin.at[todo] + 0.1 * skin.normal[todo]
                found[todo] = ~np.any(hull.inside(start + shares * (at - start)), axis=0)
    return found


def _frames(normals: Array) -> Array:
    """(n, 3, 3) rows: two tangents and the normal."""
    up = np.array([0.0, 0.0, 1.0])
    first = np.cross(up, normals)
    first /= np.maximum(np.linalg.norm(first, axis=1), 1e-9)[:, None]
    return np.stack([first, np.cross(normals, first), normals], axis=1)


def _edge(hull: Hull) -> Any:
    """Points along the deck's edge, level, for nearest-neighbour search."""
    x = np.linspace(0.0, hull.loa, round(hull.loa / 0.2))
    y = hull.half(x, np.array(hull.depth))
    across = np.linspace(-y[0], y[0], max(2, round(2 * y[0] / 0.2)))
    points = np.concatenate([np.stack([x, y], 1), np.stack([x, -y], 1), np.stack([0 * across, across], 1)])
    return _tree(points)


def _tree(points: Array) -> Any:
    """One exact k-d tree; OpenCV's stubs do not know it."""
    return getattr(cv2, "flann_Index")(points.astype(np.float32), {"algorithm": 4, "leaf_max_size": 12})  # noqa: B009


def _cloud(hull: Hull) -> Any:
    """Points of the whole ship above water (shell, transom, deck, superstructure) for nearest-neighbour search."""
    step = _CLEARANCE_GRID_M
    x = np.arange(0.0, hull.loa + step, step)
    z = np.linspace(hull.draught, hull.depth, max(3, math.ceil((hull.depth - hull.draught) / step) + 1))
    gx, gz = (grid.ravel() for grid in np.meshgrid(x, z))
    gx = np.minimum(gx, hull.stem(gz))
    gy = hull.half(gx, gz)
    shell = np.concatenate([np.stack([gx, side * gy, gz], axis=1) for side in (1, -1)])
    half = float(hull.half(np.array(0.0), np.array(hull.depth)))
    y = np.arange(-half, half + step, step)
    ty, tz = (grid.ravel() for grid in np.meshgrid(np.clip(y, -half, half), z))
    transom = np.stack([np.zeros_like(ty), ty, tz], axis=1)
    return _tree(np.unique(np.concatenate([shell, transom]).round(3), axis=0))


def clearance(cloud: Any, points: Array) -> Array:
    """(n,) distance to the nearest point of the ship; the cloud's grid makes it up to half a step too large."""
    if not len(points):
        return np.zeros(0)
    _, squares = cloud.knnSearch(points.astype(np.float32), 1, params={"checks": -1})
    return np.asarray(np.sqrt(squares[:, 0]))


def path(plan: dict[str, Any], step_m: float = 0.5) -> Array:
    """(n, 3) all legs in small steps, ship frame."""
    pieces = []
    for sortie in plan["sorties"]:
        for leg in sortie["legs"]:
            corners = np.array(leg["points_enu_m"])
            for a, b in itertools.pairwise(corners):
                share = np.linspace(0, 1, max(2, math.ceil(np.linalg.norm(b - a) / step_m) + 1))[:, None]
                pieces.append(a + share * (b - a))
    return to_ship(plan, np.concatenate(pieces))


def flight_s(plan: dict[str, Any], climb_m_s: float = 2.0) -> float:
    """Take-off to landing of all sorties: each straight piece at its speed, each change of velocity at 2.5 m/s2, two climbs."""
    total = 0.0
    for sortie in plan["sorties"]:
        before = np.zeros(3)
        heights = []
        for leg in sortie["legs"]:
            corners = np.array(leg["points_enu_m"])
            for a, b in itertools.pairwise(corners):
                length = float(np.linalg.norm(b - a))
                if length < 1e-6:
                    continue
                now = (b - a) / length * leg["speed_m_s"]
                total += length / leg["speed_m_s"] + float(np.linalg.norm(now - before)) / (2 * ACCELERATION_M_S2)
                before = now
            heights += [corners[0][2], corners[-1][2]]
        total += float(np.linalg.norm(before)) / (2 * ACCELERATION_M_S2) + (heights[0] + heights[-1]) / climb_m_s
    return total


def v_max(camera: dict[str, Any], target_gsd_mm: float) -> float:
    """Half a pixel of blur, and the shutter: each place twice needs a photo every half footprint."""
    blur = _pack("drone", "limits.toml")["planner"]["blur_px"] * target_gsd_mm / 1000 / camera["exposure_s"]
    return float(min(blur, camera["width_px"] * target_gsd_mm / 1000 / 2 / camera["min_interval_s"]))


@dataclass(frozen=True)
class Verdict:
    """`seen2` of the reachable area in percent; `nearest_m` path to ship; `ratio` = flight time / T_LB."""

    seen2: float
    seen1: float
    reachable_m2: float
    reachable_share: float
    nearest_m: float
    behind_quay_m: float
    lowest_m: float
    flight_s: float
    bound_s: float

    @property
    def ratio(self) -> float:
        return self.flight_s / self.bound_s


class Judge:
    """Judges plans of one ship file; what can be reached from a berth is worked out once."""

    def __init__(self, ship: dict[str, Any], cells: int = 5000) -> None:
        self.hull = Hull.of(ship)
        self.skin = patches(self.hull, cells)
        self.cloud = _cloud(self.hull)
        self._reach: dict[tuple[str | None, float, float], Array] = {}

    def verdict(self, plan: dict[str, Any]) -> Verdict:
        camera = _pack("cameras.toml")[plan["camera"]["id"]]
        gsd = plan["camera"]["target_gsd_mm"]
        target = gsd * camera["focal_mm"] / camera["pixel_pitch_um"]
        quay, safety = plan["ship"]["quay_side"], plan["safety_distance_m"]
        key = (quay, safety, target)
        if key not in self._reach:
            self._reach[key] = reachable(self.hull, self.skin, quay, safety, target)
        can = self._reach[key]
        area = float(self.skin.area[can].sum())
        count = views(self.hull, self.skin, photos(plan), camera, target)[can]
        flown = path(plan)
        behind = (1 if quay == "port" else -1) * flown[:, 1] - self.hull.beam / 2 if quay else np.array([-math.inf])
        footprint = camera["height_px"] * gsd / 1000
        return Verdict(
            seen2=100 * float(self.skin.area[can][count >= 2].sum()) / area,
            seen1=100 * float(self.skin.area[can][count >= 1].sum()) / area,
            reachable_m2=area,
            reachable_share=area / float(self.skin.area.sum()),
            nearest_m=float(clearance(self.cloud, flown).min()) - _CLEARANCE_GRID_M / 4,
            behind_quay_m=float(behind.max()),
            lowest_m=float(flown[:, 2].min()) - self.hull.draught,
            flight_s=flight_s(plan),
            bound_s=area / (ROW_SHARE * footprint * v_max(camera, gsd)),
        )
