"""What a period saved: counted from records, with the claimed formula beside it and never in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.pages.benefits import as_csv
from inspection.benefits import Finished, measure, pack

DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


def finished(
    number: int,
    *,
    minutes: tuple[float, ...] = (40,),
    attended: bool = False,
    report_h: float = 1.0,
    simulated: bool = False,
    name: str = "SHIP",
) -> Finished:
    start, calls = DAY + timedelta(days=number), []
    for length in minutes:
        calls.append((start, start + timedelta(minutes=length)))
        start += timedelta(minutes=length + 5)
    end = calls[-1][1] if calls else start
    return Finished(
        f"case-{number}", f"YJ-{number}", name, simulated, end + timedelta(hours=report_h), attended, tuple(calls), 10 + number
    )


def test_the_claim_is_the_text_s_product() -> None:
    claim = pack().claimed
    assert claim.yearly_cny == 10_000_000, "1 hour x 50,000 CNY x 200 calls, as the text says"
    assert pack().source.zh
    assert pack().source.en


def test_only_what_was_done_by_call_alone_saves_a_berth_hour() -> None:
    lines = [
        finished(3, minutes=(30, 20), report_h=0.5),
        finished(1),
        finished(2, attended=True, report_h=4),
        finished(4, minutes=()),
        finished(5, minutes=(60,), simulated=True, report_h=2),
    ]
    found = measure(lines, pack().claimed)
    assert (found.issued, found.remote, found.attended, found.simulated) == (5, 3, 1, 1)
    assert (found.saved_berth_hours, found.saved_cny) == (3.0, 150_000)
    assert found.call_minutes == 45, "median of 50, 40, 40 and 60"
    assert found.hours_to_report == 1.5, "median of 0.5, 1, 2 and 4"
    assert found.attended_pct == 20
    assert [one.number for one in found.lines] == ["YJ-1", "YJ-2", "YJ-3", "YJ-4", "YJ-5"]


def test_an_empty_period_has_no_medians() -> None:
    found = measure([], pack().claimed)
    assert (found.call_minutes, found.items_per_appointment, found.hours_to_report, found.attended_pct) == (
        None,
        None,
        None,
        None,
    )
    assert found.saved_cny == 0


def test_the_table_has_a_line_each_and_no_formula() -> None:
    text = as_csv(measure([finished(1, name="=SUM(A1)"), finished(2, minutes=())], pack().claimed))
    lines = text.lstrip("\ufeff").split("\r\n")
    assert lines[1].startswith("YJ-1,'=SUM(A1),false,")
    assert lines[2].endswith(",0.0,12,")
