"""A case on a real SQLite file, walked to the state a test needs; images are real JPEGs made by Pillow."""

import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from core.context import Services
from core.db import Base
from core.evidence import Envelope
from inspection import (
    Actor,
    NewCase,
    Proposal,
    Seat,
    SurveyFacts,
    agree_appointment,
    invite,
    judge_case,
    open_case,
    photo_evidence,
    record,
    register_survey,
    subject_of,
    take_step,
)
from inspection.record import CaseRecord, FindingPart

INSPECTOR = Actor("u-inspector", "inspector")
SUPERVISOR = Actor("u-supervisor", "supervisor")
MASTER = Actor("u-master", "crew_guest", seat="master")
GOLDEN = CaseRecord.model_validate(
    json.loads((Path(__file__).parents[2] / "contract/inspection/record.golden.json").read_text(encoding="utf-8"))
)
CONDITIONS = frozenset({"network", "skilled_crew", "risk_accepted"})


@pytest.fixture
def services(settings, db, files, clock):
    Base.metadata.create_all(db.engine)
    return Services(settings=settings, db=db, files=files, clock=clock)


class Walk:
    """One case and what it takes to move it."""

    def __init__(self, services, folder):
        self.services, self.folder = services, folder
        new = NewCase(key="9074729@CNYIK/2026-11-24", ship=GOLDEN.ship, selection=GOLDEN.selection, demo=True)
        self.new = new
        self.id = open_case(services, INSPECTOR, new).case_id

    def state(self):
        return self.record().state

    def record(self):
        with self.services.db.read() as session:
            return record(session, self.id)

    def step(self, actor, action, reason=None):
        return take_step(self.services, actor, self.id, action, reason)

    def proposal(self, hours=4):
        start = self.services.clock.now() + timedelta(hours=hours)
        seats = [Seat(seat="inspector", role="inspector", name="I"), Seat(seat="master", role="crew_guest", name="M")]
        return Proposal(place="berth 52", starts_at=start, ends_at=start + timedelta(hours=2), participants=seats)

    def to_session(self):
        judge_case(self.services, INSPECTOR, self.id)
        invite(self.services, INSPECTOR, self.id, self.proposal())
        agree_appointment(self.services, MASTER, self.id, CONDITIONS)
        self.step(INSPECTOR, "prepare")
        self.step(INSPECTOR, "start_session")
        return self

    def envelope(self, kind="still", data=b"x", **more):
        stored = self.services.files.put_bytes(data)
        return Envelope(
            sha256=stored.sha256, size=stored.size, media_type="image/jpeg", kind=kind, captured_at=self.services.clock.now(),
            clock_offset_ms=0, received_at=self.services.clock.now(), device="t", producer="video",
            subject_ref=subject_of(self.id), **more,
        )  # fmt: skip

    def survey(self, name="survey", count=3, seen2_pct=98.5):
        folder = self.folder / name
        folder.mkdir()
        photos = []
        for number in range(count):
            buffer = io.BytesIO()
            Image.new("RGB", (8, 6), (number * 40, 60, 90)).save(buffer, "JPEG")
            (folder / f"{number}.jpg").write_bytes(buffer.getvalue())
            digest = hashlib.sha256(buffer.getvalue()).hexdigest()
            photos.append({"file": f"{number}.jpg", "sha256": digest, "t_utc": "2026-11-24T07:00:00.000Z", "trigger_idx": number,
                           "c_ship_m": [1.0, 2.0, 3.0], "q_ship_xyzw": [0, 0, 0, 1], "cov_6x6": None, "pose_source": "fusion"})  # fmt: skip
        manifest = {
            "schema": "yunjian.survey/1",
            "ship": {},
            "draught_m": 7.2,
            "camera": {},
            "photos": photos,
            "gaps": [1],
            "simulated": True,
        }
        (folder / "survey.json").write_text(json.dumps(manifest), encoding="utf-8")
        facts = SurveyFacts("cam", 5.0, self.services.clock.now(), 35.0, clock_speed=10.0, seen2_pct=seen2_pct, area_m2=900.0)
        return folder, facts

    def with_survey(self):
        register_survey(self.services, INSPECTOR, self.id, *self.survey())
        with self.services.db.read() as session:
            return sorted(photo_evidence(session, self.id).values())

    def finding(self, photo, n=0):
        part = GOLDEN.findings[0]
        fresh = {
            "id": f"f-{n}-{photo[-4:]}",
            "photo_evidence_id": photo,
            "state": "proposed",
            "decided_by": None,
            "decided_at": None,
        }
        return FindingPart.model_validate({**part.model_dump(), **fresh, "area_cm2": 100.0 + n})


@pytest.fixture
def walk(services, tmp_path):
    return Walk(services, tmp_path)
