from __future__ import annotations

from datetime import date

import pytest

from ais.local_rules import local_hits, local_rules
from ais.register import Particular
from ais.register_store import RegisterValue
from tests.unit.ais.kit import TODAY, history, inspection


@pytest.mark.parametrize(("last", "found"), [(date(2026, 5, 24), []), (date(2026, 5, 23), ["not_inspected"])])
def test_six_months_to_the_day(last: date, found: list[str]) -> None:
    assert [hit.id for hit in local_hits(local_rules(), None, history(inspection(last)), TODAY)] == found


def test_never_inspected_meets_it_and_an_unknown_history_may() -> None:
    [never] = local_hits(local_rules(), None, history(), TODAY)
    [blind] = local_hits(local_rules(), None, history(complete=False, last_known=False), TODAY)
    assert (never.state, blind.state) == ("met", "unknown")


def test_a_key_ship_says_why() -> None:
    value = RegisterValue("imo:2000000", "key_ship", "repeated fuel spills", "list", TODAY, "x", 1)
    [hit] = local_hits(local_rules(), Particular("imo:2000000", {"key_ship": value}), history(inspection(TODAY)), TODAY)
    assert (hit.id, hit.reason.en, hit.source) == ("key_ship", "repeated fuel spills", "list (2026-11-24)")
