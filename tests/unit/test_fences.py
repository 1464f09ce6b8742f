"""The fences that import-linter cannot draw, because they go by file name: FastAPI and SQL have their places."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("config", "core", "ais", "video", "drone", "inspection", "reports", "companion", "console")
QUERIES = {"select", "insert", "update", "delete", "text"}


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every import of a file."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]


def test_fastapi_only_in_api_files_and_console():
    strangers = [
        str(path.relative_to(ROOT))
        for path in files(*(one for one in FOLDERS if one != "console"))
        if not path.name.startswith("api")
        and any(module.split(".")[0] in ("fastapi", "starlette") for module, _ in imports(path))
    ]
    assert strangers == []


def test_queries_only_in_store_files_and_the_kernel():
    strangers = [
        str(path.relative_to(ROOT))
        for path in files(*(one for one in FOLDERS if one != "core"))
        if not path.name.endswith("store.py")
        and any(module == "sqlalchemy" and name in QUERIES for module, name in imports(path))
    ]
    assert strangers == []
