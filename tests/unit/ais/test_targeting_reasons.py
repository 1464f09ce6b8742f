"""What the table says about a ship, word for word in both languages: a person signs for these sentences."""

from __future__ import annotations

from datetime import date

import pytest

from ais.facts import Built, Fact, History
from ais.register_store import Inspection, RatingKind
from ais.rules import RatingIn, RulePack
from ais.targeting import Judgement, Window, assess
from ais.text import Bilingual
from tests.unit.ais.kit import TODAY, facts, history, inspection, pack, rating

GAP = Bilingual("档案缺页", "pages are missing from the file")
NO_VALUE = ("登记资料中没有这一项", "the register has no value for it")
NO_HISTORY = ("没有可证明完整的检查历史", "no inspection history that is vouched to be complete")
LABELS = {
    "ship_type": ("船舶类型", "Ship type"),
    "age": ("船龄", "Age"),
    "flag_list": ("船旗国表现（黑灰白名单）", "Flag performance (black-grey-white list)"),
    "flag_audit": ("船旗国已接受 IMO 审核", "Flag audited by IMO"),
    "ro_performance": ("认可组织（RO）表现", "Performance of the recognised organisation"),
    "ro_recognised": ("认可组织获东京备忘录成员当局认可", "RO recognised by a Tokyo MOU authority"),
    "company": ("公司（ISM）表现", "Performance of the ISM company"),
    "deficiencies": ("缺陷（36 个月内每次检查）", "Deficiencies (each inspection in 36 months)"),
    "detentions": ("滞留（36 个月内）", "Detentions in 36 months"),
}


def types(*names: str) -> dict[str, object]:
    return {"types": Fact(frozenset(names), "register A")}


def built(first: date, last: date) -> dict[str, object]:
    return {"built": Fact(Built(first, last), "register B")}


def rated(kind: RatingKind, value: str | None, *, attested: bool | None = True) -> dict[str, object]:
    fact = rating(kind, value, attested=attested)
    return {"ratings": {**facts().ratings, kind: Fact(fact.value, "list C")}}


def unlisted(kind: RatingKind, why: Bilingual | None) -> dict[str, object]:
    return {"ratings": {**facts().ratings, kind: Fact(None, None, why)}}


def past(*inspections: Inspection, whole: bool = True, gap: Bilingual | None = None) -> dict[str, object]:
    last = inspections[-1].inspected_on if inspections else None
    return {"history": History(inspections, last, complete=whole, last_known=whole, source="authority D", gap=gap)}


def judged(name: str, by: RulePack, **changes: object) -> Judgement:
    return next(item for item in assess(by, facts(**changes), TODAY).judgements if item.criterion.id == name)


SIX = inspection(date(2025, 3, 1), 6)
FIVE = inspection(date(2025, 9, 15), 5)
HELD = [inspection(date(2025, month, 1), 1, detained=True) for month in (2, 5, 8)]

# criterion, what is known, state, points, most points, value shown, source, sentence zh, sentence en
ROWS = [
    ("ship_type", types("bulk_carrier"), "met", 2, 2, "bulk_carrier", "register A",
     "散货船：列入高风险船型", "bulk carrier: on the list of risk types"),
    ("ship_type", types("tug"), "not_met", 0, 2, "tug", "register A", "拖船：未列入高风险船型", "tug: not on the list of risk types"),
    ("ship_type", types("tug", "dredger"), "not_met", 0, 2, "dredger, tug", "register A",
     "挖泥船、拖船：未列入高风险船型", "dredger, tug: not on the list of risk types"),
    ("ship_type", types("general_cargo", "bulk_carrier"), "unknown", None, 2, "bulk_carrier, general_cargo", "register A",
     "AIS 船型代码可能是：散货船、杂货船", "the AIS type code may mean: bulk carrier, general cargo ship"),
    ("ship_type", {"types": Fact(None, None, GAP)}, "unknown", None, 2, None, None, GAP.zh, GAP.en),
    ("ship_type", {"types": Fact(None)}, "unknown", None, 2, None, None, *NO_VALUE),
    ("age", built(date(2014, 11, 23), date(2014, 11, 23)), "met", 1, 1, "2014-11-23", "register B",
     "2014-11-23 建造，超过 12 年", "built 2014-11-23, more than 12 years ago"),
    ("age", built(date(2014, 11, 24), date(2014, 11, 24)), "not_met", 0, 1, "2014-11-24", "register B",
     "2014-11-24 建造，未超过 12 年", "built 2014-11-24, not more than 12 years ago"),
    ("age", built(date(2013, 1, 1), date(2013, 12, 31)), "met", 1, 1, "2013", "register B",
     "2013 建造，超过 12 年", "built 2013, more than 12 years ago"),
    ("age", built(date(2014, 1, 1), date(2014, 12, 31)), "unknown", None, 1, "2014", "register B",
     "只知建造年份 2014，今日无法判断是否超过 12 年",
     "only the year 2014 is known, which does not tell whether it is over 12 years today"),
    ("age", {"built": Fact(None, None, GAP)}, "unknown", None, 1, None, None, GAP.zh, GAP.en),
    ("flag_list", rated("flag", "black"), "met", 1, 1, "XX: black", "list C", "XX：黑名单", "XX: black list"),
    ("flag_list", rated("flag", "grey"), "not_met", 0, 1, "XX: grey", "list C",
     "XX：灰名单，不计分，但不符合低风险条件", "XX: grey list; no points, but not low risk"),
    ("flag_list", rated("flag", "white"), "not_met", 0, 1, "XX: white", "list C",
     "XX：白名单，符合低风险条件", "XX: white list; meets the low-risk condition"),
    ("flag_list", unlisted("flag", GAP), "unknown", None, 1, None, None, GAP.zh, GAP.en),
    ("company", rated("company", "no_inspection"), "met", 2, 2, "XX: no_inspection", "list C",
     "XX：36 个月内无检查", "XX: no inspection in 36 months"),
    ("ro_performance", rated("ro", "medium"), "not_met", 0, 1, "XX: medium", "list C",
     "XX：表现中，不计分，但不符合低风险条件", "XX: medium performance; no points, but not low risk"),
    ("ro_performance", rated("ro", None), "unknown", None, 1, None, None, *NO_VALUE),
    ("flag_audit", rated("flag", "white"), "met", 0, 0, "XX", "list C", "XX 已接受 IMO 审核", "XX has been audited by IMO"),
    ("flag_audit", rated("flag", "white", attested=False), "not_met", 0, 0, "XX", "list C",
     "XX 未接受 IMO 审核，不符合低风险条件", "XX has not been audited by IMO; not low risk"),
    ("flag_audit", rated("flag", "white", attested=None), "unknown", None, 0, None, None, *NO_VALUE),
    ("flag_audit", unlisted("flag", GAP), "unknown", None, 0, None, None, GAP.zh, GAP.en),
    ("ro_recognised", rated("ro", "high", attested=False), "not_met", 0, 0, "XX", "list C",
     "XX 未获成员当局认可，不符合低风险条件", "XX is not recognised by a member authority; not low risk"),
    ("deficiencies", past(SIX, FIVE), "met", 1, 4, "2025-03-01: 6, 2025-09-15: 5", "authority D",
     "2 次检查中有 1 次缺陷超过 5 项", "1 of 2 inspections with more than 5 deficiencies"),
    ("deficiencies", past(FIVE), "not_met", 0, 4, "2025-09-15: 5", "authority D",
     "1 次检查中没有缺陷超过 5 项的", "none of 1 inspections with more than 5 deficiencies"),
    ("deficiencies", past(), "not_met", 0, 4, "0", "authority D",
     "0 次检查中没有缺陷超过 5 项的", "none of 0 inspections with more than 5 deficiencies"),
    ("deficiencies", past(SIX, whole=False), "met", 1, 4, "2025-03-01: 6", "authority D", "至少 1 次检查缺陷超过 5 项（历史不完整）",
     "at least 1 inspections with more than 5 deficiencies (the history is not complete)"),
    ("deficiencies", past(FIVE, whole=False, gap=GAP), "unknown", None, 4, "2025-09-15: 5", "authority D", GAP.zh, GAP.en),
    ("deficiencies", past(whole=False), "unknown", None, 4, None, "authority D", *NO_HISTORY),
    ("detentions", past(*HELD), "met", 1, 1, "2025-02-01, 2025-05-01, 2025-08-01", "authority D",
     "滞留 3 次，达到 3 次", "3 detentions, 3 or more"),
    ("detentions", past(*HELD, whole=False), "met", 1, 1, "2025-02-01, 2025-05-01, 2025-08-01", "authority D",
     "滞留 3 次，达到 3 次", "3 detentions, 3 or more"),
    ("detentions", past(*HELD[:2], SIX), "not_met", 0, 1, "2025-02-01, 2025-05-01", "authority D",
     "滞留 2 次，少于 3 次", "2 detentions, fewer than 3"),
    ("detentions", past(SIX), "not_met", 0, 1, "0", "authority D", "滞留 0 次，少于 3 次", "0 detentions, fewer than 3"),
    ("detentions", past(*HELD[:2], whole=False, gap=GAP), "unknown", None, 1, "2025-02-01, 2025-05-01", "authority D",
     GAP.zh, GAP.en),
    ("detentions", past(whole=False, gap=GAP), "unknown", None, 1, None, "authority D", GAP.zh, GAP.en),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "state", "points", "most", "value", "source", "zh", "en"), ROWS)
def test_each_row_says_what_was_seen_where_and_why(
    name: str, changes: dict[str, object], state: str, points: int | None, most: int, value: str | None, source: str | None,
    zh: str, en: str,
) -> None:  # fmt: skip
    found = judged(name, pack(), **changes).criterion
    assert found.label == Bilingual(*LABELS[name])
    assert (found.state, found.points, found.max_points) == (state, points, most)
    assert (found.value, found.source, found.reason) == (value, source, Bilingual(zh, en))


@pytest.mark.parametrize(("kind", "names"), [("flag", ("flag_list", "flag_audit")), ("company", ("company",))])
def test_an_unknown_list_leaves_the_low_risk_condition_open(kind: RatingKind, names: tuple[str, ...]) -> None:
    for name in names:
        assert judged(name, pack(), **unlisted(kind, GAP)).lrs == "unknown"


@pytest.mark.parametrize(("value", "points"), [("low", 2), ("medium", 0)])
def test_a_site_may_take_a_list_out_of_the_low_risk_conditions(value: str, points: int) -> None:
    free = [
        rule.model_copy(update={"lrs": "any"}) if isinstance(rule, RatingIn) and rule.list == "company" else rule
        for rule in pack().criteria
    ]
    own = pack().model_copy(update={"criteria": tuple(free)})
    strict, eased = (assess(by, facts(**rated("company", value)), TODAY) for by in (pack(), own))
    assert (strict.points_low, strict.profile_best) == (points, "SRS")
    assert (eased.points_low, eased.profile_best) == (points, "LRS")


LAST = date(2026, 1, 31)
OPEN_FLAG = unlisted("flag", GAP)
# what is known, day, priority, sentence zh, sentence en
PRIORITIES = [
    ({"history": history(inspection(LAST)), "overriding": ("accident", "complaint")}, TODAY, "I",
     "优先级 I：存在首要因素（来港途中发生碰撞、搁浅或触礁、有投诉）",
     "Priority I: overriding factor (collision, grounding or stranding on the way to the port, complaint)"),
    (past(whole=False, gap=GAP), TODAY, None, GAP.zh, GAP.en),
    (past(whole=False), TODAY, None, *NO_HISTORY),
    (past(), TODAY, "I", "优先级 I：窗口期内无检查记录", "Priority I: no inspection on record"),
    ({"history": history(inspection(LAST))}, date(2026, 10, 30), "none",
     "无优先级：上次检查 2026-01-31，窗口 2026-10-31 才开启",
     "No priority: last inspected 2026-01-31, the window opens on 2026-10-31"),
    ({"history": history(inspection(LAST))}, date(2026, 10, 31), "II",
     "优先级 II：上次检查 2026-01-31，窗口 2026-10-31 至 2027-07-31",
     "Priority II: last inspected 2026-01-31, window 2026-10-31 to 2027-07-31"),
    ({"history": history(inspection(LAST))}, date(2027, 8, 1), "I",
     "优先级 I：上次检查 2026-01-31，窗口已于 2027-07-31 关闭",
     "Priority I: last inspected 2026-01-31, the window closed on 2027-07-31"),
    ({"history": history(inspection(LAST)), **OPEN_FLAG}, date(2026, 9, 30), None,
     "优先级取决于未知项：窗口最早 2026-06-30、最晚 2026-10-31 开启",
     "The priority depends on what is unknown: the window opens between 2026-06-30 and 2026-10-31"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "on", "priority", "zh", "en"), PRIORITIES)
def test_the_priority_gives_its_reason(changes: dict[str, object], on: date, priority: str | None, zh: str, en: str) -> None:
    found = assess(pack(), facts(**changes), on)
    assert (found.priority, found.priority_reason) == (priority, Bilingual(zh, en))


def test_an_assessment_names_its_rules_its_day_and_both_windows() -> None:
    found = assess(pack(), facts(history=history(inspection(LAST)), **OPEN_FLAG), date(2026, 9, 30))
    assert (found.regime, found.regime_version, found.on) == ("tokyo_mou_nir", "2014-01-01", date(2026, 9, 30))
    assert found.window_best == Window(date(2026, 10, 31), date(2027, 7, 31))  # white flag: low risk
    assert found.window_worst == Window(date(2026, 6, 30), date(2026, 9, 30))  # black flag: standard risk
    assert (found.known, found.total) == (7, 9)


def test_the_notes_word_for_word() -> None:
    found = assess(pack(), facts(flag="CN", unknown_factors=("aliens",)), date(2013, 12, 31))
    assert found.notes == (
        Bilingual(
            "东京备忘录新检查机制（NIR） 在 2013-12-31 不具效力",
            "Tokyo MOU new inspection regime (NIR) is not in force on 2013-12-31",
        ),
        Bilingual(
            "CN 籍船舶适用船旗国监督，本表仅供参考",
            "A ship under flag CN falls under flag State control; this table is an indication only",
        ),
        Bilingual(
            "登记的首要因素“aliens”不在规则表中，未计入",
            "The factor 'aliens' in the register is not in the rule table and was not counted",
        ),
    )
