"""The version of a regime that is in force on a day answers for that day; a day without one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ais import rules
from ais.facts import RatingLists
from ais.register_store import Rating
from config import pack_path
from core.errors import Refused
from tests.unit.ais.kit import TODAY

NAME = "rules/paris_mou.toml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A config folder with the shipped Paris pack, to which a test adds versions."""
    (tmp_path / "rules").mkdir()
    (tmp_path / NAME).write_text(pack_path(*NAME.split("/")).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(rules, "pack_path", tmp_path.joinpath)
    for one in (rules.load_rules, rules._versions):
        one.cache_clear()
    yield tmp_path
    for one in (rules.load_rules, rules._versions):
        one.cache_clear()


def add(folder: Path, name: str, *changes: tuple[str, str]) -> None:
    text = (folder / NAME).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "rules" / name).write_text(text, encoding="utf-8")


def test_each_day_has_its_version(folder: Path) -> None:
    add(folder, "paris_2027.toml", ('version = "2011-01-01"', 'version = "2027"'), ("valid_from = 2011-01-01", "valid_from = 2027-07-01"),
        ("hrs_points = 5", "hrs_points = 6"))  # fmt: skip
    for on, version, points in (
        (date(2011, 1, 1), "2011-01-01", 5), (TODAY, "2011-01-01", 5), (date(2027, 6, 30), "2011-01-01", 5),
        (date(2027, 7, 1), "2027", 6),
    ):  # fmt: skip
        found = rules.rules_in_force(NAME, on)
        assert (found.version, found.hrs_points) == (version, points), on
    assert rules.rules_in_force("rules/paris_2027.toml", TODAY).version == "2011-01-01"  # whichever version the setting names


def test_a_day_without_a_version_is_refused_and_names_those_there_are(folder: Path) -> None:
    add(folder, "paris_mou.toml", ("valid_from = 2011-01-01", "valid_from = 2011-01-01\nvalid_to = 2026-11-23"))
    assert rules.rules_in_force(NAME, date(2026, 11, 23)).version == "2011-01-01"
    for on in (date(2010, 12, 31), date(2026, 11, 24)):
        with pytest.raises(Refused) as caught:
            rules.rules_in_force(NAME, on)
        assert caught.value.code == "ais.rules_not_in_force"
        assert "2011-01-01" in str(caught.value.params["known"])


def test_another_regime_in_the_folder_and_a_template_do_not_disturb(folder: Path) -> None:
    for name in ("tokyo_mou_nir.toml", "cn_fsc.toml", "local_port.toml"):
        (folder / "rules" / name).write_text(pack_path("rules", name).read_text(encoding="utf-8"), encoding="utf-8")
    assert rules.rules_in_force(NAME, TODAY).regime == "paris_mou"


@pytest.mark.parametrize("kind", ["flag", "ro", "company"])
def test_a_list_whose_term_has_run_out_is_refused_for_today(kind: rules.ListKind) -> None:
    line = Rating(kind, "paris_mou", "XX", date(2025, 7, 1), date(2026, 6, 30), "high", True, "t", "x")
    assert RatingLists([line], date(2025, 7, 1)).of(kind, "XX").value is not None
    assert RatingLists([line], date(2026, 6, 30)).of(kind, "XX").value is not None
    for on in (date(2025, 6, 30), date(2026, 7, 1)):
        refused = RatingLists([line], on).of(kind, "XX")
        assert refused.value is None
        assert refused.unknown is not None
    assert "ran out on 2026-06-30" in RatingLists([line], TODAY).of(kind, "XX").unknown.en  # type: ignore[union-attr]  # said above
