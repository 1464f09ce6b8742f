"""Berth cameras: what a camera file may say, when a camera is dead or stands still, which stay its stills belong to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ais.camera_service import newest_stay
from ais.cameras import Still, Trial, load_cameras, state_of
from ais.event_store import BerthStay, PortCall
from core.errors import InputError

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
STILL = Still("1", "c", "A1", NOW, NOW, "0" * 64, 1, "image/jpeg", 1, 1, simulated=False)
LIMITS = load_cameras("berth_cameras.toml").limits


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("first", "last", "fault", "state"),
    [
        (60, 60, None, "ok"), (60, 60, "unreachable", "failing"), (900, 900, None, "ok"), (901, 901, None, "dead"),
        (901, 901, "unreachable", "dead"), (1800, 0, None, "ok"), (1801, 0, None, "frozen"), (1801, 0, "login", "failing"),
        (9000, 901, None, "dead"),
    ],
)  # fmt: skip
def test_dead_failing_and_frozen(first: float, last: float, fault: str | None, state: str) -> None:
    still = replace(STILL, taken_at=ago(first), seen_at=ago(last))
    assert state_of(LIMITS, still, Trial("c", NOW, fault, ""), NOW) == state


def test_a_camera_that_never_gave_a_picture_is_dead() -> None:
    assert state_of(LIMITS, None, None, NOW) == "dead"
    assert state_of(LIMITS, None, Trial("c", NOW, "login", ""), NOW) == "dead"


HEAD = 'version = "1"\n[limits]\nmax_kb = 100\nmax_megapixels = 1\ntimeout_s = 1\ndead_after_s = 9\nfrozen_after_s = 9\nkeep_days = 1\n'


def written(folder: Path, *cameras: str) -> str:
    path = folder / "cameras.toml"
    rows = [f'[[cameras]]\nberth = "A1"\nname = {{ zh = "z", en = "e" }}\nevery_s = 60\n{one}\n' for one in cameras]
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "source",
    [
        "ftp://camera/still.jpg", "file:///etc/passwd", "http://", "http://user:secret@camera/", "folder:stills", "gopher://x",
        "javascript:alert(1)", "simulated:x", "rtsp://camera/1",
    ],
)  # fmt: skip
def test_only_sources_of_the_three_kinds(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError) as caught:
        load_cameras(written(tmp_path, f'id = "a"\nsource = "{source}"'))
    assert (caught.value.code, caught.value.params["place"]) == ("ais.camera_file", "cameras.0.source")
    assert "secret" not in str(caught.value.params["reason"])


@pytest.mark.parametrize(
    "rows",
    [
        ('id = "a b"\nsource = "simulated:"',),
        ('id = "a"\nsource = "simulated:"', 'id = "a"\nsource = "simulated:"'),
        ('id = "a"\nsource = "http://camera/"\nuser = "x"',),
        ('id = "a"\nsource = "http://camera/"\nport = 3',),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, rows: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        load_cameras(written(tmp_path, *rows))
    assert caught.value.code == "ais.camera_file"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError) as caught:
        load_cameras("/nowhere/cameras.toml")
    assert caught.value.params["file"] == "/nowhere/cameras.toml"


def test_the_newest_stay_up_to_a_moment() -> None:
    first, second = BerthStay("A1", ago(900), ago(600)), BerthStay("B1", ago(300), None)
    calls = [PortCall("p", 1, ago(1000), berths=(first, second)), PortCall("p", 1, ago(9000), berths=())]
    assert newest_stay(calls, NOW) == second
    assert newest_stay(calls, ago(301)) == first
    assert newest_stay(calls, ago(901)) is None
    assert newest_stay([], NOW) is None
