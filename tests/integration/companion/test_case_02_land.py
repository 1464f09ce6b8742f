"""Case 2, before the land: reserve library, area assessments, agency market and the one written list."""

from __future__ import annotations

import pytest

from companion import books, land
from companion.model import Actor, Role
from core.errors import AccessDenied, InputError, NotFound, Refused
from core.workdays import local_day
from tests.integration.companion.test_case_02 import FACTS, KEY

OFFICE = Actor("land-office", Role.APPROVAL)
PLOT = {"area_ha": 4.2, "price_cny": 1_000_000, "planning_conditions": True, "state": "reserved"}


@pytest.fixture
def library(services):
    books.write(services, OFFICE, "plots", "P-7", PLOT)
    books.write(services, OFFICE, "plots", "P-8", PLOT | {"planning_conditions": False})
    for ref, kind, until in (
        ("A-1", "energy_saving", None),
        ("A-2", "groundwater", "2026-01-01"),
        ("A-3", "environmental", None),
    ):
        values = {"kind": kind, "plots": ["P-7" if ref != "A-3" else "P-9"]} | ({"valid_until": until} if until else {})
        books.write(services, OFFICE, "area_assessments", ref, values)
    for ref, fee, days, more in (("agency-1", 900, 9, {}), ("agency-2", 800, 7, {}), ("agency-3", 700, 5, {"suspended": True})):
        values = {"services": ["drawing_design", "energy_report"], "fee_cny": fee, "days": days} | more
        books.write(services, OFFICE, "agencies", ref, values)
    return services


def test_a_plot_of_the_library_fills_the_guide_of_a_project(library, window):
    window.at("2026-11-24")
    case = window.apply(KEY, FACTS).case
    with library.db.read() as session:
        facts = land.guide_facts(session, "P-7", local_day(library.clock.now()), "agency-2")
    told = window.take(case, "guide", **facts).case
    assert told.facts["area_assessments"] == ["energy_saving"]  # one has run out, one covers another plot
    assert (told.facts["plot_price_cny"], told.facts["agency"]) == (1_000_000, "agency-2")


def test_the_one_time_list_names_what_is_spared_and_what_is_left(library, window):
    with library.db.read() as session:
        plot = land.plot(session, "P-7", local_day(library.clock.now()))
    told = land.one_time_list(window.procedure(KEY), plot)
    assert told.reused == ("energy_saving",)
    assert set(told.own_assessments) | set(told.reused) == set(window.procedure(KEY).fact("area_assessments").values)
    assert {part.role for part in told.papers} == {"upfront", "committed"}
    assert {part.id for part in told.spared} >= {"construction_drawing_review_certificate", "energy_assessment_report"}


def test_only_a_plot_that_is_ready_and_an_agency_at_work_are_offered(library):
    with library.db.read() as session:
        today = local_day(library.clock.now())
        assert [one.ref for one in land.agencies(session, "energy_report")] == ["agency-2", "agency-1"]
        for plot, agency, error in (("P-8", None, "plot_not_ready"), ("P-7", "agency-3", "agency_suspended")):
            with pytest.raises(Refused, match=error):
                land.guide_facts(session, plot, today, agency)
        with pytest.raises(NotFound):
            land.guide_facts(session, "P-99", today)


def test_an_awarded_plot_leaves_the_offer_and_its_history_stays(library):
    books.write(library, OFFICE, "plots", "P-7", PLOT | {"state": "awarded"})
    with library.db.read() as session:
        assert not land.plot(session, "P-7", local_day(library.clock.now())).ready
        assert [one.values["state"] for one in books.history(session, "plots", "P-7")] == ["reserved", "awarded"]


def test_a_book_checks_its_form_and_its_writers(library):
    for values, error in (
        (PLOT | {"colour": "red"}, "fact_unknown"), (PLOT | {"price_cny": -1}, "fact_bad"), ({"area_ha": 1}, "fact_missing"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=error):
            books.write(library, OFFICE, "plots", "P-1", values)
    with pytest.raises(InputError, match="bad_entry"):
        books.write(library, OFFICE, "plots", "P-1", PLOT, subject="a firm")
    with pytest.raises(AccessDenied):
        books.write(library, Actor("firm", Role.APPLICANT), "plots", "P-1", PLOT)
    with pytest.raises(NotFound):
        books.write(library, OFFICE, "no_book", "P-1", PLOT)
    assert books.visible(library, None, "plots")  # public
    with pytest.raises(AccessDenied):
        books.visible(library, None, "consultations")
