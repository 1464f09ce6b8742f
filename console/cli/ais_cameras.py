"""Owns ``yunjian ais cameras``: the state of each berth camera, and asking all that are due now.

Never holds a rule: it calls `ais` and prints.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ais.api_cameras import CamerasOut
from ais.camera_service import CameraView, camera_views, sweep
from console.cli.common import AsJson, guarded, opened, print_json
from core import catalogue
from core.catalogue import Lang


def register(app: typer.Typer) -> None:
    """Add the command to ``yunjian ais``."""
    app.command("cameras", epilog="Example: yunjian ais cameras --take")(cameras)


@guarded
def cameras(
    take: Annotated[bool, typer.Option("--take", help="First take a still of every camera that is due.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Berth cameras: which give pictures, which are dead and why."""
    with opened() as services:
        if take:
            sweep(services)
        found = camera_views(services)
        if as_json:
            print_json("yunjian.ais.cameras/1", CamerasOut(items=found).model_dump(mode="json", exclude={"next_cursor"}), [])
        else:
            Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160).print(
                _table(services.settings.language, found)
            )
    if any(one.state == "dead" for one in found):
        raise typer.Exit(1)


def _table(lang: Lang, found: list[CameraView]) -> Table:
    def word(key: str) -> str:
        return catalogue.text(key, lang)

    table = Table(title=word("ais.cli.cameras.title"))
    for column in ("camera", "berth", "state", "newest", "fault"):
        table.add_column(word(f"ais.cli.cameras.{column}"))
    for one in found:
        tried = "" if one.tried_at is None else f"{one.tried_at:%Y-%m-%d %H:%M:%S}Z "
        fault = word("ais.camera.none") if one.tried_at is None else word(f"ais.camera.fault.{one.fault}") if one.fault else "✓"
        newest = "–" if one.still is None else f"{one.still.seen_at:%Y-%m-%d %H:%M:%S}Z {one.still.sha256[:12]}"
        name = one.name.zh if lang == "zh" else one.name.en
        table.add_row(f"{one.id}\n{name}", one.berth, word(f"ais.camera.state.{one.state}"), newest, f"{tried}{fault}")
    return table
