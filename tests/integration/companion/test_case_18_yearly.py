"""Case 18: the yearly credit evaluation, and the discipline body that sees every step of the lists."""

from __future__ import annotations

from datetime import date

import pytest

from companion import books, yearly
from companion.credit import CreditEvent
from companion.creditfile import record_event
from companion.model import Actor, Role
from core.errors import AccessDenied, InputError
from tests.integration.companion.test_case_04_payouts import OFFICER, SECTOR, black, red

DISCIPLINE = Actor("discipline", Role.LEGAL)


def test_case_18_yearly_evaluation_of_every_subject_once(window):
    window.at("2026-03-02")
    services = window.services
    red(services, "clean-builder")
    black(services, "bad-builder")
    record_event(services, OFFICER, "other-sector", CreditEvent("x", "penalty", date(2026, 3, 1), "ship_company"))
    with pytest.raises(InputError, match="year_open"):
        yearly.evaluate_year(services, OFFICER, SECTOR, 2026)
    window.at("2027-01-04")
    made = {one.subject: one.values for one in yearly.evaluate_year(services, OFFICER, SECTOR, 2026)}
    assert set(made) == {"clean-builder", "bad-builder"}
    assert (made["clean-builder"]["letter"], made["clean-builder"]["lists"]) == ("A", ["red"])
    assert (made["bad-builder"]["letter"], made["bad-builder"]["lists"]) == ("D", ["black"])
    assert made["bad-builder"]["reasons"] == ["major_violation"]
    assert yearly.evaluate_year(services, OFFICER, SECTOR, 2026) == []
    own = books.visible(services, Actor("bad-builder", Role.APPLICANT), yearly.BOOK)
    assert [one.subject for one in own] == ["bad-builder"]


def test_case_18_the_discipline_body_watches_every_step(window):
    window.at("2026-03-02")
    black(window.services, "bad-builder")
    (entry,) = yearly.watched(window.services, DISCIPLINE, SECTOR)
    assert [step for step, _, _ in entry.steps] == ["collected", "reviewed", "reported", "recognised"]
    assert not entry.one_hand  # four steps, four people
    with pytest.raises(AccessDenied):
        yearly.watched(window.services, OFFICER, SECTOR)
