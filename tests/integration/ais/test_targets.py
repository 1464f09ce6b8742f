"""The queue of a shift: signals beside points, factors that an officer confirms, decisions that stay, credit that never delays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

import ais
from ais.decisions import NewDecision, decisions
from ais.ports import Credit, CreditGrade, OpenDeficiency, RiskSources
from ais.risk_signals import ordered_by_credit, signal_rules
from ais.targets_service import ask_what_if, decide_target, rank_live, target, target_queue
from core import journal
from core.auth import Principal, Role
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound, Refused

TODAY = date(2026, 11, 24)
OFFICER = Principal("officer-1", Role.INSPECTOR, "Officer")
TARGET, SECOND = "2000286", "2000353"


class Deficient:
    def open_by_ship(self) -> dict[str, list[OpenDeficiency]]:
        return {TARGET: [OpenDeficiency("07105", "YJ-1/1")]}


class Graded:
    def __init__(self, grades: dict[str, CreditGrade]) -> None:
        self.grades = grades

    def credits_of(self, companies: Collection[str], on: date) -> dict[str, Credit]:
        return {one: Credit(one, self.grades[one], "test", on, on) for one in companies if one in self.grades}


SOURCES = RiskSources(Graded({"SIMCO-3": "good"}), Deficient())


@pytest.fixture
def filled(services: Services, tmp_path) -> Services:
    scenario = ais.write_scenario(tmp_path, 1, datetime(2026, 11, 24, 1, tzinfo=UTC), services.settings.ais.rule_pack)
    ais.replay(services, scenario.nmea)
    for file in scenario.register_files:
        ais.import_register(services, file)
    return services


def decide(services: Services, **asked: str) -> object:
    return decide_target(services, SOURCES, OFFICER, TARGET, NewDecision.model_validate(asked), TODAY, None)


def test_signals_stand_beside_the_points_and_change_nothing(filled: Services) -> None:
    before = [(one.sheet.imo, one.rank, one.assessment.points_low) for one in rank_live(filled, TODAY).ships]
    line = target(filled, SOURCES, TARGET, TODAY)
    kinds = {one.kind: one for one in line.signals}
    assert kinds["deficiency"].proposes == "outstanding_deficiencies"
    assert kinds["credit"].proposes is None
    assert [(one.sheet.imo, one.rank, one.assessment.points_low) for one in rank_live(filled, TODAY).ships] == before


def test_a_factor_counts_only_once_an_officer_confirmed_it(filled: Services) -> None:
    signal = next(one for one in target(filled, SOURCES, TARGET, TODAY).signals if one.kind == "deficiency")
    assert not target(filled, SOURCES, TARGET, TODAY).ship.assessment.overriding
    decide(filled, kind="confirm_factor", factor="outstanding_deficiencies", signal_id=signal.id)
    line = target(filled, SOURCES, TARGET, TODAY)
    assert line.ship.assessment.priority == "I"
    assert [one.en for one in line.ship.assessment.overriding] == ["outstanding deficiencies"]
    assert line.decisions[0].evidence["signal"]["rows"] == [{"code": "07105", "ref": "YJ-1/1"}]
    yesterday = TODAY - timedelta(days=1)
    assert not target(filled, SOURCES, TARGET, yesterday).ship.assessment.overriding
    decide(filled, kind="withdraw_factor", factor="outstanding_deficiencies", reason="put right")
    assert not target(filled, SOURCES, TARGET, TODAY).ship.assessment.overriding
    assert len(decisions(filled, filled.clock.now(), TARGET)) == 2


@pytest.mark.parametrize(
    ("asked", "error", "code"),
    [
        ({"kind": "skip"}, InputError, "ais.decision_reason"),
        ({"kind": "skip", "reason": "  "}, InputError, "ais.decision_reason"),
        ({"kind": "confirm_factor", "factor": "bad_luck", "reason": "x"}, InputError, "ais.factor_unknown"),
        ({"kind": "confirm_factor", "factor": "complaint"}, InputError, "ais.factor_evidence"),
        ({"kind": "select", "factor": "complaint"}, InputError, "ais.factor_misplaced"),
        ({"kind": "withdraw_factor", "factor": "complaint", "reason": "x"}, Refused, "ais.factor_not_confirmed"),
        ({"kind": "confirm_factor", "factor": "complaint", "signal_id": "gone"}, NotFound, "ais.signal_missing"),
    ],
)
def test_what_is_not_a_decision_is_refused_and_leaves_nothing(filled: Services, asked, error, code) -> None:
    with pytest.raises(error) as raised:
        decide(filled, **asked)
    assert raised.value.code == code
    assert decisions(filled, filled.clock.now()) == []


def test_only_officers_decide_and_nobody_rewrites(filled: Services) -> None:
    auditor = Principal("a", Role.AUDITOR, "A")
    with pytest.raises(AccessDenied):
        decide_target(filled, SOURCES, auditor, TARGET, NewDecision(kind="select"), TODAY, None)
    asked = NewDecision(kind="skip", reason="berth closed")
    first = decide_target(filled, SOURCES, OFFICER, TARGET, asked, TODAY, "key-1")
    again = decide_target(filled, SOURCES, OFFICER, TARGET, asked, TODAY, "key-1")
    assert first == again
    assert target(filled, SOURCES, TARGET, TODAY).last.reason == "berth closed"
    for change in ("UPDATE ais_target_decision SET reason = 'x'", "DELETE FROM ais_target_decision"):
        with pytest.raises(DatabaseError, match="append-only"), filled.db.write() as session:
            session.execute(text(change))
    with filled.db.read() as session:
        assert journal.head(session, "targets") != journal.GENESIS


def test_the_queue_holds_who_lies_here_and_who_arrives_in_time(filled: Services) -> None:
    wide = target_queue(filled, SOURCES, TODAY, 240).lines
    near = target_queue(filled, SOURCES, TODAY, 0).lines
    assert {line.place.where for line in wide} >= {"in_port", "at_anchor", "arriving"}
    kept = [line for line in near if line.place.where == "arriving"]
    assert all(line.ship.assessment.priority == "I" or line.ship.assessment.overriding for line in kept)
    assert len(near) < len(wide)
    assert [line.ship.rank for line in wide] == sorted(line.ship.rank for line in wide)


def test_what_if_changes_only_what_was_asked(filled: Services) -> None:
    found = ask_what_if(filled, TARGET, {"flag": "CM"}, TODAY)
    changed = [a.criterion.id for a, b in zip(found.now.judgements, found.then.judgements, strict=True) if a != b]
    assert changed
    assert all("flag" in one for one in changed)
    assert found.then.points_low > found.now.points_low
    assert ask_what_if(filled, TARGET, {}, TODAY).then == found.now
    with pytest.raises(InputError):
        ask_what_if(filled, TARGET, {"name": "X"}, TODAY)


def test_credit_never_removes_delays_or_lowers_priority_one_a_factor_or_a_complaint(filled: Services) -> None:
    chance = Random(20261124)
    ships = list(rank_live(filled, TODAY).ships)
    moved = 0
    for _ in range(300):
        drawn = [replace(one, rank=chance.choice([one.rank, 3, 4])) for one in ships]
        drawn.sort(key=lambda one: one.rank)
        companies = {one.sheet.company_imo for one in drawn if one.sheet.company_imo}
        graded = {name: Credit(name, chance.choice(["poor", "ordinary", "good"]), "t", TODAY, TODAY) for name in companies}
        ordered = ordered_by_credit(signal_rules(), drawn, graded, TODAY)
        assert sorted(id(one) for one in ordered) == sorted(id(one) for one in drawn)
        assert [one.rank for one in ordered] == [one.rank for one in drawn]
        for before, after in zip(drawn, ordered, strict=True):
            moved += after is not before
            if before.assessment.priority_worst == "I" or before.assessment.overriding:
                assert after is before
    assert moved > 100
