"""Issuing: same bytes again, resumable, honest refusals, one journal entry and one event."""

from __future__ import annotations

import errno
import os
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from core import events, journal
from core.catalogue import entries
from core.errors import Altered, EnvironmentFault, InputError, Refused, StorageFull
from inspection.record import CaseRecord
from reports import Signers, build_from_record, demo_signers, render_report, verify
from reports.keys import keys_dir, unlock
from reports.model import people, record_bytes, summarise, visible
from reports.render import make_preview
from tests.unit.reports.cases import STREAM, make_case, photo
from tests.unit.reports.conftest import INSPECTOR, SUPERVISOR, Issued, make_services


def test_unsigned_reports_rebuild_byte_for_byte_and_begin_the_signed(issued: Issued) -> None:
    services = issued.services
    for lang in ("zh", "en"):
        again = render_report(issued.record, lang, services.files, services.settings)
        signed = (issued.bundle.path / f"data/report.{lang}.pdf").read_bytes()
        assert signed.startswith(again.pdf)
        assert len(signed) > len(again.pdf)
        assert issued.bundle.pages[lang] == again.pages
    assert (issued.bundle.path / "data/record.json").read_bytes() == record_bytes(issued.record)
    assert record_bytes(CaseRecord.model_validate_json(record_bytes(issued.record))) == record_bytes(issued.record)


def test_second_call_takes_the_first_bundle_and_tells_once(issued: Issued) -> None:
    services = issued.services
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    again = build_from_record(services, issued.record.model_copy(update={"journal_head": "0" * 64}), signers)
    assert (again.made, again.sha256) == (False, issued.bundle.sha256)
    with services.db.read() as session:
        told = [event for event in events.since(session, 0, STREAM) if event.type == "reports.issued"]
        entries_ = [entry for entry in journal.entries(session, STREAM) if entry.action == "reports.issued"]
    assert len(told) == len(entries_) == 1
    assert told[0].payload["sha256"] == issued.bundle.sha256


def test_an_altered_bundle_is_not_handed_out_again(tmp_path: Path) -> None:
    from tests.unit.reports.conftest import issue

    made = issue(tmp_path, photos=1)
    (made.bundle.path / "data/record.json").write_bytes(b"{}")
    signers = demo_signers(made.services.settings, made.services.clock, INSPECTOR, SUPERVISOR)
    with pytest.raises(Altered, match=r"data/record\.json"):
        build_from_record(made.services, made.record, signers)
    shutil.rmtree(made.bundle.path)  # a lost bundle is made again from the frozen record
    assert build_from_record(made.services, made.record, signers).made
    made.services.db.close()


def test_refusals(tmp_path: Path, issued: Issued) -> None:
    services = issued.services
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    with pytest.raises(Refused, match="same_signer"):
        demo_signers(services.settings, services.clock, INSPECTOR, INSPECTOR)
    with pytest.raises(Refused, match="wrong_role"):
        Signers(signers.supervisor, signers.inspector)
    with pytest.raises(Refused, match="not_approved"):
        build_from_record(services, issued.record.model_copy(update={"state": "drafting"}), signers)
    key = next(keys_dir(services.settings).glob("demo-inspector-*.manifest.p12"))
    with pytest.raises(Refused, match="wrong_passphrase"):
        unlock(key, b"wrong")
    with pytest.raises(EnvironmentFault, match="key_unusable"):
        unlock(tmp_path / "none.p12", b"")


def test_keys_are_for_the_owner_only(issued: Issued) -> None:
    files = list(keys_dir(issued.services.settings).glob("*.p12"))
    assert len(files) == 6
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    for role in ("inspector", "supervisor"):
        held = verify.read_certificate((issued.bundle.path / f"trust/{role}.pem").read_bytes())
        assert held.names["O"] == "DEMO - NOT VALID"


def test_missing_or_altered_evidence_stops_the_build(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    record = make_case(services.db, services.files, services.clock, photos=1, items=1)
    path = services.files.path(record.evidence[-1].sha256)  # not a picture: read only when the bag is written
    path.chmod(0o600)
    path.write_bytes(b"other")
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    with pytest.raises(Altered):
        build_from_record(services, record, signers)
    assert list((services.settings.data_dir / "bundles").iterdir()) == []
    services.db.close()


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = make_services(tmp_path)
    record = make_case(services.db, services.files, services.clock, photos=1, items=1)
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    real, calls = os.fsync, iter(range(1000))

    def fail_late(handle: int) -> None:
        if "bundles" in str(Path(f"/proc/self/fd/{handle}").readlink()) and next(calls) == 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fail_late)
    with pytest.raises(StorageFull):
        build_from_record(services, record, signers)
    assert list((services.settings.data_dir / "bundles").iterdir()) == []
    assert build_from_record(services, record, signers).made  # and the next run goes on
    services.db.close()


def test_missing_glyph_is_a_loud_error_that_names_it(issued: Issued) -> None:
    ship = issued.record.ship.model_copy(update={"name": "HAI \U0001f6a2"})
    with pytest.raises(InputError, match="\U0001f6a2"):
        render_report(issued.record.model_copy(update={"ship": ship}), "en", issued.services.files, issued.services.settings)


def test_memory_limit_is_a_clear_error(issued: Issued) -> None:
    settings = issued.services.settings
    tight = settings.model_copy(update={"report": settings.report.model_copy(update={"memory_limit_mb": 40})})
    with pytest.raises(EnvironmentFault, match="typeset_memory"):
        render_report(issued.record, "en", issued.services.files, tight)


def test_hidden_characters_are_written_out() -> None:
    assert visible("A\u202eB\x07\ue000\n") == "A[U+202E]B[U+0007][U+E000]\n"


def test_preview_has_no_metadata_and_bad_pictures_have_none(tmp_path: Path) -> None:
    preview = make_preview(photo(1, (1600, 1200)), tmp_path / "p.jpg", 300, 78, 200)
    assert preview is not None
    assert (preview.width_px, preview.height_px) == (300, 225)
    with Image.open(tmp_path / "p.jpg") as made:
        assert not made.getexif()
    assert b"SecretMaker" not in (tmp_path / "p.jpg").read_bytes()
    assert make_preview(b"not a picture", tmp_path / "q.jpg", 300, 78, 200) is None
    assert make_preview(photo(1)[:600], tmp_path / "q.jpg", 300, 78, 200) is None
    wide = BytesIO()
    Image.new("1", (2000, 1000)).save(wide, "PNG")
    assert make_preview(wide.getvalue(), tmp_path / "q.jpg", 300, 78, 1) is None


@pytest.mark.parametrize(
    ("change", "headline"),
    [
        ({}, "headline.deficient"),
        ({"deficiencies": []}, "headline.deficient"),  # an answer says deficient
        ({"deficiencies": [], "checklist": None}, "headline.incomplete"),
    ],
)
def test_headline_says_the_gravest_true_thing(issued: Issued, change: dict[str, object], headline: str) -> None:
    assert summarise(issued.record.model_copy(update=change)).headline == headline


def test_people_are_named_only_where_the_record_leaves_no_doubt(issued: Issued) -> None:
    account = "01a20c71-aa2b-72b5-9a9e-9198681ad7a7"
    decisions = [one.model_copy(update={"by": account}) if one.role == "inspector" else one for one in issued.record.decisions]
    labels = people(issued.record.model_copy(update={"decisions": decisions}))
    assert labels[account] == "演示检查员 …681ad7a7"
    assert labels["user-2"] == "user-2"  # no supervisor took part in the call
    both = [one.model_copy(update={"role": "inspector"}) for one in decisions]
    assert people(issued.record.model_copy(update={"decisions": both}))[account] == "…681ad7a7"


def test_drone_findings_alone_never_make_a_deficiency(issued: Issued) -> None:
    bare = issued.record.model_copy(update={"deficiencies": [], "checklist": None})
    assert bare.findings
    assert "detain" not in summarise(bare).headline


def test_every_word_of_the_record_has_a_text() -> None:
    kinds = {"state": "CaseState", "verdict": "Verdict", "answer": "AnswerValue", "medium": "Medium", "finding": "FindingState"}
    import importlib
    import typing

    record_module = importlib.import_module("inspection.record")

    for prefix, name in kinds.items():
        for word in typing.get_args(getattr(record_module, name)):
            assert f"reports.pdf.{prefix}.{word}" in entries(), (prefix, word)


def test_errors_have_texts_in_both_languages() -> None:
    import re

    code = "".join(path.read_text(encoding="utf-8") for path in Path("reports").glob("*.py"))
    for key in set(re.findall(r'\("(reports\.[a-z_]+)"', code)):
        if key == "reports.issued":
            continue
        assert {"zh", "en", "next_zh", "next_en"} <= set(entries()[f"error.{key}"]), key
