"""A remote check moves nothing of a regime: no window, no 36-month history, no deficiency count, no detention."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ais.facts import RatingLists, facts_of
from ais.join import Join
from ais.register import Particular
from ais.register_store import RegisterValue
from ais.rules import load_rules
from ais.targeting import Assessment, assess
from tests.unit.ais.kit import TODAY, inspection

FIELDS = {"imo": "2000000", "ship_type": "bulk_carrier", "build_date": "2016-01-01",
          "psc_history_from": "2020-01-01", "psc_history_to": TODAY.isoformat()}  # fmt: skip


def judged(regime: str, *, remote: bool) -> Assessment:
    pack = load_rules(f"rules/{regime}.toml")
    values = {key: RegisterValue("imo:2000000", key, value, "t", TODAY, "x", 1) for key, value in FIELDS.items()}
    past = [inspection(TODAY - timedelta(days=200), 6, detained=True)]
    if remote:
        past += [replace(inspection(TODAY - timedelta(days=day), 20, detained=True), mode="remote") for day in (90, 40, 10, 0)]
    facts = facts_of(None, Join(Particular("imo:2000000", values), "imo", 1.0), past, RatingLists([], TODAY), pack, TODAY)
    return assess(pack, facts, TODAY)


@pytest.mark.parametrize("regime", ["tokyo_mou_nir", "paris_mou"])
def test_remote_checks_change_nothing(regime: str) -> None:
    assert judged(regime, remote=True) == judged(regime, remote=False)
