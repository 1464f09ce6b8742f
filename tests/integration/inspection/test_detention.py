"""Detention on a real database: who may order, what lifts it, notices and their delivery, what the master says."""

import pytest

from core.errors import AccessDenied, InputError, NotFound, Refused
from core.message_channels import Channel
from core.messages import deliver_due
from inspection import (
    Actor,
    NewDeficiency,
    act_on_deficiency,
    add_deficiency,
    add_findings,
    approve,
    close,
    decide_finding,
    detention,
    issue,
    record_attendance,
    submit_for_review,
)
from inspection.detention import NewNotice, Refusal
from inspection.wording import similar
from tests.integration.inspection.conftest import INSPECTOR, MASTER, SUPERVISOR

COMPANY = Actor("link:1", "company_staff")


def ground(finding_id=None, why="Corroded through"):
    return NewDeficiency(
        code="02112", standard_not_met="Shell kept fit", why=why, ground_for_detention=True, finding_id=finding_id, ro_responsible="CCS",
        action_code="30", action_scheme="cn_fsc",
    )  # fmt: skip


def in_review(walk, *, finding=False):
    walk.to_session()
    finding_id = None
    if finding:
        photo = walk.with_survey()[0]
        add_findings(walk.services, INSPECTOR, walk.id, [walk.finding(photo)])
        finding_id = walk.record().findings[0].id
        decide_finding(walk.services, INSPECTOR, walk.id, finding_id, "confirmed")
    made = add_deficiency(walk.services, INSPECTOR, walk.id, ground(finding_id)).ref
    walk.step(INSPECTOR, "end_session")
    submit_for_review(walk.services, INSPECTOR, walk.id)
    return made


def pack(walk):
    with walk.services.db.read() as session:
        return detention.package(session, walk.id)


def test_order_needs_attendance_or_an_override_and_attendance_lifts_it(walk):
    deficiency = in_review(walk)
    services = walk.services
    with pytest.raises(AccessDenied):
        detention.detain(services, INSPECTOR, walk.id, "unsafe")
    with pytest.raises(Refused, match="detention_attended"):
        detention.detain(services, SUPERVISOR, walk.id, "unsafe")
    with pytest.raises(Refused, match="has_reason"):
        detention.override_attendance(services, SUPERVISOR, walk.id, " ")
    detention.override_attendance(services, SUPERVISOR, walk.id, "The sea was too high for the pilot boat")
    detention.detain(services, SUPERVISOR, walk.id, "unsafe to sail")
    with pytest.raises(Refused, match="not_detained"):
        detention.detain(services, SUPERVISOR, walk.id, "again")
    approve(services, SUPERVISOR, walk.id)
    issue(services, INSPECTOR, walk.id)
    walk.step(INSPECTOR, "follow_up")
    found = pack(walk)
    assert (found.in_force, found.orders[0].attended, found.override[:7]) == (True, False, "The sea")
    assert "02112" in found.orders[0].words.zh
    assert "An appeal does not suspend" in found.orders[0].words.en
    detention.record_appeal(services, COMPANY, walk.id, "We disagree")
    assert pack(walk).in_force
    with pytest.raises(Refused, match="grounds_ended"):
        detention.release(services, SUPERVISOR, walk.id, "done")
    with pytest.raises(Refused, match="detention_needs_attendance"):
        act_on_deficiency(services, INSPECTOR, walk.id, deficiency, "10")
    with pytest.raises(Refused, match=r"deficiencies_ended|not_detained"):
        close(services, INSPECTOR, walk.id)


def test_a_drone_finding_alone_never_detains(walk):
    in_review(walk, finding=True)
    detention.override_attendance(walk.services, SUPERVISOR, walk.id, "nobody available")
    for act in (
        lambda: detention.detain(walk.services, SUPERVISOR, walk.id, "x"),
        lambda: approve(walk.services, SUPERVISOR, walk.id),
    ):
        with pytest.raises(Refused, match="detention_attended"):
            act()
    record_attendance(walk.services, INSPECTOR, walk.id, "Went on board")
    assert detention.detain(walk.services, SUPERVISOR, walk.id, "verified").ref == "1"


def test_notices_delivery_and_what_the_master_says(walk):
    in_review(walk)
    services = walk.services
    record_attendance(services, INSPECTOR, walk.id, "Went on board")
    notice = NewNotice(about="order", party="flag_state", name="Administration", recipient="flag@state.example")
    with pytest.raises(NotFound, match="no_order"):
        detention.serve_notice(services, INSPECTOR, walk.id, notice)
    detention.detain(services, SUPERVISOR, walk.id, "unsafe")
    assert pack(walk).missing == ["master", "company", "flag_state", "class"]
    detention.serve_notice(services, INSPECTOR, walk.id, notice)
    paper = NewNotice(about="order", party="master", channel=Channel.PRINT, lang="zh")
    served = detention.serve_notice(services, INSPECTOR, walk.id, paper)
    sent = []
    deliver_due(services, {Channel.EMAIL: sent.append})
    assert [one.recipient for one in sent] == ["flag@state.example"]
    assert {one.party: one.delivery for one in pack(walk).notices} == {"flag_state": "sent", "master": "waiting_print"}
    detention.record_delivery(services, INSPECTOR, walk.id, int(served.ref), "handed to the master on the bridge")
    assert {one.party: one.delivery for one in pack(walk).notices}["master"] == "handed_over"
    assert pack(walk).missing == ["company", "class"]
    with pytest.raises(NotFound, match="notice_missing"):
        detention.record_delivery(services, INSPECTOR, walk.id, 99, "x")
    with pytest.raises(InputError, match="words_needed"):
        detention.receive_order(services, MASTER, walk.id, objects=True, words=" ")
    detention.receive_order(services, MASTER, walk.id, objects=True, words="The plate was renewed")
    detention.receive_order(services, MASTER, walk.id, objects=False, words="")
    detention.record_refusal(services, INSPECTOR, walk.id, Refusal(witnesses=["pilot", "agent"]))
    assert [one.kind for one in pack(walk).said] == ["objected", "signed", "refused"]
    with pytest.raises(NotFound, match="evidence_missing"):
        detention.record_refusal(services, INSPECTOR, walk.id, Refusal(video_evidence_id="none"))


@pytest.mark.parametrize("witnesses", [[], ["one"], ["same", " same "], ["", "x"]])
def test_a_refusal_needs_two_different_witnesses_or_a_recording(witnesses):
    with pytest.raises(ValueError, match="two different witnesses"):
        Refusal(witnesses=witnesses)


def test_the_whole_way_to_release(walk):
    deficiency = in_review(walk)
    services = walk.services
    record_attendance(services, INSPECTOR, walk.id, "Went on board")
    detention.detain(services, SUPERVISOR, walk.id, "unsafe")
    approve(services, SUPERVISOR, walk.id)
    issue(services, INSPECTOR, walk.id)
    walk.step(INSPECTOR, "follow_up")
    act_on_deficiency(services, INSPECTOR, walk.id, deficiency, "10", scheme="cn_fsc")
    history = walk.record().deficiencies[0].actions
    assert [(one.scheme, one.code) for one in history] == [("cn_fsc", "30"), ("cn_fsc", "10")]
    assert walk.record().deficiencies[0].ro_responsible == "CCS"
    with pytest.raises(Refused, match="not_detained"):
        close(services, INSPECTOR, walk.id)
    detention.release(services, SUPERVISOR, walk.id, "renewed and seen")
    assert [one.kind for one in pack(walk).orders] == ["order", "release"]
    assert close(services, INSPECTOR, walk.id).state == "closed"


def test_similar_wording_puts_the_same_code_first(walk):
    walk.to_session()
    for code, standard, why in (
        ("02112", "Shell plating kept fit", "Corroded"),
        ("07105", "Fire doors self-closing", "Door held open"),
    ):
        add_deficiency(walk.services, INSPECTOR, walk.id, NewDeficiency(code=code, standard_not_met=standard, why=why))
    with walk.services.db.read() as session:
        assert [one.code for one in similar(session, "02112", "fire door held open")] == ["02112", "07105"]
        assert [one.code for one in similar(session, "", "door open held")] == ["07105"]
        assert similar(session, "", "") == []
