"""The planted behaviours of the scenario are found, each on its own ship, and the honest ships raise none of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import ais
from ais.event_store import events, identities, port_calls
from ais.generate import write_behaviour_log
from ais.signals import Event, Signal
from core.context import Services

SILENT, TWO_NAMES, LEAPER, DRAGGER, INWARD, BERTHED = 413999101, 413999102, 413999103, 413999104, 413999108, 413999109
ROUND = 413999110
HONEST = (413999105, 413999106, 413999107, INWARD, BERTHED)


@pytest.fixture
def watched(services: Services, tmp_path: Path) -> tuple[Services, list[Signal], list[Event]]:
    ais.import_archive(services, write_behaviour_log(tmp_path, 5, services.clock.now()))
    found = ais.open_signals(services, services.clock.now() + timedelta(minutes=150))
    with services.db.ais_read() as session:
        return services, found, events(session, limit=1000)


def test_planted_behaviours_are_found(watched: tuple[Services, list[Signal], list[Event]]) -> None:
    services, found, happened = watched
    kinds = {mmsi: {one.kind for one in found if one.mmsi == mmsi} for mmsi in {one.mmsi for one in found}}
    assert "gap" in kinds[SILENT]
    assert "identity_change" in kinds[TWO_NAMES]
    assert "jump" in kinds[LEAPER]
    assert "drifting_at_anchor" in kinds[DRAGGER]
    round_about = next(one for one in found if one.kind == "circle")
    assert (round_about.mmsi, len([one for one in found if one.kind == "circle"])) == (ROUND, 1)
    assert round_about.facts["radius_m"] == pytest.approx(150, abs=10)
    assert len(round_about.evidence) >= 4
    assert not {mmsi: kinds[mmsi] for mmsi in HONEST if mmsi in kinds}
    for one in found:
        assert one.evidence
        assert one.words.zh
        assert one.words.en
        assert one.expires_at > one.opened_at
        assert 0 < one.confidence <= 1
    gap = next(one for one in found if one.kind == "gap" and one.mmsi == SILENT)
    assert gap.facts["minutes"] == pytest.approx(73, abs=4)  # the planted 70 and what the three-minute interval adds
    assert len(gap.evidence) == 2
    changed = {one.facts["field"] for one in found if one.mmsi == TWO_NAMES and one.kind == "identity_change"}
    assert changed == {"name", "imo"}
    berthed = [one for one in happened if one.mmsi == BERTHED]
    assert [(one.kind, one.place) for one in berthed] == [("at_berth", "A3")]
    assert any(one.kind == "at_anchor" for one in happened if one.mmsi == HONEST[0])
    assert any(one.kind == "under_way" for one in happened if one.mmsi == INWARD)
    with services.db.ais_read() as session:
        assert {one.value for one in identities(session, TWO_NAMES) if one.field == "name"} == {
            "SIM TWO NAMES",
            "SIM OTHER NAME",
        }
        calls = port_calls(session, mmsi=BERTHED)
    assert [stay.berth_id for call in calls for stay in call.berths] == ["A3"]
