"""The common acceptance scenarios of the companion spec, the breach ladder, definitions, replay."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
import yaml
from sqlalchemy import text

from companion import obligations, replay, service, store, writing
from companion.definition import load_procedures, procedures
from companion.model import Actor, Adopt, Answer, Demand, Dismiss, Lift, ObjectTo, Recognise, Role
from config import load_settings, pack_path
from core import events, journal
from core.context import Services
from core.errors import AccessDenied, Altered, InputError, Refused
from core.workdays import Unit, default_calendar
from tests.integration.companion.kit import FIRM, PAPER, Window, effects

KEY = "network_freight_licence"
LEVEL = {"assessment_level": 3}


def licence(window, day="2026-03-02", **more):
    window.at(day)
    return window.apply(KEY, LEVEL, **more).case


def newer(tmp_path, **changes):
    """A later version of the licence's definition."""
    data = yaml.safe_load(pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8"))
    data["version"], data["valid"] = "2026-07-01", {"from": date(2026, 7, 1)}
    data.update(changes)
    path = tmp_path / "newer.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return load_procedures(extra=[path])


def test_common_scenario_1():
    calendar = default_calendar()
    assert calendar.due(date(2026, 9, 29), 3, Unit.WORKING_DAY).day == date(2026, 10, 9)
    assert calendar.due(date(2026, 5, 6), 3, Unit.WORKING_DAY).day == date(2026, 5, 9)


def test_common_scenario_2(window, tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    settings = load_settings({"data_dir": str(tmp_path / "var"), "companion.workday_tables": str(tables)}, environ={})
    there = Window(Services(settings, window.services.db, window.services.files, window.clock), window.clock)
    case = licence(there, "2026-08-31")
    term = case.obligations["safety_certificate"]
    assert (term.raw, term.due, term.provisional) == (date(2027, 2, 28), date(2027, 3, 1), True)
    assert obligations.recount(there.services) == 0
    (tables / "2027.toml").write_text('source = "a notice"\nyear = 2027\nweekday_off = [2027-03-01]\nweekend_on = []\n')
    assert [obligations.sweep(there.services).recounted for _ in range(2)] == [1, 0]
    moved = there.now(case).obligations["safety_certificate"]
    assert (moved.due, moved.provisional) == (date(2027, 3, 2), False)
    with there.services.db.read() as session:
        noticed = [event for event in events.since(session, 0) if event.type == "companion.due_moved"]
        assert len(noticed) == 1
        assert (
            replay.replay_case(session, settings, case.id).commands == 2
        )  # the old due day is told again as it was known then


def test_common_scenario_3(window):
    on_time, late = licence(window), licence(window)
    due = late.obligations["safety_certificate"].due
    window.at(due.isoformat(), 23, 59, 59)
    closed = window.supply(on_time, "valid_certificate_of_full_time_safety_staff")
    assert closed.happened("obligation_closed")[0].payload["late"] is False
    window.at((due + timedelta(days=1)).isoformat(), 0)
    obligations.sweep(window.services)
    restarted = Services(window.services.settings, window.services.db, window.services.files, window.clock)
    obligations.sweep(restarted)
    with window.services.db.read() as session:
        proposed = [event.type for event in store.events_of(session, late.id) if event.type in ("overdue", "proposed")]
    assert proposed == ["overdue", "proposed"]
    assert not window.now(on_time).proposals
    handed_in = window.supply(late, "valid_certificate_of_full_time_safety_staff")
    assert handed_in.happened("obligation_closed")[0].payload["late"] is True


def test_common_scenario_4(window):
    window.at("2026-04-15")
    case = window.apply("labour_dispatch_licence", {}, verified={"business_licence": PAPER}).case
    asked = window.act(case, Demand(document="name_pre_approval_notice"), Role.WINDOW, "clerk-1")
    assert asked.reasons[0].documents == ("name_pre_approval_notice",)
    with window.services.db.read() as session:
        assert "service_defect" in [event.type for event in store.events_of(session, case.id)]


@pytest.mark.parametrize("column", ["payload", "actor", "type"])
def test_common_scenario_6(window, column):
    case = licence(window)
    with window.services.db.read() as session:
        assert replay.replay_case(session, window.services.settings, case.id).events == case.seq
    with window.services.db.write() as session:
        row = session.get_one(store.EventRow, (case.id, 3))
        old = json.dumps(row.payload) if column == "payload" else getattr(row, column)
        changed = (
            old.replace(old[-3], chr(ord(old[-3]) ^ 1), 1) if column != "payload" else '{"facts": {"assessment_level": 2}}'
        )
        session.execute(
            text(f"UPDATE companion_event SET {column} = :new WHERE case_id = :id AND seq = 3"),  # noqa: S608 - a name of ours
            {"new": changed, "id": case.id},
        )
    with window.services.db.read() as session, pytest.raises(Altered) as caught:
        replay.replay_case(session, window.services.settings, case.id)
    assert caught.value.params == {"case": case.id, "seq": 3}


def test_a_removed_event_is_noticed(window):
    case = licence(window)
    with window.services.db.write() as session:
        session.execute(
            text("DELETE FROM companion_event WHERE case_id = :id AND seq = :seq"), {"id": case.id, "seq": case.seq}
        )
    with window.services.db.read() as session, pytest.raises(Altered):
        replay.replay_all(session, window.services.settings)


def test_every_automatic_step_says_which_clause_allowed_it(window):
    case = licence(window)
    with window.services.db.read() as session:
        automatic = [event for event in store.events_of(session, case.id) if event.actor == "engine" and event.type != "push"]
    definition = window.procedure(KEY)
    told = [event for event in automatic if event.type != "told"]
    assert told
    assert all(event.payload["clause"].startswith(f"{definition.key}@{definition.version}#") for event in told)


def test_the_breach_ladder_due_process(window):
    case = licence(window)
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    ordered = window.confirm(case).case
    refs = {active.effect: active.ref for active in ordered.effects.values()}
    today = date(2026, 3, 2)
    term = procedures().effects.objection_working_days
    assert ordered.effects[refs["revoke"]].object_until == default_calendar().add_working_days(today, term).day
    assert effects(ordered)["joint_punishment"] == "proposed"
    with pytest.raises(AccessDenied):
        window.act(case, Recognise(effect=refs["joint_punishment"], reason="recognised"))
    window.act(case, Recognise(effect=refs["joint_punishment"], reason="recognised"), Role.PROVINCE, "province-1")
    window.act(case, ObjectTo(effect=refs["revoke"], reason="not forged"), Role.APPLICANT, FIRM)
    with pytest.raises(AccessDenied, match="same_officer"):
        window.act(case, Answer(effect=refs["revoke"], uphold=True, reason="own case"), Role.LEGAL, "officer-1")
    back = window.answer(case, refs["revoke"], uphold=True).case
    assert (back.state, effects(back)["revoke"]) == ("obligation_open", "withdrawn")
    with pytest.raises(Refused, match="new_application"):
        window.act(case, Lift(effect=refs["refer_to_enforcement"], reason="done"))
    lifted = window.act(case, Lift(effect=refs["credit_entry"], reason="kept its promise")).case
    assert effects(lifted)["credit_entry"] == "lifted"


def test_an_objection_after_its_term_is_refused(window):
    case = licence(window)
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    until = window.confirm(case).case.effects["e1"].object_until
    window.at((until + timedelta(days=1)).isoformat(), 0)
    with pytest.raises(Refused, match="objection_late"):
        window.act(case, ObjectTo(effect="e1", reason="too late"), Role.APPLICANT, FIRM)


def test_an_officer_may_dismiss_with_a_reason(window):
    case = licence(window)
    window.take(case, "find_false", Role.SUPERVISION, finding="a mistake")
    done = window.act(case, Dismiss(proposal="p1", reason="the paper is genuine")).case
    assert (done.proposals["p1"].state, dict(done.effects)) == ("dismissed", {})
    with pytest.raises(Refused, match="proposal_closed"):
        window.confirm(case)


def test_a_broken_commitment_closes_the_commitment_path(window):
    case = licence(window)
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    window.confirm(case)
    again = window.apply(KEY, LEVEL)
    assert again.case.outcome == "not_accepted"
    assert [reason.rule for reason in again.reasons] == [f"{case.id}/e3"]  # the credit entry is cited


def test_a_running_case_keeps_its_version_and_its_due_day(window, tmp_path):
    case = licence(window, "2026-03-02")
    due = case.obligations["safety_certificate"].due
    for n, expected in ((1, due), (9, date(2026, 12, 2))):
        data = yaml.safe_load(pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8"))["deadlines"]
        data[0]["n"] = n
        window.known = newer(tmp_path, deadlines=data)
        window.at("2026-08-03")
        other = Window(window.services, window.clock, window.known)
        assert other.now(case).version == "2021-06-01"
        if n == 1:
            continue
        moved = window.act(case, Adopt(version="2026-07-01")).case
        assert moved.obligations["safety_certificate"].due == expected


def test_a_shorter_term_of_a_new_version_never_moves_a_due_day_back(window, tmp_path):
    case = licence(window)
    data = yaml.safe_load(pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8"))["deadlines"]
    data[0]["n"] = 1
    window.known = newer(tmp_path, deadlines=data)
    moved = window.act(case, Adopt(version="2026-07-01"))
    assert moved.case.obligations["safety_certificate"].due == date(2026, 9, 2)
    assert not moved.happened("due_moved")


def test_public_extract_on_a_chosen_day(window):
    case = licence(window)
    window.at("2026-03-22")
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    window.confirm(case)
    for day, state in ((date(2026, 3, 21), "obligation_open"), (date(2026, 3, 22), "revoked")):
        extract = service.public_extract(window.services, day)
        assert [(row.case_id, row.state) for row in extract.cases] == [(case.id, state)]
    assert service.public_extract(window.services, date(2026, 3, 1)).cases == ()


def test_a_repeated_request_is_one_decision(window):
    window.at("2026-03-02")
    application = service.Apply(subject=FIRM, facts=LEVEL, documents=window.papers(KEY), commitment_signed=True)
    actor, request = Actor(FIRM, Role.APPLICANT), service.RequestKey("k-1")
    first, second = (service.submit(window.services, actor, KEY, application, request) for _ in range(2))
    assert first == second
    with window.services.db.read() as session:
        assert len(store.cases(session)) == 1
        assert len(journal.entries(session, writing.stream_of(first.case.id))) == 1
    with pytest.raises(Refused, match="key_taken"):
        service.submit(window.services, actor, KEY, application.model_copy(update={"commitment_signed": False}), request)


def test_a_firm_sees_to_its_own_case_files_only(window):
    case = licence(window)
    with pytest.raises(AccessDenied):
        window.act(case, ObjectTo(effect="e1", reason="not mine"), Role.APPLICANT, "another firm")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"initial": "nowhere"}, "unknown state: nowhere"),
        ({"thresholds": {}}, "unknown threshold: assessment_level"),
        ({"steps": []}, "unknown step"),
        ({"surprise": 1}, "surprise"),
        ({"version": "soon"}, "version"),
    ],
)
def test_a_wrong_definition_is_refused_at_load_with_its_place(tmp_path, change, place):
    with pytest.raises(InputError) as caught:
        newer(tmp_path, **change)
    assert caught.value.code == "companion.definition"
    assert place in str(caught.value.params["reason"])
