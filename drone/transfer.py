"""Owns the conversations of MAVLink as machines without I/O: mission upload, mission download, one command.

Never reads a clock or a socket: the link feeds messages and the time, and sends what the machines hand back.
Rules: MAVLink mission protocol and the drone spec, section 4.1 (what survives 30 % loss against ArduCopter).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drone.mission import MissionItem, MissionType

INVALID_SEQUENCE, CANCELLED, ERROR = 13, 15, 1
IN_PROGRESS = 5
_COUNT_AGAIN_S = 0.5
_AGAIN_S = 0.25  # before a round trip has been measured
_AGAIN_LEAST_S, _AGAIN_MOST_S = 0.08, 2.0
_BURST = 4
_RESTART_S = 9.5
_FINAL_ACK_S = 2.0
_WINDOW = 12
_COMMAND_AGAIN_S = 0.7
_COMMAND_TRIES = 8


@dataclass(frozen=True, slots=True)
class SendCount:
    count: int


@dataclass(frozen=True, slots=True)
class SendItem:
    seq: int


@dataclass(frozen=True, slots=True)
class RequestList:
    pass


@dataclass(frozen=True, slots=True)
class RequestItem:
    seq: int


@dataclass(frozen=True, slots=True)
class SendAck:
    pass


@dataclass(frozen=True, slots=True)
class SendCommand:
    confirmation: int


@dataclass(slots=True)
class RoundTrip:
    """How long to wait before something is sent again: twice the smoothed round trip, so that a slow radio is not stormed."""

    smoothed_s: float | None = None

    @property
    def again_s(self) -> float:
        if self.smoothed_s is None:
            return _AGAIN_S
        return min(max(2.0 * self.smoothed_s + 0.02, _AGAIN_LEAST_S), _AGAIN_MOST_S)

    def sample(self, seconds: float) -> None:
        self.smoothed_s = seconds if self.smoothed_s is None else 0.8 * self.smoothed_s + 0.2 * seconds


UploadOut = SendCount | SendItem
DownloadOut = RequestList | RequestItem | SendAck
UploadState = Literal["running", "accepted", "unsure", "refused"]


@dataclass(slots=True)
class Upload:
    """Sends items. Ends `accepted`, `refused` with `result`, or `unsure` when the last acknowledgement got lost; only a
    read-back that compares equal makes an upload good.
    """

    items: list[MissionItem]
    mission_type: MissionType
    now: float
    state: UploadState = "running"
    result: int = 0
    restarts: int = 0
    trip: RoundTrip = field(default_factory=RoundTrip)
    _requested: int = -1
    _heard: float = field(init=False)
    _sent: float = field(default=-1e9, init=False)
    _sent_seq: int = field(default=-1, init=False)
    _counts: int = field(default=0, init=False)
    _clean: bool = field(default=True, init=False)
    _last_sent: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._heard = self.now

    def on_request(self, seq: int, now: float) -> list[UploadOut]:
        """Answer every request, for any item, any number of times."""
        self._heard = now
        if not 0 <= seq < len(self.items):
            return []
        if self._clean and seq == self._sent_seq + 1:
            self.trip.sample(now - self._sent)
        self._requested, self._clean = seq, True
        return self._item(seq, now)

    def on_ack(self, result: int, now: float) -> list[UploadOut]:
        """Out-of-sequence is noise while items flow; cancelled means start again; other refusals are final."""
        self._heard = now
        if result == INVALID_SEQUENCE:
            return []
        if result == CANCELLED:
            return self._restart(now)
        if result == 0:
            # A late acknowledgement of an earlier transfer is possible: without our last item sent it proves nothing.
            self.state = "accepted" if self._last_sent or not self.items else "running"
        elif result == ERROR and self._last_sent:
            self.state = "unsure"  # what a vehicle answers to an item after it has finished
        else:
            self.state, self.result = "refused", result
        return []

    def poll(self, now: float) -> list[UploadOut]:
        """What to send at `now`."""
        if self.state != "running":
            return []
        silent = now - self._heard
        if silent >= _RESTART_S:
            return self._restart(now)
        if self._requested < 0:
            return self._count(now) if now - self._sent >= min(_COUNT_AGAIN_S * self._counts, _AGAIN_MOST_S) else []
        if self._all_requested and silent >= _FINAL_ACK_S:
            self.state = "unsure"
            return []
        if now - self._sent < self.trip.again_s:
            return []
        # Silence: our item or the vehicle's next request was lost. Send the item and the ones after it in order: the vehicle
        # takes each that it waits for and answers the others with noise.
        self._clean = False
        last = min(self._requested + _BURST, len(self.items))
        return [out for seq in range(self._requested, last) for out in self._item(seq, now)]

    @property
    def _all_requested(self) -> bool:
        return self._requested == len(self.items) - 1

    def _item(self, seq: int, now: float) -> list[UploadOut]:
        self._sent, self._sent_seq = now, seq
        self._last_sent = self._last_sent or seq == len(self.items) - 1
        return [SendItem(seq)]

    def _count(self, now: float) -> list[UploadOut]:
        self._clean = self._counts == 0
        self._sent, self._sent_seq = now, -1
        self._counts += 1
        return [SendCount(len(self.items))]

    def _restart(self, now: float) -> list[UploadOut]:
        self.restarts += 1
        self._requested, self._heard, self._counts, self._last_sent = -1, now, 0, False
        return self._count(now)


@dataclass(slots=True)
class Download:
    """Reads items back, several requests under way at once."""

    mission_type: MissionType
    count: int | None = None
    items: dict[int, MissionItem] = field(default_factory=dict)
    trip: RoundTrip = field(default_factory=RoundTrip)
    _sent: dict[int, float] = field(default_factory=dict, init=False)
    _again: set[int] = field(default_factory=set, init=False)
    _listed: float = field(default=-1e9, init=False)

    @property
    def done(self) -> bool:
        return self.count is not None and len(self.items) >= self.count

    def on_count(self, count: int) -> list[DownloadOut]:
        if self.count is None:
            self.count = count
        return [SendAck()] if self.done else []

    def on_item(self, seq: int, item: MissionItem, now: float) -> list[DownloadOut]:
        if self.count is None or seq >= self.count:
            return []
        if seq in self._sent and seq not in self._again:
            self.trip.sample(now - self._sent[seq])
        self.items[seq] = item
        return [SendAck()] if self.done else []

    def poll(self, now: float) -> list[DownloadOut]:
        if self.count is None:
            if now - self._listed < _COUNT_AGAIN_S:
                return []
            self._listed = now
            return [RequestList()]
        missing = [seq for seq in range(self.count) if seq not in self.items][:_WINDOW]
        due = [seq for seq in missing if now - self._sent.get(seq, -1e9) >= self.trip.again_s]
        self._again.update(seq for seq in due if seq in self._sent)
        self._sent.update(dict.fromkeys(due, now))
        return [RequestItem(seq) for seq in due]


@dataclass(slots=True)
class CommandCall:
    """One command until it is answered: sent again with a higher confirmation, patient while the vehicle is busy."""

    result: int | None = None
    gave_up: bool = False
    _confirmation: int = 0
    _sent: float = field(default=-1e9, init=False)

    def on_ack(self, result: int, now: float) -> None:
        if result == IN_PROGRESS:
            self._sent, self._confirmation = now, 0
        else:
            self.result = result

    def poll(self, now: float) -> list[SendCommand]:
        if self.result is not None or self.gave_up or now - self._sent < _COMMAND_AGAIN_S:
            return []
        if self._confirmation >= _COMMAND_TRIES:
            self.gave_up = True
            return []
        out = [SendCommand(self._confirmation)]
        self._confirmation, self._sent = self._confirmation + 1, now
        return out
