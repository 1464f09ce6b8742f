"""One case from opening to closing on a real database: guards, idempotency, journal, threads, events."""

import threading

import pytest
from sqlalchemy import func, select

from core import events, evidence, journal
from core.errors import AccessDenied, Altered, InputError, NotFound, Refused
from core.store import EventRow
from inspection import (
    SUBSCRIBER,
    Actor,
    DentDrawing,
    NewAnswer,
    NewDeficiency,
    RequestKey,
    act_on_deficiency,
    add_deficiency,
    add_findings,
    agree_appointment,
    answer_item,
    approve,
    bind_evidence,
    case_invitation,
    case_with_key,
    close,
    decide_finding,
    decide_findings,
    draw_dent,
    invite,
    issue,
    issued_record,
    judge_case,
    keep_evidence,
    list_cases,
    on_event,
    open_case,
    record_attendance,
    record_call,
    register_survey,
    reschedule,
    submit_for_review,
)  # fmt: skip
from inspection.eligibility import EligibilityFacts
from tests.integration.inspection.conftest import CONDITIONS, GOLDEN, INSPECTOR, MASTER, SUPERVISOR

DEFICIENCY = NewDeficiency(code="02112", standard_not_met="Shell kept fit for sea", why="Corrosion seen", action_code="16")


def entries(walk):
    with walk.services.db.read() as session:
        chain = journal.entries(session, f"inspection:{walk.id}")
    journal.verify(chain)
    return chain


def dent(photo):
    return DentDrawing(
        key="d1", photo_evidence_id=photo, side="port", x_origin="stern_end", draught_m=7.2,
        polygon_hull_m=[(10.0, 8.0), (12.0, 8.0), (12.0, 9.0), (10.0, 9.0)],
    )  # fmt: skip


def test_from_selection_to_closed(walk):
    services = walk.services
    walk.to_session()
    photos = walk.with_survey()
    found = [walk.finding(photo, n) for n, photo in enumerate(photos)]
    add_findings(services, INSPECTOR, walk.id, found, GOLDEN.model)
    drawn = draw_dent(services, INSPECTOR, walk.id, dent(photos[0])).ref
    walk.step(INSPECTOR, "end_session")
    with pytest.raises(Refused, match="findings_decided"):
        submit_for_review(services, INSPECTOR, walk.id)
    decide_findings(services, INSPECTOR, walk.id, {found[0].id: "confirmed", found[1].id: "rejected", found[2].id: "rejected"})
    ref = add_deficiency(services, INSPECTOR, walk.id, DEFICIENCY.model_copy(update={"finding_id": found[0].id})).ref
    with pytest.raises(Refused, match="finding_in_use"):
        decide_finding(services, INSPECTOR, walk.id, found[0].id, "rejected")
    submit_for_review(services, INSPECTOR, walk.id)
    with pytest.raises(Refused, match="another_person"):
        approve(services, Actor(INSPECTOR.user_id, "supervisor"), walk.id)
    approve(services, SUPERVISOR, walk.id)
    with services.db.read() as session, pytest.raises(NotFound, match="not_issued"):
        issued_record(session, walk.id)
    issue(services, INSPECTOR, walk.id, "ab" * 32)
    with pytest.raises(Refused, match="step_refused"):
        answer_item(services, INSPECTOR, walk.id, "YJ-001", NewAnswer(value="needs_attendance"))
    at_issue = walk.record()
    walk.step(INSPECTOR, "follow_up")
    with pytest.raises(Refused, match="deficiencies_ended"):
        close(services, INSPECTOR, walk.id)
    act_on_deficiency(services, INSPECTOR, walk.id, ref, "10")
    assert close(services, INSPECTOR, walk.id).state == "closed"
    with services.db.read() as session:
        assert issued_record(session, walk.id) == at_issue
    final = walk.record()
    assert final.deficiencies[0].state == "rectified"
    assert {finding.id for finding in final.findings if finding.state == "confirmed"} == {found[0].id, drawn}
    place = next(finding for finding in final.findings if finding.id == drawn)
    assert place.area_cm2 == pytest.approx(20_000.0)
    assert place.place.above_waterline_m == pytest.approx(8.5 - 7.2)
    assert [decision.to_state for decision in final.decisions] == [
        "eligible", "invited", "appointed", "preparing", "in_session", "drafting", "under_review", "approved", "issued",
        "follow_up", "closed",
    ]  # fmt: skip
    assert final.journal_head == entries(walk)[-1].hash
    assert any("1.5 %" in line.en for line in final.not_examined)
    assert any("Plate thickness" in line.en for line in final.not_examined)


def test_every_change_has_its_journal_entry_and_no_text_in_it(walk):
    walk.to_session()
    before = len(entries(walk))
    note = "secret words of a note"
    answer_item(walk.services, INSPECTOR, walk.id, "YJ-031", NewAnswer(value="not_applicable", note=note))
    walk.step(INSPECTOR, "suspend", "secret reason")
    chain = entries(walk)
    assert len(chain) == before + 2
    assert "secret" not in str([entry.as_json() for entry in chain])
    assert GOLDEN.ship.name not in str([entry.as_json() for entry in chain])


def test_a_failing_change_leaves_nothing(walk, monkeypatch):
    walk.to_session()
    before, head = walk.record(), len(entries(walk))
    monkeypatch.setattr(events, "publish", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("killed")))
    with pytest.raises(RuntimeError, match="killed"):
        walk.step(INSPECTOR, "end_session")
    assert walk.record() == before
    assert len(entries(walk)) == head


def test_the_same_key_opens_one_case(walk):
    again = open_case(walk.services, INSPECTOR, walk.new)
    other = open_case(walk.services, INSPECTOR, walk.new.model_copy(update={"key": "other"}))
    assert again.case_id == walk.id
    with walk.services.db.read() as session:
        assert case_with_key(session, walk.new.key) == walk.id
        assert case_with_key(session, "nothing") is None
        assert [case.number for case in list_cases(session)] == ["YJ-20261124-0002", "YJ-20261124-0001"]
        assert [case.id for case in list_cases(session, before=other.case_id)] == [walk.id]
        assert list_cases(session, state="closed") == []


def test_a_ship_that_must_be_boarded_is_refused_then_converted(walk):
    facts = EligibilityFacts(today=walk.services.clock.now().date(), profile_best="HRS", profile_worst="HRS")
    assert judge_case(walk.services, INSPECTOR, walk.id, facts).state == "refused"
    with pytest.raises(Refused, match="step_refused"):
        invite(walk.services, INSPECTOR, walk.id, walk.proposal())
    with pytest.raises(Refused, match="has_reason"):
        walk.step(INSPECTOR, "convert_to_onboard")
    assert walk.step(INSPECTOR, "convert_to_onboard", "high risk").state == "converted_to_onboard"


def test_agreeing_needs_the_named_seat_and_every_condition(walk):
    services = walk.services
    judge_case(services, INSPECTOR, walk.id)
    invite(services, INSPECTOR, walk.id, walk.proposal())
    with services.db.read() as session:
        sent = case_invitation(session, walk.id)
    assert "to confirm with the appointment: the network" in sent.body.en
    assert "detained" not in sent.body.en
    with pytest.raises(Refused, match="conditions_confirmed"):
        agree_appointment(services, MASTER, walk.id, CONDITIONS - {"network"})
    with pytest.raises(Refused, match="seat_unknown"):
        agree_appointment(services, Actor("u-x", "crew_guest", seat="cook"), walk.id, CONDITIONS)
    with pytest.raises(AccessDenied):
        agree_appointment(services, INSPECTOR, walk.id, CONDITIONS)
    agree_appointment(services, MASTER, walk.id, CONDITIONS)
    assert {rule.met for rule in walk.record().eligibility.rules if rule.id in CONDITIONS} == {True}
    assert reschedule(services, INSPECTOR, walk.id, walk.proposal(30), "fog").state == "rescheduled"
    assert walk.record().appointment.agreed_by is None
    assert agree_appointment(services, MASTER, walk.id, CONDITIONS).state == "appointed"
    assert walk.record().appointment.agreed_by == "master"


def test_a_repeated_step_by_the_same_person_changes_nothing(walk):
    walk.to_session()
    first, count = walk.record(), len(entries(walk))
    assert walk.step(INSPECTOR, "start_session").state == "in_session"
    assert walk.record() == first
    assert len(entries(walk)) == count
    with pytest.raises(Refused, match="step_refused"):
        walk.step(Actor("u-other", "inspector"), "start_session")


def test_evidence_decides_whether_an_item_may_be_satisfactory(walk):
    services = walk.services
    walk.to_session()
    good = NewAnswer(value="satisfactory")
    with pytest.raises(Refused, match="evidence_required"):
        answer_item(services, INSPECTOR, walk.id, "YJ-061", good)
    keep_evidence(services, INSPECTOR, walk.id, walk.envelope("clip"), "YJ-061")
    with pytest.raises(Refused, match="evidence_required"):
        answer_item(services, INSPECTOR, walk.id, "YJ-061", good)
    keep_evidence(services, INSPECTOR, walk.id, walk.envelope("still"), "YJ-061")
    answer_item(services, INSPECTOR, walk.id, "YJ-061", good)
    rev = walk.record()
    answer_item(services, INSPECTOR, walk.id, "YJ-061", good)
    assert walk.record() == rev
    for value in ("not_applicable", "deficient"):
        with pytest.raises(Refused, match="note_required"):
            answer_item(services, INSPECTOR, walk.id, "YJ-050", NewAnswer(value=value, note=" "))
    answer_item(services, INSPECTOR, walk.id, "YJ-050", NewAnswer(value="needs_attendance"))
    with pytest.raises(Refused, match="item_needs_attendance"):
        answer_item(services, INSPECTOR, walk.id, "YJ-090", good)
    with pytest.raises(NotFound):
        answer_item(services, INSPECTOR, walk.id, "YJ-999", good)
    said = [line.en for line in walk.record().not_examined]
    assert "Emergency fire pump starts and gives pressure: needs attendance on board" in said
    assert not any(line.startswith("Hydrostatic release") for line in said)
    record_attendance(services, INSPECTOR, walk.id, "went on board")
    answer_item(services, INSPECTOR, walk.id, "YJ-090", good)


def test_a_detention_needs_attendance_to_be_approved_and_to_end(walk):
    services = walk.services
    walk.to_session().step(INSPECTOR, "end_session")
    detained = DEFICIENCY.model_copy(update={"ground_for_detention": True, "action_code": "30"})
    ref = add_deficiency(services, INSPECTOR, walk.id, detained).ref
    with pytest.raises(Refused, match="detention_needs_attendance"):
        act_on_deficiency(services, INSPECTOR, walk.id, ref, "10")
    submit_for_review(services, INSPECTOR, walk.id)
    with pytest.raises(Refused, match="detention_attended"):
        approve(services, SUPERVISOR, walk.id)
    record_attendance(services, INSPECTOR, walk.id, "boarded")
    assert approve(services, SUPERVISOR, walk.id).state == "approved"


def test_deficiencies_are_written_in_two_boxes_with_codes_that_exist(walk):
    services = walk.services
    walk.to_session()
    for box in ("standard_not_met", "why"):
        with pytest.raises(ValueError, match=box):
            NewDeficiency.model_validate({**DEFICIENCY.model_dump(), box: "    "})
    for wrong in ({"code": "00000"}, {"action_code": "50"}):
        with pytest.raises(InputError):
            add_deficiency(services, INSPECTOR, walk.id, DEFICIENCY.model_copy(update=wrong))
    ref = add_deficiency(services, INSPECTOR, walk.id, DEFICIENCY).ref
    assert add_deficiency(services, INSPECTOR, walk.id, DEFICIENCY).ref is None
    part = walk.record().deficiencies[0]
    assert (part.id, part.action_code, part.due_at.isoformat()) == (ref, "16", "2026-12-08T15:59:59+00:00")
    walk.step(INSPECTOR, "end_session")
    with pytest.raises(Refused, match="reason_required"):
        act_on_deficiency(services, INSPECTOR, walk.id, ref, "waived")
    act_on_deficiency(services, INSPECTOR, walk.id, ref, "waived", "too small to matter")
    assert walk.record().deficiencies[0].state == "waived"


def test_findings_and_surveys_are_taken_once(walk):
    services = walk.services
    walk.to_session()
    folder, facts = walk.survey()
    first = register_survey(services, INSPECTOR, walk.id, folder, facts)
    assert register_survey(services, INSPECTOR, walk.id, folder, facts).rev == first.rev
    record = walk.record()
    assert (record.surveys[0].photos, record.surveys[0].photos_lost, record.surveys[0].simulated) == (3, 1, True)
    assert {len(item.evidence_ids) for item in record.checklist.items if item.id in {"YJ-080", "YJ-081", "YJ-082"}} == {3}
    photos = [envelope.id for envelope in record.evidence]
    assert {envelope.media_type for envelope in record.evidence} == {"image/jpeg"}
    same = walk.finding(photos[0])
    add_findings(services, INSPECTOR, walk.id, [same, same.model_copy(update={"id": "again"})])
    add_findings(services, INSPECTOR, walk.id, [same.model_copy(update={"id": "third"})])
    assert [finding.id for finding in walk.record().findings] == [same.id]
    drawn = draw_dent(services, INSPECTOR, walk.id, dent(photos[0]))
    assert draw_dent(services, INSPECTOR, walk.id, dent(photos[0])).rev == drawn.rev
    with pytest.raises(InputError, match="finding_without_photo"):
        add_findings(services, INSPECTOR, walk.id, [walk.finding("nowhere", 9)])
    with pytest.raises(InputError, match="already_decided"):
        add_findings(services, INSPECTOR, walk.id, [walk.finding(photos[0], 5).model_copy(update={"state": "confirmed"})])
    with pytest.raises(Refused, match="finding_not_confirmed"):
        add_deficiency(services, INSPECTOR, walk.id, DEFICIENCY.model_copy(update={"finding_id": same.id}))
    with pytest.raises(NotFound):
        decide_findings(services, INSPECTOR, walk.id, {same.id: "confirmed", "nowhere": "confirmed"})
    assert {finding.id: finding.state for finding in walk.record().findings}[same.id] == "proposed"


def test_a_broken_survey_is_refused_whole(walk):
    walk.to_session()
    folder, facts = walk.survey()
    (folder / "2.jpg").write_bytes(b"other")
    with pytest.raises(Altered):
        register_survey(walk.services, INSPECTOR, walk.id, folder, facts)
    (folder / "2.jpg").unlink()
    with pytest.raises(InputError, match="photo_missing"):
        register_survey(walk.services, INSPECTOR, walk.id, folder, facts)
    text = (folder / "survey.json").read_text(encoding="utf-8")
    for wrong in (text.replace("survey/1", "survey/9"), text[:-5], text.replace("0.jpg", "../0.jpg")):
        (folder / "survey.json").write_text(wrong, encoding="utf-8")
        with pytest.raises(InputError):
            register_survey(walk.services, INSPECTOR, walk.id, folder, facts)
    assert walk.record().evidence == []


def test_two_threads_bind_the_same_and_different_evidence(walk):
    services = walk.services
    walk.to_session()
    kept = [walk.envelope("still", bytes([n])) for n in range(6)]
    with services.db.write() as session:
        for envelope in kept:
            evidence.keep(session, envelope)
    failed = []

    def work():
        try:
            for envelope in kept:
                bind_evidence(services, INSPECTOR, walk.id, envelope.id, "YJ-061")
        except Exception as error:  # noqa: BLE001 - reported to the main thread
            failed.append(error)

    before = len(entries(walk))
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    item = next(item for item in walk.record().checklist.items if item.id == "YJ-061")
    assert sorted(item.evidence_ids) == sorted(envelope.id for envelope in kept)
    assert len(entries(walk)) == before + len(kept)


def publish_kept(walk, envelope, item_ref, subject=None):
    with walk.services.db.write() as session:
        evidence.keep(session, envelope)
        payload = {"evidence_id": envelope.id, "subject_ref": subject or f"inspection:{walk.id}", "item_ref": item_ref}
        events.publish(session, walk.services.clock, stream="room", type="video.evidence_kept", payload=payload)


def deliver(walk):
    return events.deliver(walk.services.db, SUBSCRIBER, lambda event: on_event(walk.services, event))


def test_evidence_from_a_call_lands_on_its_item_once(walk):
    walk.to_session()
    deliver(walk)
    still = walk.envelope("still")
    publish_kept(walk, still, "YJ-061")
    publish_kept(walk, walk.envelope("recording"), None)
    publish_kept(walk, walk.envelope("clip"), "YJ-050", subject="companion:7")
    with walk.services.db.read() as session:
        event = events.since(session, 0, "room")[0]
    on_event(walk.services, event)
    count = len(entries(walk))
    assert deliver(walk) == 4
    assert len(entries(walk)) == count
    assert next(item for item in walk.record().checklist.items if item.id == "YJ-061").evidence_ids == [still.id]


def test_evidence_that_cannot_be_bound_is_said_once_and_does_not_block(walk):
    walk.to_session()
    publish_kept(walk, walk.envelope("still"), "YJ-999")
    deliver(walk)
    with walk.services.db.read() as session:
        event = events.since(session, 0, "room")[0]
    on_event(walk.services, event)
    left = [entry for entry in entries(walk) if entry.action == "evidence_not_bound"]
    assert [entry.payload["why"] for entry in left] == ["inspection.item_missing"]


def test_a_call_is_kept_and_brought_up_to_date(walk):
    walk.to_session()
    call = GOLDEN.calls[0]
    record_call(walk.services, INSPECTOR, walk.id, call.model_copy(update={"ended_at": None}))
    record_call(walk.services, INSPECTOR, walk.id, call)
    rev = record_call(walk.services, INSPECTOR, walk.id, call).rev
    assert walk.record().calls == [call]
    other = open_case(walk.services, INSPECTOR, walk.new.model_copy(update={"key": "other"})).case_id
    assert rev > 0
    with pytest.raises(Refused):
        record_call(walk.services, INSPECTOR, other, call)


def test_an_idempotency_key_answers_once(walk):
    walk.to_session()
    actor = Actor(INSPECTOR.user_id, "inspector", request=RequestKey("k1", "print-1"))
    first = answer_item(walk.services, actor, walk.id, "YJ-050", NewAnswer(value="needs_attendance"))
    walk.step(INSPECTOR, "suspend", "link lost")
    assert answer_item(walk.services, actor, walk.id, "YJ-050", NewAnswer(value="needs_attendance")) == first
    other = Actor(INSPECTOR.user_id, "inspector", request=RequestKey("k1", "print-2"))
    with pytest.raises(Refused, match="key_reused"):
        answer_item(walk.services, other, walk.id, "YJ-050", NewAnswer(value="needs_attendance"))


def test_each_change_publishes_one_event(walk):
    walk.to_session()
    with walk.services.db.read() as session:
        told = session.scalar(select(func.count()).select_from(EventRow).where(EventRow.stream == f"inspection:{walk.id}"))
    assert told == len(entries(walk))
