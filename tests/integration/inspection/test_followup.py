"""After the report: uploads by the company, verdicts, reminders once, the watch on a held ship."""

import json
from datetime import timedelta

import pytest

from ais.live import LiveShip, Position
from ais.store import save_latest
from core import evidence, journal
from core.errors import AccessDenied, InputError, NotFound, Refused
from core.geo import LonLat
from core.message_channels import Channel
from core.messages import outbox
from inspection import (
    Actor,
    NewDeficiency,
    NewRectification,
    acknowledge,
    add_deficiency,
    alerts,
    approve,
    board,
    close,
    issue,
    judge_rectification,
    keep_upload,
    name_contact,
    record_attendance,
    rectifications,
    subject_of,
    submit_for_review,
    submit_rectification,
    sweep,
)
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR

COMPANY = Actor("link:1", "company_staff")
JPEG = b"\xff\xd8\xff\xe0" + b"rust removed" * 50


def issued(walk, action="16", *, ground=False):
    """A case in follow-up with one deficiency; returns its id."""
    walk.to_session()
    new = NewDeficiency(
        code="02112", standard_not_met="Shell kept fit", why="Corrosion", action_code=action, ground_for_detention=ground
    )
    deficiency_id = add_deficiency(walk.services, INSPECTOR, walk.id, new).ref
    if ground:
        record_attendance(walk.services, INSPECTOR, walk.id, "Went on board with the ladder")
    walk.step(INSPECTOR, "end_session")
    submit_for_review(walk.services, INSPECTOR, walk.id)
    approve(walk.services, SUPERVISOR, walk.id)
    issue(walk.services, INSPECTOR, walk.id)
    walk.step(INSPECTOR, "follow_up")
    return deficiency_id


def shown(walk, deficiency_id, data=JPEG):
    return keep_upload(walk.services, COMPANY, walk.id, deficiency_id, [data], None).ref


def submitted(walk, deficiency_id, data=JPEG):
    new = NewRectification(note="Blasted and painted", evidence_ids=[shown(walk, deficiency_id, data)])
    return submit_rectification(walk.services, COMPANY, walk.id, deficiency_id, new).ref


def state_of(walk, deficiency_id):
    return next(one.state for one in walk.record().deficiencies if one.id == deficiency_id)


def heard(walk, sog_kn, minutes_ago=5):
    """The live picture says that the ship of the case makes `sog_kn`."""
    at = walk.services.clock.now() - timedelta(minutes=minutes_ago)
    position = Position(LonLat(122.1, 40.3), int(at.timestamp() * 1000), sog_kn=sog_kn)
    ship = LiveShip(int(walk.record().ship.mmsi), "A", position.at_ms, "log", 1, position)
    with walk.services.db.ais_write() as session:
        save_latest(session, [ship], "test")


def test_shown_rejected_shown_again_accepted_closed(walk):
    deficiency_id = issued(walk)
    first = submitted(walk, deficiency_id)
    with pytest.raises(Refused, match="rectification_waiting"):
        submitted(walk, deficiency_id, JPEG + b"2")
    with pytest.raises(Refused, match="reason_required"):
        judge_rectification(walk.services, INSPECTOR, walk.id, first, "rejected", " ")
    judge_rectification(walk.services, INSPECTOR, walk.id, first, "rejected", "Frame 52 is not in the picture")
    assert state_of(walk, deficiency_id) == "open"
    with pytest.raises(Refused, match="deficiencies_ended"):
        close(walk.services, INSPECTOR, walk.id)
    second = submitted(walk, deficiency_id, JPEG + b"2")
    judge_rectification(walk.services, INSPECTOR, walk.id, second, "accepted", "")
    assert state_of(walk, deficiency_id) == "rectified"
    with pytest.raises(Refused, match="rectification_judged"):
        judge_rectification(walk.services, INSPECTOR, walk.id, second, "rejected", "late")
    close(walk.services, INSPECTOR, walk.id)
    with walk.services.db.read() as session:
        verdicts = [one.verdict for one in rectifications(session, walk.id)]
        chain = journal.entries(session, subject_of(walk.id))
    journal.verify(chain)
    assert verdicts == ["rejected", "accepted"]
    text = json.dumps([entry.payload for entry in chain])
    assert "Blasted" not in text
    assert "Frame 52" not in text


def test_a_detention_ground_is_not_ended_from_afar(walk):
    walk.to_session()
    new = NewDeficiency(
        code="02112", standard_not_met="Shell kept fit", why="Hole", action_code="17", ground_for_detention=True
    )
    deficiency_id = add_deficiency(walk.services, INSPECTOR, walk.id, new).ref
    walk.step(INSPECTOR, "end_session")
    submit_for_review(walk.services, INSPECTOR, walk.id)
    with pytest.raises(Refused, match="detention_attended"):
        approve(walk.services, SUPERVISOR, walk.id)
    assert state_of(walk, deficiency_id) == "open"


def test_only_the_company_shows_and_only_inspectors_judge(walk):
    deficiency_id = issued(walk)
    with pytest.raises(AccessDenied):
        keep_upload(walk.services, INSPECTOR, walk.id, deficiency_id, [JPEG], None)
    ref = submitted(walk, deficiency_id)
    with pytest.raises(AccessDenied):
        judge_rectification(walk.services, COMPANY, walk.id, ref, "accepted", "")


@pytest.mark.parametrize("data", [b"", b"MZ\x90\x00", b"<script>alert(1)</script>", b"PK\x03\x04"])
def test_other_types_are_not_kept(walk, data):
    deficiency_id = issued(walk)
    before = set(walk.services.files.hashes())
    with pytest.raises(InputError, match="upload_type"):
        shown(walk, deficiency_id, data)
    assert set(walk.services.files.hashes()) == before


def test_the_same_picture_is_one_evidence_and_foreign_evidence_is_refused(walk):
    deficiency_id = issued(walk)
    assert shown(walk, deficiency_id) == shown(walk, deficiency_id)
    other = walk.envelope(data=b"other")
    with walk.services.db.write() as session:
        evidence.keep(session, other)
    with pytest.raises(NotFound, match="evidence_missing"):
        submit_rectification(
            walk.services, COMPANY, walk.id, deficiency_id, NewRectification(note="see picture", evidence_ids=[other.id])
        )


def test_reminders_come_once_each_in_the_contact_s_language(walk):
    deficiency_id = issued(walk)  # action 16: 14 days
    name_contact(walk.services, INSPECTOR, walk.id, Channel.EMAIL, "dpa@example.org", "en")
    raised = []
    for _ in range(17):
        raised.append(sweep(walk.services))
        assert sweep(walk.services) == 0
        walk.services.clock.advance(86_400)
    # 14 days left at first: nothing until 7, then 3 and 1, then overdue once.
    assert raised == [0] * 7 + [1, 0, 0, 0, 1, 0, 1, 0, 1, 0]
    with walk.services.db.read() as session:
        kinds = [one.kind for one in alerts(session)]
        sent = outbox(session, subject_ref=subject_of(walk.id))
    assert kinds == ["overdue", "due_soon", "due_soon", "due_soon"]
    assert len(sent) == 4
    assert all("02112" in one.message.body and "有" not in one.message.body for one in sent)
    line = board(walk.services)[0]
    assert (line.deficiency.id, line.tone) == (deficiency_id, "alarm")


def test_a_held_ship_that_moves_raises_an_alarm(walk):
    issued(walk, action="17")
    heard(walk, 6.4)
    assert sweep(walk.services) == 1
    assert sweep(walk.services) == 0
    with walk.services.db.read() as session:
        found = alerts(session)
    assert [(one.kind, one.facts["sog_kn"]) for one in found] == [("moved", 6.4)]
    acknowledge(walk.services, INSPECTOR, found[0].id)
    with walk.services.db.read() as session:
        assert alerts(session) == []


@pytest.mark.parametrize(("action", "sog_kn", "minutes"), [("17", 0.4, 5), ("17", 6.0, 45), ("16", 6.0, 5)])
def test_no_alarm_at_rest_or_by_an_old_position_or_without_hold(walk, action, sog_kn, minutes):
    issued(walk, action=action)
    heard(walk, sog_kn, minutes)
    assert sweep(walk.services) == 0
