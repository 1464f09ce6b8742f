"""Nobody else owns our package names, and no database session is used in ``async def``."""

from __future__ import annotations

import ast
import re
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("config", "core", "ais", "video", "drone", "inspection", "reports", "companion", "console")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked() -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "requirements").glob("*.lock")))
    return {_normal(name) for name in _PIN.findall(text)}


def test_locks_are_read() -> None:
    assert {"sqlalchemy", "fastapi", "dbos", "pyais"} <= _locked()


@pytest.mark.parametrize("name", OURS)
def test_no_installed_distribution_owns_our_name(name: str) -> None:
    owners = {_normal(owner) for owner in packages_distributions().get(name, [])}
    assert owners <= {"yunjian"}


def test_no_locked_distribution_installs_a_file_under_our_names() -> None:
    """By the files themselves, since not every distribution declares its top-level names."""
    taken = set()
    for name in _locked() - {"yunjian"}:
        try:
            files = distribution(name).files or []
        except ModuleNotFoundError:  # locked for the training environment only
            continue
        taken |= {(name, path.parts[0]) for path in files if path.parts and path.parts[0].removesuffix(".py") in OURS}
    assert taken == set()


def _session_uses(tree: ast.Module) -> list[int]:
    """Lines inside ``async def`` that open or take a session; a nested plain ``def`` runs elsewhere and is not looked into."""
    found: list[int] = []

    def look(node: ast.AST, *, inside: bool) -> None:
        if isinstance(node, ast.AsyncFunctionDef):
            inside = True
        elif isinstance(node, ast.FunctionDef | ast.Lambda):
            inside = False
        elif inside and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            opens = node.func.attr in ("ais_read", "ais_write") or (
                node.func.attr in ("read", "write") and ast.unparse(node.func.value).split(".")[-1] in ("db", "database", "_db")
            )
            if opens:
                found.append(node.lineno)
        elif inside and isinstance(node, ast.Name) and node.id == "Session":
            found.append(node.lineno)
        for child in ast.iter_child_nodes(node):
            look(child, inside=inside)

    look(tree, inside=False)
    return found


def test_no_session_in_async_code() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in OURS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "node_modules" not in path.parts
        for line in _session_uses(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("async def f(s: Session): pass", 1),
        ("async def f():\n with services.db.read() as s: pass", 1),
        ("async def f():\n with self.database.write() as s: pass", 1),
        ("async def f():\n def g():\n  with services.db.read() as s: pass\n await to_thread(g)", 0),
        ("def f(s: Session):\n with services.db.read() as s: pass", 0),
        ("async def f():\n stream.read()", 0),
    ],
)
def test_the_check_itself(source: str, count: int) -> None:
    assert len(_session_uses(ast.parse(source))) == count
