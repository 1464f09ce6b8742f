"""Owns ``yunjian survey plan``: from an AIS record, an MMSI that the console resolves, or dimensions, to a checked plan and its files.

Never holds a rule of the survey: `drone` does.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from config import Settings, load_settings
from console.cli.common import AsJson, opened, print_json, say
from core.errors import InputError
from core.geo import LonLat
from core.ids import Imo, Mmsi
from core.ship import ShipGeometry, ShipPose, ShipRef
from drone.deckplan import plan_deck
from drone.exchange import flight_card, geojson, kml, wpml_kmz
from drone.export import qgc_plan, wpl
from drone.model import Plan, ShipSide, Wind
from drone.picture import plan_html, plan_png
from drone.planner import plan_survey
from drone.request import RequestBody, sign_request
from drone.shipinput import ShipInput, ship_from_record
from drone.site import Site, keep_outs_from_json
from drone.sizing import Wishes

EPILOG = (
    "Example: yunjian survey plan --ship 413000000 --quay starboard --tide 1.2 --out plan.json --png plan.png; without AIS: "
    "yunjian survey plan --loa 90 --beam 14 --depth 7 --draught 4.5 --lon 122.1 --lat 40.3 --heading 37 --imo 9074729 --quay starboard"
)


def geometry_of(
    loa: float, beam: float, depth: float, draught: float, estimated: list[str], form: str = "merchant"
) -> ShipGeometry:
    """Raises InputError `drone.ship_input`."""
    try:
        return ShipGeometry(loa, beam, depth, draught, estimated=frozenset(estimated), form=form)
    except ValueError as error:
        raise InputError("drone.ship_input", reason=str(error)) from error


def pose_of(lon: float | None, lat: float | None, heading: float | None, source: str) -> ShipPose | None:
    """None when something is missing; raises InputError `drone.ship_input`."""
    if lon is None or lat is None or heading is None:
        return None
    try:
        return ShipPose(LonLat(lon, lat), heading % 360.0, datetime.now(UTC), source)
    except ValueError as error:
        raise InputError("drone.ship_input", reason=str(error)) from error


def _given(
    ship: str, imo: str, mmsi: str, name: str, sizes: tuple[float | None, ...], estimated: list[str], form: str
) -> tuple[ShipInput, ShipSide | None]:
    """The ship of --ship, or of the dimensions one by one (then without a pose). Raises InputError `drone.ship_input`."""
    if ship:
        return _ship(ship)
    if not imo and not mmsi:
        raise InputError("drone.ship_input", reason="--ship, --imo or --mmsi")
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        raise InputError("drone.ship_input", reason="--loa --beam --depth --draught, or --ship")
    reference = ShipRef(name, Imo.parse(imo) if imo else None, Mmsi.parse(mmsi) if mmsi else None)
    own = geometry_of(known[0], known[1], known[2], known[3], estimated, form or "merchant")
    return ShipInput(reference, own, None, None, at_anchor=False), None


def _ship(text: str) -> tuple[ShipInput, ShipSide | None]:
    """A JSON file (or `-`) with an AIS record, or an MMSI or IMO number that this installation's picture knows, with its quay side."""
    path = Path(text)
    if text != "-" and not path.is_file() and text.isdigit():
        return _known(text)
    try:
        document = json.loads(sys.stdin.read() if text == "-" else path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("drone.ship_input", reason=str(error).splitlines()[0]) from error
    if not isinstance(document, dict):
        raise InputError("drone.ship_input", reason="not an object")
    return ship_from_record(document, datetime.now(UTC)), None


def _known(number: str) -> tuple[ShipInput, ShipSide | None]:
    """Raises NotFound and Refused of `ais`."""
    from ais.targets_service import geometry_and_pose, known_ship  # noqa: PLC0415 - only this way needs the picture

    with opened() as services:
        ship = known_ship(services, number, date.today())  # noqa: DTZ011 - the port's own day
        hull = geometry_and_pose(services, ship)
    imo = Imo.parse(ship.sheet.imo) if ship.sheet.imo else None
    reference = ShipRef(ship.sheet.name, imo, Mmsi(ship.live.mmsi))
    return ShipInput(
        reference, hull.geometry, hull.pose, None, hull.berth is None
    ), hull.berth.quay_side if hull.berth else None


def plan(
    ship: Annotated[
        str, typer.Option(help="AIS record as a JSON file (- = stdin), or an MMSI or IMO number that the console knows")
    ] = "",
    loa: Annotated[float | None, typer.Option(help="Length over all, m")] = None,
    beam: Annotated[float | None, typer.Option(help="Beam, m")] = None,
    depth: Annotated[float | None, typer.Option(help="Depth from keel to deck, m")] = None,
    draught: Annotated[float | None, typer.Option(help="Draught, m")] = None,
    imo: Annotated[str, typer.Option(help="IMO number")] = "",
    mmsi: Annotated[str, typer.Option(help="MMSI")] = "",
    name: Annotated[str, typer.Option(help="Ship's name")] = "-",
    form: Annotated[str, typer.Option(help="Hull model of hull_forms.toml")] = "",
    lon: Annotated[float | None, typer.Option(help="Longitude of the stern end on the centreline")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude of the stern end on the centreline")] = None,
    heading: Annotated[float | None, typer.Option(help="Heading, degrees true; without it there is no path")] = None,
    pose_source: Annotated[
        str, typer.Option(help="ais, ais_gnss, ais_low, hull_fix, beacon or beacon_rtk (error budget)")
    ] = "",
    quay: Annotated[
        Literal["port", "starboard", "none", ""],
        typer.Option(help="Side at the quay; none = lies free; empty = as the console knows"),
    ] = "",
    at_anchor: Annotated[
        bool | None, typer.Option("--at-anchor/--made-fast", help="She swings: flown only by a beacon's pose")
    ] = None,
    camera_id: Annotated[str, typer.Option("--camera", help="Id in cameras.toml")] = "",
    gsd: Annotated[float | None, typer.Option(help="Target ground sample distance, mm per pixel")] = None,
    estimated: Annotated[list[str] | None, typer.Option(help="Dimension that is a class default, e.g. depth_m")] = None,
    accepted_by: Annotated[str, typer.Option(help="Who accepts the class defaults")] = "",
    wind: Annotated[tuple[float, float, float] | None, typer.Option(help="Mean, gust in m/s, direction it comes from")] = None,
    tide: Annotated[float | None, typer.Option(help="Tide above chart datum, m")] = None,
    quay_level: Annotated[float | None, typer.Option(help="Quay above chart datum, m: the launch point is on a quay")] = None,
    home: Annotated[tuple[float, float] | None, typer.Option(help="Launch point: longitude, latitude")] = None,
    keep_outs: Annotated[
        Path | None, typer.Option(help='JSON: [{"kind": "crane|mooring_line|ship|people|other", "lonlat": [[lon, lat], ...]}]')
    ] = None,
    at: Annotated[datetime | None, typer.Option(help="When it is flown, UTC: light and glare")] = None,
    item: Annotated[list[str] | None, typer.Option(help="Checklist item whose close-ups are wanted; without it all")] = None,
    part: Annotated[Literal["hull", "deck"], typer.Option(help="deck = passes over deck and superstructure")] = "hull",
    air_draught: Annotated[float | None, typer.Option(help="Highest point above the water, m (deck)")] = None,
    deck_clear_by: Annotated[str, typer.Option(help="Who says that nobody is on deck (deck)")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the plan here instead of to stdout")] = None,
    qgc: Annotated[Path | None, typer.Option(help="Also write each sortie as a QGroundControl .plan")] = None,
    waypoints: Annotated[Path | None, typer.Option("--wpl", help="Also write each sortie as a QGC WPL 110 file")] = None,
    kml_file: Annotated[Path | None, typer.Option("--kml", help="Also write the path as KML")] = None,
    geojson_file: Annotated[Path | None, typer.Option("--geojson", help="Also write the plan as GeoJSON")] = None,
    dji: Annotated[
        Path | None,
        typer.Option(help="Also write a DJI WPML .kmz per sortie and a flight card into this folder (NOT flown by us)"),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Also write a picture of the plan")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page with the plan in 3D")] = None,
    request: Annotated[Path | None, typer.Option(help="Also write a signed survey request for a field laptop")] = None,
    request_key: Annotated[str, typer.Option(help="Label of the site's signing key (with --request)")] = "survey",
    request_for: Annotated[str, typer.Option(help="Inspection that asks for it (with --request)")] = "",
    request_hours: Annotated[float, typer.Option(min=1.0, help="How long the request holds (with --request)")] = 72.0,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Plan a survey (yunjian.plan/1). Exit code 1 when the plan cannot be flown; the reasons are in it and on stderr."""
    changes: dict[str, Any] = {"drone.camera": camera_id} if camera_id else {}
    if gsd is not None:
        changes["drone.target_gsd_mm"] = gsd
    settings = load_settings(changes)
    given, known_quay = _given(ship, imo, mmsi, name, (loa, beam, depth, draught), estimated or [], form)
    if given.pose is None:
        given = replace(given, pose=pose_of(lon, lat, heading, pose_source or "ais"))
    given = _told_better(given, depth=depth, draught=draught, form=form, heading=heading, source=pose_source)
    site = Site(
        keep_outs=keep_outs_from_json(_json(keep_outs)) if keep_outs else (),
        tide_m=tide, quay_level_m=quay_level, home_on_quay=quay_level is not None,
        at_utc=at.replace(tzinfo=UTC) if at and at.tzinfo is None else at,
        accepted_by=accepted_by, deck_clear_by=deck_clear_by,
    )  # fmt: skip
    side: ShipSide | None = known_quay if quay == "" else None if quay == "none" else quay
    wishes = Wishes.from_settings(settings.drone)
    swings = (side is None and (given.at_anchor or quay == "none")) if at_anchor is None else at_anchor
    made = plan_survey(
        given.ship, given.geometry, given.pose, side, wishes,
        wind=Wind(*wind) if wind else None, home=LonLat(*home) if home else None, at_anchor=swings,
        site=site, items=frozenset(item or []),
    )  # fmt: skip
    if part == "deck" and made.sorties:
        made = plan_deck(made, wishes, site, air_draught_m=air_draught or given.air_draught_m)
    if out is not None:
        out.write_text(made.to_json(), encoding="utf-8")
    if made.sorties:
        _write(made, qgc=qgc, waypoints=waypoints, kml_file=kml_file, geojson_file=geojson_file, png=png)
        write_dji(made, dji, settings)
        if html is not None:
            html.write_text(plan_html(made, settings.language), encoding="utf-8")
        if request is not None:
            _write_request(made, request, request_key, request_for, request_hours, sorted(item or []))
    _tell(made, settings, out, as_json=as_json)


def _told_better(
    given: ShipInput, *, depth: float | None, draught: float | None, form: str, heading: float | None, source: str
) -> ShipInput:
    """What the operator says of this ship stands above the record; a dimension that is told is no estimate any more."""
    told = {"depth_m": depth, "draught_m": draught}
    changes: dict[str, Any] = {key: value for key, value in told.items() if value is not None}
    try:
        geometry = replace(
            given.geometry, **changes, form=form or given.geometry.form,
            estimated=given.geometry.estimated if not changes else given.geometry.estimated - set(changes),
        )  # fmt: skip
    except ValueError as error:
        raise InputError("drone.ship_input", reason=str(error)) from error
    pose = given.pose
    if pose is not None:
        pose = replace(
            pose, source=source or pose.source, heading_deg_true=pose.heading_deg_true if heading is None else heading % 360.0
        )
    return replace(given, geometry=geometry, pose=pose)


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("drone.keep_outs", reason=str(error).splitlines()[0]) from error


def _write(
    made: Plan, *, qgc: Path | None, waypoints: Path | None, kml_file: Path | None, geojson_file: Path | None, png: Path | None
) -> None:
    """The files asked for; sorties after the first get a number before the suffix."""
    if png is not None:
        png.write_bytes(plan_png(made))
    for number in range(len(made.sorties)):
        for path, make in ((qgc, qgc_plan), (waypoints, wpl)):
            if path is not None:
                named = path if number == 0 else path.with_name(f"{path.stem}_{number + 1}{path.suffix}")
                named.write_text(make(made, number), encoding="utf-8")
    if kml_file is not None:
        kml_file.write_text(kml(made), encoding="utf-8")
    if geojson_file is not None:
        geojson_file.write_text(geojson(made), encoding="utf-8")


def write_dji(made: Plan, folder: Path | None, settings: Settings) -> None:
    """A .kmz per sortie and the flight card."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(made.sorties)):
        (folder / f"sortie_{number + 1}.kmz").write_bytes(wpml_kmz(made, number))
    (folder / "flight_card.md").write_text(flight_card(made, settings.language), encoding="utf-8")


def _write_request(made: Plan, path: Path, label: str, subject: str, hours: float, items: list[str]) -> None:
    """Signed with a key of the site's own store; raises NotFound when it has none of this label."""
    with opened() as services:
        from core.signing import site_keys  # noqa: PLC0415 - only a request needs keys

        key = site_keys(services.settings).load(label)
    now = datetime.now(UTC)
    body = RequestBody(
        subject_ref=subject,
        items=items,
        issued_at=now,
        not_after=now + timedelta(hours=hours),
        issued_by=key.public.label,
        plan=made,
    )
    path.write_text(sign_request(body, key), encoding="utf-8")


def _tell(made: Plan, settings: Settings, out: Path | None, *, as_json: bool) -> None:
    zh = settings.language == "zh"
    reasons = [refusal.zh if zh else refusal.en for refusal in made.refusals]
    notes = [note.zh if zh else note.en for note in made.notes]
    if as_json:
        print_json("yunjian.plan/1", made.model_dump(mode="json", by_alias=True), [*reasons, *notes])
    elif out is None:
        sys.stdout.write(made.to_json() + "\n")
    else:
        sys.stdout.write(f"{out}\n")
    minutes = f"{made.time_s / 60:.1f}"
    params = {"photos": made.trigger_count, "sorties": len(made.sorties), "minutes": minutes}
    say(settings, "drone.cli.planned", seen=made.coverage.seen2_pct, **params)
    for row in made.rows:
        heights = {"water": f"{row.camera_above_water_m:.1f}", "baseline": f"{row.camera_above_baseline_m:.1f}"}
        say(settings, "drone.cli.row", **heights)
    sys.stderr.write("".join(f"  {note}\n" for note in notes))
    if reasons:
        say(settings, "drone.cli.refused")
        sys.stderr.write("".join(f"  {reason}\n" for reason in reasons))
        raise typer.Exit(1)
