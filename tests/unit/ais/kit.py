"""Makes the small things that the tests of `ais` need: sentences, facts, services."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import reduce
from operator import xor
from typing import Any

from ais.facts import Built, Fact, History, ShipFacts
from ais.fragments import Frame
from ais.framing import Framer
from ais.register_store import Inspection, Rating, RatingKind
from ais.rules import RulePack, load_rules

TODAY = date(2026, 11, 24)
POSITION = b"15RTgt0PAso;90TKcjM8h6g208CQ"


def pack() -> RulePack:
    return load_rules("rules/tokyo_mou_nir.toml")


def sentence(body: bytes) -> bytes:
    """``!AIVDM,...`` with its checksum."""
    return body + b"*%02X" % reduce(xor, body[1:], 0)


def single(payload: bytes = POSITION, talker: bytes = b"AI", kind: bytes = b"VDM", fill: bytes = b"0") -> bytes:
    return sentence(b"!" + talker + kind + b",1,1,,A," + payload + b"," + fill)


def framer(**changes: float) -> Framer:
    settings = {"fragment_age_s": 60.0, "fragment_age_sentences": 2000, "max_pending": 4096, **changes}
    return Framer(
        fragment_age_s=settings["fragment_age_s"],
        fragment_age_sentences=int(settings["fragment_age_sentences"]),
        max_pending=int(settings["max_pending"]),
    )


def frames(data: bytes) -> list[Frame]:
    made = framer()
    return made.feed(data) + made.finish()


def inspection(on: date, deficiencies: int = 0, *, detained: bool = False) -> Inspection:
    return Inspection(2000000, on, "TEST", "tokyo", deficiencies, detained, "test", TODAY, "test")


def rating(kind: RatingKind, value: str | None, *, attested: bool | None = True) -> Fact[Rating]:
    line = Rating(kind, "tokyo_mou_nir", "XX", date(2026, 7, 1), date(2027, 6, 30), value, attested, "test", "test")
    return Fact(line, "test")


def history(*inspections: Inspection, complete: bool = True, last_known: bool = True) -> History:
    return History(
        inspections=tuple(inspections),
        last_on=inspections[-1].inspected_on if inspections else None,
        complete=complete,
        last_known=last_known,
        source="test",
        gap=None,
    )


def facts(**changes: Any) -> ShipFacts:
    """A ship that meets every low-risk condition, with what `changes` says instead."""
    base = ShipFacts(
        types=Fact(frozenset({"general_cargo"}), "test"),
        built=Fact(Built(date(2020, 1, 1), date(2020, 1, 1)), "test"),
        ratings={"flag": rating("flag", "white"), "ro": rating("ro", "high"), "company": rating("company", "high")},
        history=history(inspection(date(2026, 1, 24))),
    )
    return replace(base, **changes)
