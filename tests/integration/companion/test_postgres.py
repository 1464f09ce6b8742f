"""The same course on PostgreSQL: decide, oblige, breach, push, replay."""

from __future__ import annotations

import pytest

from companion import obligations, push, replay, service, store
from core.context import Services
from core.db import Database, migrate
from core.workdays import local_day
from tests.integration.companion import test_case_03, test_case_07, test_case_09, test_common
from tests.integration.companion.kit import Window
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]


@pytest.mark.peer
def test_the_service_on_postgresql(postgres_url, settings, files, clock, tmp_path):
    database = Database(tmp_path, postgres_url)
    migrate(database)
    receiver = test_case_03.Receiver(crashes=1)
    try:
        window = Window(Services(settings, database, files, clock), clock)
        test_case_07.test_case_07_scenario_2(window)
        test_case_09.test_case_09_scenario_5(window)
        test_common.test_common_scenario_3(window)
        there = test_case_03.connected(window, tmp_path, supervision=receiver.url)
        case = there.apply(test_case_03.KEY, test_case_03.LEVEL, subject="another firm").case
        push.deliver_due(there.services)
        clock.advance(3600)
        obligations.sweep(there.services)
        push.deliver_due(there.services)
        with database.read() as session:
            assert replay.replay_all(session, settings).cases == len(store.cases(session))
            states = {row.receiver: row.state for row in store.pushes(session, case_id=case.id)}
        assert states["supervision"] == "delivered"
        assert len(receiver.effects) == 1
        day = service.public_extract(window.services, local_day(clock.now()))
        assert case.id in {row.case_id for row in day.cases}
    finally:
        receiver.close()
        database.close()
