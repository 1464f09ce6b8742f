"""Logs go to stderr as one JSON object a line."""

from __future__ import annotations

import json

import pytest
import structlog

from core import logs


def test_json_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        logs.set_up(as_json=True)
        logs.get("core").info("started", port=8000)
        logs.get("core").debug("hidden")
    finally:
        structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert out == ""
    line = json.loads(err)
    assert (line["event"], line["area"], line["port"], line["level"]) == ("started", "core", 8000, "info")
