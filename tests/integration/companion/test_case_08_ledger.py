"""Case 8: the ledger of addresses by commitment goes to supervision once a month; a positive list is data alone."""

from __future__ import annotations

from datetime import date

import yaml

from companion import address_ledger, books, store
from companion.definition import load_procedures
from companion.model import Role
from config import pack_path
from tests.integration.companion.test_case_08 import FACTS, KEY, registered


def ledger(services):
    address_ledger.gather(services)
    with services.db.read() as session:
        return books.entries(session, address_ledger.LEDGER)


def sent(services):
    with services.db.read() as session:
        return [dict(row.body["what"]) for row in store.pushes(session, receiver="supervision") if row.kind == "ledger"]


def test_case_08_after_the_ledger_gains_a_row_and_is_sent_each_month(window):
    services = window.services
    first = registered(window, "2026-09-01")
    assert [one.ref for one in ledger(services)] == [first.id]
    assert len(ledger(services)) == 1  # told again, written once
    assert address_ledger.send_due(services) == []  # the month is not over
    window.at("2026-09-30", 23, 59)
    second = window.take(window.apply(KEY, FACTS).case, "compare", Role.WINDOW, register_match="match").case
    window.at("2026-10-01", 0, 1)  # the row is written in October and belongs to September
    (entry,) = address_ledger.send_due(services)
    assert (entry.ref, entry.values["rows"]) == ("2026-09", 2)
    (message,) = sent(services)
    assert {row["case_id"] for row in message["rows"]} == {first.id, second.id}
    assert message["sha256"] == entry.values["sha256"]
    assert address_ledger.send_due(services) == []
    window.at("2026-12-01")
    assert address_ledger.send_due(services) == []  # months without a row


def test_case_08_months_that_were_missed_are_sent_after_a_standstill(window):
    for day in ("2026-03-02", "2026-05-06"):
        registered(window, day)
        ledger(window.services)
    window.at("2026-07-01")
    assert [one.ref for one in address_ledger.send_due(window.services)] == ["2026-03", "2026-05"]


def test_case_08_next_step_positive_list_is_data_only(window, tmp_path):
    """Listed trades hand in no proof of the premises and are not compared; the running case keeps its version."""
    running = registered(window, "2026-06-01")
    raw = yaml.safe_load(pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8"))
    raw["version"], raw["valid"] = "2026-07-01", {"from": date(2026, 7, 1)}
    text = {"zh": "正面清单", "en": "Positive list"}
    listed = {"fact": "trade", "in": ["software", "consulting"]}
    raw["facts"].append({"id": "trade", "type": "text", "required": True, "title": text})
    raw["classes"] = [{"id": "listed", "title": text, "if": listed}, {"id": "other", "title": text, "if": {"none": [listed]}}]
    next(one for one in raw["documents"] if one["role"] == "upfront")["classes"] = ["other"]
    step = next(one for one in raw["steps"] if one["id"] == "register")
    step["needs"][0]["if"] = {"any": [{"fact": "register_match", "is": "match"}, {"klass": "listed"}]}
    path = tmp_path / "positive.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    window.known = load_procedures(extra=[path])
    window.at("2026-07-01")
    at_once = window.apply(KEY, FACTS | {"trade": "software"}, documents={}).case
    assert (at_once.state, at_once.version) == ("registered", "2026-07-01")
    papers = window.papers(KEY, klass="other")
    other = window.apply(KEY, FACTS | {"trade": "hazardous_chemicals"}, documents=papers).case
    assert other.state == "accepted"
    assert window.now(running).version == "2021-01-01"
