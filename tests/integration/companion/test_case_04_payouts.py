"""Case 4: what lists mean, monthly payout of policy money, guarantee letters, the ledger of public arrears."""

from __future__ import annotations

from datetime import date

import pytest

from companion import books, credit_payouts, creditfile, list_effects
from companion.credit import CreditEvent, credit_rules
from companion.credit_services import service_rules
from companion.lists import list_rules
from companion.model import Actor, Role
from core.errors import AccessDenied, InputError, Refused
from tests.integration.companion.kit import FIRM

TREASURY = Actor("treasury", Role.FINANCE)
OFFICER = Actor("officer-9", Role.SUPERVISION)
SECTOR = "air_defence"


def listed(services, ref):
    """Through the sector's program up to the step from which the entry has effect."""
    rules = list_rules(SECTOR)
    for step in rules.program:
        creditfile.advance(services, Actor(f"o-{step}", next(iter(rules.steps[step]))), ref, "as found")
        if step == rules.effective_from:
            return


def black(services, subject=FIRM):
    creditfile.record_event(services, OFFICER, subject, CreditEvent("m1", "major_violation_penalty", date(2026, 3, 1), SECTOR))
    (entry,) = creditfile.propose_listings(services, OFFICER, subject, SECTOR)
    listed(services, entry.ref)


def red(services, subject=FIRM):
    entry = creditfile.propose_red(services, OFFICER, subject, SECTOR, founded=date(2017, 11, 15))
    listed(services, entry.ref)


def names(services, subject, on):
    with services.db.read() as session:
        return {one.effect for one in list_effects.effects_on(session, subject, on)}


def granted(window, subject=FIRM, amount=300_000, reward="below_to_above_scale_industry"):
    case = window.apply("policy_reward", {"reward": reward, "registered_in_area": True}, subject).case
    window.take(case, "compare_counts", counted_on="2026-01-31")
    return window.take(case, "grant", amount_cny=amount)


def test_case_4_red_list_effects(window):
    """Deferred papers, green channel, lower ratio, lower frequency, priority in awards."""
    window.at("2026-03-02")
    day = date(2026, 3, 2)
    assert names(window.services, FIRM, day) == set()
    red(window.services)
    assert names(window.services, FIRM, day) == {*list_effects.list_effect_rules().red, *list_rules(SECTOR).red_effects}
    late = window.apply("consignee_registration", {}, documents={})
    assert late.case.deferred  # accepted without threshold
    with window.services.db.read() as session:
        assert list_effects.first_served(session, ["other-firm", FIRM], day) == [FIRM, "other-firm"]
    strata, months = credit_rules().strata, list_effects.list_effect_rules().months_between_checks
    assert strata["red"].ratio_bp < strata["ordinary"].ratio_bp < strata["raised"].ratio_bp
    assert months["red"] > months["ordinary"] > months["raised"]
    assert list_effects.checked_recently(date(2025, 8, 1), "red", day)
    assert not list_effects.checked_recently(date(2025, 8, 1), "ordinary", day)


def test_case_4_black_list_effects_close_what_the_list_names(window):
    window.at("2026-03-02")
    services, day = window.services, date(2026, 3, 2)
    black(services)
    assert names(services, FIRM, day) >= {"joint_punishment", "no_government_subsidy", "no_publicly_funded_tender"}
    with services.db.read() as session:
        for what in ("subsidy", "procurement", "service_purchase", "tender"):
            with pytest.raises(Refused, match="closed"):
                list_effects.require_open(session, FIRM, day, what)
            list_effects.require_open(session, FIRM, date(2026, 3, 1), what)  # the day before it was recognised
        with pytest.raises(InputError):
            list_effects.require_open(session, FIRM, day, "a free lunch")
        assert list_effects.first_served(session, [FIRM, "other-firm"], day) == ["other-firm", FIRM]


def test_case_4_policy_money_is_paid_by_month_without_a_visit(window):
    window.at("2026-03-02")
    granted(window)
    granted(window, amount=200_000, reward="digital_upgrade")
    granted(window, subject="firm-2", amount=50_000)
    services, march = window.services, date(2026, 3, 15)
    with pytest.raises(InputError, match="month_open"):
        credit_payouts.pay_month(services, TREASURY, march)
    window.at("2026-04-01")
    granted(window, subject="firm-3", amount=1)
    paid, kept_out = credit_payouts.pay_month(services, TREASURY, march)
    assert {(one.subject, one.values["amount_fen"]) for one in paid} == {(FIRM, 50_000_000), ("firm-2", 5_000_000)}
    assert kept_out == []
    assert credit_payouts.pay_month(services, TREASURY, march) == ([], [])  # a month is paid once
    own = books.visible(services, Actor(FIRM, Role.APPLICANT), "policy_payouts")
    assert [one.subject for one in own] == [FIRM]
    with pytest.raises(AccessDenied):
        credit_payouts.pay_month(services, Actor("bank", Role.BANK), march)


def test_case_4_a_listed_firm_is_not_paid(window):
    window.at("2026-03-02")
    granted(window)
    black(window.services)
    window.at("2026-04-01")
    assert credit_payouts.pay_month(window.services, TREASURY, date(2026, 3, 1)) == ([], [FIRM])


def test_case_4_guarantee_letters_are_kept(window):
    window.at("2026-03-02")
    services, kinds = window.services, service_rules().guarantees.kinds
    wanted = dict.fromkeys(kinds, 1_000_000)
    several = credit_payouts.issue_letters(services, TREASURY, FIRM, wanted)
    assert [one.values["kinds"] for one in several] == [[kind] for kind in kinds]
    (all_in_one,) = credit_payouts.issue_letters(services, TREASURY, FIRM, wanted, one_for_all=True)
    assert (all_in_one.values["kinds"], all_in_one.values["amount_fen"]) == (list(kinds), 1_000_000 * len(kinds))
    black(services)
    with pytest.raises(Refused, match="credit_services"):
        credit_payouts.issue_letters(services, TREASURY, FIRM, wanted)


def test_case_4_the_arrears_ledger_is_open_to_the_public_and_pays_down(services):
    rows = service_rules().arrears
    assert len(credit_payouts.open_arrears(services, TREASURY)) == len(rows)
    assert credit_payouts.open_arrears(services, TREASURY) == []
    (planned,) = [row for row in rows if row.state == "planned"]
    with services.db.read() as session:
        assert credit_payouts.arrears_left(session) == planned.amount_fen
    paid = planned.model_dump(mode="json") | {"state": "paid"}
    books.write(services, TREASURY, "arrears", str(planned.year), paid)
    with services.db.read() as session:
        assert credit_payouts.arrears_left(session) == 0
        assert [one.values["state"] for one in books.history(session, "arrears", str(planned.year))] == ["planned", "paid"]
    assert len(books.visible(services, None, "arrears")) == len(rows)
