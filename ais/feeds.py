"""Owns how a source stands, as an officer needs to know it: what is wrong with it now, by the limits of `config/ais/feeds.toml`.

Never reads a source: it judges what the ingest process wrote down of it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from ais.ledger import NO_SENTENCE, bytes_waiting
from ais.store import Feed, Health
from config import pack_path

Trouble = Literal["unwatched", "fault", "silent", "skew", "rejects", "queue_full", "kernel_drops", "future", "late"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
Standing = Literal["running", "trouble", "down", "ended"]


class FeedRules(BaseModel):
    """Limits; names carry their units. A share is of the sentences or messages of the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    unwatched_s: float
    skew_s: float
    reject_share: float
    late_share: float
    future_share: float


@dataclass(frozen=True, slots=True)
class FeedReading:
    """One source. `rejected`: reason, sentences and bytes, the most frequent first; shares are of all its sentences."""

    feed: Feed
    standing: Standing
    troubles: tuple[Trouble, ...]
    rejected: tuple[tuple[str, int, int], ...]

    @property
    def sentences(self) -> int:
        return int(self.feed.ledger["sentences"])

    @property
    def messages(self) -> int:
        return int(self.feed.ledger["messages"])

    @property
    def rejected_sentences(self) -> int:
        return sum(count for _, count, _ in self.rejected)

    @property
    def bytes_without_sentence(self) -> int:
        held: dict[str, int] = self.feed.ledger.get("rejected_bytes", {})
        return held.get(NO_SENTENCE, 0)

    @property
    def bytes_waiting(self) -> int:
        """Read, but neither decoded nor rejected yet: an unfinished line and half messages; 0 of a source that has ended."""
        return bytes_waiting(self.feed.ledger)

    def share(self, count: int) -> float:
        """Of the sentences, 0 to 1."""
        return count / max(self.sentences, 1)

    @property
    def reconnects(self) -> int:
        """Connections after the first."""
        return max((self.feed.health.connects if self.feed.health else 0) - 1, 0)


@cache
def feed_rules() -> FeedRules:
    return FeedRules.model_validate(tomllib.loads(pack_path("ais", "feeds.toml").read_text(encoding="utf-8")))


def feed_reading(feed: Feed, now: datetime, rules: FeedRules) -> FeedReading:
    """What is wrong with a source at `now`; of one that has ended, only what its numbers show."""
    held: dict[str, int] = feed.ledger.get("rejected", {})
    sizes: dict[str, int] = feed.ledger.get("rejected_bytes", {})
    rejected = tuple(
        (reason, count, sizes.get(reason, 0)) for reason, count in sorted(held.items(), key=lambda one: (-one[1], one[0]))
    )
    health = feed.health
    ended = feed.ended_at is not None or health is None or health.condition == "ended"
    troubles = [] if health is None or ended else _now(health, now, rules)
    down = bool({"unwatched", "fault"} & set(troubles))
    if health is not None:
        troubles += _so_far(health, max(int(feed.ledger["messages"]), 1), rules)
    if sum(held.values()) / max(int(feed.ledger["sentences"]), 1) > rules.reject_share:
        troubles.append("rejects")
    standing: Standing = "ended" if ended else "down" if down else "trouble" if troubles else "running"
    return FeedReading(feed, standing, tuple(troubles), rejected)


def _now(health: Health, now: datetime, rules: FeedRules) -> list[Trouble]:
    troubles: list[Trouble] = []
    if (now - health.updated_at).total_seconds() > rules.unwatched_s:
        troubles.append("unwatched")
    elif health.condition == "waiting":
        troubles.append("fault")
    elif health.condition == "up" and health.messages_per_s == 0:
        troubles.append("silent")
    if health.clock_skew_s is not None and abs(health.clock_skew_s) > rules.skew_s:
        troubles.append("skew")
    return troubles


def _so_far(health: Health, messages: int, rules: FeedRules) -> list[Trouble]:
    found: dict[Trouble, bool] = {
        "queue_full": health.dropped_lines > 0,
        "kernel_drops": health.kernel_drops > 0,
        "future": health.future / messages > rules.future_share,
        "late": health.late / messages > rules.late_share,
    }
    return [trouble for trouble, is_so in found.items() if is_so]
