"""Owns station 6: four eyes, the bundle, and its check by the separate verifier.

Never signs itself: `reports` does, with the demo keys.
"""

from __future__ import annotations

import subprocess
import sys

import reports
from console.demo.people import scripted_people
from console.demo.walk import Facts, Walk
from core.errors import Altered
from inspection import NewDeficiency, add_deficiency, approve, issue, record, submit_for_review, take_step
from reports import Person, demo_ca_path, demo_signers


def report(job: Walk) -> Facts:
    """Submit, approve by the other person, write and sign the bundle, verify it apart from us, issue."""
    services, people = job.services, scripted_people(job.services)
    case_id = job.facts("case")["case_id"]

    def state() -> str:
        with services.db.read() as session:
            return record(session, case_id).state

    if state() == "in_session":
        take_step(services, people.inspects, case_id, "end_session")
    if state() == "drafting":
        _draft_deficiency(job)
        submit_for_review(services, people.inspects, case_id)
    if state() == "under_review":
        approve(services, people.supervises, case_id)
    signers = demo_signers(
        services.settings,
        services.clock,
        Person(people.inspector.user_id, people.inspector.name),
        Person(people.supervisor.user_id, people.supervisor.name),
    )
    built = reports.build(services, case_id, signers, progress=lambda note: job.progress(0, 1, note))
    if state() == "approved":
        issue(services, people.supervises, case_id, built.sha256)
    ca = demo_ca_path(services.settings)
    checked = subprocess.run(
        [sys.executable, "-I", str(built.path / "verify.py"), str(built.path), "--trust", str(ca)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if checked.returncode != 0:
        raise Altered("run.not_verified", status=checked.returncode, output=checked.stdout[-500:] + checked.stderr[-500:])
    pages = ", ".join(f"{lang} {count}" for lang, count in built.pages.items())
    job.say("report", path=built.path, zip=built.zip_path, pages=pages)
    job.say("verified", said=checked.stdout.strip().splitlines()[0], ca=ca)
    return {"bundle": str(built.path), "zip": str(built.zip_path), "sha256": built.sha256}


def _draft_deficiency(job: Walk) -> None:
    """The scripted inspector writes one deficiency from the largest confirmed corrosion; a drone finding alone never detains."""
    services, people = job.services, scripted_people(job.services)
    case_id = job.facts("case")["case_id"]
    with services.db.read() as session:
        case = record(session, case_id)
    rust = [one for one in case.findings if one.state == "confirmed" and one.class_id == 2 and one.place is not None]
    if case.deficiencies or not rust:
        return
    worst = max(rust, key=lambda one: one.area_cm2 or 0.0)
    if worst.place is None or not worst.proposed_codes:
        return
    new = NewDeficiency(
        code=worst.proposed_codes[0],
        standard_not_met="SOLAS 1974 I/11(a): the condition of the ship and its equipment shall be maintained",
        why=f"corrosion of about {worst.area_cm2 or 0:.0f} cm2, {worst.place.x_m:.1f} m from the stern end, "
        f"{worst.place.above_waterline_m:.1f} m above the waterline, {worst.place.side} side (simulated hull)",
        convention_ref="SOLAS I/11",
        finding_id=worst.id,
        action_code="16",
    )
    add_deficiency(services, people.inspects, case_id, new)
