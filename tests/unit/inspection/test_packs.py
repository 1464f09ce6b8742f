"""Checklist and code lists: what the loaders refuse, what search finds, when a term ends."""

from datetime import UTC, datetime

import pytest

from config import ConfigError, pack_path
from core.catalogue import entries
from core.errors import InputError
from inspection.appointment import certificate_rows
from inspection.checklist import current_edition, load_edition
from inspection.codes import action_codes, deficiency_codes, load_deficiency_codes
from inspection.states import GUARDS, STATES


def test_the_edition_in_force():
    edition = current_edition()
    assert len(edition.item) == 37
    assert [item.id for item in edition.item if not item.remote] == ["YJ-090"]
    assert all(item.legal_basis for item in edition.item)
    assert "draft" in edition.source


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('legal_basis = "SOLAS 1974, chapter XI-1, regulation 3"', 'legal_basis = " "', "no legal basis"),
        ('legal_basis = "SOLAS 1974, chapter XI-1, regulation 3"\n', "", "legal_basis"),
        ('psc_codes = ["02120"]', 'psc_codes = ["77777"]', "not a deficiency code"),
        ('required = ["still"]', 'required = ["clip"]', "not one of its media"),
        ('id = "YJ-002"', 'id = "YJ-001"', "two items"),
        ('section = "K"', 'section = "Z"', "does not exist"),
        ('survey_items = ["YJ-080"', 'survey_items = ["YJ-999"', "survey item"),
    ],
)
def test_a_wrong_edition_is_refused(tmp_path, old, new, said):
    text = pack_path("checklists", "remote_2026_1.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "remote_x.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_edition(path)


def test_required_evidence_with_alternatives():
    item = current_edition().get("YJ-023")
    assert item.missing([]) == ["document", "live"]
    assert item.missing(["document"]) == ["live"]
    assert item.missing(["live", "document"]) == []
    pump = current_edition().get("YJ-050")
    assert pump.missing(["clip"]) == pump.missing(["live"]) == []
    assert pump.missing(["still"]) == ["live|clip"]


def test_deficiency_codes_and_search():
    codes = deficiency_codes()
    assert len(codes.codes) == 536
    assert codes.get("02112").title.zh == "船体锈蚀"
    assert [hit.code for hit in codes.search("02112")] == ["02112"]
    assert "02112" in [hit.code for hit in codes.search("HULL corrosion")]
    assert "02112" in [hit.code for hit in codes.search("锈蚀")]
    assert [hit.code for hit in codes.search("结构状况", 1)] == ["02199"]
    assert codes.search("   ") == []
    with pytest.raises(InputError) as caught:
        codes.get("17001")
    assert caught.value.code == "inspection.code_unknown"


def test_the_list_agrees_with_the_reference(shared_data):
    lines = (shared_data / "inspection" / "deficiency_codes.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {line.split(",", 1)[0] for line in lines} == set(deficiency_codes().codes)


def test_a_list_with_a_lost_row_is_refused(tmp_path):
    header = pack_path("codes", "deficiency_codes_paris_mou.toml")
    (tmp_path / "h.toml").write_text(header.read_text(encoding="utf-8"), encoding="utf-8")
    rows = header.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    target = tmp_path / "deficiency_codes_paris_mou.csv"
    target.write_text("\n".join(rows[:-1]), encoding="utf-8")
    with pytest.raises(ConfigError, match="535 rows"):
        load_deficiency_codes(tmp_path / "h.toml")
    target.write_text("\n".join([*rows[:-1], rows[1]]), encoding="utf-8")
    with pytest.raises(ConfigError, match="twice"):
        load_deficiency_codes(tmp_path / "h.toml")


def test_a_code_means_something_only_in_its_scheme():
    codes = action_codes()
    assert codes.get("uscg", "50").title.en != codes.get("paris_mou_2005", "50").title.en
    assert codes.get("mou", "30").detention == "yes"
    with pytest.raises(InputError):
        codes.get("mou", "50")


@pytest.mark.parametrize(
    ("code", "at", "due"),
    [
        ("16", datetime(2026, 11, 24, 2, tzinfo=UTC), datetime(2026, 12, 8, 15, 59, 59, tzinfo=UTC)),
        ("16", datetime(2026, 11, 24, 16, tzinfo=UTC), datetime(2026, 12, 9, 15, 59, 59, tzinfo=UTC)),
        ("18", datetime(2026, 11, 30, 2, tzinfo=UTC), datetime(2027, 2, 28, 15, 59, 59, tzinfo=UTC)),
        ("17", datetime(2026, 11, 24, 2, tzinfo=UTC), None),
    ],
)
def test_when_a_term_ends(code, at, due):
    codes = action_codes()
    assert codes.get("mou", code).due_at(at, codes.zone) == due


def test_every_state_guard_and_certificate_has_its_texts():
    texts = entries()
    assert all(f"inspection.state.{state}" in texts for state in STATES)
    assert all(f"error.inspection.guard.{guard}" in texts for guard in GUARDS)
    assert len(certificate_rows()) == 32
