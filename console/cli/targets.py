"""Owns ``yunjian targets``: the ranked list with its reasons, one ship's reckoning, the shift's queue, and the back-test.

Never decides a rank: `ais` does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ais import RankedShip, Ranking, TargetQueue, geometry_and_pose, rank_live, target_queue
from ais.api_targets import HullOut, hull_out, line_out, target_out
from ais.backtest import back_test
from ais.backtest_table import FIRSTS, gain_svg, read_table, shipped_table
from ais.changes import what_would_change
from ais.consequences import consequences
from ais.local_rules import local_hits, local_rules
from config import Settings, load_settings
from console.cli import targets_report
from console.cli.common import AsJson, guarded, opened, print_json
from console.risk_sources import risk_sources
from core import catalogue
from core.catalogue import Lang
from core.context import Services
from core.errors import NotFound, Refused
from core.workdays import local_day

Day = Annotated[
    datetime | None,
    typer.Option(
        "--on", "--as-of", formats=["%Y-%m-%d"], help="Day to judge for, by what was known then; default today in China."
    ),
]

app = typer.Typer(help="Whom to inspect and why. Example: yunjian targets --json", invoke_without_command=True)
targets_report.register(app)


@app.callback(epilog="Example: yunjian targets --explain 2000286")
@guarded
def targets(
    context: typer.Context,
    as_json: AsJson = False,  # noqa: FBT002
    explain: Annotated[str, typer.Option(help="IMO number or MMSI: every criterion of one ship with value and source.")] = "",
    on: Day = None,
    limit: Annotated[int, typer.Option(min=1, help="How many ships to print.")] = 20,
) -> None:
    """Rank the ships of the live picture. Ships that differ only by unknowns share a rank."""
    if context.invoked_subcommand is not None:
        return
    with opened() as services:
        day, notes = _day(services, on)
        ranking = rank_live(services, day)
        if not ranking.ships:
            raise NotFound("ais.no_targets")
        wanted = _find(ranking, explain) if explain else None
        shown = ranking.ships[:limit] if wanted is None else (wanted,)
        if as_json:
            items = [target_out(ship, _hull(services, ship)).model_dump(mode="json") for ship in shown]
            data = {"regime": ranking.regime, "on": day.isoformat(), "excluded": len(ranking.excluded), "items": items}
            print_json("yunjian.targets/1", data, notes)
            return
        sys.stdout.writelines(f"{note}\n" for note in notes)
        if wanted is not None:
            _explain(services.settings, wanted)
        else:
            _print(ranked_table(services.settings.language, ranking, shown))


@app.command(epilog="Example: yunjian targets queue --hours 12 --as-of 2026-11-20")
@guarded
def queue(
    hours: Annotated[float, typer.Option(min=0, max=240, help="Ships that arrive within so many hours.")] = 24.0,
    on: Day = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Ships in port, at anchor and arriving, in order, with the signals beside the points and the last decision."""
    with opened() as services:
        day, notes = _day(services, on)
        found = target_queue(services, risk_sources(services), day, hours)
        if as_json:
            items = [line_out(line, _hull(services, line.ship)).model_dump(mode="json") for line in found.lines]
            data = {"regime": found.ranking.regime, "on": day.isoformat(), "hours": hours, "items": items}
            print_json("yunjian.targets.queue/1", data, notes)
            return
        sys.stdout.writelines(f"{note}\n" for note in notes)
        _print(queue_table(services.settings.language, found))


@app.command(epilog="Example: yunjian targets backtest inspections.csv --svg gain.svg")
@guarded
def backtest(
    file: Annotated[
        Path | None, typer.Argument(help="CSV: inspection, score, hit; default the shipped synthetic table.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
    svg: Annotated[Path | None, typer.Option(help="Also draw the gain curve to this file.")] = None,
) -> None:
    """How a ranking would have done on past inspections: hits among the first, and the gain curve."""
    lang = load_settings().language
    table = read_table(shipped_table() if file is None else file)
    found = back_test(table.rows, FIRSTS)
    notes = [catalogue.text("targets.backtest.synthetic", lang, name=table.name)] if table.synthetic else []
    key = "targets.backtest.title_synthetic" if table.synthetic else "targets.backtest.title"
    title = catalogue.text(key, lang, name=table.name)
    if svg is not None:
        across, up = (catalogue.text(f"targets.backtest.{axis}", lang) for axis in ("across", "up"))
        svg.write_text(gain_svg(found, title, across, up), encoding="utf-8")
    if as_json:
        data = {
            "table": table.name, "synthetic": table.synthetic, "inspections": found.inspections, "hits": found.hits,
            "precision": {str(k): share for k, share in found.precision.items()}, "area": found.area, "gain": found.gain,
        }  # fmt: skip
        print_json("yunjian.targets.backtest/1", data, notes)
        return
    area = f"{found.area:.3f}"
    counts = catalogue.text("targets.backtest.counts", lang, inspections=found.inspections, hits=found.hits, area=area)
    lines = [title, *notes, counts]
    for k, share in found.precision.items():
        lines.append(catalogue.text("targets.backtest.precision", lang, k=k, share=f"{share:.1%}"))
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _day(services: Services, on: datetime | None) -> tuple[date, list[str]]:
    """The day asked for; for a past one, what of it is of that day and what is not."""
    today = local_day(services.clock.now())
    day = today if on is None else on.date()
    past = [catalogue.text("targets.cli.past", services.settings.language, on=day.isoformat())]
    return day, past if day < today else []


def _print(table: Table) -> None:
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160).print(table)


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


def queue_table(lang: Lang, found: TargetQueue) -> Table:
    """The shift's list: where each ship is, and what is said beside its points."""
    on = found.ranking.on.isoformat()
    table = Table(title=catalogue.text("targets.cli.queue", lang, on=on, hours=f"{found.hours:g}"))
    for key in ("table.rank", "table.ship", "cli.where", "table.points", "table.priority", "cli.signals", "cli.last"):
        table.add_column(catalogue.text(f"targets.{key}", lang))
    for line in found.lines:
        low, high = line.ship.assessment.points_low, line.ship.assessment.points_high
        table.add_row(
            str(line.ship.rank),
            f"{line.ship.sheet.name}\nIMO {line.ship.sheet.imo or '-'}",
            catalogue.text(f"targets.where.{line.place.where}", lang),
            str(low) if low == high else f"{low}–{high}",
            line.ship.assessment.priority or "?",
            "\n".join(signal.words.of(lang) for signal in line.signals),
            "" if line.last is None else catalogue.text(f"targets.decision.{line.last.kind}", lang),
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
    beside = [(one.label, one.reason) for one in consequences(found)]
    beside += [(one.label, one.reason) for one in local_hits(local_rules(), ship.join.particular, ship.facts.history, found.on)]
    lines += [
        catalogue.text("targets.explain.beside", lang, label=label.of(lang), reason=reason.of(lang)) for label, reason in beside
    ]
    lines += [said.of(lang) for said in what_would_change(found.pack, found.facts, found, found.on)]
    sys.stdout.writelines(f"{line}\n" for line in lines)
