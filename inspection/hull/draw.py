"""Owns the drawing of a hull map: both sides unwrapped and the stern as SVG, and the same facts as GeoJSON in hull metres.

Never decides or grades. Severity is told by letter, number and hatching as well as by colour.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import numpy as np

from core.catalogue import Lang, text
from core.hullform import HullForm
from inspection.hull.cells import HullCell
from inspection.hull.classes import DEFECTS, ClassId, class_table
from inspection.hull.grade import Share, indications
from inspection.hull.hullmap import HullMap, MapFinding
from inspection.hull.project import SHELL, ShellSide

_WIDTH = 1180.0
_MARGIN = 40.0
_SIDE_HEIGHT = 150.0
_GAP = 74.0
_STERN_WIDTH = 300.0
_FONT = "'Noto Sans SC', 'Noto Sans CJK SC', 'Noto Sans', sans-serif"
# Share of the cell that is defective, from which on the fill applies; steps of ASTM D610 grades 6, 5, 4 and 3 (1, 3, 10, 16 %).
_HEAT: tuple[tuple[float, str], ...] = (
    (16.0, "#b3261e"),
    (10.0, "#d9603b"),
    (3.0, "#eda35c"),
    (1.0, "#f6d79b"),
    (0.0, "#fdf6e3"),
)


@dataclass(frozen=True, slots=True)
class _Panel:
    """Where one side is drawn: hull coordinates -> SVG units. `mirrored` draws the first coordinate from right to left."""

    side: ShellSide
    left: float
    top: float
    width: float
    height: float
    first_low: float
    first_high: float
    z_low: float
    z_high: float
    mirrored: bool

    def point(self, first: float, z: float) -> tuple[float, float]:
        share = (first - self.first_low) / (self.first_high - self.first_low)
        share = 1.0 - share if self.mirrored else share
        x = self.left + share * self.width
        y = self.top + (self.z_high - z) / (self.z_high - self.z_low) * self.height
        return round(x, 2), round(y, 2)


def render_svg(hull_map: HullMap, lang: Lang) -> str:
    """The map as one SVG document; findings carry the number they have in `hull_map.findings`, counted from 1."""
    panels = _panels(hull_map)
    height = panels[-1].top + panels[-1].height + 166.0
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {_WIDTH:.0f} {height:.0f}", "role": "img"})
    svg.set("font-family", _FONT)
    title = text("hull.map.title", lang)
    if hull_map.simulated:
        title = f"{title} · {text('hull.map.simulated', lang)}"
    ET.SubElement(svg, "title").text = title
    _hatch(svg)
    ET.SubElement(svg, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    _label(svg, _MARGIN, 26, title, size=16, weight="600")
    for panel in panels:
        _draw_panel(svg, panel, hull_map, lang)
    _legend(svg, hull_map, height - 78.0, lang)
    return ET.tostring(svg, encoding="unicode")


def _panels(hull_map: HullMap) -> list[_Panel]:
    ship = hull_map.geometry
    z_low, z_high = ship.draught_m - 0.5, ship.depth_m
    half = float(HullForm(ship).half_breadth(np.array(0.0), np.array(ship.depth_m)))
    wide = _WIDTH - 2 * _MARGIN
    tops = [60.0 + index * (_SIDE_HEIGHT + _GAP) for index in range(3)]
    return [
        _Panel("port", _MARGIN, tops[0], wide, _SIDE_HEIGHT, 0.0, ship.loa_m, z_low, z_high, mirrored=True),
        _Panel("starboard", _MARGIN, tops[1], wide, _SIDE_HEIGHT, 0.0, ship.loa_m, z_low, z_high, mirrored=False),
        _Panel("stern", _MARGIN, tops[2], _STERN_WIDTH, _SIDE_HEIGHT, -half, half, z_low, z_high, mirrored=True),
    ]


def _hatch(svg: ET.Element) -> None:
    pattern = ET.SubElement(
        ET.SubElement(svg, "defs"), "pattern", {"id": "unseen", "width": "7", "height": "7", "patternUnits": "userSpaceOnUse"}
    )
    ET.SubElement(pattern, "rect", {"width": "7", "height": "7", "fill": "#eceff1"})
    ET.SubElement(pattern, "path", {"d": "M0,7 L7,0", "stroke": "#90a4ae", "stroke-width": "1"})


def _label(
    svg: ET.Element, x: float, y: float, words: str, *, size: float = 11, weight: str = "400", anchor: str = "start"
) -> None:
    attributes = {
        "x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": f"{size:g}", "font-weight": weight, "text-anchor": anchor, "fill": "#1c2733",
    }  # fmt: skip
    ET.SubElement(svg, "text", attributes).text = words


def _draw_panel(svg: ET.Element, panel: _Panel, hull_map: HullMap, lang: Lang) -> None:
    _label(svg, panel.left, panel.top - 10, text(f"hull.map.{panel.side}", lang), size=13, weight="600")
    for cell in hull_map.cells:
        if cell.side == panel.side:
            _draw_cell(svg, panel, cell, lang)
    for number, finding in enumerate(hull_map.findings, start=1):
        if finding.place is not None and finding.place.side == panel.side:
            _draw_finding(svg, panel, number, finding)
    _axes(svg, panel, hull_map, lang)


def _draw_cell(svg: ET.Element, panel: _Panel, cell: HullCell, lang: Lang) -> None:
    first, second = panel.point(cell.low[0], cell.high[1]), panel.point(cell.high[0], cell.low[1])
    x, width = min(first[0], second[0]), abs(second[0] - first[0])
    unseen = cell.defect_pct is None
    fill = "url(#unseen)" if cell.defect_pct is None else next(colour for limit, colour in _HEAT if cell.defect_pct >= limit)
    box = {
        "x": f"{x:.1f}", "y": f"{first[1]:.1f}", "width": f"{width:.1f}", "height": f"{second[1] - first[1]:.1f}", "fill": fill,
        "stroke": "#b0bec5", "stroke-width": "0.5",
    }  # fmt: skip
    rect = ET.SubElement(svg, "rect", box)
    if unseen:
        ET.SubElement(rect, "title").text = text("hull.map.not_seen", lang)
    elif cell.defect_pct is not None and cell.defect_pct >= 0.05:
        _label(svg, x + 3, second[1] - 3, f"{cell.defect_pct:.1f}", size=9)


def _draw_finding(svg: ET.Element, panel: _Panel, number: int, finding: MapFinding) -> None:
    if finding.place is None:
        return
    info = class_table()[finding.class_id]
    corners = [panel.point(float(first), float(z)) for first, z in finding.place.outline]
    outline = " ".join(f"{x},{y}" for x, y in corners)
    dashes = {3: "", 2: "4 2", 1: "1.5 2"}.get(info.severity, "")
    shape = {"points": outline, "fill": info.colour, "fill-opacity": "0.45", "stroke": info.colour, "stroke-width": "1.2"}
    if dashes:
        shape["stroke-dasharray"] = dashes
    group = ET.SubElement(svg, "g", {"id": finding.id, "data-class": str(int(finding.class_id))})
    ET.SubElement(group, "polygon", shape)
    top = min(y for _, y in corners)
    middle = sum(x for x, _ in corners) / len(corners)
    _label(group, middle, max(top - 2, panel.top + 9), f"{info.letter}{number}", size=9.5, weight="600", anchor="middle")


def _axes(svg: ET.Element, panel: _Panel, hull_map: HullMap, lang: Lang) -> None:
    ship = hull_map.geometry
    start, stop = panel.point(panel.first_low, ship.draught_m), panel.point(panel.first_high, ship.draught_m)
    line = {
        "x1": f"{start[0]}",
        "y1": f"{start[1]}",
        "x2": f"{stop[0]}",
        "y2": f"{stop[1]}",
        "stroke": "#1e6fb8",
        "stroke-width": "1.4",
    }
    ET.SubElement(svg, "line", line)
    right = panel.left + panel.width
    _label(svg, right, start[1] + 12, text("hull.map.waterline", lang, draught=f"{ship.draught_m:g}"), size=9.5, anchor="end")
    foot = panel.top + panel.height + 14
    step = 2 if panel.side == "stern" else max(5, round(ship.loa_m / 100) * 10)
    tick = int(panel.first_low)
    while tick <= panel.first_high:
        x, _ = panel.point(float(tick), panel.z_low)
        _label(svg, x, foot, str(tick), size=9, anchor="middle")
        tick += step
    if panel.side != "stern":
        _label(svg, panel.left, foot + 14, text(f"hull.map.x_axis_{ship.x_origin}", lang), size=9.5)


def _legend(svg: ET.Element, hull_map: HullMap, top: float, lang: Lang) -> None:
    table = class_table()
    shown = [*DEFECTS, ClassId.DENT]
    names = [
        f"{table[class_id].letter} {table[class_id].zh if lang == 'zh' else table[class_id].en}{'*' if table[class_id].experimental else ''}"
        for class_id in shown
    ]
    _label(svg, _MARGIN, top, text("hull.map.legend", lang, entries=" · ".join(names)), size=10.5)
    _label(svg, _MARGIN, top + 16, text("hull.map.cells", lang), size=10.5)
    _label(svg, _MARGIN, top + 32, text("hull.map.experimental", lang), size=10.5)
    whole = indications(hull_map.cells)[0]
    if whole.defects is not None and whole.corrosion is not None:
        words = text(
            "hull.map.indication", lang,
            defects=_range(whole.defects), corrosion=_range(whole.corrosion),
            imo="-".join(whole.imo), d610="-".join(whole.d610), iso="-".join(whole.iso4628),
        )  # fmt: skip
        _label(svg, _MARGIN, top + 48, words, size=10.5)
    _label(svg, _MARGIN, top + 64, text("hull.map.caveat", lang), size=10.5)


def _range(share: Share) -> str:
    return f"{share.per_cent:.2f} % ({share.low:.2f}-{share.high:.2f})"


def to_geojson(hull_map: HullMap) -> str:
    """FeatureCollection of findings and cells. Coordinates are hull metres, not longitude and latitude: [x_m, z_m] on the sides,
    [y_m, z_m] on the stern; `side` says which.
    """
    features = [_finding_feature(number, finding) for number, finding in enumerate(hull_map.findings, start=1)]
    features += [_cell_feature(cell) for cell in hull_map.cells]
    ship = hull_map.geometry
    document = {
        "type": "FeatureCollection",
        "schema": "yunjian.hullmap/1",
        "frame": f"ship, metres, x from {ship.x_origin}, z from keel",
        "sides": list(SHELL),
        "draught_m": ship.draught_m,
        "simulated": hull_map.simulated,
        "indications": [one.data() for one in indications(hull_map.cells)],
        "features": features,
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _finding_feature(number: int, finding: MapFinding) -> dict[str, object]:
    place = finding.place
    ring = [] if place is None else [[round(float(a), 3), round(float(b), 3)] for a, b in place.outline]
    return {
        "type": "Feature",
        "id": finding.id,
        "geometry": None if place is None else {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {
            "kind": "finding",
            "number": number,
            "class_id": int(finding.class_id),
            "side": None if place is None else place.side,
            "score": finding.score,
            "area_cm2": None if finding.area_cm2 is None else round(finding.area_cm2, 1),
            "views": finding.views,
            "seen": finding.seen,
            "photo": finding.photo_file,
        },
    }


def _cell_feature(cell: HullCell) -> dict[str, object]:
    (left, low), (right, high) = cell.low, cell.high
    ring = [[left, low], [right, low], [right, high], [left, high], [left, low]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "kind": "cell",
            "side": cell.side,
            "area_m2": cell.area_m2,
            "seen_share": cell.seen_share,
            "corrosion_pct": cell.corrosion_pct,
            "defect_pct": cell.defect_pct,
        },
    }
