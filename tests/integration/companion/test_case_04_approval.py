"""Case 4, credit approval (容缺受理) through a case file, and the zero-document pilot."""

from __future__ import annotations

import tomllib

from companion import obligations
from companion.figures import platform_figures
from companion.model import Role
from config import pack_path

KEY = "consignee_registration"


def apply(window, without=None):
    return window.apply(KEY, {}, documents=window.papers(KEY, without=without))


def test_case_4_scenario_1(window):
    window.at("2026-03-02")
    accepted = apply(window, without="contact_sheet").case
    assert accepted.state == "accepted"
    assert "contact_sheet" in accepted.deferred
    assert apply(window, without="registration_form").case.outcome == "not_accepted"


def test_case_4_scenario_2(window):
    window.at("2026-03-02")
    first = apply(window, without="contact_sheet").case
    window.at("2026-04-15")
    obligations.sweep(window.services)
    assert apply(window, without="contact_sheet").case.outcome == "not_accepted"
    window.supply(window.now(first), "contact_sheet")
    assert apply(window, without="contact_sheet").case.state == "accepted"


def test_case_4_scenario_3_as_a_case_file(window):
    window.at("2026-03-02")
    assert window.take(apply(window).case, "compare", compared="match").case.state == "filed"
    case = window.take(apply(window).case, "compare", Role.WINDOW, compared="differs").case
    assert (case.state, case.outcome) == ("manual", None)


def test_every_published_figure_of_a_platform_case_is_computed():
    raw = tomllib.loads(pack_path("companion", "figures.toml").read_text(encoding="utf-8"))["figure"]
    said = {(one.case, one.id): one for one in platform_figures()}
    assert len(said) == len(raw)
    assert said[5, "call_hours"].value == 10_000_000
    assert said[16, "exemption_items"].value == 117 - 56
    assert said[17, "directory"].value == 4000
    assert (said[4, "arrears_repaid"].value, said[4, "arrears_repaid"].formula.count("+")) == (22_944_000, 2)
    assert all(one.formula for one in said.values())
