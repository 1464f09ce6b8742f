"""Case 21, policy match: the numbered scenarios. The full run of scenario 4 is timed in tests/perf."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from companion.policy_match import Gap, Tier, changes, find, in_library, package, policy_rules, read_rules, tiers
from core.errors import InputError

RULES = policy_rules()
POLICY = next(policy for policy in RULES.policy if len(policy.conditions) == 4)
BOUND = {condition.field: condition.value for condition in POLICY.conditions if condition.value is not None}
FIRM = {"sector": "industry", "revenue_wan": BOUND["revenue_wan"], "tax_registered": 1, "on_black_list": 0}


def match(**changed):
    return next((one for one in package({**FIRM, **changed}, RULES) if one.policy == POLICY.id), None)


def test_case_21_scenario_1():
    assert match().tier is Tier.NOW
    near = match(revenue_wan=BOUND["revenue_wan"] - 150)
    assert (near.tier, near.gaps) == (Tier.REACHABLE, (Gap("revenue_wan", 150, True),))


def test_case_21_scenario_2():
    assert match(sector="farming") is None


def test_case_21_scenario_3():
    firms = [FIRM, {**FIRM, "revenue_wan": 1}]
    before = tiers(firms, RULES)
    firms[1] = {**firms[1], "revenue_wan": BOUND["revenue_wan"]}
    moved = changes(before, tiers(firms, RULES))
    assert moved == [(1, RULES.policy.index(POLICY))]


def made(firms, policies, seed=1):
    """Firms and policies by chance, with unknown values."""
    rng = np.random.default_rng(seed)
    fields = [f"n{n}" for n in range(30)]

    def firm():
        values = rng.integers(0, 10, 30)
        return {"sector": ("a", "b", "c", None)[rng.integers(4)]} | {
            field: None if value == 9 else float(value) for field, value in zip(fields, values, strict=True)
        }

    def condition():
        base = {"changeable": bool(rng.integers(2)), "ask_zh": "?", "ask_en": "?"}
        if rng.integers(4) == 0:
            return {"field": "sector", "op": "in", "values": ["a", "b"], **base}
        return {
            "field": fields[rng.integers(30)],
            "op": ("at_least", "at_most")[rng.integers(2)],
            "value": float(rng.integers(9)),
            **base,
        }

    raw = {"version": "1", "source": "made", "max_gaps": 3, "library_from": RULES.library_from, "library_to": RULES.library_to,
           "policy": [{"id": f"p{n}", "zh": "p", "en": "p", "future": n % 9 == 0,
                       "conditions": [condition() for _ in range(rng.integers(1, 7))]} for n in range(policies)]}  # fmt: skip
    return [firm() for _ in range(firms)], read_rules(raw)


def test_case_21_scenario_4():
    """The columns say for every firm what a slow reading of the rules says."""
    firms, rules = made(60, 40)
    table = tiers(firms, rules)
    for row, firm in zip(table, firms, strict=True):
        for tier, policy in zip(row, rules.policy, strict=True):
            said = [slow(condition, firm.get(condition.field)) for condition in policy.conditions]
            unmet = [condition for condition, answer in zip(policy.conditions, said, strict=True) if answer is False]
            if len(unmet) > rules.max_gaps or not all(one.changeable for one in unmet):
                expected = Tier.NONE
            elif None in said:
                expected = Tier.UNKNOWN
            else:
                expected = Tier.REACHABLE if unmet else Tier.FUTURE if policy.future else Tier.NOW
            assert tier == expected


def slow(condition, value):
    if value is None:
        return None
    return {
        "in": lambda: value in condition.values,
        "at_least": lambda: value >= condition.value,
        "at_most": lambda: value <= condition.value,
    }[condition.op]()


def test_case_21_scenario_5():
    asked = match(revenue_wan=None)
    assert (asked.tier, asked.gaps) == (Tier.UNKNOWN, ())
    assert asked.asks_en == tuple(one.ask_en for one in POLICY.conditions if one.field == "revenue_wan")


def test_the_library_has_a_window_and_filters():
    assert in_library(RULES.library_from, RULES)
    assert in_library(RULES.library_to, RULES)
    assert not in_library(RULES.library_to + timedelta(days=1), RULES)
    firms = [
        {"sector": "industry", "about": "biodegradable plastic", "revenue_wan": 10, "age_years": 3},
        {"sector": "industry"},
    ]
    assert find(firms, sector="industry") == firms
    assert find(firms, keywords=["plastic"]) == find(firms, min_revenue_wan=5) == find(firms, max_age_years=5) == firms[:1]


@pytest.mark.parametrize("change", [{"op": "in"}, {"value": None}, {"op": "like"}])
def test_bad_policies_are_named(change):
    condition = {"field": "x", "op": "at_least", "value": 1, "changeable": True, "ask_zh": "?", "ask_en": "?", **change}
    raw = RULES.model_dump(exclude={"policy"}) | {
        "policy": [{"id": "p", "zh": "p", "en": "p", "future": False, "conditions": [condition]}]
    }
    with pytest.raises(InputError, match=r"policy\.0\.conditions\.0"):
        read_rules(raw)
