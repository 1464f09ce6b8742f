"""Owns the picture of a plan in three dimensions: ship, quay, keep-outs, passes, ferries and photos, as PNG and as one HTML page that turns.

Never reads a network: the page holds its data, a few lines of script and no more. Parallel projection, drawn back to front.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from core import catalogue
from core.catalogue import Lang
from core.geo import Float, LonLat
from core.hullform import HullForm
from core.ship import Side
from drone.model import Plan

_COLOURS = {
    "hull": "#7d2f2f", "deck": "#8d8478", "house": "#d9d4c7", "water": "#9fb8c9", "quay": "#8a8a80", "keep_out": "#e0a030",
    "pass": "#0b6e4f", "ferry": "#3a63c2", "turn": "#3a63c2", "photo": "#d1495b", "home": "#222222",
}  # fmt: skip
_LAYERS = ("water", "quay", "keep_out", "hull", "deck", "house")  # from below to above, as a viewer above the horizon sees them
_STATIONS, _LEVELS = 40, 3


@dataclass(frozen=True, slots=True)
class _Scene:
    """Faces (n, 3) each with a colour name, lines (n, 3) each with a colour name, points (n, 3); ship frame turned to the plan's."""

    faces: list[tuple[str, Float]]
    lines: list[tuple[str, Float]]
    points: Float
    home: Float


def plan_png(
    plan: Plan, *, width: int = 1200, height: int = 800, azimuth_deg: float = 215.0, elevation_deg: float = 32.0
) -> bytes:
    """One view as PNG. `azimuth_deg` = from where it is looked at, off the ship's heading. Raises ValueError without a ship pose."""
    scene = _scene(plan)
    heading = plan.ship.pose.heading_deg_true if plan.ship.pose else 0.0
    right, up, ahead = _view(azimuth_deg + heading, elevation_deg)
    every = np.concatenate([points for _, points in (*scene.faces, *scene.lines)])
    flat = np.stack([every @ right, every @ up], axis=1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = 0.92 * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    middle = (low + high) / 2.0

    def to_px(points: Float) -> list[tuple[float, float]]:
        x = width / 2 + (points @ right - middle[0]) * scale
        y = height / 2 - (points @ up - middle[1]) * scale
        return [(float(a), float(b)) for a, b in zip(x, y, strict=True)]

    image = Image.new("RGB", (width, height), "#eef3f6")
    draw = ImageDraw.Draw(image)
    for name, points in sorted(scene.faces, key=lambda face: (_LAYERS.index(face[0]), -float(np.mean(face[1] @ ahead)))):
        draw.polygon(to_px(points), fill=_COLOURS[name], outline="#5b5b5b" if name != "water" else None)
    for name, points in scene.lines:
        draw.line(to_px(points), fill=_COLOURS[name], width=3 if name == "pass" else 1)
    for x, y in to_px(scene.points) if len(scene.points) else []:
        draw.ellipse((x - 2.5, y - 2.5, x + 2.5, y + 2.5), fill=_COLOURS["photo"])
    x, y = to_px(scene.home[None])[0]
    draw.rectangle((x - 5, y - 5, x + 5, y + 5), fill=_COLOURS["home"])
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def plan_html(plan: Plan, language: Lang) -> str:
    """A page of its own that turns with the mouse, a finger or the arrow keys; with figures and a legend. Raises ValueError
    without a ship pose.
    """
    scene = _scene(plan)
    data = {
        "faces": [[name, np.round(points, 2).tolist()] for name, points in scene.faces],
        "lines": [[name, np.round(points, 2).tolist()] for name, points in scene.lines],
        "points": np.round(scene.points, 2).tolist(),
        "home": np.round(scene.home, 2).tolist(),
        "colours": _COLOURS,
        "layers": _LAYERS,
        "heading": plan.ship.pose.heading_deg_true if plan.ship.pose else 0.0,
    }
    words = {
        "title": plan.ship.name, "photos": plan.trigger_count, "sorties": len(plan.sorties), "minutes": f"{plan.time_s / 60:.1f}",
        "seen": plan.coverage.seen2_pct, "standoff": f"{plan.camera.standoff_m:.1f}", "gsd": plan.camera.gsd_mm,
    }  # fmt: skip
    sentence = catalogue.text("drone.picture.figures", language, **words)
    legend = "".join(
        f'<li><i style="background:{_COLOURS[name]}"></i>{_escape(catalogue.text(f"drone.picture.{name}", language))}</li>'
        for name in ("pass", "ferry", "photo", "home", "hull", "quay", "keep_out")
    )
    hint = _escape(catalogue.text("drone.picture.hint", language))
    payload = json.dumps(data).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{_escape(plan.ship.name)}</title><style>{_STYLE}</style><h1>{_escape(plan.ship.name)}</h1>"
        f'<p>{_escape(sentence)}</p><canvas tabindex="0" role="img" aria-label="{_escape(sentence)}"></canvas>'
        f"<p>{hint}</p><ul>{legend}</ul><script>const D={payload};{_SCRIPT}</script></html>"
    )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _view(azimuth_deg: float, elevation_deg: float) -> tuple[Float, Float, Float]:
    """Right, up and ahead of a viewer who stands at an azimuth and looks at the origin."""
    turn, rise = math.radians(azimuth_deg), math.radians(elevation_deg)
    ahead = -np.array([math.sin(turn) * math.cos(rise), math.cos(turn) * math.cos(rise), math.sin(rise)])
    right = np.array([-math.cos(turn), math.sin(turn), 0.0])
    return right, np.cross(right, ahead), ahead


def _scene(plan: Plan) -> _Scene:
    if plan.ship.pose is None:
        raise ValueError("the plan has no ship pose")
    pose, geometry = plan.ship.pose.pose(), plan.ship.geometry.geometry()
    hull, draught = HullForm(geometry), geometry.draught_m

    def enu(points: Float) -> Float:
        return pose.to_enu(points, draught)

    faces: list[tuple[str, Float]] = []
    lines: list[tuple[str, Float]] = [(leg.kind, np.array(leg.points_enu_m)) for sortie in plan.sorties for leg in sortie.legs]
    every = np.concatenate([*[points for _, points in lines], enu(np.array([[0.0, 0.0, 0.0], [geometry.loa_m, 0.0, 0.0]]))])
    low, high = every.min(axis=0) - 15.0, every.max(axis=0) + 15.0
    faces.append(("water", np.array([[low[0], low[1], 0], [high[0], low[1], 0], [high[0], high[1], 0], [low[0], high[1], 0]])))
    sides: tuple[Side, ...] = ("port", "starboard")
    levels = np.linspace(draught, geometry.depth_m, _LEVELS)
    stations = np.linspace(0.0, 1.0, _STATIONS)
    for side in sides:
        rows = [hull.surface(stations * float(hull.stem_x(np.array(z))), np.full(_STATIONS, z), side) for z in levels]
        for lower, upper in pairwise(rows):
            faces += [("hull", enu(np.array([lower[i], lower[i + 1], upper[i + 1], upper[i]]))) for i in range(_STATIONS - 1)]
    half = float(hull.half_breadth(np.array(0.0), np.array(geometry.depth_m)))
    corners = [[0, half, draught], [0, -half, draught], [0, -half, geometry.depth_m], [0, half, geometry.depth_m]]
    faces.append(("hull", enu(np.array(corners, dtype=float))))
    edge = [hull.surface(stations * geometry.loa_m, np.full(_STATIONS, geometry.depth_m), side) for side in sides]
    faces.append(("deck", enu(np.concatenate([edge[0], edge[1][::-1]]))))
    faces += [("house", enu(face)) for face in _house(hull)]
    for zone in plan.exclusion_polygons:
        if zone.kind == "hull":
            continue
        flat = np.column_stack([np.array(zone.points_enu_m), np.zeros(len(zone.points_enu_m))])
        flat[:, :2] = np.clip(flat[:, :2], low[:2], high[:2]) if zone.kind != "quay" else flat[:, :2]
        if zone.kind == "quay":
            flat = _quay_near(flat, enu(np.array([[0.0, 0.0, 0.0], [geometry.loa_m, 0.0, 0.0]])))
        faces.append(("quay" if zone.kind == "quay" else "keep_out", flat))
    points = np.array([point for sortie in plan.sorties for point in sortie.triggers_enu_m]).reshape(-1, 3)
    lon, lat, up = plan.home_lonlat_alt
    return _Scene(faces, lines, points, pose.frame.to_enu(LonLat(lon, lat), up))


def _quay_near(corners: Float, keel: Float) -> Float:
    """The quay's rectangle cut down to the ship's length and a strip 25 m wide."""
    along = keel[1] - keel[0]
    unit = along / np.linalg.norm(along)
    near, away = corners[0], corners[3] - corners[0]
    foot = near + ((keel[0] - near) @ unit) * unit
    strip = away / np.linalg.norm(away) * 25.0
    return np.array([foot - 20 * unit, foot + along + 20 * unit, foot + along + 20 * unit + strip, foot - 20 * unit + strip])


def _house(hull: HullForm) -> list[Float]:
    """Roof and four walls of the superstructure, ship frame."""
    geometry, shape = hull.geometry, hull.shape
    aft, fore = (share * geometry.loa_m for share in shape.house)
    half, low = shape.house_width * geometry.beam_m / 2.0, geometry.depth_m
    high = low + shape.house_m
    base = [(aft, half), (fore, half), (fore, -half), (aft, -half)]
    roof = np.array([(x, y, high) for x, y in base])
    walls = []
    for (x0, y0), (x1, y1) in zip(base, [*base[1:], base[0]], strict=True):
        walls.append(np.array([(x0, y0, low), (x1, y1, low), (x1, y1, high), (x0, y0, high)]))
    return [*walls, roof]


_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:1rem;background:#eef3f6;color:#1b1b1b}canvas{width:100%;height:70vh;touch-action:none}"
    "ul{display:flex;flex-wrap:wrap;gap:1rem;list-style:none;padding:0}i{display:inline-block;width:1em;height:1em;margin-right:.4em}"
)
_SCRIPT = """
const c=document.querySelector('canvas'),g=c.getContext('2d');let az=215+D.heading,el=32,zoom=1;
function draw(){const w=c.width=c.clientWidth*devicePixelRatio,h=c.height=c.clientHeight*devicePixelRatio,t=az*Math.PI/180,r=el*Math.PI/180;
const a=[-Math.sin(t)*Math.cos(r),-Math.cos(t)*Math.cos(r),-Math.sin(r)],x=[-Math.cos(t),Math.sin(t),0],
y=[x[1]*a[2]-x[2]*a[1],x[2]*a[0]-x[0]*a[2],x[0]*a[1]-x[1]*a[0]],d=(p,q)=>p[0]*q[0]+p[1]*q[1]+p[2]*q[2];
let lo=[1e9,1e9],hi=[-1e9,-1e9];for(const [n,f] of D.faces.concat(D.lines))for(const p of f){const u=[d(p,x),d(p,y)];
for(const k of [0,1]){lo[k]=Math.min(lo[k],u[k]);hi[k]=Math.max(hi[k],u[k]);}}
const s=zoom*.92*Math.min(w/(hi[0]-lo[0]),h/(hi[1]-lo[1])),m=p=>[w/2+(d(p,x)-(lo[0]+hi[0])/2)*s,h/2-(d(p,y)-(lo[1]+hi[1])/2)*s];
const deep=f=>f[1].reduce((v,p)=>v+d(p,a),0)/f[1].length-1e6*D.layers.indexOf(f[0]);
g.clearRect(0,0,w,h);for(const f of [...D.faces].sort((p,q)=>deep(q)-deep(p))){g.beginPath();f[1].forEach((p,i)=>i?g.lineTo(...m(p)):g.moveTo(...m(p)));
g.closePath();g.fillStyle=D.colours[f[0]];g.fill();if(f[0]!='water'){g.strokeStyle='#0003';g.stroke();}}
for(const [n,l] of D.lines){g.beginPath();l.forEach((p,i)=>i?g.lineTo(...m(p)):g.moveTo(...m(p)));g.strokeStyle=D.colours[n];g.lineWidth=(n=='pass'?2.5:1)*devicePixelRatio;g.stroke();}
g.fillStyle=D.colours.photo;for(const p of D.points){g.beginPath();g.arc(...m(p),2.5*devicePixelRatio,0,7);g.fill();}
g.fillStyle=D.colours.home;const q=m(D.home);g.fillRect(q[0]-5,q[1]-5,10,10);}
let o=null;c.onpointerdown=e=>{o=[e.clientX,e.clientY];c.setPointerCapture(e.pointerId);};c.onpointerup=()=>{o=null;};
c.onpointermove=e=>{if(!o)return;az-=(e.clientX-o[0])*.4;el=Math.max(2,Math.min(89,el+(e.clientY-o[1])*.4));o=[e.clientX,e.clientY];draw();};
c.onwheel=e=>{e.preventDefault();zoom=Math.max(.3,Math.min(12,zoom*Math.exp(-e.deltaY*.001)));draw();};
c.onkeydown=e=>{const k={ArrowLeft:[5,0],ArrowRight:[-5,0],ArrowUp:[0,5],ArrowDown:[0,-5]}[e.key];if(!k)return;e.preventDefault();az+=k[0];el=Math.max(2,Math.min(89,el+k[1]));draw();};
onresize=draw;draw();
"""
