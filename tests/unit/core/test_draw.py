"""The draw: exact counts, fairness, conflicts, commitment, and the one-file verifier that recomputes it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import companion
from core import draw
from core.errors import Altered, InputError, Refused

VERIFIER = Path(companion.__file__).with_name("verify_draw.py")
SECRET = "a secret nobody knows"


def plan_json(firms=40, officers=6, items=12, **changes):
    raw = {
        "schema": "yunjian.draw/1", "id": "2026-q4", "seed_source": "index of 2026-12-01", "secret_sha256": draw.secret_hash(SECRET),
        "strata": {"ordinary": {"ratio_bp": 500, "rounding": "up"}, "high": {"ratio_bp": 1000, "rounding": "up"},
                   "red": {"ratio_bp": 200, "rounding": "down"}},
        "targets": [{"id": f"企业{n}", "stratum": ("ordinary", "high", "red")[n % 3], "kind": ("food", "ship")[n % 2],
                     "excluded": ["no_annual_report"] if n % 10 == 9 else []} for n in range(firms)],
        "pools": [{"role": "officer", "per_visit": 2,
                   "people": [{"id": f"o{n}", "conflicts": ["企业0", "企业1"] if n == 0 else []} for n in range(officers)]},
                  {"role": "expert", "per_visit": 1, "people": [{"id": "e1", "conflicts": []}, {"id": "e2", "conflicts": []}]}],
        "items": [{"id": f"i{n}", "kinds": ["ship"] if n == 3 else [], "always": n == 5} for n in range(items)],
        "items_per_visit": 4,
    }  # fmt: skip
    return {**raw, **changes}


def run_verifier(folder, plan, result, secret, commitment):
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    command = [sys.executable, "-I", str(VERIFIER), str(folder / "plan.json"), str(folder / "result.json"), secret, commitment]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_verifier_is_short_and_needs_nothing():
    lines = VERIFIER.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)


def test_the_verifier_recomputes_the_draw_and_names_what_was_changed(tmp_path):
    raw = plan_json()
    plan = draw.parse_plan(raw)
    promised = draw.commitment(plan)
    result = draw.result_json(plan, "3317.38", draw.draw(plan, SECRET, "3317.38"))
    assert len(result["visits"]) == sum(draw.planned_counts(plan).values())
    good = run_verifier(tmp_path, plan.as_json(), result, SECRET, promised)
    assert (good.returncode, good.stdout) == (0, f"AS COMMITTED: {len(result['visits'])} visits\n")

    one_row_less = {**plan.as_json(), "targets": plan.as_json()["targets"][:-1]}
    assert "a row of a list was changed" in run_verifier(tmp_path, one_row_less, result, SECRET, promised).stdout
    assert run_verifier(tmp_path, plan.as_json(), result, "another secret", promised).returncode == 1
    swapped = json.loads(json.dumps(result))
    swapped["visits"][1]["people"]["officer"].reverse()
    assert "visit 2 should be" in run_verifier(tmp_path, plan.as_json(), swapped, SECRET, promised).stdout
    shorter = {**result, "visits": result["visits"][:-1]}
    assert run_verifier(tmp_path, plan.as_json(), shorter, SECRET, promised).returncode == 1
    assert run_verifier(tmp_path, {}, result, SECRET, promised).returncode == 1
    assert run_verifier(tmp_path, plan.as_json(), [], SECRET, promised).returncode == 2


@pytest.mark.parametrize(("size", "ratio_bp", "rounding", "count"), [
    (100, 500, "up", 5), (101, 500, "up", 6), (1, 1, "up", 1), (0, 500, "up", 0), (99, 200, "down", 1), (49, 200, "down", 0),
    (4000, 10_000, "up", 4000), (3, 0, "up", 0),
])  # fmt: skip
def test_counts_are_exact(size, ratio_bp, rounding, count):
    assert draw.Stratum(ratio_bp=ratio_bp, rounding=draw.Rounding(rounding)).count(size) == count


def test_excluded_rows_stay_listed_and_are_never_drawn():
    plan = draw.parse_plan(plan_json(strata={name: {"ratio_bp": 10_000} for name in ("ordinary", "high", "red")}))
    drawn = {visit.target for visit in draw.draw(plan, SECRET, "x")}
    assert drawn == {row.id for row in plan.targets if not row.excluded}
    assert any(row.excluded for row in plan.targets)


def test_items_suit_the_target_and_key_items_are_always_there():
    plan = draw.parse_plan(plan_json(strata={name: {"ratio_bp": 10_000} for name in ("ordinary", "high", "red")}))
    kinds = {row.id: row.kind for row in plan.targets}
    visits = draw.draw(plan, SECRET, "x")
    assert all(visit.items[0] == "i5" and len(set(visit.items)) == plan.items_per_visit for visit in visits)
    with_limited = [visit.target for visit in visits if "i3" in visit.items]
    assert with_limited
    assert all(kinds[target] == "ship" for target in with_limited)


def test_work_is_shared_evenly():
    plan = draw.parse_plan(plan_json(firms=300, strata={name: {"ratio_bp": 10_000} for name in ("ordinary", "high", "red")}))
    busy = Counter(person for visit in draw.draw(plan, SECRET, "x") for person in visit.people["officer"])
    assert max(busy.values()) - min(busy.values()) <= 2


def chi_square(counts, expected):
    return sum((count - expected) ** 2 / expected for count in counts)


def test_the_draw_is_fair():
    """Firms, pairs of firm and officer, and items against the uniform distribution; limits are the 99.99 % points."""
    firms, draws = 20, 1000
    raw = plan_json(firms=firms, strata={"all": {"ratio_bp": 2500}})
    raw["targets"] = [{"id": f"f{n}", "stratum": "all"} for n in range(firms)]
    raw["items"] = [{"id": f"i{n}"} for n in range(12)]
    plan = draw.parse_plan(raw)
    taken, pairs, items = Counter(), Counter(), Counter()
    for number in range(draws):
        for visit in draw.draw(plan, SECRET, str(number)):
            taken[visit.target] += 1
            pairs.update((visit.target, one) for one in visit.people["officer"])
            items.update(visit.items)
    assert chi_square(taken.values(), draws * 5 / firms) < 53  # 19 degrees of freedom
    assert len(pairs) == firms * 6
    assert chi_square(pairs.values(), draws * 5 / firms * 2 / 6) < 188  # at most 119 degrees of freedom
    assert chi_square(items.values(), draws * 5 * 4 / 12) < 39  # at most 11 degrees of freedom


def test_a_wrong_secret_and_too_few_people_are_refused():
    plan = draw.parse_plan(plan_json())
    with pytest.raises(Altered) as altered:
        draw.draw(plan, "guessed", "x")
    assert altered.value.code == "draw.wrong_secret"
    raw = plan_json(strata={name: {"ratio_bp": 10_000} for name in ("ordinary", "high", "red")}, officers=2)
    with pytest.raises(Refused) as refused:
        draw.draw(draw.parse_plan(raw), SECRET, "x")
    assert refused.value.params["role"] == "officer"


@pytest.mark.parametrize("change", [
    {"strata": {}}, {"items_per_visit": -1}, {"secret_sha256": "x"}, {"targets": [{"id": "a", "stratum": "red"}] * 2},
    {"targets": [{"id": "a\x1fb", "stratum": "red"}]}, {"schema": "yunjian.draw/2"}, {"seed_source": ""}, {"unknown": 1},
])  # fmt: skip
def test_a_bad_plan_is_an_input_error(change):
    with pytest.raises(InputError) as error:
        draw.parse_plan(plan_json(**change))
    assert error.value.code == "draw.bad_plan"


def test_one_plan_has_one_commitment_whatever_the_order_of_sets():
    raw = plan_json()
    turned = json.loads(json.dumps(raw))
    turned["pools"][0]["people"][0]["conflicts"].reverse()
    assert draw.commitment(draw.parse_plan(raw)) == draw.commitment(draw.parse_plan(turned))
