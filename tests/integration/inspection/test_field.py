"""Field sync on a real database: operations once, conflicts shown, evidence in pieces, answers into the case."""

import hashlib

import pytest

from core.errors import AccessDenied, Altered, InputError, Refused
from inspection.field_service import Sync, conflicts, sync, upload_piece
from inspection.fieldsync import FieldDevice
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR

JPEG = b"\xff\xd8\xff\xe0" + b"a door" * 5000
SHA = hashlib.sha256(JPEG).hexdigest()


def test_two_devices_meet_on_the_server(walk):
    walk.to_session()
    services, now = walk.services, walk.services.clock.now
    first, second = FieldDevice("tablet"), FieldDevice("phone")
    first.write(now(), 1, walk.id, "YJ-001", kind="answer", value="deficient", note="not the same number")
    first.write(now(), 2, walk.id, "YJ-001", kind="evidence", sha256=SHA, size=len(JPEG), media_type="image/jpeg")
    second.write(now(), 1, walk.id, "YJ-001", kind="answer", value="not_applicable", note="no such number")
    got = sync(services, INSPECTOR, walk.id, Sync(ops=list(first.log.ops.values())))
    assert (got.wanted, got.conflicts) == ((SHA,), ())
    again = sync(services, INSPECTOR, walk.id, Sync(ops=list(first.log.ops.values()), have=first.log.have()))
    assert again.ops == ()
    services.clock.sleep(60)
    got = sync(services, INSPECTOR, walk.id, Sync(ops=list(second.log.ops.values()), have=second.log.have()))
    assert len(got.ops) == 2
    assert len(got.conflicts) == 1
    with services.db.read() as session:
        assert [one.shown.item_id for one in conflicts(session, walk.id)] == ["YJ-001"]
    second.log.add(got.ops)
    second.write(now(), 2, walk.id, "YJ-001", kind="answer", value="deficient", note="decided together")
    got = sync(services, INSPECTOR, walk.id, Sync(ops=list(second.log.ops.values()), have=second.log.have()))
    assert (got.conflicts, got.waiting) == ((), ())
    item = next(one for one in walk.record().checklist.items if one.id == "YJ-001")
    assert (item.answer.value, item.answer.note) == ("deficient", "decided together")
    half = len(JPEG) // 2
    assert upload_piece(services, SHA, len(JPEG), 0, JPEG[:half]) == half
    with pytest.raises(Refused, match="piece_offset"):
        upload_piece(services, SHA, len(JPEG), 0, JPEG[:half])
    assert upload_piece(services, SHA, len(JPEG), half, JPEG[half:]) == len(JPEG)
    assert upload_piece(services, SHA, len(JPEG), 0, JPEG) == len(JPEG)
    for _ in range(2):
        assert sync(services, INSPECTOR, walk.id, Sync(ops=[])).wanted == ()
    kept = [one for one in walk.record().evidence if one.sha256 == SHA]
    assert [(one.kind, one.device, one.item_ref) for one in kept] == [("still", "tablet", "YJ-001")]


def test_what_the_case_refuses_waits_and_wrong_things_are_refused(walk):
    walk.to_session()
    services, now = walk.services, walk.services.clock.now()
    device = FieldDevice("tablet")
    device.write(now, 1, walk.id, "YJ-001", kind="answer", value="satisfactory")
    got = sync(services, INSPECTOR, walk.id, Sync(ops=list(device.log.ops.values())))
    assert [one.code for one in got.waiting] == ["inspection.evidence_required"]
    op = next(iter(device.log.ops.values()))
    with pytest.raises(Altered, match="field_op_changed"):
        sync(services, INSPECTOR, walk.id, Sync(ops=[op.model_copy(update={"value": "deficient"})]))
    with pytest.raises(InputError, match="field_other_case"):
        sync(services, INSPECTOR, walk.id, Sync(ops=[op.model_copy(update={"case_id": "x"})]))
    with pytest.raises(AccessDenied):
        sync(services, SUPERVISOR, walk.id, Sync(ops=[op]))
    with pytest.raises(Altered, match="piece_altered"):
        upload_piece(services, SHA, 4, 0, b"four")
    with pytest.raises(InputError, match="upload_too_large"):
        upload_piece(services, SHA, 10**12, 0, b"x")
