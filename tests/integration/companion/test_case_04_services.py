"""Case 4: credit approval through a case file, zero-document comparison, guarantees, arrears, monthly payout, sharing."""

from __future__ import annotations

from datetime import date

import pytest

from companion import credit_services as services_of
from companion.credit import CreditEvent
from companion.credit_services import Payout, Zone, compare, guarantees, monthly_payouts, service_rules, shared_file, still_owed
from companion.creditfile import record_event
from companion.model import Actor, Role
from core.errors import InputError, NotFound, Refused

RULES = service_rules()


def test_case_4_scenario_3():
    said = {"name": "营口海运有限公司", "credit_code": "9121"}
    published = {**said, "name": "营口海运有限公可"}
    one = compare(said, published, on_dishonest_list=False)
    assert (one.done, one.differing) == (False, (("name", said["name"], published["name"]),))
    assert compare(said, said, on_dishonest_list=False).done
    assert not compare(said, said, on_dishonest_list=True).done
    assert compare(said, {}, on_dishonest_list=False).differing[0] == ("name", said["name"], "")


def test_guarantees_several_at_once_or_one_for_all():
    wanted = dict.fromkeys(RULES.guarantees.kinds, 100)
    assert len(guarantees(wanted, RULES.guarantees, good_credit=True)) == len(RULES.guarantees.kinds)
    (letter,) = guarantees(wanted, RULES.guarantees, good_credit=True, one_for_all=True)
    assert (letter.kinds, letter.amount_fen) == (RULES.guarantees.kinds, 100 * len(RULES.guarantees.kinds))
    with pytest.raises(Refused):
        guarantees(wanted, RULES.guarantees, good_credit=False)
    with pytest.raises(InputError):
        guarantees({"party": 1}, RULES.guarantees, good_credit=True)


def test_the_arrears_ledger_is_the_published_one():
    assert [(row.year, row.payments, row.amount_fen // 100) for row in RULES.arrears] == [
        (2019, 23, 9_900_100), (2020, 12, 11_923_900), (2021, 4, 1_120_000)]  # fmt: skip
    assert still_owed(RULES.arrears) == 1_120_000 * 100


def test_policy_money_is_paid_monthly():
    granted = {"b": [(date(2026, 5, 1), 10), (date(2026, 5, 31), 5), (date(2026, 6, 1), 7)], "a": [(date(2026, 6, 2), 1)]}
    assert monthly_payouts(granted, date(2026, 5, 17)) == (Payout("b", date(2026, 5, 1), 15),)
    assert [one.subject for one in monthly_payouts(granted, date(2026, 6, 1))] == ["a", "b"]


def test_sharing_with_a_neighbour_zone_is_data_alone(services):
    record_event(services, Actor("e", Role.ENFORCEMENT), "firm", CreditEvent("r", "accident", date(2026, 5, 1)))
    neighbour = Zone(id="neighbour", zh="邻区", en="neighbour", reads=frozenset({"letter", "lists"}))
    with services.db.read() as session:
        with pytest.raises(NotFound):
            shared_file(session, "neighbour", "firm", date(2026, 5, 2))
        more = RULES.model_copy(update={"zone": (*RULES.zone, neighbour)})
        assert shared_file(session, "neighbour", "firm", date(2026, 5, 2), more) == {"letter": "B", "lists": []}
        assert shared_file(session, "own", "firm", date(2026, 5, 2))["events"] == ["r"]
    assert services_of.service_rules() is RULES
