"""Case 3, closed loop of approval, supervision, enforcement and legal review: the numbered scenarios of the companion spec.

Scenario 5 (no complaint, no check) is decided by the dual evaluation; its test is with case 4.
"""

from __future__ import annotations

import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

from companion import push, store
from companion.definition import load_procedures, procedures
from companion.model import Role
from config import load_settings, pack_path
from core.context import Services
from core.errors import Refused
from tests.integration.companion.kit import Window, rules
from tests.integration.companion.test_case_07 import FACTS as EIA

KEY = "network_freight_licence"
LEVEL = {"assessment_level": 3}


class Receiver:
    """A real receiver on loopback that honours the key. `crashes`: so often it takes the push and dies before acknowledging."""

    def __init__(self, crashes: int = 0) -> None:
        self.wire: list[str] = []
        self.effects: dict[str, bytes] = {}
        self.crashes = crashes
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                key = self.headers["Idempotency-Key"]
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.wire.append(key)
                outer.effects.setdefault(key, body)
                if outer.crashes:
                    outer.crashes -= 1
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/push"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


def connected(window, tmp_path, **addresses) -> Window:
    """The same window where some receivers have an address."""
    entries = [f"{name}={url}" for name, url in addresses.items()]
    settings = load_settings({"data_dir": str(tmp_path / "var"), "companion.push_endpoints": entries}, environ={})
    return Window(Services(settings, window.services.db, window.services.files, window.clock), window.clock)


def test_case_03_scenario_1(window, tmp_path):
    data = yaml.safe_load(pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8"))
    data["version"], data["valid"] = "2026-01-01", {"from": date(2026, 1, 1)}
    del data["owners"]["enforcing"]
    path = tmp_path / "ownerless.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    window.known = load_procedures(extra=[path])
    window.at("2026-03-02")
    with pytest.raises(Refused) as caught:
        window.apply(KEY, LEVEL)
    assert (caught.value.code, caught.value.params["owners"]) == ("companion.owner_missing", "enforcing")
    shipped = [procedures().current(key, date(2026, 11, 24)) for key in sorted(procedures().keys())]
    assert not [definition.key for definition in shipped if definition.owners.missing()]


def test_case_03_scenario_2(window, tmp_path, receiver):
    receiver.crashes = 1
    there = connected(window, tmp_path, supervision=receiver.url, sector_department="http://127.0.0.1:9/down")
    there.at("2026-03-02", 10)
    case = there.apply(KEY, LEVEL).case
    there.at("2026-03-02", 10, 1)  # within 60 s: delivered, in the desk's inbox, or queued

    def states():
        with there.services.db.read() as session:
            return {row.receiver: row.state for row in store.pushes(session, case_id=case.id) if row.kind == "approval_result"}

    assert states() == {
        "information_supervision": "inbox",
        "supervision": "queued",
        "enforcement": "inbox",
        "sector_department": "queued",
    }
    push.deliver_due(there.services)
    assert (len(receiver.wire), states()["supervision"]) == (1, "queued")  # it died before acknowledging
    there.at("2026-03-02", 16)
    push.deliver_due(there.services)
    push.deliver_due(there.services)
    assert (states()["supervision"], states()["sector_department"]) == ("delivered", "queued")
    assert receiver.wire == [receiver.wire[0]] * 2  # twice on the wire with one key
    assert len(receiver.effects) == 1
    back = connected(window, tmp_path, sector_department=receiver.url)
    back.clock.advance(timedelta(hours=1).total_seconds())
    push.deliver_due(back.services)
    assert states()["sector_department"] == "delivered"


def test_case_03_scenario_3(window):
    window.at("2026-03-02")
    case = window.apply("eia_commitment", EIA).case
    window.take(case, "find_damage", Role.ENFORCEMENT, finding="river polluted")
    after = window.confirm(case, Role.ENFORCEMENT)
    with window.services.db.read() as session:
        told = {
            (row.receiver, row.body["what"]["effect"])
            for row in store.pushes(session, case_id=case.id)
            if row.kind == "penalty"
        }
    assert {("approval", "penalise"), ("sector_department", "penalise")} <= told
    entries = [event for event in after.happened("effect_ordered") if event.payload["credit"]]
    assert [event.payload["effect"] for event in entries] == ["penalise"]


def test_case_03_scenario_4(window):
    window.at("2026-03-02")
    case = window.apply(KEY, LEVEL).case
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    listed = black_listed(window)
    same = window.apply("labour_dispatch_licence", {}, verified={"business_licence": "0" * 64})
    assert listed in rules(same)
    elsewhere = window.apply("drainage_permit", {"on_city_list": False, "production_waste_water": True, "household": False},
                             documents=window.papers("drainage_permit", klass="general"))  # fmt: skip
    accepted = elsewhere.happened("accepted")[0].payload
    assert (accepted["list"], accepted["on_site_check"]) == ("black", True)


def black_listed(window) -> str:
    """A firm on the black list for its conduct in labour dispatch; returns the entry's reference."""
    from companion.model import Recognise

    case = window.apply("labour_dispatch_licence", {}, verified={"business_licence": "0" * 64}).case
    window.take(case, "find_untrue", Role.SUPERVISION, finding="no office")
    ordered = window.confirm(case).case
    ref = next(active.ref for active in ordered.effects.values() if active.effect == "black_list")
    window.act(case, Recognise(effect=ref, reason="recognised"), Role.PROVINCE, "province-1")
    return f"{case.id}/{ref}"
