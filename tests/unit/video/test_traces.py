"""The estimator on what real Chromium's packets met on bad paths (`tests.kit.record_traces`): open loop, it only looks on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from video.estimator import Estimator, Settled

TRACES = Path(__file__).with_name("traces")
REPORT_S, LATE_S = 0.05, 0.2
START_BPS = 1_000_000


def trace(name: str) -> Iterator[tuple[float, list[Settled]]]:
    """(time of the report in s, packets settled by it). A publisher's packets are reported each 50 ms, lost ones after 0.2 s."""
    data: dict[str, Any] = json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))
    unit = data["unit_s"]

    def settled(row: list[Any]) -> Settled:
        return Settled(row[0] * unit, None if row[1] is None else row[1] * unit, row[2])

    if "reports" in data:
        for now, rows in data["reports"]:
            yield now * unit, [settled(row) for row in rows]
        return
    packets = sorted((settled(row) for row in data["packets"]), key=_known_s)
    begins, waiting = _known_s(packets[0]), list(reversed(packets))
    now = begins
    while waiting:
        now += REPORT_S
        due = []
        while waiting and _known_s(waiting[-1]) <= now:
            due.append(waiting.pop())
        yield now, sorted(due, key=lambda one: one.sent_s)


def _known_s(one: Settled) -> float:
    return one.sent_s + LATE_S if one.arrived_s is None else one.arrived_s


def follow(name: str) -> list[tuple[float, float, float, float]]:
    """(seconds since the first report, estimate, what arrived, loss) at each report."""
    estimator, out, first = Estimator(START_BPS), [], None
    for now, settled in trace(name):
        first = now if first is None else first
        estimator.update(now, settled)
        out.append((now - first, estimator.bps, estimator.arrived_bps, estimator.loss))
    return out


@pytest.mark.parametrize(("name", "cap_bps"), [("up_300k", 300_000), ("up_1m", 1_000_000), ("up_2500k", 2_500_000)])
def test_a_cap_is_found_from_what_chromium_sends_through_it(name: str, cap_bps: int) -> None:
    late = [bps for at_s, bps, _, _ in follow(name) if at_s > 5.0]
    assert 0.5 * cap_bps < min(late)
    assert max(late) < 1.1 * cap_bps
    assert sum(late) / len(late) > 0.65 * cap_bps


def test_a_satellite_path_that_loses_at_random_is_not_taken_for_a_full_one() -> None:
    rows = follow("up_loss")
    assert min(bps for _, bps, _, _ in rows) >= START_BPS
    assert rows[-1][1] > 3_000_000
    late = [loss for at_s, _, _, loss in rows if at_s > 5.0]
    assert 0.03 < sum(late) / len(late) < 0.08


def test_a_viewer_who_loses_a_fifth_keeps_the_large_picture() -> None:
    rows = [row for row in follow("down_loss") if row[0] > 2.0]
    assert min(bps for _, bps, _, _ in rows) > 2_000_000
    assert 0.15 < sum(loss for _, _, _, loss in rows) / len(rows) < 0.25


def test_a_viewers_path_that_shrinks_is_noticed_within_two_seconds() -> None:
    rows = follow("down_shrinks")
    shrunk_s = next(at_s for at_s, _, arrived, _ in rows if at_s > 2.0 and arrived < 1_000_000)
    assert min(bps for at_s, bps, _, _ in rows if at_s < shrunk_s - 1.0 and at_s > 0.5) > 2_000_000
    assert max(bps for at_s, bps, _, _ in rows if at_s > shrunk_s + 2.0) < 500_000
