"""The golden record of `inspection` becomes a report in both languages and a trusted bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import journal
from inspection.record import CaseRecord
from reports import build_from_record, demo_ca_path, demo_signers, verify
from tests.unit.reports.conftest import INSPECTOR, SUPERVISOR, make_services

GOLDEN = Path(__file__).resolve().parents[1] / "inspection"


def test_golden_record_is_issued_and_verified(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    record = CaseRecord.model_validate_json((GOLDEN / "record.golden.json").read_bytes())
    for path in (GOLDEN / "evidence").iterdir():
        services.files.put_path(path)
    missing = {one.sha256 for one in record.evidence} - set(services.files.hashes())
    assert not missing, "the golden evidence is not complete"
    with services.db.write() as session:  # the golden head comes from a chain that is not stored with it
        head = journal.append(
            session, services.clock, stream=record.journal_stream, actor="user-1", action="case.opened", payload={}
        ).hash
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    built = build_from_record(services, record.model_copy(update={"journal_head": head}), signers)
    assert verify.check(built.path, str(demo_ca_path(services.settings))).exit_status == 0
    assert min(built.pages.values()) >= 3
    services.db.close()


@pytest.mark.parametrize("label", ["bagit.txt", "bag-info.txt"])
def test_tag_files_are_in_the_chain(label: str) -> None:
    assert label in verify.REQUIRED_TAGS
