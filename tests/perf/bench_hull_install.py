"""What the folder `inspection/hull` needs installed to run: the third-party packages its modules import, and all that those require.

Read from the source and from the metadata of what is in this environment; installs nothing, imports nothing of ours. Prints one JSON object.
Usage: python -m tests.perf.bench_hull_install
"""

from __future__ import annotations

import ast
import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

BAR_MB = 400
ROOT = Path(__file__).resolve().parents[2]
OURS = {"config", "core", "ais", "video", "drone", "inspection", "reports", "companion", "console"}


def imported(folder: Path) -> set[str]:
    """Top-level names of the packages that the modules of `folder` import."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            found |= {name.split(".")[0] for name in names}
    return found - OURS - set(sys.stdlib_module_names)


def closure(names: set[str]) -> dict[str, Distribution]:
    """The distributions of these names and everything they require here, without extras."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # an optional requirement that is not installed
        for line in found[name].requires or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                waiting.append(need.name)
    return found


def size_mb(dist: Distribution) -> float:
    """Files on disk of a distribution, compiled modules included."""
    files = [Path(str(dist.locate_file(file))) for file in dist.files or ()]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def main() -> None:
    owners = packages_distributions()
    direct = {owner for module in imported(ROOT / "inspection" / "hull") for owner in owners.get(module, ())}
    sizes = {name: round(size_mb(dist), 1) for name, dist in closure(direct).items()}
    own = sum(
        path.stat().st_size
        for path in (ROOT / "inspection" / "hull").rglob("*")
        if path.suffix in {".py", ".onnx", ".toml", ".md"}
    )
    report = {
        "bar_mb": BAR_MB,
        "installed_mb": round(sum(sizes.values()) + own / 1e6, 1),
        "own_code_and_weights_mb": round(own / 1e6, 1),
        "largest_mb": dict(sorted(sizes.items(), key=lambda row: -row[1])[:8]),
        "imported": sorted(direct),
        "distributions": len(sizes),
        "torch": bool({"torch", "ultralytics"} & set(sizes)),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
