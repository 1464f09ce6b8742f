"""Owns the directory of rooms in the web process: which worker has which room, and keeping workers alive.

Never touches RTP and never opens the database: what workers report goes to the `on_news` and `on_restored` it was given.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from config import Settings
from core.context import Services
from core.errors import EnvironmentFault, NotFound
from video import control, turn
from video.hub import Hub
from video.keeping import Bookkeeper
from video.pulls import Pulls
from video.workerlink import WorkerLink

log = logging.getLogger("video.rooms")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
CALL_S = 20.0
CLOSE_S = 120.0


def ice_addresses(settings: Settings) -> tuple[str, ...]:
    """Addresses ICE may offer on this machine; empty = all but loopback."""
    return settings.video.host_addresses or (("127.0.0.1",) if settings.web.host in _LOOPBACK else ())


def worker_arguments(settings: Settings, out: Path) -> list[str]:
    """Arguments of ``python -m video.worker``, but for its socket."""
    video = settings.video
    arguments = [
        "--out", str(out), "--segment-s", str(video.segment_s), "--ring-s", str(video.ring_s),
        "--ceiling-kbps", str(video.publish_kbps), "--udp-ports", str(video.udp_port_min), str(video.udp_port_max),
    ]  # fmt: skip
    for address in ice_addresses(settings):
        arguments += ["--address", address]
    return arguments


class Rooms:
    """start() and stop() with the web process; everything else is called by `video.service` and blocks shortly."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.out = services.settings.data_dir / "rooms"
        self.hub = Hub()
        self.pulls = Pulls(self.publish, self.hub.tell_room)
        self.on_picture: Callable[[control.PictureReady], None] = _nothing_to_show
        self._books = Bookkeeper(services, self.out)
        self._workers: list[WorkerLink] = []
        self._home: dict[str, WorkerLink] = {}
        self._lock = threading.Lock()
        self._clerk: ThreadPoolExecutor | None = None
        self._sockets: Path | None = None

    @property
    def running(self) -> bool:
        return bool(self._workers)

    def start(self) -> None:
        """Start the workers and finish what a killed run left open.

        Raises:
            EnvironmentFault: a worker did not come up, or a TURN server is configured without its secret.
        """
        turn.secret(self.services.settings.video)
        self.out.mkdir(parents=True, exist_ok=True)
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="video-clerk")
        self._sockets = Path(tempfile.mkdtemp(prefix="yjv-"))  # short: a Unix socket's path has 107 characters at most
        self._books.end_abandoned()
        arguments = worker_arguments(self.services.settings, self.out)
        for number in range(max(1, self.services.settings.video.room_workers)):
            link = WorkerLink(self._sockets / f"w{number}", arguments, self._on_news, self._on_lost, self._on_back)
            self._workers.append(link)
            link.start()

    def stop(self) -> None:
        """Close all rooms' media; files are closed and kept before it returns."""
        self.pulls.stop()
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
        self._home.clear()
        if self._clerk is not None:
            self._clerk.shutdown(wait=True)
            self._clerk = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def publish(self, room_id: str, seat_id: str, sdp: str) -> tuple[str, str]:
        """WHIP: (connection id, SDP answer)."""
        return _answer(self._call(room_id, control.Publish(room=room_id, seat=seat_id, sdp=sdp)))

    def view(self, room_id: str, seat_id: str, of_seat: str, sdp: str) -> tuple[str, str]:
        """WHEP: (connection id, SDP answer)."""
        return _answer(self._call(room_id, control.View(room=room_id, seat=seat_id, of=of_seat, sdp=sdp)))

    def prefer(self, room_id: str, resource: str, hd: bool) -> None:  # noqa: FBT001 - see `Forwarder.prefer`
        """Which picture a view wants."""
        self._call(room_id, control.Prefer(room=room_id, resource=resource, hd=hd))

    def hang_up(self, room_id: str, resource: str) -> None:
        """End one leg; no error where it or its room is gone already: hanging up twice is nothing."""
        if room_id in self._home:
            with suppress(NotFound):
                self._call(room_id, control.HangUp(room=room_id, resource=resource))

    def drop_seat(self, room_id: str, seat_id: str) -> None:
        """End the media of one seat; no error where it has none."""
        self.pulls.stop(seat_id=seat_id)
        if room_id in self._home:
            self._call(room_id, control.DropSeat(room=room_id, seat=seat_id))

    def start_recording(self, room_id: str, recording_id: str) -> None:
        self._call(room_id, control.StartRecording(room=room_id, recording=recording_id))

    def stop_recording(self, room_id: str) -> None:
        """Returns when every segment is on disk and kept as evidence."""
        self._call(room_id, control.StopRecording(room=room_id), CLOSE_S)
        self.settle()

    def picture(self, room_id: str, seat_id: str) -> tuple[Path, int, int]:
        """A JPEG of the live picture: path, width and height in px."""
        result = self._call(room_id, control.Snapshot(room=room_id, seat=seat_id))
        return Path(result["path"]), int(result["width_px"]), int(result["height_px"])

    def clip(self, room_id: str, seat_id: str, seconds: float) -> control.ClipCut:
        """Copy what a seat shows for so many seconds; returns when the file is on disk."""
        result = self._call(room_id, control.Clip(room=room_id, seat=seat_id, seconds=seconds), seconds + CALL_S)
        return control.ClipCut.model_validate(result)

    def watch(self, room_id: str, seat_id: str, fps: float) -> None:
        """Have pictures of a seat's track handed to `on_picture`; 0 ends it."""
        self._call(room_id, control.Watch(room=room_id, seat=seat_id, fps=fps))

    def stats(self, room_id: str) -> dict[str, Any]:
        return self._call(room_id, control.Stats(room=room_id)) if room_id in self._home else {"tracks": [], "views": []}

    def close(self, room_id: str) -> None:
        """End the room's media for good."""
        self.pulls.stop(room_id=room_id)
        if room_id in self._home:
            self._call(room_id, control.CloseRoom(room=room_id), CLOSE_S)
            self._home.pop(room_id, None)
        self.settle()

    def settle(self) -> None:
        """Wait until all that workers have reported so far is in the database."""
        if self._clerk is not None:
            self._clerk.submit(_nothing).result()

    def worker_pids(self) -> list[int]:
        """Process ids of the running workers."""
        return [pid for pid in (worker.pid for worker in self._workers) if pid is not None]

    def pid_of(self, room_id: str) -> int | None:
        """Process id of the worker that has this room; None before its first media and while a new worker comes up."""
        with self._lock:
            home = self._home.get(room_id)
        return None if home is None else home.pid

    def _call(self, room_id: str, command: control.Command, timeout_s: float = CALL_S) -> dict[str, Any]:
        return self._worker_of(room_id).call(command, timeout_s)

    def _worker_of(self, room_id: str) -> WorkerLink:
        with self._lock:
            if room_id in self._home:
                return self._home[room_id]
            if not self._workers:
                raise EnvironmentFault("video.no_worker")
            counts = {id(worker): 0 for worker in self._workers}
            for worker in self._home.values():
                counts[id(worker)] += 1
            chosen = min(self._workers, key=lambda worker: counts[id(worker)])
            chosen.call(control.CreateRoom(room=room_id), CALL_S)
            self._home[room_id] = chosen
            return chosen

    def _on_news(self, news: control.News) -> None:
        if isinstance(news, control.PictureReady):
            self.on_picture(news)
            return
        if isinstance(news, control.TrackStarted | control.TrackEnded):
            self.hub.tell_room(news.room, {"type": "track", **news.model_dump(exclude={"room"})})
        elif isinstance(news, control.RecordingFailed):
            self.hub.tell_room(news.room, {"type": "recording_failed", "reason": news.reason})
        self._file(lambda: self._books.file(news))

    def _on_lost(self, worker: WorkerLink) -> None:
        """The worker died: its open segments end where they were cut."""
        for room_id in self._rooms_of(worker):
            self.hub.tell_room(room_id, {"type": "media_lost"})
            self._file(partial(self._books.seal_cut, room_id))

    def _on_back(self, worker: WorkerLink) -> None:
        """A new worker stands in: same rooms, and a recording that ran goes on as a new one."""
        for room_id in self._rooms_of(worker):
            worker.call(control.CreateRoom(room=room_id), CALL_S)
            again: Future[str | None] | None = self._file(partial(self._books.go_on_recording, room_id))
            recording_id = again.result(CALL_S) if again is not None else None
            if recording_id is not None:
                worker.call(control.StartRecording(room=room_id, recording=recording_id), CALL_S)
            self.hub.tell_room(room_id, {"type": "media_back"})
            self.pulls.restart(room_id)

    def _rooms_of(self, worker: WorkerLink) -> list[str]:
        with self._lock:
            return [room_id for room_id, home in self._home.items() if home is worker]

    def _file(self, job: Callable[[], Any]) -> Future[Any] | None:
        clerk = self._clerk
        return None if clerk is None else clerk.submit(_logged, job)


def _answer(result: dict[str, Any]) -> tuple[str, str]:
    return str(result["resource"]), str(result["sdp"])


def _nothing() -> None:
    return


def _nothing_to_show(news: control.PictureReady) -> None:
    """Nobody asked for pictures."""


def _logged(job: Callable[[], Any]) -> Any:
    try:
        return job()
    except Exception:  # the clerk's boundary: one file that cannot be kept must not stop the others
        log.exception("a worker's report could not be filed")
        return None
