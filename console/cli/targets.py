"""Owns ``yunjian targets``: the ranked list with its reasons, and the full reckoning of one ship.

Never decides a rank: `ais` does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ais import RankedShip, Ranking, geometry_and_pose, rank_live
from ais.api_targets import HullOut, hull_out, target_out
from config import Settings
from console.cli.common import AsJson, guarded, opened, print_json
from core import catalogue
from core.catalogue import Lang
from core.context import Services
from core.errors import NotFound, Refused
from core.workdays import local_day

app = typer.Typer(help="Whom to inspect and why. Example: yunjian targets --json", invoke_without_command=True)


@app.callback(epilog="Example: yunjian targets --explain 2000286")
@guarded
def targets(
    as_json: AsJson = False,  # noqa: FBT002
    explain: Annotated[str, typer.Option(help="IMO number or MMSI: every criterion of one ship with value and source.")] = "",
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day to judge for; default today in China.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many ships to print.")] = 20,
) -> None:
    """Rank the ships of the live picture. Ships that differ only by unknowns share a rank."""
    with opened() as services:
        day: date = local_day(services.clock.now()) if on is None else on.date()
        ranking = rank_live(services, day)
        if not ranking.ships:
            raise NotFound("ais.no_targets")
        wanted = _find(ranking, explain) if explain else None
        shown = ranking.ships[:limit] if wanted is None else (wanted,)
        if as_json:
            items = [target_out(ship, _hull(services, ship)).model_dump(mode="json") for ship in shown]
            data = {"regime": ranking.regime, "on": day.isoformat(), "excluded": len(ranking.excluded), "items": items}
            print_json("yunjian.targets/1", data, [])
        elif wanted is not None:
            _explain(services.settings, wanted)
        else:
            wide = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
            wide.print(ranked_table(services.settings.language, ranking, shown))


def _find(ranking: Ranking, number: str) -> RankedShip:
    for ship in ranking.ships:
        if number in {ship.sheet.imo, ship.sheet.mmsi}:
            return ship
    raise NotFound("ais.not_ranked", imo=number)


def _hull(services: Services, ship: RankedShip) -> HullOut:
    try:
        return hull_out(geometry_and_pose(services, ship))
    except Refused as refusal:
        return HullOut(refused=refusal.code)


def ranked_table(lang: Lang, ranking: Ranking, shown: Sequence[RankedShip]) -> Table:
    """The list as a person reads it: place, ties, range of points, what is known, and the reasons."""

    def title(key: str, **params: object) -> str:
        return catalogue.text(f"targets.table.{key}", lang, **params)

    table = Table(
        title=title(
            "title",
            regime=ranking.name.of(lang),
            on=ranking.on.isoformat(),
            of=len(ranking.ships),
            excluded=len(ranking.excluded),
        )
    )
    for column in ("rank", "ship", "points", "profile", "priority", "known", "reasons"):
        table.add_column(title(column))
    for ship in shown:
        found = ship.assessment
        low, high = found.points_low, found.points_high
        table.add_row(
            title("tied", rank=ship.rank, tied=ship.tied_with) if ship.tied_with else str(ship.rank),
            f"{ship.sheet.name}\nIMO {ship.sheet.imo or '-'} · {ship.sheet.flag or '-'}",
            str(low) if low == high else f"{low}–{high}",
            found.profile_best if found.profile_best == found.profile_worst else f"{found.profile_best}–{found.profile_worst}",
            found.priority or "?",
            f"{found.known}/{found.total}",
            "\n".join(reason.of(lang) for reason in ship.reasons),
        )
    return table


def _explain(settings: Settings, ship: RankedShip) -> None:
    lang, found = settings.language, ship.assessment
    lines = [f"{ship.sheet.name} · IMO {ship.sheet.imo or '-'} · MMSI {ship.sheet.mmsi}", found.priority_reason.of(lang)]
    lines += [
        catalogue.text(
            "targets.explain.criterion",
            lang,
            label=row.label.of(lang),
            points="?" if row.points is None else row.points,
            max=row.max_points,
            reason=row.reason.of(lang),
            source=row.source or catalogue.text("targets.explain.no_source", lang),
        )
        for row in found.criteria
    ]
    lines += [note.of(lang) for note in found.notes]
    sys.stdout.writelines(f"{line}\n" for line in lines)
