"""Owns the plain hull drawing of a record: one SVG per side from the findings' polygons, numbered as in the table.

Never grades or moves a finding; used where no drawing of the hull map itself is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

from inspection.record import CaseRecord, FindingPart, ShipPart

MapSide = Literal["port", "starboard"]
SIDES: tuple[MapSide, ...] = ("port", "starboard")
_FONT = "Noto Sans SC"
_WIDTH = 1000.0
_MARGIN = 44.0


def draw_side(
    record: CaseRecord, side: MapSide, title: str, labels: Mapping[str, str], colours: Mapping[str, str]
) -> bytes | None:
    """The unwrapped side seen from outside, in metres; None without main dimensions or findings on that side.

    `labels` needs ``stern``, ``bow`` and ``waterline``; `colours` maps class ids to colours.
    """
    ship = record.ship
    shown = [(number, one) for number, one in enumerate(record.findings, 1) if one.place is not None and one.place.side == side]
    if not shown or not ship.loa_m or not ship.depth_m:
        return None
    scale = (_WIDTH - 2 * _MARGIN) / ship.loa_m
    vertical = max(scale, 110.0 / ship.depth_m)  # a hull is thin: heights are drawn larger, the axis says the metres
    height = ship.depth_m * vertical + 2 * _MARGIN
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH:g} {height:.1f}", width=f"{_WIDTH:g}")
    frame = _Frame(side, ship.loa_m, ship.depth_m, scale, vertical)
    _hull(svg, frame, ship, labels)
    _label(svg, _MARGIN, 20, title, 15)
    for number, finding in shown:
        _finding(svg, frame, number, finding, colours.get(str(finding.class_id), "#444444"))
    return bytes(tostring(svg, encoding="utf-8"))


class _Frame:
    """Ship metres to drawing units. From outside, the bow of the starboard side is right, of the port side left."""

    def __init__(self, side: MapSide, loa_m: float, depth_m: float, scale: float, vertical: float) -> None:
        self.side, self.loa_m, self.depth_m, self.scale, self.vertical = side, loa_m, depth_m, scale, vertical

    def x(self, x_m: float) -> float:
        forward = x_m if self.side == "starboard" else self.loa_m - x_m
        return round(_MARGIN + forward * self.scale, 2)

    def y(self, z_m: float) -> float:
        return round(_MARGIN + (self.depth_m - z_m) * self.vertical, 2)


def _hull(svg: Element, frame: _Frame, ship: ShipPart, labels: Mapping[str, str]) -> None:
    loa, depth = frame.loa_m, frame.depth_m
    outline = [(0, depth), (loa, depth), (loa * 0.975, 0), (loa * 0.05, 0), (loa * 0.012, depth * 0.35)]
    points = " ".join(f"{frame.x(x)},{frame.y(z)}" for x, z in outline)
    SubElement(svg, "polygon", {"points": points, "fill": "#eef2f5", "stroke": "#33475b", "stroke-width": "1.4"})
    if ship.draught_m:
        y = str(frame.y(ship.draught_m))
        ends = {"x1": str(frame.x(0)), "x2": str(frame.x(loa)), "y1": y, "y2": y}
        SubElement(svg, "line", {"stroke": "#2f6fae", "stroke-dasharray": "7 4", "stroke-width": "1.2", **ends})
        _label(svg, _WIDTH / 2, float(y) + 14, labels["waterline"], 11, "middle", "#2f6fae")
    base = frame.y(0) + 6
    for metre in range(0, int(loa) + 1, 20):
        x = str(frame.x(metre))
        SubElement(svg, "line", x1=x, x2=x, y1=str(base), y2=str(base + 5), stroke="#5b6b7a")
        _label(svg, float(x), base + 18, str(metre), 11, "middle", "#5b6b7a")
    _label(svg, frame.x(0), base + 32, labels["stern"], 11, "start" if frame.side == "starboard" else "end", "#5b6b7a")
    _label(svg, frame.x(loa), base + 32, labels["bow"], 11, "end" if frame.side == "starboard" else "start", "#5b6b7a")


def _finding(svg: Element, frame: _Frame, number: int, finding: FindingPart, colour: str) -> None:
    if finding.place is None:
        return
    line = {"stroke": colour, "stroke-width": "1.6"}
    if finding.state != "confirmed":
        line["stroke-dasharray"] = "3 2"
    fill = {"fill": colour, "fill-opacity": "0.15" if finding.state == "rejected" else "0.45"}
    if len(finding.polygon_hull_m) >= 3:
        points = " ".join(f"{frame.x(x)},{frame.y(z)}" for x, z in finding.polygon_hull_m)
        SubElement(svg, "polygon", {"points": points, **line, **fill})
    x, y = frame.x(finding.place.x_m), frame.y(finding.place.z_m)
    SubElement(svg, "circle", cx=str(x), cy=str(y - 15), r="9", fill="#ffffff", stroke=colour)
    _label(svg, x, y - 11, str(number), 11, "middle", "#111111")


def _label(svg: Element, x: float, y: float, text: str, size: int, anchor: str = "start", fill: str = "#14202e") -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": str(size), "font-family": _FONT}
    SubElement(svg, "text", {"fill": fill, **place}).text = text
