"""The supervisor's figures, from steps and cases as values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from inspection.overview import WEEKS, loads, weeks
from inspection.overview_store import CaseHead, Taken

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)


def head(number: int, by: str | None, state: str = "in_session", hours: float = 1) -> CaseHead:
    at = NOW - timedelta(hours=hours)
    return CaseHead(f"c{number}", f"YJ-{number}", state, "SHIP", simulated=False, opened_at=at, moved_at=at, moved_by=by)


def taken(by: str, action: str, at: datetime = NOW, role: str = "inspector") -> Taken:
    return Taken("c1", at, by, role, action)


def test_work_in_hand_ends_with_the_issue_and_the_busiest_stands_first() -> None:
    heads = [head(1, "a", hours=5), head(2, "a", hours=9), head(3, "b"), head(4, "b", "issued"), head(5, None)]
    steps = [taken("a", "submit"), taken("b", "approve", role="supervisor"), taken("b", "return_to_draft", role="supervisor")]
    first, second = loads(heads, [*steps, taken("m", "agree", role="crew_guest")])
    assert (first.user_id, first.open_cases, first.submitted) == ("a", 2, 1)
    assert first.oldest == NOW - timedelta(hours=9)
    assert (second.user_id, second.open_cases, second.approved, second.returned) == ("b", 1, 1, 1)


def test_a_week_begins_on_monday_in_the_port_and_an_empty_week_is_shown() -> None:
    sunday_night_utc = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # Monday 00:30 in the port
    found = weeks([taken("a", "start_session", sunday_night_utc), taken("a", "issue", sunday_night_utc)], date(2026, 11, 23))
    assert len(found) == WEEKS
    assert (found[-1].monday, found[-1].started, found[-1].issued) == (date(2026, 11, 23), 1, 1)
    assert found[0].monday == date(2026, 9, 7)
    assert sum(one.started for one in found[:-1]) == 0
