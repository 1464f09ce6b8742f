"""Every rule of both packs at both sides and with the fact unknown."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType

import pytest

from config import ConfigError, pack_path
from inspection.eligibility import EligibilityFacts, facts_from_selection, judge, load_pack, packs
from inspection.record import SelectionPart

DAY = date(2026, 11, 24)
ALL_GOOD = EligibilityFacts(
    today=DAY, profile_best="LRS", profile_worst="SRS", priority="II", selection_class="SP1", overriding=False, detained=False,
    under_investigation=False, trigger="normal_selection", network_ok=True, crew_skilled=True, risk_accepted=True,
    other_exclusion=False, ship_type="bulk carrier", last_remote=MappingProxyType({}),
)  # fmt: skip
SAME_DAY_24 = MappingProxyType({"YJ-050": date(2024, 11, 24)})
ONE_DAY_LESS = MappingProxyType({"YJ-050": date(2024, 11, 25)})
BAD = [
    ("onsite_supervision", "no_overriding_factor", {"overriding": True}, "attend_only"),
    ("onsite_supervision", "not_detained", {"detained": True}, "attend_only"),
    ("onsite_supervision", "no_investigation", {"under_investigation": True}, "attend_only"),
    ("onsite_supervision", "no_operation_to_stop", {"other_exclusion": True}, "attend_only"),
    ("onsite_supervision", "network", {"network_ok": False}, "attend_only"),
    ("onsite_supervision", "risk_accepted", {"risk_accepted": False}, "attend_only"),
    ("help", "no_distress", {"other_exclusion": True}, "attend_only"),
    ("help", "network", {"network_ok": False}, "remote_then_attend"),
    ("first_check", "inspection_due", {"priority": "none"}, "none_due"),
    ("first_check", "not_certainly_high_risk", {"profile_best": "HRS", "profile_worst": "HRS"}, "attend_only"),
    ("first_check", "not_possibly_high_risk", {"profile_worst": "HRS"}, "remote_then_attend"),
    ("first_check", "no_overriding_factor", {"overriding": True}, "attend_only"),
    ("first_check", "not_detained", {"detained": True}, "attend_only"),
    ("first_check", "no_investigation", {"under_investigation": True}, "attend_only"),
    ("first_check", "normal_selection", {"trigger": "accident"}, "attend_only"),
    ("first_check", "normal_selection", {"trigger": "onsite_escalation"}, "attend_only"),
    ("first_check", "not_passenger_ship", {"ship_type": "Ro-Ro Passenger Ship"}, "attend_only"),
    ("first_check", "never_two_years_running", {"last_remote": ONE_DAY_LESS}, "remote_then_attend"),
    ("first_check", "network", {"network_ok": False}, "attend_only"),
    ("first_check", "skilled_crew", {"crew_skilled": False}, "attend_only"),
    ("first_check", "risk_accepted", {"risk_accepted": False}, "attend_only"),
    ("re_inspection", "risk_medium_or_low", {"profile_best": "HRS", "profile_worst": "HRS"}, "attend_only"),
    ("re_inspection", "not_top_priority", {"selection_class": "FP0"}, "attend_only"),
    ("re_inspection", "not_top_priority", {"selection_class": "SP0"}, "attend_only"),
    ("re_inspection", "first_check_by_normal_selection", {"trigger": "report"}, "attend_only"),
    ("re_inspection", "not_detained", {"detained": True}, "attend_only"),
    ("re_inspection", "no_investigation", {"under_investigation": True}, "attend_only"),
    ("re_inspection", "network", {"network_ok": False}, "attend_only"),
    ("re_inspection", "skilled_crew", {"crew_skilled": False}, "attend_only"),
    ("re_inspection", "risk_accepted", {"risk_accepted": False}, "attend_only"),
    ("re_inspection", "no_other_reason", {"other_exclusion": True}, "attend_only"),
]
OPEN_VERDICT = {"confirm": "remote", "then_attend": "remote_then_attend", "pass": "remote"}
FIELDS = {"profile": ["profile_best"]}


@pytest.mark.parametrize("purpose", ["first_check", "re_inspection"])
def test_all_good_is_remote_without_conditions(purpose):
    found = judge(packs()[purpose], ALL_GOOD)
    assert (found.verdict, found.conditions, found.attend_items) == ("remote", (), ())
    assert all(rule.met for rule in found.part.rules)


@pytest.mark.parametrize(("purpose", "rule_id", "wrong", "verdict"), BAD)
def test_each_rule_refuses_with_its_own_reason(purpose, rule_id, wrong, verdict):
    found = judge(packs()[purpose], replace(ALL_GOOD, **wrong))
    assert found.verdict == verdict
    broken = next(rule for rule in found.part.rules if rule.id == rule_id)
    assert broken.met is False
    assert broken.reason.zh
    assert "{" not in broken.reason.zh + broken.reason.en


def test_every_rule_has_a_bad_side():
    assert {(purpose, rule.id) for purpose, pack in packs().items() for rule in pack.rule} == {(row[0], row[1]) for row in BAD}


@pytest.mark.parametrize(("purpose", "rule_id"), sorted({(row[0], row[1]) for row in BAD}))
def test_an_unknown_fact_is_never_taken_as_true(purpose, rule_id):
    pack = packs()[purpose]
    rule = next(rule for rule in pack.rule if rule.id == rule_id)
    fields = FIELDS.get(rule.fact, [rule.fact])
    found = judge(pack, replace(ALL_GOOD, **dict.fromkeys(fields)))
    said = next(one for one in found.part.rules if one.id == rule_id)
    assert said.met is None
    assert found.verdict == OPEN_VERDICT[rule.unknown]
    assert (rule_id in found.conditions) == (rule.unknown == "confirm")


def test_a_range_across_high_risk_stays_open():
    mixed = replace(ALL_GOOD, profile_best="SRS", profile_worst="HRS")
    assert judge(packs()["first_check"], mixed).verdict == "remote_then_attend"
    found = judge(packs()["re_inspection"], mixed)
    assert found.verdict == "remote_then_attend"
    assert found.part.rules[0].met is None


def test_never_two_years_running_names_the_items_and_the_same_day_is_past():
    pack = packs()["first_check"]
    assert judge(pack, replace(ALL_GOOD, last_remote=SAME_DAY_24)).attend_items == ()
    found = judge(pack, replace(ALL_GOOD, last_remote=ONE_DAY_LESS))
    assert found.attend_items == ("YJ-050",)
    assert any("YJ-050" in rule.reason.en for rule in found.part.rules)


def test_the_strongest_effect_wins_and_drafts_say_so():
    worst = replace(ALL_GOOD, priority="none", detained=True, profile_worst="HRS")
    assert judge(packs()["first_check"], worst).verdict == "none_due"
    assert "草案" in judge(packs()["first_check"], worst).part.summary.zh


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("draft, not an authority's rule)\"", 'rule)"', "must say so"),
        ('not_met = "attend"', 'not_met = "pass"', "must have an effect"),
        ("months = 24\n", "", "months belong"),
        ('id = "network"', 'id = "not_detained"', "one id"),
    ],
)
def test_a_wrong_pack_is_refused(tmp_path, old, new, said):
    text = pack_path("eligibility", "first_check.toml").read_text(encoding="utf-8")
    if said == "must say so":
        text = text.replace(
            'label_en = "YunJian conditions for a first check (YunJian draft, not an authority\'s rule)"', 'label_en = "Rule"'
        )
    else:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_pack(path)


DRAFT = {
    "zh": "云监初次检查条件（云监草案，非主管机关规定）",
    "en": "YunJian conditions for a first check (YunJian draft, not an authority's rule)",
}
SUMMARIES = [  # what differs from a ship that fulfils everything, verdict, summary without the name of the pack
    ({}, "remote", "可以远程检查（{}）", "May be checked remotely ({})"),
    ({"network_ok": None}, "remote", "可以远程检查，另有 1 项须由船方在约定时确认（{}）",
     "May be checked remotely; the ship must confirm 1 conditions with the appointment ({})"),
    ({"network_ok": None, "crew_skilled": None, "risk_accepted": None}, "remote",
     "可以远程检查，另有 3 项须由船方在约定时确认（{}）",
     "May be checked remotely; the ship must confirm 3 conditions with the appointment ({})"),
    ({"profile_worst": "HRS"}, "remote_then_attend", "先远程检查，再登轮核实（{}）", "Check remotely first, then attend ({})"),
    ({"profile_worst": "HRS", "network_ok": None, "crew_skilled": None}, "remote_then_attend",
     "先远程检查，再登轮核实，另有 2 项须由船方在约定时确认（{}）",
     "Check remotely first, then attend; the ship must confirm 2 conditions with the appointment ({})"),
    ({"detained": True, "network_ok": None}, "attend_only", "须登轮检查（{}）", "Go on board ({})"),
    ({"priority": "none", "network_ok": None}, "none_due", "目前无需检查（{}）", "No inspection is due now ({})"),
]  # fmt: skip


@pytest.mark.parametrize(("known", "verdict", "zh", "en"), SUMMARIES)
def test_the_summary_says_verdict_conditions_and_draft(known, verdict, zh, en):
    part = judge(packs()["first_check"], replace(ALL_GOOD, **known)).part
    assert part.verdict == verdict
    assert (part.summary.zh, part.summary.en) == (zh.format(DRAFT["zh"]), en.format(DRAFT["en"]))


def test_the_record_names_the_pack_it_was_judged_by():
    part = judge(packs()["re_inspection"], ALL_GOOD).part
    assert (part.pack, part.pack_version, part.purpose) == ("shanghai_msa_reinspection", "2026-11-24", "re_inspection")
    assert part.summary.zh == "可以远程检查（上海海事局远程复查条件）"


@pytest.mark.parametrize(
    ("network", "zh", "en"),
    [
        (True, "船上网络满足视频连线", "the network on board carries a video call"),
        (False, "船上网络不满足视频连线，须登轮", "the network on board does not carry a video call: go on board"),
        (
            None,
            "请在约定时间时确认：船上网络满足视频连线",
            "to confirm with the appointment: the network on board carries a video call",
        ),
    ],
)
def test_the_reason_of_a_rule_in_all_three_cases(network, zh, en):
    part = judge(packs()["first_check"], replace(ALL_GOOD, network_ok=network)).part
    said = next(rule.reason for rule in part.rules if rule.id == "network")
    assert (said.zh, said.en) == (zh, en)


def test_items_checked_remotely_too_lately_are_listed_in_order_and_the_others_are_not():
    seen = {"YJ-050": date(2025, 1, 2), "YJ-002": date(2026, 11, 23), "YJ-080": date(2024, 11, 24), "YJ-081": date(2023, 5, 1)}
    found = judge(packs()["first_check"], replace(ALL_GOOD, last_remote=MappingProxyType(seen)))
    said = next(rule.reason for rule in found.part.rules if rule.id == "never_two_years_running")
    assert found.attend_items == ("YJ-002", "YJ-050")
    assert said.zh.endswith("须登轮：YJ-002、YJ-050")
    assert said.en.endswith("on board this time: YJ-002, YJ-050")


@pytest.mark.parametrize(
    ("today", "last", "recent"),
    [
        (date(2026, 1, 31), date(2024, 1, 31), False),
        (date(2026, 1, 31), date(2024, 2, 1), True),
        (date(2026, 2, 28), date(2024, 2, 29), True),  # 24 months from a leap day end after 28 February
        (date(2026, 3, 1), date(2024, 2, 29), False),
        (date(2026, 12, 1), date(2024, 12, 1), False),
        (date(2026, 12, 1), date(2024, 12, 2), True),
    ],
)
def test_twenty_four_months_at_the_ends_of_months_and_years(today, last, recent):
    facts = replace(ALL_GOOD, today=today, last_remote=MappingProxyType({"YJ-050": last}))
    assert bool(judge(packs()["first_check"], facts).attend_items) is recent


RANKED = SelectionPart(
    regime="tokyo_mou_nir", regime_version="2014-01-01", rank=3, tied_with=0, of=40, points_low=1, points_high=5,
    profile_best="LRS", profile_worst="HRS", priority="II", known=7, criteria=[], ais_source="t", ais_sentences=1,
    at_utc=datetime(2026, 11, 24, tzinfo=UTC),
)  # fmt: skip


def test_what_the_ranking_knows_is_all_that_is_taken_from_it():
    wanted = EligibilityFacts(
        today=DAY, profile_best="LRS", profile_worst="HRS", priority="II", trigger="normal_selection", ship_type="tug"
    )
    assert facts_from_selection(RANKED, "tug", DAY) == wanted
    assert facts_from_selection(RANKED, "tug", DAY, "accident") == replace(wanted, trigger="accident")


def test_a_ship_that_was_not_ranked_is_unknown_and_ends_on_board():
    facts = facts_from_selection(None, None, DAY, "report")
    assert facts == EligibilityFacts(today=DAY, trigger="report")
    assert facts.profile is None
    assert judge(packs()["first_check"], facts).verdict == "attend_only"
    found = judge(packs()["first_check"], facts_from_selection(None, None, DAY))
    assert found.verdict == "remote_then_attend"
    assert found.conditions == ("network", "skilled_crew", "risk_accepted")
