"""Case 19 on a real database: a platform's licence (case 9) decides whether its orders are filed."""

from __future__ import annotations

import pytest

from companion import freight_filing, practice_store
from companion.freight import Outcome, Trip, freight_rules
from companion.model import Actor, Confirm, Role
from core.errors import Refused
from tests.integration.companion.kit import FIRM
from tests.unit.core.test_track_overlap import trip as track

SYSTEM = Actor("platform", Role.SYSTEM)


def order(order_id, **more):
    photos = frozenset(freight_rules().photos)
    phone = more.pop("phone", "p1")
    return Trip(order_id, phone, (track("phone", km=20, **more), track("gps", km=20, shift_m=30, **more)), photos)


def test_case_19_scenario_6(window):
    with pytest.raises(Refused, match="no_licence"):
        freight_filing.submit(window.services, SYSTEM, FIRM, order("o1"))
    window.at("2026-03-02")
    case = window.apply("network_freight_licence", {"assessment_level": 3}).case
    assert freight_filing.submit(window.services, SYSTEM, FIRM, order("o1")).outcome is Outcome.PASSED
    case = window.take(case, "find_false", Role.SUPERVISION, found_on="2026-03-22", finding="forged").case
    (proposal,) = case.proposals.values()
    window.act(case, Confirm(proposal=proposal.id, reason="forged certificate"))
    with pytest.raises(Refused, match="no_licence"):
        freight_filing.submit(window.services, SYSTEM, FIRM, order("o2", clock_s=9000))


def test_the_same_track_stops_both_orders(window):
    window.at("2026-03-02")
    window.apply("network_freight_licence", {"assessment_level": 3})
    assert freight_filing.submit(window.services, SYSTEM, FIRM, order("o1")).outcome is Outcome.PASSED
    with pytest.raises(Refused, match="known_order"):
        freight_filing.submit(window.services, SYSTEM, FIRM, order("o1", clock_s=90000))
    assert freight_filing.submit(window.services, SYSTEM, FIRM, order("o2", phone="p2")).outcome is Outcome.DUPLICATE
    with window.services.db.read() as session:
        rows = [session.get(practice_store.TripRow, name) for name in ("o1", "o2")]
        assert [(row.outcome, row.filed_at) for row in rows] == [("duplicate", None)] * 2
