"""The private names of aiortc and aioice that `video.aiortc_compat` stands on, on the installed version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiortc.rtcdtlstransport import RTCDtlsTransport, RtpRouter

import video
from core.errors import EnvironmentFault
from video import aiortc_compat


def test_every_name_is_there() -> None:
    assert aiortc_compat.missing_names() == []
    aiortc_compat.check()


@pytest.mark.parametrize(
    ("owner", "name"),
    [*aiortc_compat.PRIVATE_METHODS, *aiortc_compat.REPLACED],
)
def test_a_renamed_name_is_named_at_start(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(EnvironmentFault, match=name):
        aiortc_compat.check()


def test_the_way_packets_reach_us_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RtpRouter, "route_rtp")
    assert aiortc_compat.missing_names() == ["RtpRouter.route_rtp"]


def test_an_attribute_that_instances_no_longer_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def rebuilt(self: object, *args: object) -> None: ...

    monkeypatch.setattr(RTCDtlsTransport, "__init__", rebuilt)
    assert "RTCDtlsTransport._tx_srtp" in aiortc_compat.missing_names()


def test_no_other_file_uses_private_names_of_aiortc() -> None:
    for path in Path(video.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = [name for _, name in (*aiortc_compat.PRIVATE_METHODS, *aiortc_compat.PRIVATE_ATTRIBUTES)]
        used = [name for name in names if re.search(rf"(?<!self)\.{name}\b", text)]
        assert path.name == "aiortc_compat.py" or used == [], path.name
