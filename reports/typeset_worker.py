"""Owns one run of the typesetter in a process of its own, under a memory limit; run as a script, never imported.

Never reads anything outside the folder it is given and the font folders, never writes anything but the PDF.
Answers on stdout with one JSON object: ``{"ok": true}`` or ``{"message", "hints"}``.
"""

import json
import resource
import sys
from pathlib import Path


def main() -> None:
    job = json.loads(sys.stdin.read())
    limit = int(job["memory_limit_mb"]) << 20
    # Data, not address space: the 80 MB of the library and the mapped fonts are shared pages, not this report's memory.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import typst  # noqa: PLC0415  # after the limit

    try:
        compiler = typst.Compiler(
            job["main"], root=job["root"], font_paths=job["font_paths"], ignore_system_fonts=True, package_path=job["root"],
            package_cache_path=job["root"],
        )  # fmt: skip
        compiler.compile(output=job["output"], format="pdf", pdf_standards=["a-3a"], timestamp=job["timestamp"], pdf_tags=True)
    except typst.TypstError as error:
        print(json.dumps({"message": str(error), "hints": list(error.hints)}))  # noqa: T201
        return
    print(json.dumps({"ok": Path(job["output"]).is_file(), "peak_mb": peak_kb() // 1024}))  # noqa: T201


def peak_kb() -> int:
    """High-water mark of this program's resident memory; ``ru_maxrss`` would begin with the parent's, from the fork."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    main()
