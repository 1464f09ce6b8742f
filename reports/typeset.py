"""Owns running the typesetter (Typst) as a subprocess and saying what went wrong; finds the fonts.

Never lets a report leave with a missing glyph: PDF/A-3a forbids it, and the compiler's refusal becomes our error.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pylopdf_fonts_zh_cn

from config import Settings
from core.errors import EnvironmentFault, InputError

WORKER = Path(__file__).with_name("typeset_worker.py")


@dataclass(frozen=True, slots=True)
class Typeset:
    """A PDF and the peak resident memory of the process that set it."""

    pdf: bytes
    peak_mb: int


def font_folders(settings: Settings) -> list[str]:
    """``report.font_paths`` first, then the installed font package."""
    return [*settings.report.font_paths, str(pylopdf_fonts_zh_cn.sans_path().parent)]


def typeset(root: Path, main: str, settings: Settings, at: datetime, seconds: float) -> Typeset:
    """Compile ``root/main`` to tagged PDF/A-3a. `at` is the date the document carries.

    Raises:
        InputError: a character that no font has (``reports.glyph_missing``).
        EnvironmentFault: out of memory or time, or the template does not compile.
    """
    output = root / "out.pdf"
    job = {
        "main": str(root / main), "root": str(root), "output": str(output), "font_paths": font_folders(settings),
        "memory_limit_mb": settings.report.memory_limit_mb, "timestamp": int(at.timestamp()),
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(WORKER)],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFault("reports.typeset_timeout", seconds=seconds) from error
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError as error:  # the worker was stopped before it could answer
        limit = settings.report.memory_limit_mb
        if done.returncode < 0 or "memory" in done.stderr.lower():
            raise EnvironmentFault("reports.typeset_memory", limit_mb=limit) from error
        raise EnvironmentFault("reports.typeset_failed", detail=done.stderr.strip()[-500:]) from error
    if answer.get("ok"):
        return Typeset(output.read_bytes(), int(answer["peak_mb"]))
    raise _refusal(str(answer.get("message", "")))


def _refusal(message: str) -> InputError | EnvironmentFault:
    missing = re.search(r"the text `\"(.+?)\"` could not be displayed|contains the codepoint `\"(.+?)\"`", message)
    if missing:
        return InputError("reports.glyph_missing", text=missing.group(1) or missing.group(2))
    return EnvironmentFault("reports.typeset_failed", detail=message[:500])
