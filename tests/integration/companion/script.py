"""A script over all reform cases, run as a process that is killed at any point and started again.

Case files of every procedure in force, the ledger, the number pool, credit file, draw, code, freight and medicine. Every request has a
key of its own, so a script that is run again goes on where it was killed. A *point* is anything between two effects: before and after
each SQL statement, each commit, each post. `run` ends by SIGKILL, sent by itself to itself, at the point it is told.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from companion import (
    checks,
    credit_store,
    creditfile,
    envcode,
    freight_filing,
    ledger,
    medicine,
    obligations,
    pool,
    practice_store,
    push,
    service,
    store,
)
from companion.credit import CreditEvent
from companion.definition import Definition, Fact, procedures
from companion.freight import Trip, freight_rules
from companion.model import Actor, Apply, Command, Confirm, Role, Take
from config import load_settings
from core import draw
from core.clock import ManualClock
from core.context import Services
from core.db import Database
from core.files import FileStore
from tests.unit.core.test_draw import SECRET, plan_json
from tests.unit.core.test_track_overlap import trip as track

PAPER = "0" * 64
START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
procedures()  # read once, by the fork server
LICENSED = "firm-0-network_freight_licence"
FINANCE, BANK, OFFICER, SYSTEM = (Actor(role.value, role) for role in (Role.FINANCE, Role.BANK, Role.SUPERVISION, Role.SYSTEM))

GIVEN: dict[str, dict[str, Any]] = {
    "network_freight_licence": {"facts": {"assessment_level": 3}},
    "labour_dispatch_licence": {"verified": {"business_licence": PAPER}},
    "eia_commitment": {"facts": {"trade": "textiles_and_apparel", "document_type": "report_form", "works_started": False}},
    "water_supply": {"facts": {"estimate_cny": 90_000}},
    "gas_supply": {"facts": {"estimate_cny": 90_000}},
    "drainage_permit": {"facts": {"on_city_list": False, "production_waste_water": False, "household": False},
                        "papers": ("water_quality_commitment",)},
    "easy_power": {"facts": {"supply": "formal", "project": "new_industrial_project_passed_joint_review", "voltage_kv": 10,
                             "capacity_kva": 500, "distance_m": 150}, "verified": {"enterprise_certificates": PAPER},
                   "papers": ("took_part_in_land_bidding", "bid_deposit_paid")},
    "land_to_construction": {"facts": {"inside_area": True, "fits_area_plan": True, "project_class": "equipment",
                                       "filing_type_project": True, "eia_document": "report_form"}},
    "pharma_bundle": {"items": ("drug_business_licence",)},
}  # fmt: skip
"""What an applicant says that lets it in; of any other procedure the first answer to each required question, in or not in."""

FOLLOW_UP: dict[str, tuple[tuple[Role, Command], ...]] = {
    "labour_dispatch_licence": ((Role.SUPERVISION, Take(step="check_on_site", facts={"equipment_seen": True})),),
    "eia_commitment": ((Role.APPROVAL, Take(step="notify_findings", items=("noise",), facts={"delivered_on": "2026-11-24"})),
                       (Role.APPROVAL, Take(step="fix_finding", items=("noise",)))),
    "water_supply": ((Role.APPROVAL, Take(step="joint_survey")),
                     (Role.SECTOR, Take(step="design_done", facts={"budget_cny": 101_000}))),
    "gas_supply": ((Role.APPROVAL, Take(step="joint_survey")),),
    "drainage_permit": ((Role.ENFORCEMENT, Take(step="find_process_water", facts={"production_waste_water": True})),
                        (Role.APPROVAL, Confirm(proposal="p1", reason="process water"))),
    "easy_power": ((Role.APPROVAL, Take(step="issue_letter", facts={"letter_number": "1"})),),
    "land_to_construction": ((Role.WINDOW, Take(step="guide")),),
    "pharma_bundle": ((Role.APPROVAL, Take(step="joint_check")),
                      (Role.APPROVAL, Take(step="decide", items=("drug_business_licence",)))),
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One case file with what follows on it."""

    key: str
    definition: Definition
    commands: tuple[tuple[Role, Command], ...]

    @property
    def firm(self) -> str:
        return f"firm-{self.key}"


def requests(rounds: int) -> list[Request]:
    """Every procedure in force in turn, a firm of its own each time."""
    known = procedures().in_force(date(2026, 11, 24))
    return [Request(f"{n}-{part.key}", part, FOLLOW_UP.get(part.key, ())) for n in range(rounds) for part in known]


def application(request: Request) -> Apply:
    given, definition = GIVEN.get(request.definition.key, {}), request.definition
    items = given.get("items") or tuple(item.id for item in definition.items[:1])
    wanted = {name for item in definition.items if item.id in items for name in item.documents}
    upfront = [part.id for part in definition.documents if part.role == "upfront" and (not items or part.id in wanted)]
    facts = given.get("facts") or {fact.id: answer(fact) for fact in definition.facts if fact.required}
    return Apply(subject=request.firm, facts=facts, documents=dict.fromkeys(given.get("papers", upfront), PAPER), items=items,
                 verified=given.get("verified", {}), commitment_signed=True)  # fmt: skip


def answer(fact: Fact) -> Any:
    """The first answer that the form takes."""
    if fact.type in ("number", "integer", "sum"):
        return int(fact.min or 1)
    plain = {"flag": True, "day": "2026-11-24", "instant": "2026-11-24T02:00:00.000Z", "list": list(fact.values[:1])}
    return plain.get(fact.type, fact.values[0] if fact.values else "x")


class Fuse:
    """Counts points from the start of one step on; when it has counted enough, the process is gone."""

    def __init__(self, step: int | None, points: int) -> None:
        self.step, self.left, self.burns, self.steps = step, points, False, 0

    def next_step(self) -> None:
        self.burns = self.burns or self.steps == self.step
        self.steps += 1

    def __call__(self, *_: object) -> None:
        self.left -= self.burns
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def lay(self) -> None:
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(Engine, name, lambda *_: self())
        event.listen(Session, "after_commit", self)
        post = push._post

        def watched(*args: Any) -> str | None:
            self()
            said = post(*args)
            self()
            return said

        push._post = watched


def run(data_dir: str, receiver: str, rounds: int, kill: tuple[int | None, int]) -> None:
    """The whole script; killed so many points after the start of a step. A finished run leaves the number of its steps."""
    fuse = Fuse(*kill)
    fuse.lay()
    entries = [f"{name}={receiver}" for name in ("supervision", "enforcement", "sector_department")]
    settings = load_settings(
        {"data_dir": data_dir, "companion.push_endpoints": entries, "companion.push_timeout_s": 5.0}, environ={}
    )
    clock = ManualClock(START)
    services = Services(settings, Database(settings.data_dir, busy_timeout_s=60), FileStore(Path(data_dir) / "files"), clock)
    for step in steps(services, clock, rounds):
        fuse.next_step()
        step()
    fuse.next_step()
    while waiting(services):
        clock.advance(
            timedelta(days=1).total_seconds()
        )  # a push taken by a killed process is free again, one that failed is due
        push.deliver_due(services)
        time.sleep(0.02)  # the receiver may be starting again
    services.db.close()
    Path(data_dir, "steps").write_text(str(fuse.steps))


def steps(services: Services, clock: ManualClock, rounds: int) -> Iterator[Callable[[], object]]:
    """Everything that is asked for and done in the background, one after the other."""
    others = beside(services, rounds)
    for request in requests(rounds):
        yield from on_case_file(services, request)
        yield from islice(others, 2)
        yield lambda: push.deliver_due(services)
        clock.advance(30)
        yield lambda: obligations.sweep(services)
    yield from others


def waiting(services: Services) -> bool:
    with services.db.read() as session:
        return any(row.state == "queued" for row in store.pushes(session, limit=100_000))


def on_case_file(services: Services, request: Request) -> Iterator[Callable[[], object]]:
    firm, made = Actor(request.firm, Role.APPLICANT), service.RequestKey(request.key)
    yield lambda: service.submit(services, firm, request.definition.key, application(request), made)
    for n, (role, command) in enumerate(request.commands):
        yield lambda n=n, role=role, command=command: service.act(
            services, Actor(f"officer-{role.value}", role), case_of(services, request.firm), command,
            service.RequestKey(f"{request.key}-{n}"))  # fmt: skip


def case_of(services: Services, firm: str) -> str:
    with services.db.read() as session:
        return store.cases(session, subject=firm)[0].id


def beside(services: Services, rounds: int) -> Iterator[Callable[[], object]]:
    """What runs beside case files; each is a request that may be made again, or that first looks whether it was answered."""
    yield lambda: pool.fill(services, FINANCE, "accounts", (f"{n:04d}" for n in range(3 * rounds)))
    for n in range(rounds):
        number, person, plan = f"D{n}", f"person-{n}", draw.parse_plan(plan_json(id=f"draw-{n}"))
        yield lambda number=number: unless(services, credit_store.DeclarationRow, number) and ledger.register(
            services, FINANCE, number, "firm", 100_000)  # fmt: skip
        for part in range(2):
            yield lambda number=number, part=part: ledger.lend(services, BANK, number, 40_000, f"{number}-{part}")
        yield lambda number=number: ledger.repay(services, BANK, ledger.lend(services, BANK, number, 40_000, f"{number}-1"))
        for part in range(4):
            yield lambda n=n, part=part: pool.allot(services, BANK, "accounts", f"firm-{n}-{part}", reserve=1)
        fact = CreditEvent(f"fact-{n}", "deficiency", date(2026, 11, 20), creditfile.SHIP_COMPANY, "an inspection")
        yield lambda n=n, fact=fact: creditfile.record_event(services, SYSTEM, f"company-{n}", fact)
        yield (
            lambda n=n: (
                envcode.records(services, "environment", f"site-{n}")
                or envcode.append(
                    services,
                    Actor("approval", Role.APPROVAL),
                    "environment",
                    f"site-{n}",
                    envcode.registry_named("environment").kinds[0],
                    PAPER,
                )
            )
        )
        yield lambda person=person: unless(services, practice_store.WalletRow, person) and medicine.open_wallet(
            services, SYSTEM, person, 15_000)  # fmt: skip
        yield lambda person=person: medicine.pay(services, SYSTEM, f"paid-{person}", person, (medicine.Item("a", 9_000, insured=True),),
                                                 seller_filed=True)  # fmt: skip
        yield (
            lambda plan=plan: (
                unless(services, practice_store.DrawRow, plan.id) and checks.commit(services, OFFICER, plan, SECRET)
            )
        )
        yield lambda plan=plan: checks.reveal(services, OFFICER, plan.id, "3317.38")
        yield lambda plan=plan: checks.publish(services, OFFICER, plan.id)
    yield (
        lambda: (
            unless(services, practice_store.TripRow, "trip")
            and freight_filing.submit(
                services,
                SYSTEM,
                LICENSED,
                Trip("trip", "p", (track("phone", km=20), track("gps", km=20, shift_m=30)), frozenset(freight_rules().photos)),
            )
        )
    )


def unless(services: Services, table: type, key: str) -> bool:
    """True where there is no such row yet."""
    with services.db.read() as session:
        return session.get(table, key) is None
