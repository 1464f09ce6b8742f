from __future__ import annotations

from datetime import date, timedelta

from ais.changes import what_would_change
from ais.facts import Built, Fact
from ais.targeting import assess
from tests.unit.ais.kit import TODAY, facts, history, inspection, pack


def said(**changes: object) -> str:
    ship = facts(**changes)
    return "\n".join(one.en for one in what_would_change(pack(), ship, assess(pack(), ship, TODAY), TODAY))


def test_the_day_on_which_it_is_over_twelve() -> None:
    assert "from 2027-03-02 it is over 12 years" in said(built=Fact(Built(date(2015, 3, 1), date(2015, 3, 1)), "t"))
    assert "over 12 years" not in said(built=Fact(Built(date(2014, 1, 1), date(2014, 1, 1)), "t"))


def test_the_window_and_the_inspection_that_leaves_the_history() -> None:
    past = history(inspection(date(2024, 2, 29), 9), inspection(TODAY - timedelta(days=30), 0))
    text = said(history=past)
    assert "from 2027-03-01 the inspection of 2024-02-29 no longer counts: 0 points, LRS" in text
    assert "the window opens on 2027-03-25" in text


def test_one_more_detention_at_the_threshold() -> None:
    two = history(*(inspection(TODAY - timedelta(days=day), 1, detained=True) for day in (300, 200)))
    assert "one more detention: 1 points, SRS" in said(history=two)
    assert "one more inspection with more than 5 deficiencies: 1 points, SRS" in said(history=two)


def test_what_to_find_out() -> None:
    assert "finding out Age: 0 to 1 points" in said(built=Fact(None))
