"""What counts as the evidence an item asks for: a paper does, what somebody said or drew about it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.evidence import Envelope
from inspection.checklist import editions

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(("part", "media"), [(None, ["document"]), ("answer", []), ("marks", [])])
def test_an_answer_or_a_drawing_is_no_document(part: str | None, media: list[str]) -> None:
    envelope = Envelope(
        sha256="0" * 64, size=1, media_type="application/pdf", kind="document", captured_at=NOW, clock_offset_ms=None,
        received_at=NOW, device="phone", producer="video", subject_ref="case-1", extra={"part": part} if part else {},
    )  # fmt: skip
    edition = next(iter(editions().values()))
    assert edition.media_of([envelope]) == media
