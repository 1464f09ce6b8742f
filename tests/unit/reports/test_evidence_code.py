"""Case 11, vessel side: an issued bundle is a record behind the same signed code as a firm's papers, checked offline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from companion import evidence_code, signed_codes
from companion.model import Actor, Role
from core import events, record_codes
from core.errors import Altered
from core.record_codes import Record
from core.workdays import local_day
from tests.unit.reports.conftest import Issued


def test_case_11_vessel_side_a_bundle_is_checked_offline_by_the_same_code(issued: Issued) -> None:
    services, case_id = issued.services, issued.record.id
    for _ in range(2):  # told again, recorded once
        events.deliver(services.db, evidence_code.SUBSCRIBER, lambda event: evidence_code.on_event(services, event))
    inspector = Actor("inspector-1", Role.SUPERVISION)
    row = signed_codes.issue(services, inspector, evidence_code.REGISTRY, case_id)
    found = record_codes.read(row.text, signed_codes.trust(services), evidence_code.REGISTRY)
    assert (found.subject, found.count) == (case_id, 1)
    record = Record(evidence_code.KIND, issued.bundle.sha256, local_day(services.clock.now()))
    tags = (issued.bundle.path / "tagmanifest-sha256.txt").read_bytes()
    record_codes.check_files(found, [record], {evidence_code.KIND: [tags]})
    with pytest.raises(Altered, match="file_altered"):
        record_codes.check_files(found, [record], {evidence_code.KIND: [tags + b" "]})
    with pytest.raises(Altered, match="list_altered"):
        record_codes.check_files(found, [replace(record, sha256="0" * 64)], {})
