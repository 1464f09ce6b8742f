"""Every code in the code has a text, every text both languages with the same fields, and the error tree is as drawn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from core import catalogue, errors
from core.errors import EnvironmentFault, InputError, StorageFull, YunJianError

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("config", "core", "ais", "video", "drone", "inspection", "reports", "companion", "console")
TREE = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, YunJianError)}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def error_codes() -> Iterator[tuple[Path, int, str]]:
    """First arguments of calls of the error tree's classes, where they are written out."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in TREE and isinstance(node.args[0].value, str):
                    yield path, node.lineno, node.args[0].value


def text_keys() -> Iterator[tuple[Path, int, str]]:
    """Keys of ``catalogue.text("…")`` calls, where they are written out."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "text":
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "catalogue" and isinstance(node.args[0], ast.Constant):
                    yield path, node.lineno, node.args[0].value


def fields(text: str) -> set[str]:
    return {name.split("!")[0].split(":")[0] for _literal, name, _spec, _conversion in Formatter().parse(text) if name}


def test_every_error_code_has_a_text() -> None:
    found = list(error_codes())
    assert len({code for _path, _line, code in found}) > 20  # the scan itself works
    missing = [
        f"{path.relative_to(ROOT)}:{line}: {code}"
        for path, line, code in found
        if "next_zh" not in catalogue.entries().get(f"error.{code}", {})
    ]
    assert missing == []


def test_every_written_text_key_is_there() -> None:
    missing = [f"{path.name}:{line}: {key}" for path, line, key in text_keys() if key not in catalogue.entries()]
    assert missing == []


def test_entries_have_both_languages_and_the_same_fields() -> None:
    wrong = []
    for key, entry in catalogue.entries().items():
        pairs = [("zh", "en"), ("next_zh", "next_en")] if {"next_zh", "next_en"} & set(entry) else [("zh", "en")]
        complete = set(entry) == {name for pair in pairs for name in pair} and all(value.strip() for value in entry.values())
        if not complete or any(fields(entry[zh]) != fields(entry[en]) for zh, en in pairs):
            wrong.append(key)
    assert wrong == []


def test_error_text_fills_in_and_never_fails() -> None:
    said = catalogue.error_text(InputError("id.imo", value="123"), "en")
    assert "123" in said.title
    assert said.next
    unknown = catalogue.error_text(InputError("no.such.code"), "zh")
    assert "no.such.code" in unknown.title
    with pytest.raises(KeyError):
        catalogue.text("no.such.key", "en")


def test_tree_is_as_drawn() -> None:
    assert errors.__doc__ is not None
    for name in TREE:
        kind = getattr(errors, name)
        assert name in errors.__doc__
        if kind is not YunJianError:
            line = next(line for line in errors.__doc__.splitlines() if f"── {name} " in line)
            assert line.rstrip().endswith(f"exit {kind.exit_status}   HTTP {kind.http_status}")
    assert issubclass(StorageFull, EnvironmentFault)
    assert str(InputError("a.b", x=1)) == "a.b(x=1)"


def test_a_key_defined_twice_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text('["k"]\nzh = "x"\nen = "x"\n', encoding="utf-8")
    monkeypatch.setattr(catalogue, "pack_path", lambda *_parts: tmp_path)
    with pytest.raises(KeyError, match="defined twice"):
        catalogue.entries.__wrapped__()
