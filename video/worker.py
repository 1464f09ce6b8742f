"""Owns the room worker process: ``python -m video.worker --socket PATH --out DIR``. Forwards and records, nothing else.

Never opens a database. Orders come as JSON lines over the socket (`video.control`); it ends when that closes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
from pathlib import Path

from pydantic import ValidationError

from core.errors import InputError, NotFound, YunJianError
from video import aiortc_compat, control
from video.forward import ForwardSettings
from video.netloop import PortRangeLoop
from video.studio import Studio

log = logging.getLogger("video.worker")
_GC_THRESHOLD = (20_000, 20, 20)  # packets make no cycles; connections do


class Worker:
    """Rooms of this process and the one connection that commands them."""

    def __init__(self, out: Path, settings: ForwardSettings, segment_s: float) -> None:
        self._out, self._settings, self._segment_s = out, settings, segment_s
        self._rooms: dict[str, Studio] = {}
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self.finished = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one supervisor until it goes away."""
        self._writer = writer
        try:
            while data := await reader.readline():
                task = asyncio.ensure_future(self._answer(data))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
        except (ConnectionError, ValueError) as error:
            log.warning("control connection: %s", error)
        finally:
            for studio in list(self._rooms.values()):
                await studio.close()
            self.finished.set()

    def hang_up(self) -> None:
        """End the control connection (what was written still goes out); `serve` then closes the rooms."""
        if self._writer is None:
            self.finished.set()
        else:
            self._writer.close()

    async def _answer(self, data: bytes) -> None:
        try:
            request = control.Request.model_validate_json(data)
        except ValidationError:
            log.warning("unreadable order of %d bytes", len(data))
            return
        try:
            reply = control.Reply(id=request.id, result=await self._do(request.command))
        except YunJianError as error:
            params = {key: str(value) for key, value in error.params.items()}
            reply = control.Reply(id=request.id, code=error.code, params={**params, "_type": type(error).__name__})
        except Exception:  # the request boundary: one bad call must not end other people's rooms
            log.exception("order failed")
            reply = control.Reply(id=request.id, code="video.worker_fault", params={"_type": "EnvironmentFault"})
        self._send(control.line(reply))
        if isinstance(request.command, control.Shutdown):
            self.hang_up()

    async def _do(self, command: control.Command) -> dict[str, object]:
        match command:
            case control.CreateRoom():
                if command.room not in self._rooms:
                    self._rooms[command.room] = Studio(command.room, self._out, self._settings, self._segment_s, self._tell)
            case control.Publish():
                answer = await self._room(command.room).forwarder.publish(command.seat, command.sdp)
                return {"resource": answer.resource, "sdp": answer.sdp}
            case control.View():
                answer = await self._room(command.room).forwarder.subscribe(command.seat, command.of, command.sdp)
                return {"resource": answer.resource, "sdp": answer.sdp}
            case control.Prefer():
                self._room(command.room).forwarder.prefer(command.resource, command.hd)
            case control.Clip():
                return (await self._room(command.room).clip(command.seat, command.seconds)).model_dump()
            case control.Shutdown():
                for room in list(self._rooms):
                    await self._rooms.pop(room).close()
            case _:
                return await self._in_room(command)
        return {}

    async def _in_room(self, command: control.Command) -> dict[str, object]:
        if isinstance(command, control.Shutdown):
            raise InputError("video.worker_fault")
        studio = self._room(command.room)
        match command:
            case control.HangUp():
                await studio.forwarder.hang_up(command.resource)
            case control.DropSeat():
                await studio.forwarder.drop_seat(command.seat)
            case control.StartRecording():
                await studio.start_recording(command.recording)
            case control.StopRecording():
                await studio.stop_recording()
            case control.Snapshot():
                return dict(await studio.picture(command.seat))
            case control.Watch():
                await studio.watch(command.seat, command.fps)
            case control.Stats():
                return studio.stats()
            case control.CloseRoom():
                await self._rooms.pop(command.room).close()
            case _:
                raise InputError("video.worker_fault")
        return {}

    def _room(self, room: str) -> Studio:
        if room not in self._rooms:
            raise NotFound("video.no_room")
        return self._rooms[room]

    def _tell(self, news: control.News) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._send, control.line(news))

    def _send(self, data: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)


async def run(socket: Path, out: Path, settings: ForwardSettings, segment_s: float) -> None:
    """Listen on `socket` for one supervisor; returns when it has gone or said shutdown."""
    worker = Worker(out, settings, segment_s)
    server = await asyncio.start_unix_server(worker.serve, path=str(socket), limit=control.MAX_LINE)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.hang_up)
    os.write(1, b"ready\n")  # the supervisor waits for this line
    try:
        await worker.finished.wait()
        await asyncio.sleep(0)
    finally:
        server.close()
        await asyncio.to_thread(socket.unlink, missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the worker process."""
    parser = argparse.ArgumentParser(prog="python -m video.worker", description="room worker: forwards and records")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--out", type=Path, required=True, help="folder for segments")
    parser.add_argument("--segment-s", type=float, default=60.0)
    parser.add_argument("--ring-s", type=float, default=3.0)
    parser.add_argument("--ceiling-kbps", type=int, default=2500)
    parser.add_argument("--udp-ports", type=int, nargs=2, default=(0, 0), metavar=("LOW", "HIGH"))
    parser.add_argument("--address", action="append", default=[], help="local address ICE offers; all but loopback if none")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    aiortc_compat.check()
    if chosen.address:
        aiortc_compat.restrict_addresses(tuple(chosen.address))
    gc.collect()
    gc.freeze()  # what is imported stays: looking through it again would stop everybody's picture for a tenth of a second
    gc.set_threshold(*_GC_THRESHOLD)
    settings = ForwardSettings(chosen.ring_s, chosen.ceiling_kbps * 1000)
    low, high = chosen.udp_ports
    with asyncio.Runner(loop_factory=lambda: PortRangeLoop((low, high))) as runner:
        runner.run(run(chosen.socket, chosen.out, settings, chosen.segment_s))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
