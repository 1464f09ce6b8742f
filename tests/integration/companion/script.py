"""A script over all approval cases, run as a process that a test kills at any moment and starts again.

Run: python -m tests.integration.companion.script DATA_DIR URL ROUNDS. Every request has a key of its own, so that a script that is
run again goes on where it was killed. Prints one line per finished request.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from companion import obligations, push, service
from companion.definition import procedures
from companion.model import Actor, Apply, Command, Confirm, Role, Take
from config import load_settings
from core.clock import ManualClock
from core.context import Services
from core.db import Database, migrate
from core.files import FileStore

PAPER = "0" * 64
START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
APPLICATIONS: tuple[tuple[str, dict, dict], ...] = (
    ("network_freight_licence", {"assessment_level": 3}, {}),
    ("labour_dispatch_licence", {}, {"verified": {"business_licence": PAPER}}),
    ("eia_commitment", {"trade": "textiles_and_apparel", "document_type": "report_form", "works_started": False}, {}),
    ("water_supply", {"estimate_cny": 90_000}, {}),
    ("gas_supply", {"estimate_cny": 90_000}, {}),
    ("drainage_permit", {"on_city_list": False, "production_waste_water": False, "household": False}, {}),
    ("easy_power", {"supply": "formal", "project": "new_industrial_project_passed_joint_review", "voltage_kv": 10,
                    "capacity_kva": 500, "distance_m": 150}, {"verified": {"enterprise_certificates": PAPER}}),
    ("land_to_construction", {"inside_area": True, "fits_area_plan": True, "project_class": "equipment",
                              "filing_type_project": True, "eia_document": "report_form"}, {}),
    ("pharma_bundle", {}, {"items": ("drug_business_licence",)}),
)  # fmt: skip
FOLLOW_UP: dict[str, tuple[tuple[Role, Command], ...]] = {
    "network_freight_licence": ((Role.SUPERVISION, Take(step="find_false", facts={"finding": "forged"})),
                                (Role.APPROVAL, Confirm(proposal="p1", reason="forged certificate"))),
    "labour_dispatch_licence": ((Role.SUPERVISION, Take(step="check_on_site", facts={"equipment_seen": True})),),
    "eia_commitment": ((Role.APPROVAL, Take(step="notify_findings", items=("noise",), facts={"delivered_on": "2026-03-02"})),
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


def papers(key: str, items: tuple[str, ...]) -> dict[str, str]:
    """The papers a first-time applicant brings."""
    definition = procedures().current(key, START.date())
    wanted = {name for item in definition.items if item.id in items for name in item.documents}
    letters = {"took_part_in_land_bidding", "bid_deposit_paid"} if key == "easy_power" else None
    chosen = [part.id for part in definition.documents if part.role == "upfront"]
    if key == "drainage_permit":
        chosen = ["water_quality_commitment"]
    return {name: PAPER for name in chosen if (not items or name in wanted) and (letters is None or name in letters)}


def requests(rounds: int) -> list[tuple[str, str, dict, dict]]:
    """(request key, procedure, facts, more): every procedure in turn, a firm of its own each time."""
    return [(f"{n}-{key}", key, facts, more) for n in range(rounds) for key, facts, more in APPLICATIONS]


def main(data_dir: str, receiver: str, rounds: int) -> None:
    entries = [f"{name}={receiver}" for name in ("supervision", "enforcement")] if receiver else []
    settings = load_settings(
        {"data_dir": data_dir, "companion.push_endpoints": entries, "companion.push_timeout_s": 2.0}, environ={}
    )
    db = Database(settings.data_dir)
    migrate(db)
    clock = ManualClock(START)
    services = Services(settings, db, FileStore(Path(data_dir) / "files"), clock)
    for request, key, facts, more in requests(rounds):
        firm = f"firm-{request}"
        apply = Apply(subject=firm, facts=facts, documents=papers(key, more.get("items", ())), commitment_signed=True, **more)
        case = service.submit(services, Actor(firm, Role.APPLICANT), key, apply, service.RequestKey(request)).case
        print(request, case.id, flush=True)
        for n, (role, command) in enumerate(FOLLOW_UP[key]):
            service.act(services, Actor(f"officer-{role.value}", role), case.id, command, service.RequestKey(f"{request}-{n}"))
            print(request, n, flush=True)
        push.deliver_due(services)
        clock.advance(timedelta(seconds=30).total_seconds())
        obligations.sweep(services)
    clock.advance(timedelta(days=1).total_seconds())  # a push taken by a killed process is free again
    while push.deliver_due(services).acknowledged:
        pass
    print("done", flush=True)
    db.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
