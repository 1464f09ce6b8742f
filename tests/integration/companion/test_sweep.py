"""What is kept beside case files: what waits at desks equals what their events say; one bad case file stops no sweep."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from companion import desk, obligations, replay, service, store
from companion.definition import procedures
from companion.model import ObjectTo, Role, Tick
from companion.run import BY_ENGINE
from tests.integration.companion.kit import FIRM

KEY = "network_freight_licence"


def kept(session) -> set[tuple[str, str, str, str]]:
    row = store.WaitingRow
    return {tuple(one) for one in session.execute(select(row.case_id, row.role, row.kind, row.part))}


def folded(session) -> set[tuple[str, str, str, str]]:
    known = procedures()
    return {
        (row.id, *one)
        for row in store.cases(session)
        for one in desk.waits_of(known.version(row.key, row.version), store.case_file(session, row.id), known.effects)
    }


@pytest.fixture
def licence(window):
    window.at("2026-03-02")
    return window.apply(KEY, {"assessment_level": 3}).case


def test_what_waits_is_what_the_events_say(window, licence):
    def waits(role):
        with window.services.db.read() as session:
            assert kept(session) == folded(session)
            return {(one.kind, one.part) for one in desk.waiting(session, role)}

    assert ("step", "find_false") in waits(Role.SUPERVISION)
    window.take(licence, "find_false", Role.SUPERVISION, finding="forged")
    assert [kind for kind, _ in waits(Role.APPROVAL)].count("proposal") == 1
    ordered = window.confirm(licence).case
    assert "proposal" not in [kind for kind, _ in waits(Role.APPROVAL)]
    ref = next(active.ref for active in ordered.effects.values() if active.effect == "revoke")
    window.act(licence, ObjectTo(effect=ref, reason="not forged"), Role.APPLICANT, FIRM)
    assert waits(Role.LEGAL) == {("objection", "revoke")}
    window.answer(licence, ref, uphold=False)
    assert waits(Role.LEGAL) == set()


def test_case_files_from_before_get_what_waits_at_the_next_sweep(window, licence):
    with window.services.db.write() as session:
        session.execute(delete(store.WaitingRow))
        store.case_row(session, licence.id).waits_known = False
    obligations.sweep(window.services)
    with window.services.db.read() as session:
        assert kept(session) == folded(session) != set()
        assert store.waiting_unknown(session, 10) == []


def test_one_case_file_that_cannot_be_woken_stops_no_other(window, licence):
    other = window.apply(KEY, {"assessment_level": 3}).case
    with window.services.db.write() as session:
        store.case_row(session, licence.id).key = "a_procedure_that_is_gone"
    due = other.obligations["safety_certificate"].due
    window.at((due + timedelta(days=1)).isoformat(), 0)
    swept = obligations.sweep(window.services)
    assert (swept.woken, swept.failed) == (1, 1)
    assert window.now(other).obligations["safety_certificate"].overdue
    assert obligations.sweep(window.services).failed == 1  # tried again each time


def test_two_commands_on_one_case_file_in_one_batch(window, licence):
    """The second sees what the first did; numbers of events and the journal's chain go on."""
    window.at((licence.obligations["safety_certificate"].due + timedelta(days=1)).isoformat(), 0)
    ticks = [(licence.id, Tick(obligation="safety_certificate"))] * 2
    with window.services.db.write() as session:
        service.act_on_many(window.services, session, BY_ENGINE, ticks)
    with window.services.db.read() as session:
        types = [event.type for event in store.events_of(session, licence.id)]
        assert (types.count("overdue"), types.count("proposed")) == (1, 1)
        assert replay.replay_case(session, window.services.settings, licence.id).commands == 3
        assert kept(session) == folded(session)
