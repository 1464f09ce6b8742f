"""The golden record: valid, complete, and pointing only at things it contains."""

import hashlib
import json
from pathlib import Path

from inspection.record import CaseRecord

HERE = Path(__file__).parent
RAW = json.loads((HERE / "record.golden.json").read_text(encoding="utf-8"))


def test_golden_record_round_trips():
    record = CaseRecord.model_validate(RAW)
    assert record.model_dump(mode="json", by_alias=True) == RAW
    assert set(RAW) == {field.alias or name for name, field in CaseRecord.model_fields.items()}


def test_golden_record_refers_only_to_what_it_holds():
    record = CaseRecord.model_validate(RAW)
    evidence = {envelope.id: envelope for envelope in record.evidence}
    used = {evidence_id for item in record.checklist.items for evidence_id in item.evidence_ids}
    used |= {finding.photo_evidence_id for finding in record.findings} | set(record.calls[0].recording_ids)
    assert used <= set(evidence)
    for envelope in record.evidence:
        data = (HERE / "evidence" / envelope.sha256).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (envelope.size, envelope.sha256)
    assert {part.finding_id for part in record.deficiencies} <= {finding.id for finding in record.findings}
