"""Every rule of both packs at both sides and with the fact unknown."""

from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from config import ConfigError, pack_path
from inspection.eligibility import EligibilityFacts, judge, load_pack, packs

DAY = date(2026, 11, 24)
ALL_GOOD = EligibilityFacts(
    today=DAY, profile_best="LRS", profile_worst="SRS", priority="II", selection_class="SP1", overriding=False, detained=False,
    under_investigation=False, trigger="normal_selection", network_ok=True, crew_skilled=True, risk_accepted=True,
    other_exclusion=False, ship_type="bulk carrier", last_remote=MappingProxyType({}),
)  # fmt: skip
SAME_DAY_24 = MappingProxyType({"YJ-050": date(2024, 11, 24)})
ONE_DAY_LESS = MappingProxyType({"YJ-050": date(2024, 11, 25)})
BAD = [
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
