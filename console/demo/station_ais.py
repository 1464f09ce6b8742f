"""Owns stations 1 and 2: from a log to a ranked list, from the list to an inspection with appointment and checklist.

Never ranks or judges: `ais` and `inspection` do.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import ais
from ais import RankedShip
from console.cli.targets import ranked_table
from console.demo.people import MASTER, scripted_people
from console.demo.walk import Facts, Walk
from console.selection import eligibility_facts, selection_part, ship_part
from core.catalogue import text
from core.errors import NotFound, Refused
from core.workdays import local_day
from inspection import (
    NewCase,
    Proposal,
    Seat,
    agree_appointment,
    appointment_rules,
    collect,
    invite,
    judge_case,
    judge_selection,
    length_of,
    open_case,
    record,
    start_session,
    take_step,
)
from inspection.eligibility import Judgement
from inspection.record import Text

SEED = 20261124
SHOWN = 12
JUDGED = 5
REMOTE = ("remote", "remote_then_attend")


def ranking(job: Walk) -> Facts:
    """Replay, import, rank; prints the ledger and the list."""
    services = job.services
    lang = services.settings.language
    log, registers, simulated = _inputs(job)
    size = log.stat().st_size if log.is_file() else 1
    replayed = ais.replay(services, log, lambda done: job.progress(done, size))
    for file in registers:
        result = ais.import_register(services, file)
        job.say("register", file=file.name, used=result.rows_used, rows=result.rows, issues=len(result.issues))
    ledger = replayed.ledger.as_summary()
    rejected = replayed.ledger.rejected
    job.say(
        "ledger", source=log.name, sentences=ledger["sentences"], messages=ledger["messages"],
        fragments=ledger["fragments_used"], rejected=sum(rejected.values()),
        reasons=", ".join(f"{reason} {count}" for reason, count in sorted(rejected.items())) or "-",
        ignored=ledger["ignored_non_ais"], bytes=ledger["read_bytes"], lines=ledger["read_lines"],
        ships=len(replayed.picture.ships()), times=text(f"targets.time.{replayed.time_source}", lang),
    )  # fmt: skip
    ranked = ais.rank_live(services, local_day(services.clock.now()))
    if not ranked.ships:
        raise NotFound("ais.no_targets")
    job.out.print(ranked_table(lang, ranked, ranked.ships[:SHOWN]))
    return {"log": str(log), "simulated": simulated, "ships": len(ranked.ships), "ledger": ledger}


def _inputs(job: Walk) -> tuple[Path, list[Path], bool]:
    options, folder = job.options, job.folder("ais")
    if options.ais is not None:
        return options.ais, [options.registry] if options.registry else [], False
    folder.mkdir(parents=True, exist_ok=True)
    start = job.services.clock.now() - timedelta(hours=1)
    scenario = ais.write_scenario(folder, SEED, start, job.services.settings.ais.rule_pack)
    job.say("scenario", sentences=scenario.sentences, minutes=scenario.minutes)
    registers = [options.registry] if options.registry else list(scenario.register_files)
    return scenario.nmea, registers, True


def opening(job: Walk) -> Facts:
    """Judge the ships at the top, open a case for the highest that may be checked remotely, agree the appointment."""
    services, people = job.services, scripted_people(job.services)
    now = services.clock.now()
    ship, judgement = _choose(job)
    simulated = _simulated(job)
    actor = people.inspects
    new = NewCase(
        key=f"walk:{job.state.run_id}", ship=ship_part(ship), selection=selection_part(ship), demo=True, simulated=simulated
    )
    case_id = open_case(services, actor, new).case_id

    def state() -> str:
        with services.db.read() as session:
            return record(session, case_id).state

    if state() == "selected":
        judge_case(services, actor, case_id, eligibility_facts(ship, local_day(now)))
    if state() == "eligible":
        with services.db.read() as session:
            checklist = record(session, case_id).checklist
        assert checklist is not None  # noqa: S101 - open_case always puts one
        due = collect(new.ship, checklist)
        place = _place(job, ship)
        seats = [
            Seat(seat="inspector", role="inspector", name=people.inspector.name),
            Seat(seat="master", role="crew_guest", name=text("run.master", services.settings.language)),
        ]
        proposal = Proposal(place=place, starts_at=now, ends_at=now + length_of(due, appointment_rules()), participants=seats)
        invite(services, actor, case_id, proposal)
        job.say(
            "appointment", place=place, items=len(due), minutes=round(length_of(due, appointment_rules()).total_seconds() / 60)
        )
    if state() == "invited":
        agree_appointment(services, MASTER, case_id, frozenset(judgement.conditions))
    if state() == "appointed":
        take_step(services, actor, case_id, "prepare")
    if state() == "preparing":
        start_session(services, actor, case_id)
    with services.db.read() as session:
        found = record(session, case_id)
    job.say("case", number=found.number, ship=found.ship.name, items=len(found.checklist.items) if found.checklist else 0)
    return {"case_id": case_id, "number": found.number, "mmsi": ship.live.mmsi}


def _choose(job: Walk) -> tuple[RankedShip, Judgement]:
    """The highest ship that may be checked remotely; among ships of that same rank, one whose hull can be placed comes first."""
    services = job.services
    lang = services.settings.language
    now = services.clock.now()
    may: list[tuple[RankedShip, Judgement]] = []
    for place, ship in enumerate(ais.rank_ships(services, local_day(now))):
        if place >= JUDGED and may and ship.rank != may[0][0].rank:
            break
        judged = judge_selection(ship_part(ship), selection_part(ship), now, eligibility_facts(ship, local_day(now)))
        part = judged.part
        why = [rule.reason for rule in part.rules if rule.met is not True]
        if place < JUDGED or (judged.verdict in REMOTE and not may):
            job.say(
                "verdict", rank=ship.rank, ship=ship.sheet.name, verdict=text(f"run.verdict.{judged.verdict}", lang),
                why="; ".join(getattr(reason, lang) for reason in why) or getattr(part.summary, lang),
            )  # fmt: skip
        if judged.verdict in REMOTE and (not may or ship.rank == may[0][0].rank):
            may.append((ship, judged))
    if not may:
        raise Refused("run.nobody_remote")
    return next((one for one in may if _placed(job, one[0])), may[0])


def _placed(job: Walk, ship: RankedShip) -> bool:
    try:
        ais.geometry_and_pose(job.services, ship)
    except Refused:
        return False
    return True


def _place(job: Walk, ship: RankedShip) -> str:
    lang = job.services.settings.language
    try:
        berth = ais.geometry_and_pose(job.services, ship).berth
    except Refused:
        berth = None
    if berth is not None:
        return str(getattr(berth.berth_name, lang))
    return text("run.place_by_position", lang)


def _simulated(job: Walk) -> list[Text]:
    keys = ["people", "crew", "hull", "vehicle"] + (["traffic"] if job.facts("ais")["simulated"] else [])
    return [Text(zh=text(f"run.simulated.{key}", "zh"), en=text(f"run.simulated.{key}", "en")) for key in keys]


def chosen_ship(job: Walk) -> RankedShip:
    """The ship of the case, as it stands in the ranked list now."""
    mmsi = job.facts("case")["mmsi"]
    for ship in ais.rank_ships(job.services, local_day(job.services.clock.now())):
        if ship.live.mmsi == mmsi:
            return ship
    raise NotFound("ais.not_ranked", imo=str(mmsi))
