"""Early warning of cases 14, 15 and 16, and what is shared between the account, the address and the credit file."""

from __future__ import annotations

from datetime import date

import pytest

from companion import account_view, books, credit_feed, credit_store, ledger, ledger_watch, obligations, watch
from companion.creditfile import grade_on
from companion.model import Actor, Confirm, ObjectTo, Role
from core import events
from core.errors import AccessDenied, InputError, Refused
from tests.integration.companion.kit import FIRM
from tests.integration.companion.test_case_08 import registered
from tests.integration.companion.test_case_14_procedure import opened

WATCHER, FX = Actor("watcher", Role.SUPERVISION), Actor("fx", Role.FINANCE)
BANK = Actor("bank-a", Role.BANK)


def feed(services):
    while events.deliver(services.db, credit_feed.SUBSCRIBER, lambda event: credit_feed.on_event(services, event)):
        pass


def facts(services, subject=FIRM):
    with services.db.read() as session:
        return credit_store.events_of(session, subject)


def test_every_rule_of_the_watch_fires_on_its_figure_and_not_beside_it():
    rules = watch.watch_rules()
    for rule in rules.rule:
        kind = next(iter(rule.kinds))
        before, step = {rule.field: 100.0}, 1 if rule.test in ("at_least", "rise_pct") else -1
        bound = rule.value if rule.test in ("at_least", "at_most") else 100.0 + step * rule.value
        fired = {one.rule for one in watch.hints(rules, kind, {rule.field: bound}, before)}
        beside = {one.rule for one in watch.hints(rules, kind, {rule.field: bound - step}, before)}
        assert rule.id in fired
        assert rule.id not in beside
        assert watch.hints(rules, kind, {}, before) == ()  # an unknown figure is no hint


def test_case_14_watch_anomalies_of_an_account_go_to_the_bank(window):
    window.at("2026-02-11")
    services = window.services
    assert watch.observe(services, WATCHER, "account", FIRM, {"tax_declared_cny": 100.0}, "tax") == ()
    window.at("2026-02-12")
    (hint,) = watch.observe(services, WATCHER, "account", FIRM, {"tax_declared_cny": 5.0}, "tax")
    assert (hint.rule, hint.now, hint.before) == ("tax_stopped", 5.0, 100.0)
    watch.observe(services, WATCHER, "account", FIRM, {"tax_declared_cny": 4.0}, "tax")  # the day's report again
    (told,) = books.visible(services, BANK, watch.HINTS)
    assert (told.subject, told.values["to"], told.values["reason_en"]) == (FIRM, ["bank"], "declared tax fell sharply")
    assert facts(services) == []  # a hint is not a fact of the credit file
    with pytest.raises(InputError, match="unknown"):
        watch.observe(services, WATCHER, "account", FIRM, {"colour": 1.0}, "tax")
    with pytest.raises(AccessDenied):
        watch.observe(services, BANK, "account", FIRM, {"tax_declared_cny": 4.0}, "tax")


def test_case_14_shares_the_address_of_case_8_and_the_credit_of_case_4(window):
    registered(window, "2026-02-01")
    seen = account_view.view(window.services, BANK, FIRM)
    assert (seen.address, seen.virtual, seen.abnormal, seen.grade) == ("Yingkou, Road 1", True, False, None)
    with window.services.db.write() as session:
        session.add(credit_store.QueryGrantRow(subject=FIRM, bank=BANK.user_id, until=date(2026, 12, 31)))
    assert account_view.view(window.services, BANK, FIRM).grade == "A"
    case = opened(window)
    window.at("2026-03-12", 0)
    obligations.sweep(window.services)
    (proposal,) = window.now(case).proposals.values()
    window.act(case, Confirm(proposal=proposal.id, reason="not verified"), Role.BANK)
    feed(window.services)
    (fact,) = facts(window.services)
    assert (fact.kind, fact.domain, fact.source) == ("adverse_record", "banking", case.id)
    assert account_view.view(window.services, BANK, FIRM).grade != "A"
    with pytest.raises(AccessDenied):
        account_view.view(window.services, WATCHER, FIRM)


def test_what_a_case_file_orders_becomes_one_fact_and_ends_with_its_effects(window):
    """Case 3, scenario 3: several effects of one breach are one entry; an upheld objection takes its weight away."""
    window.at("2026-03-02")
    services = window.services
    case = window.apply("network_freight_licence", {"assessment_level": 3}).case
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    ordered = window.confirm(case).case
    feed(services)
    (fact,) = facts(services)
    assert (fact.day, fact.source, fact.domain) == (
        date(2026, 3, 2),
        case.id,
        window.procedure("network_freight_licence").domain,
    )
    credit = [one for one in ordered.effects.values() if one.state == "in_force"]
    assert len(credit) > 1
    for active in credit:
        window.act(case, ObjectTo(effect=active.ref, reason="the paper is true"), Role.APPLICANT, case.subject)
    window.at("2026-03-10")
    for active in ordered.effects.values():
        if window.now(case).effects[active.ref].state == "proposed":
            window.act(case, ObjectTo(effect=active.ref, reason="the paper is true"), Role.APPLICANT, case.subject)
        window.answer(case, active.ref, uphold=True)
    feed(services)
    (fact,) = facts(services)
    assert fact.repaired_on == date(2026, 3, 10)
    with services.db.read() as session:
        assert grade_on(session, FIRM, date(2026, 3, 9)).letter != "A"
        assert grade_on(session, FIRM, date(2026, 3, 10)).letter == "A"


def test_case_15_authority_sees_every_step_and_is_told_what_looks_wrong(services):
    banks = [Actor(f"bank-{name}", Role.BANK) for name in "abc"]
    ledger.register(services, FX, "D9", "firm", 1000)
    loan = ledger.lend(services, banks[0], "D9", 1000)
    for bank in banks[1:]:
        with pytest.raises(Refused, match="no_room"):
            ledger.lend(services, bank, "D9", 1)
    assert [(one.actor, one.action) for one in ledger_watch.steps(services, FX, "D9")] == [
        ("fx", "registered"), ("bank-a", "lent"), ("bank-b", "refused"), ("bank-c", "refused"),
    ]  # fmt: skip
    assert {one.rule for one in ledger_watch.monitor(services, FX, "D9")} == {"asked_again_and_again", "several_banks"}
    ledger.correct(services, FX, "D9", 0)
    assert "loan_on_withdrawn_declaration" in {one.rule for one in ledger_watch.monitor(services, FX, "D9")}
    ledger.repay(services, banks[0], loan)
    assert "loan_on_withdrawn_declaration" not in {one.rule for one in ledger_watch.monitor(services, FX, "D9")}
    with pytest.raises(AccessDenied):
        ledger_watch.steps(services, banks[0], "D9")


def test_case_16_early_warning_is_a_hint_with_reasons_and_orders_nothing(window):
    services = window.services
    window.at("2026-03-02")
    watch.observe(services, WATCHER, "enterprise", FIRM, {"negative_mentions_30d": 4.0, "complaints_30d": 0.0}, "platform")
    window.at("2026-03-03")
    figures = {"negative_mentions_30d": 9.0, "complaints_30d": 3.0, "power_use_kwh": 10.0, "ais_alarms_30d": 1.0}
    fired = watch.observe(services, WATCHER, "enterprise", FIRM, figures, "platform")
    assert {one.rule for one in fired} == {"public_opinion", "many_complaints"}
    assert all(one.zh and one.en for one in fired)
    with services.db.read() as session:
        assert len(books.entries(session, watch.HINTS, FIRM)) == 2
        assert grade_on(session, FIRM, date(2026, 3, 3)).letter == "A"
