"""Each trouble of a source at its limit and just inside it; every trouble and every reason has its words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from ais.decode import DecodeReason
from ais.feeds import TROUBLES, FeedReading, Standing, Trouble, feed_reading, feed_rules
from ais.framing import RejectReason
from ais.store import Feed, Health
from core.catalogue import entries

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LEDGER = {
    "sentences": 1000, "messages": 1000, "fragments_used": 1000, "rejected": {}, "read_bytes": 50_000, "decoded_bytes": 49_600, "added_line_ends": 0,
    "rejected_bytes": {"bad_checksum": 300, "no_sentence": 60},
}  # fmt: skip
WELL = Health("up", None, 1, 10.0, 0.5, 0, 0, 0, 0, NOW)
FEED = Feed("a", NOW, None, 0, 0, 0, LEDGER, WELL)


def read(rejected: int = 0, **changes: Any) -> FeedReading:
    ledger = {**LEDGER, "rejected": {"bad_checksum": rejected - rejected // 3, "bad_format": rejected // 3}}
    return feed_reading(replace(FEED, ledger=ledger, health=replace(WELL, **changes)), NOW, feed_rules())


@pytest.mark.parametrize(
    ("trouble", "bad", "good", "standing"),
    [
        ("unwatched", {"updated_at": NOW - timedelta(seconds=16)}, {"updated_at": NOW - timedelta(seconds=14)}, "down"),
        ("fault", {"condition": "waiting"}, {"condition": "starting"}, "down"),
        ("silent", {"messages_per_s": 0.0}, {"messages_per_s": 0.1}, "trouble"),
        ("skew", {"clock_skew_s": -10.1}, {"clock_skew_s": 9.9}, "trouble"),
        ("queue_full", {"dropped_lines": 1}, {}, "trouble"),
        ("kernel_drops", {"kernel_drops": 1}, {}, "trouble"),
        ("future", {"future": 1}, {}, "trouble"),
        ("late", {"late": 11}, {"late": 10}, "trouble"),
        ("rejects", {"rejected": 21}, {"rejected": 20}, "trouble"),
    ],
)
def test_a_trouble_and_its_twin(trouble: Trouble, bad: dict[str, Any], good: dict[str, Any], standing: Standing) -> None:
    found = read(**bad)
    assert (found.troubles, found.standing) == ((trouble,), standing)
    assert (read(**good).troubles, read(**good).standing) == ((), "running")


def test_an_ended_source_is_no_alarm() -> None:
    long_ago = NOW - timedelta(days=1)
    found = read(condition="ended", updated_at=long_ago, clock_skew_s=90_000.0, messages_per_s=0.0, connects=4)
    assert (found.standing, found.troubles, found.reconnects) == ("ended", (), 3)
    assert feed_reading(replace(FEED, health=None, ended_at=long_ago), NOW, feed_rules()).standing == "ended"


def test_reasons_come_by_their_number() -> None:
    found = read(rejected=9)
    assert found.rejected == (("bad_checksum", 6, 300), ("bad_format", 3, 0))
    assert (found.bytes_without_sentence, found.bytes_waiting) == (60, 40)
    assert (found.rejected_sentences, found.share(9)) == (9, 0.009)


def test_every_trouble_reason_and_standing_has_words() -> None:
    fragments = ("fragment_incomplete", "fragment_evicted", "fragment_duplicate")
    wanted = {f"feeds.trouble_{one}" for one in TROUBLES} | {f"feeds.standing_{one}" for one in get_args(Standing)}
    wanted |= {f"feeds.reason_{one}" for one in (*get_args(RejectReason), *get_args(DecodeReason), *fragments)}
    assert wanted <= set(entries())
