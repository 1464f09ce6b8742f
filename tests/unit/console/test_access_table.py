from pathlib import Path

import pytest

from config import ConfigError
from console import access
from core.auth import Role


def table(folder: Path, text: str) -> access.AccessTable:
    (folder / "x.toml").write_text(text, encoding="utf-8")
    return access.load(folder)


def test_no_row_means_no(tmp_path: Path) -> None:
    rows = table(tmp_path, '["GET /a"]\npublic = true\n')
    assert rows.find("GET", "/a") is not None
    assert rows.find("POST", "/a") is None
    assert rows.find("GET", "/a/b") is None
    assert rows.find("GET", "/A") is None
    assert rows.methods("/a") == ["GET"]


def test_the_most_literal_row_wins(tmp_path: Path) -> None:
    rows = table(
        tmp_path, '["GET /c/{id}"]\npublic = true\n["GET /c/new"]\nroles = ["admin"]\n["GET /{p:path}"]\npublic = true\n'
    )
    found = rows.find("GET", "/c/new")
    assert found is not None
    assert found.roles == {Role.ADMIN}
    assert rows.find("GET", "/c/7").key == "GET /c/{id}"


@pytest.mark.parametrize(
    "text",
    [
        '["GET /a"]\n',
        '["GET /a"]\nroles = []\n',
        '["GET /a"]\nroles = ["king"]\n',
        '["GET /a"]\nroles = ["admin"]\npublic = true\n',
        '["GET /a"]\npublic = false\n',
        '["GET /a"]\nrole = ["admin"]\n',
        '["GET a"]\npublic = true\n',
        '["GET /a"]\nroles = "admin"\n',
    ],
)
def test_an_unclear_row_stops_the_start(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        table(tmp_path, text)


def test_a_row_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('["GET /a"]\npublic = true\n')
    with pytest.raises(ConfigError, match="twice"):
        table(tmp_path, '["GET /a"]\nroles = ["admin"]\n')
