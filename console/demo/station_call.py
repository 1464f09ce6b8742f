"""Owns station 3: the remote check. Drives the console's own HTTP API as an inspector's browser does, with a scripted crew peer.

Never touches RTP: the room worker does.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from console.calls import room_order
from console.demo.keeping import keep_once
from console.demo.people import ScriptedPeople, scripted_people, signed_in
from console.demo.walk import Facts, Walk
from core.errors import EnvironmentFault, Unfinished
from core.processes import python_module, spawn, stop
from inspection import NewAnswer, answer_item, record
from inspection.record import CaseRecord

STILL_ITEMS = 2
CALL_SECONDS = 10.0
PATIENCE_S = 60.0
AIS_ITEM = "YJ-040"


def call(job: Walk) -> Facts:
    """Open a room, let the crew in by its signed link, record, ask for stills, and see them land on their items."""
    services, people = job.services, scripted_people(job.services)
    case_id = job.facts("case")["case_id"]
    folder = job.folder("call")
    folder.mkdir(parents=True, exist_ok=True)
    with services.db.read() as session:
        before = record(session, case_id)
    _keep_ais_lines(job, people, before)
    asked = _items_for_stills(before)
    with (folder / "server.log").open("w") as log:
        command = python_module("console.cli", "serve", "--port", "0")
        server = spawn(command, stdout=subprocess.PIPE, stderr=log, env=_environment(job))
        try:
            base_url = _address(server)
            room_id = _hold(job, people, base_url, case_id, asked)
        finally:
            stop(server)
    with services.db.read() as session:
        held = next(one for one in record(session, case_id).calls if one.room_id == room_id)
    for item in asked:
        answer_item(services, people.inspects, case_id, item, NewAnswer(value="satisfactory"))
    job.say(
        "call", room=room_id, recordings=len(held.recording_ids), stills=len(asked), items=", ".join(asked), gaps=len(held.gaps)
    )
    return {"room_id": room_id, "recordings": len(held.recording_ids), "stills": len(asked)}


def _items_for_stills(case: CaseRecord) -> list[str]:
    """The first remote items that a still can answer alone, in the order of the checklist."""
    items = case.checklist.items if case.checklist else []
    wanted = [item for item in items if item.remote and "still" in item.media and "drone" not in item.media]
    return [item.id for item in wanted[:STILL_ITEMS]]


def _keep_ais_lines(job: Walk, people: ScriptedPeople, case: CaseRecord) -> None:
    """The log the ranking came from is evidence for the item about AIS."""
    target = next((item.id for item in (case.checklist.items if case.checklist else []) if item.id == AIS_ITEM), None)
    if target is None:
        return
    log = Path(job.facts("ais")["log"])
    keep_once(
        job, people, job.services.files.put_path(log), target,
        kind="ais_lines", media_type="text/plain", device=log.name, producer="ais",
        extra={"simulated": job.facts("ais")["simulated"]},
    )  # fmt: skip


def _environment(job: Walk) -> dict[str, str]:
    return {**os.environ, "YUNJIAN_DATA_DIR": str(job.services.settings.data_dir.resolve()), "YUNJIAN_WEB__HOST": "127.0.0.1"}


def _address(server: subprocess.Popen[str]) -> str:
    """The URL that `yunjian serve` prints when it listens."""
    for line in server.stdout or ():
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip("/")
    raise EnvironmentFault("run.no_server", status=server.wait())


def _hold(job: Walk, people: ScriptedPeople, base_url: str, case_id: str, asked: list[str]) -> str:
    services = job.services
    with services.db.read() as session:
        order = room_order(record(session, case_id), services.clock).model_dump(mode="json")
    with signed_in(services, people.inspector, base_url) as http:
        room = _ok(http.post("/api/v1/video/rooms", json=order))
        room_id, link = room["room_id"], room["seats"][0]["link"]
        mine = _ok(http.post(f"/api/v1/video/rooms/{room_id}/attend"))
        lead = {"authorization": f"Bearer {mine['token']}"}
        command = python_module(
            "video.demo_peer", "--base-url", base_url, "--link", link, "--clip", str(job.folder("call") / "clip.webm"),
            "--seconds", str(CALL_SECONDS), "--stills", str(len(asked)),
        )  # fmt: skip
        with (job.folder("call") / "peer.log").open("w") as log:
            peer = spawn(command, stdout=log, stderr=log)
            try:
                _lead(job, http, f"/api/v1/video/rooms/{room_id}", lead, asked, peer)
            finally:
                stop(peer, CALL_SECONDS + PATIENCE_S if peer.poll() is None else 1.0)
    return str(room_id)


def _lead(
    job: Walk, http: httpx.Client, room: str, lead: dict[str, str], asked: list[str], peer: subprocess.Popen[str]
) -> None:
    """The inspector's side: admit, record, ask, see the stills arrive, close."""

    def seat() -> dict[str, Any]:
        seats = _ok(http.get(room, headers=lead))["seats"]
        return next(one for one in seats if one["role"] == "crew")

    _until(lambda: seat()["state"] == "waiting", peer)
    job.progress(1, 5)
    _ok(http.post(f"{room}/seats/{seat()['seat_id']}/admit", headers=lead))
    _until(lambda: bool(seat()["consented"]), peer)
    job.progress(2, 5)
    _until(lambda: http.post(f"{room}/recording", headers=lead).is_success, peer)
    job.progress(3, 5)
    for item in asked:
        _ok(http.post(f"{room}/requests", headers=lead, json={"item_ref": item}))
    case_id = job.facts("case")["case_id"]

    def bound() -> bool:
        with job.services.db.read() as session:
            checklist = record(session, case_id).checklist
        found = {item.id for item in (checklist.items if checklist else []) if item.evidence_ids}
        return set(asked) <= found

    _until(bound, peer, even_if_gone=True)
    job.progress(4, 5)
    peer.wait(CALL_SECONDS + PATIENCE_S)
    http.delete(f"{room}/recording", headers=lead)
    _ok(http.post(f"{room}/close", headers=lead))

    def noted() -> bool:
        with job.services.db.read() as session:
            return any(one.room_id == room.rsplit("/", 1)[-1] for one in record(session, case_id).calls)

    _until(noted, peer, even_if_gone=True)
    job.progress(5, 5)


def _until(ready: Callable[[], bool], peer: subprocess.Popen[str], *, even_if_gone: bool = False) -> None:
    end = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > end or (peer.poll() not in (None, 0) and not even_if_gone):
            raise Unfinished("run.call_stuck", seconds=PATIENCE_S)
        time.sleep(0.1)


def _ok(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise EnvironmentFault("run.http", method=answer.request.method, path=answer.request.url.path, status=answer.status_code,
                               detail=answer.text[:300])  # fmt: skip
    return answer.json() if answer.content else None
