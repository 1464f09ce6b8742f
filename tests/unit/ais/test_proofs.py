"""What the data already proves, against golden cases written without the code, and hand-made ones for documents and manning."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from ais.certificates import judge_certificate, load_terms
from ais.crosscheck import cross_check, load_checks, statements
from ais.manning import load_capacities, manning_proofs, match_crew
from ais.records import Certificate, CrewCertificate, ManningLine, RestPeriod
from ais.register import Particular
from ais.register_store import RegisterValue
from ais.rest import check_rest, load_scheme
from ais.rest_proofs import ShipState, against_ais, load_against_ais, rest_proofs
from core.errors import InputError

GOLDEN = Path(__file__).parent / "golden"
REST = json.loads((GOLDEN / "rest_cases.json").read_text(encoding="utf-8"))
START = datetime(2026, 11, 1, tzinfo=UTC)
FROM = {"source": "test", "as_of": date(2026, 11, 1), "licence": "test"}


def certificate_rows() -> list[dict[str, str]]:
    lines = (GOLDEN / "certificate_cases.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def paper(code: str, **changes: object) -> Certificate:
    values = {"imo": 2000286, "code": code, "number": "1", "issued_on": date(2025, 1, 1), **FROM, **changes}
    return Certificate(**values)  # type: ignore[arg-type]  # a table of values


@pytest.mark.parametrize("case", REST, ids=lambda case: f"{case['scheme']}-{case['days']}")
def test_rest_agrees_with_the_minute_by_minute_reckoning(case: dict[str, object]) -> None:
    rests = [(START + timedelta(minutes=first), START + timedelta(minutes=last)) for first, last in case["rests"]]
    found = check_rest(load_scheme(case["scheme"]), rests, (START, START + timedelta(days=case["days"])))
    assert sorted({one.rule for one in found}) == case["broken"]
    if "R1" in case["broken"]:
        assert min(one.value_h for one in found if one.rule == "R1") * 60 == pytest.approx(case["worst_24h_min"])


def test_there_are_enough_golden_cases_of_each_kind() -> None:
    assert len(REST) + len(certificate_rows()) >= 300
    for scheme in ("stcw_mlc_rest", "mlc_work", "stcw_exception"):
        mine = [case["broken"] for case in REST if case["scheme"] == scheme]
        assert [] in mine
        for rule in load_scheme(scheme).rules:
            assert rule.id == "R7" or any(rule.id in broken for broken in mine), rule.id


def test_young_seafarers_rest_at_night() -> None:
    scheme, covered = load_scheme("stcw_mlc_rest"), (START, START + timedelta(days=3))
    rests = [(START + timedelta(hours=h), START + timedelta(hours=h + 8)) for h in (14, 38, 62)]  # 22-06 in ship's time +8
    assert "R7" not in {one.rule for one in check_rest(scheme, rests, covered, utc_offset_min=480)}
    young = [one for one in check_rest(scheme, rests, covered, age=17, utc_offset_min=480) if one.rule == "R7"]
    assert [(one.value_h, one.limit_h) for one in young] == [(8.0, 9.0)] * 3
    assert "R7" not in {one.rule for one in check_rest(scheme, rests, covered, age=18, utc_offset_min=480)}


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(InputError) as raised:
        load_scheme("nothing")
    assert raised.value.code == "ais.rest_scheme"


@pytest.mark.parametrize("row", certificate_rows(), ids=lambda row: "-".join((row["code"], row["on"], row["outcome"])))
def test_certificate(row: dict[str, str]) -> None:
    held = paper(
        row["code"], issued_on=day(row["issued"]), expires_on=day(row["expires"]), interim=row["interim"] == "yes",
        annual_on=tuple(date.fromisoformat(one) for one in row["annual"].split(";") if one), intermediate_on=day(row["intermediate"]),
    )  # fmt: skip
    judged = judge_certificate(load_terms(), held, date.fromisoformat(row["on"]), day(row["departs"]))
    assert judged.outcome == row["outcome"]
    assert judged.proof.inputs[0].source == "test (2026-11-01)"
    assert judged.proof.basis or row["outcome"] == "no_term"


def entry(**values: str) -> Particular:
    facts = {
        key: RegisterValue("imo:2000286", key, value, "register", FROM["as_of"], "test", 10) for key, value in values.items()
    }  # type: ignore[arg-type]
    return Particular("imo:2000286", facts)


@pytest.mark.parametrize(
    ("papers", "registered", "check", "state"),
    [
        ([paper("DOC", company_imo="1234567"), paper("SMC", company_imo="IMO 1234567")], {}, "X-COMPANY", "ok"),
        ([paper("DOC", company_imo="1234567"), paper("SMC", company_imo="7654321")], {}, "X-COMPANY", "failed"),
        ([paper("DOC", company_imo="1234567")], {"company_imo": "1234567"}, "X-COMPANY", "ok"),
        ([paper("DOC", company_imo="1234567")], {"company_imo": "1234568"}, "X-COMPANY", "failed"),
        ([paper("DOC", company_imo="1234567")], {}, "X-COMPANY", "unknown"),
        ([], {}, "X-COMPANY", "unknown"),
        ([paper("DOC", ship_type="bulk_carrier; oil_tanker")], {"ship_type": "oil_tanker"}, "X-TYPE", "ok"),
        ([paper("DOC", ship_type="bulk_carrier")], {"ship_type": "oil_tanker"}, "X-TYPE", "failed"),
        ([paper("DOC")], {"ship_type": "oil_tanker"}, "X-TYPE", "unknown"),
        ([paper("ITC", gross_tonnage=2980.0)], {"gross_tonnage": "2980"}, "X-GT", "ok"),
        ([paper("ITC", gross_tonnage=2981.0)], {"gross_tonnage": "2980"}, "X-GT", "failed"),
        ([paper("CSR", number=str(n)) for n in (1, 2, 3)], {}, "X-CSR", "ok"),
        ([paper("CSR", number=str(n)) for n in (1, 3)], {}, "X-CSR", "failed"),
        ([paper("CSR", number="2")], {}, "X-CSR", "failed"),
        ([paper("CSR", number="A-1")], {}, "X-CSR", "unknown"),
        ([paper("CLC", expires_on=date(2026, 11, 30))], {}, "X-CLC", "ok"),
        ([paper("CLC", expires_on=date(2026, 11, 29))], {}, "X-CLC", "failed"),
        ([paper("BUNKER", expires_on=date(2026, 11, 29))], {}, "X-BUNKER", "failed"),
        ([paper("WRC")], {}, "X-WRECK", "unknown"),
        ([paper("CLC", expires_on=date(2026, 2, 20)), paper("CLC", number="2", issued_on=date(2026, 2, 20), expires_on=date(2027, 2, 20))], {}, "X-CLC", "ok"),
    ],
)  # fmt: skip
def test_documents_agree(papers: list[Certificate], registered: dict[str, str], check: str, state: str) -> None:
    stated = statements(papers, entry(**registered), date(2026, 11, 24))
    found = {one.subject: one.state for one in cross_check(load_checks(), stated, date(2026, 11, 30))}
    assert found[check] == state


def crew(seafarer: str, capacity: str, regulation: str, **changes: object) -> CrewCertificate:
    values = {
        "imo": 1,
        "seafarer": seafarer,
        "capacity": capacity,
        "regulation": regulation,
        "number": seafarer,
        **FROM,
        **changes,
    }
    return CrewCertificate(**values)  # type: ignore[arg-type]  # a table of values


def line(number: int, capacity: str, regulation: str, count: int = 1, **changes: object) -> ManningLine:
    values = {"imo": 1, "line": number, "capacity": capacity, "regulation": regulation, "count": count, **FROM, **changes}
    return ManningLine(**values)  # type: ignore[arg-type]  # a table of values


TODAY = date(2026, 11, 24)


def test_one_person_fills_one_place_and_the_other_line_says_who_is_needed_elsewhere() -> None:
    lines = [line(1, "master", "II/2"), line(2, "chief_mate", "II/2")]
    first, second = match_crew(load_capacities(), lines, [crew("A", "master", "II/2")], TODAY)
    assert first.missing + second.missing == 1
    empty = first if first.missing else second
    assert empty.needed_elsewhere == ("A",)


def test_a_matching_is_found_where_taking_the_first_that_fits_would_fail() -> None:
    lines = [line(1, "chief_mate", "II/2"), line(2, "master", "II/2")]
    found = match_crew(load_capacities(), lines, [crew("A", "master", "II/2"), crew("B", "chief_mate", "II/2")], TODAY)
    assert [(one.filled_by, one.missing) for one in found] == [(("B",), 0), (("A",), 0)]


@pytest.mark.parametrize(
    ("person", "words"),
    [
        (crew("A", "cook", "II/2"), "capacity cook may not serve as master"),
        (crew("A", "master", "II/3"), "STCW II/3 does not cover II/2"),
        (crew("A", "master", "II/2", expires_on=date(2026, 11, 29)), "certificate expires 2026-11-29"),
        (crew("A", "master", "II/2", max_gross_tonnage=2999), "limited to 2999 GT, 3000 needed"),
        (crew("A", "master", "II/2", max_power_kw=2999), "limited to 2999 kW, 3000 needed"),
        (crew("A", "master", "II/2", area="coastal"), "limited to coastal, unlimited needed"),
        (crew("A", "master", "II/2", endorsed_by_flag=False), "no endorsement by the flag State"),
    ],
)
def test_an_unfilled_line_says_why_each_candidate_fails(person: CrewCertificate, words: str) -> None:
    needed = line(1, "master", "II/2", gross_tonnage=3000, power_kw=3000, area="unlimited")
    (found,) = match_crew(load_capacities(), [needed], [person], TODAY, date(2026, 11, 30))
    assert found.missing == 1
    assert [[reason.en for reason in one.reasons] for one in found.failing] == [[words]]
    (proof,) = manning_proofs(load_capacities(), [found])
    assert proof.state == "failed"
    assert words in (proof.inputs[1].value or "")


@pytest.mark.parametrize(
    "person",
    [
        crew("A", "master", "II/2", expires_on=date(2026, 11, 30)),
        crew("A", "master", "II/2", max_gross_tonnage=3000, max_power_kw=3000, area="unlimited", endorsed_by_flag=True),
        crew("A", "master", "II/2", area="unlimited"),
    ],
)
def test_a_limit_that_is_just_enough_is_enough(person: CrewCertificate) -> None:
    needed = line(1, "master", "II/2", gross_tonnage=3000, power_kw=3000, area="near_coastal")
    (found,) = match_crew(load_capacities(), [needed], [person], TODAY, date(2026, 11, 30))
    assert found.filled_by == ("A",)


@pytest.mark.parametrize("seed", range(40))
def test_as_many_places_are_filled_as_trying_every_order_fills(seed: int) -> None:
    chance = Random(seed)
    capacities = ["master", "chief_mate", "deck_officer"]
    lines = [line(n, chance.choice(capacities), "II/2") for n in range(chance.randint(1, 5))]
    people = [crew(f"P{n}", chance.choice(capacities), chance.choice(["II/2", "II/1"])) for n in range(chance.randint(1, 5))]
    serves = {"master": capacities, "chief_mate": capacities[1:], "deck_officer": capacities[2:]}
    fits = [[p.regulation == "II/2" and one.capacity in serves[p.capacity] for p in people] for one in lines]
    size = max(len(lines), len(people))
    best = max(
        sum(person < len(people) and fits[place][person] for place, person in enumerate(order[: len(lines)]))
        for order in permutations(range(size))
    )
    assert sum(len(one.filled_by) for one in match_crew(load_capacities(), lines, people, TODAY)) == best


def period(seafarer: str, first_h: float, last_h: float) -> RestPeriod:
    return RestPeriod(
        imo=1, seafarer=seafarer, starts_at=START + timedelta(hours=first_h), ends_at=START + timedelta(hours=last_h), **FROM
    )  # type: ignore[arg-type]


def state(kind: str, first_h: float, last_h: float) -> ShipState:
    return ShipState(kind, START + timedelta(hours=first_h), START + timedelta(hours=last_h), "AIS test")


@pytest.mark.parametrize(
    ("periods", "moving", "expected"),
    [
        ([period("M", 0, 6), period("C", 6, 12)], state("manoeuvring", 2, 3), {"R8-NEEDED": "M"}),
        ([period("M", 0, 6), period("C", 6, 12)], state("manoeuvring", 5.5, 6.5), {}),
        ([period("M", 0, 6), period("C", 0, 8)], state("under_way", 2, 3), {"R8-NOBODY": "C, M"}),
        ([period("M", 6, 12), period("C", 0, 8)], state("under_way", 2, 3), {}),
        ([period("M", 0, 6), period("C", 0, 6)], state("at_anchor", 2, 3), {}),
        ([period("M", 0, 6)], state("manoeuvring", 2, 2.4), {}),
        ([period("M", 0, 2.5), period("M", 2.5, 6), period("C", 9, 12)], state("arrival", 2, 3), {"R8-NEEDED": "M"}),
        ([period("M", 0, 6)], state("arrival", 23.5, 25), {}),
    ],
)
def test_resting_while_the_ship_manoeuvres(periods: list[RestPeriod], moving: ShipState, expected: dict[str, str]) -> None:
    capacities = {"M": "master", "C": "cook"}
    found = against_ais(load_against_ais(), periods, capacities, [moving], (START, START + timedelta(days=1)))
    said = {one.rule.split(":")[1]: one.subject for one in found}
    assert said == expected
    assert all(one.outcome == "doubt" for one in found)


def test_rest_results_name_the_person_the_rule_and_the_input() -> None:
    covered = (START, START + timedelta(days=2))
    good = [period("B", h, h + 12) for h in (0, 24)]
    found = rest_proofs(load_scheme("stcw_mlc_rest"), [period("A", 0, 6), *good], covered)
    assert {(one.subject, one.rule, one.state) for one in found} == {
        ("A", "stcw_mlc_rest:R1", "failed"), ("A", "stcw_mlc_rest:R4", "failed"), ("A", "stcw_mlc_rest:R3", "failed"),
        ("B", "stcw_mlc_rest", "ok"),
    }  # fmt: skip
    assert all(one.inputs[0].source == "test (2026-11-01)" and one.basis for one in found)
