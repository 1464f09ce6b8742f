"""The time line of the golden record: every lane, order of time, stable references, both languages."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ais import Position
from console.replay import build
from core.geo import LonLat
from inspection.record import CaseRecord

GOLDEN = Path(__file__).parents[2] / "contract" / "inspection" / "record.golden.json"


@pytest.fixture(scope="module")
def record() -> CaseRecord:
    return CaseRecord.model_validate(json.loads(GOLDEN.read_text(encoding="utf-8")))


def test_everything_with_a_moment_is_on_the_line_in_order(record: CaseRecord) -> None:
    line = build(record, [], "en")
    refs = [one.ref for one in line.moments]
    assert len(refs) == len(set(refs))
    assert [one.at for one in line.moments] == sorted(one.at for one in line.moments)
    answered = [item for item in (record.checklist.items if record.checklist else []) if item.answer]
    decided = [one for one in record.findings if one.decided_at]
    assert {f"item-{item.id}" for item in answered} <= set(refs)
    assert {f"finding-{one.id}" for one in decided} <= set(refs)
    assert {f"step-{number}" for number in range(1, len(record.decisions) + 1)} <= set(refs)
    assert line.start <= record.opened_at <= line.end


def test_the_track_ends_with_the_inspection_and_is_thinned(record: CaseRecord) -> None:
    end = build(record, [], "zh").end
    last_ms = round(end.timestamp() * 1000)
    track = [
        Position(LonLat(122.0, 40.0), last_ms - 6_000 * 1_000 + second * 1_000, 0.1, None, None, None)
        for second in range(7_000)
    ]
    line = build(record, track, "zh")
    assert len(line.track) <= 3_000
    assert line.track[-1].at_ms <= last_ms
    assert line.end - line.start >= timedelta(seconds=1)


def test_words_follow_the_language(record: CaseRecord) -> None:
    zh, en = (next(one for one in build(record, [], lang).moments if one.ref == "opened").title for lang in ("zh", "en"))
    assert (zh, en) == ("立案", "Opened")
