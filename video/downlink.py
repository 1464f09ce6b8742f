"""Owns what goes down one viewer's connection: transport-wide numbers, what became of each packet, room for a picture.

Never forwards: legs ask it for a header and whether a picture may go.
"""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from functools import cache
from struct import pack

from aiortc.codecs import CODECS, HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters

from config import pack_path
from video.estimator import AudioFirst, Estimator, Settled
from video.feedback import TWCC_URI, Arrival
from video.ring import SEQ

_OWN_ID = 5  # only used in offers of ours; an answer takes the id of the offer
_REMEMBERED = 4096
_ONE_BYTE_PROFILE = 0xBEDE  # RFC 8285


@dataclass(frozen=True, slots=True)
class LinkRules:
    """``config/video/link.toml``."""

    audio_only_kbps: float
    hd_kbps: float
    hold_s: float
    retry_s: float
    retry_max_s: float
    start_kbps: float
    repair_twice_loss: float


@cache
def link_rules() -> LinkRules:
    return LinkRules(**tomllib.loads(pack_path("video", "link.toml").read_text(encoding="utf-8")))


def offer_transport_feedback() -> None:
    """Let aiortc agree to transport-wide congestion control; process-wide, once. Peers without it keep REMB."""
    feedback = RTCRtcpFeedback(type="transport-cc")
    for kind in ("audio", "video"):
        if all(known.uri != TWCC_URI for known in HEADER_EXTENSIONS[kind]):
            HEADER_EXTENSIONS[kind].append(RTCRtpHeaderExtensionParameters(id=_OWN_ID, uri=TWCC_URI))
        for codec in CODECS[kind]:
            if codec.name != "rtx" and feedback not in codec.rtcpFeedback:
                codec.rtcpFeedback.append(feedback)


class Downlink:
    """One per viewing connection, shared by its legs."""

    def __init__(self, rules: LinkRules) -> None:
        self._twice_loss = rules.repair_twice_loss
        self.estimator = Estimator(rules.start_kbps * 1000)
        self.measured = False
        self._first = AudioFirst(rules.audio_only_kbps * 1000, rules.hold_s, rules.retry_s, rules.retry_max_s)
        self._hd = AudioFirst(rules.hd_kbps * 1000, rules.hold_s, rules.retry_s, rules.retry_max_s)
        self._hd_bps = rules.hd_kbps * 1000
        self._seq = 0
        self._sent: dict[int, tuple[float, int]] = {}

    @property
    def picture(self) -> bool:
        """Whether there is room for a picture; always, for a viewer who gives no feedback."""
        return not self.measured or self._first.decide(time.monotonic(), self.estimator.bps)

    def room_for(self, rate_bps: float) -> bool:
        """Whether there is room for the large picture, which comes at `rate_bps`; always, for a viewer who gives no feedback."""
        if not self.measured:
            return True
        self._hd.limit_bps = min(self._hd_bps, rate_bps) if rate_bps else self._hd_bps
        return self._hd.decide(time.monotonic(), self.estimator.bps)

    @property
    def repair_times(self) -> int:
        """How often each repair is sent."""
        return 2 if self.estimator.loss > self._twice_loss else 1

    def header(self, marker_type: int, seq: int, stamp: int, ssrc: int, extension_id: int | None, size: int) -> bytes:
        """An RTP header; with the transport-wide number where the viewer agreed on it (`extension_id`)."""
        if extension_id is None:
            return pack("!BBHLL", 0x80, marker_type, seq, stamp, ssrc)
        number = self._seq
        self._seq = (number + 1) % SEQ
        self._sent[number] = (time.monotonic(), size + 20)
        self._sent.pop((number - _REMEMBERED) % SEQ, None)
        return pack("!BBHLLHHBHB", 0x90, marker_type, seq, stamp, ssrc, _ONE_BYTE_PROFILE, 1, extension_id << 4 | 1, number, 0)

    def on_arrivals(self, arrivals: list[Arrival]) -> None:
        """The viewer's report; what was settled before is not counted twice."""
        settled = []
        for one in arrivals:
            known = self._sent.pop(one.seq, None)
            if known is not None:
                settled.append(Settled(known[0], one.at_s, known[1]))
        if settled:
            self.measured = True
            self.estimator.update(time.monotonic(), settled)
