"""Owns the acts of berth cameras: taking stills that are due, keeping them for so many days, and what a ship's berth shows.

Never decides what a picture shows: a ship is named beside it because AIS has it at that berth, and the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from ais import camera_store as store
from ais.camera_sources import CameraFault, Taken, take
from ais.cameras import Camera, CameraPack, CameraState, Still, Trial, load_cameras, state_of
from ais.codes import Label
from ais.event_store import BerthStay, PortCall, port_calls
from ais.service import watched_port
from core.context import Services
from core.errors import NotFound
from core.files import FileStore
from core.ids import new_id

SWEEP_EVERY_S = 5.0
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera with its state and the still to show; `fault`: of the last attempt, a row of the catalogue."""

    id: str
    berth: str
    name: Label
    simulated: bool
    state: CameraState
    fault: str | None
    tried_at: datetime | None
    still: Still | None


@dataclass(frozen=True, slots=True)
class BerthView:
    """Where AIS has a ship, from when to when (None = still), and the cameras there. Stills are of that stay only."""

    berth_id: str
    name: Label
    from_at: datetime
    to_at: datetime | None
    cameras: tuple[CameraView, ...]


def camera_pack(services: Services) -> CameraPack:
    """The cameras of this installation; raises InputError where the file is wrong."""
    return load_cameras(services.settings.ais.berth_cameras)


def stills(services: Services) -> FileStore:
    """Apart from evidence, so that the age limit can never take a file that an inspection needs."""
    return FileStore(services.settings.data_dir / "stills")


def sweep(services: Services) -> int:
    """Take a still of every camera that is due, and forget what is too old; returns how many were kept or seen again."""
    pack, now = camera_pack(services), services.clock.now()
    with services.db.read() as session:
        tried = store.trials(session)
    due = [one for one in pack.cameras if _due(one, tried.get(one.id), now)]
    if not due:
        return 0
    with ThreadPoolExecutor(min(_AT_ONCE, len(due))) as pool:
        found = list(pool.map(lambda camera: _attempt(pack, camera, now), due))
    files, done = stills(services), 0
    for camera, answer in zip(due, found, strict=True):
        done += _kept(services, files, camera, answer, now)
    with services.db.write() as session:
        gone = store.forget_before(session, now - timedelta(days=pack.limits.keep_days))
    for sha256 in gone:
        _remove(files, sha256)
    return done


def _due(camera: Camera, last: Trial | None, now: datetime) -> bool:
    return last is None or (now - last.tried_at).total_seconds() >= camera.every_s


def _attempt(pack: CameraPack, camera: Camera, now: datetime) -> Taken | CameraFault:
    try:
        return take(camera, pack.limits, now)
    except CameraFault as fault:
        return fault


def _kept(services: Services, files: FileStore, camera: Camera, answer: Taken | CameraFault, now: datetime) -> bool:
    if isinstance(answer, CameraFault):
        with services.db.write() as session:
            store.note(session, Trial(camera.id, now, answer.code, answer.detail))
        return False
    held = files.put_bytes(answer.data)  # before the transaction: a row never names a file that is not there
    still = Still(
        new_id(), camera.id, camera.berth, answer.at, answer.at, held.sha256, held.size, answer.media_type, answer.width,
        answer.height, camera.simulated,
    )  # fmt: skip
    with services.db.write() as session:
        store.keep(session, still)
        store.note(session, Trial(camera.id, now, None, ""))
    return True


def _remove(files: FileStore, sha256: str) -> None:
    try:
        files.path(sha256).unlink(missing_ok=True)
    except NotFound:
        return


def still_of(services: Services, still_id: str) -> tuple[Still, bytes]:
    """A still with its bytes, checked against their hash.

    Raises:
        NotFound: no such still, or it is older than the limit. Altered: the bytes are not what was kept.
    """
    with services.db.read() as session:
        found = store.still(session, still_id)
    if found is None:
        raise NotFound("ais.no_still")
    return found, stills(services).read(found.sha256)


def camera_views(services: Services) -> list[CameraView]:
    """Every camera with its newest still."""
    pack, now = camera_pack(services), services.clock.now()
    with services.db.read() as session:
        newest, tried = store.newest(session), store.trials(session)
    return [_view(pack, one, newest.get(one.id), newest.get(one.id), tried.get(one.id), now) for one in pack.cameras]


def berth_view(services: Services, mmsi: int, at: datetime, calls: Sequence[PortCall] | None = None) -> BerthView | None:
    """The berth of a ship's newest stay up to `at` by AIS, and the newest still of each camera there from that stay.

    `calls`: of the ship, where they are read already. None where AIS has it at no berth.
    """
    if calls is None:
        with services.db.ais_read() as session:
            calls = port_calls(session, mmsi=mmsi)
    stay = newest_stay(calls, at)
    if stay is None:
        return None
    pack, now = camera_pack(services), services.clock.now()
    until = at if stay.to_at is None else min(at, stay.to_at)
    with services.db.read() as session:
        shown = store.newest_between(session, stay.berth_id, stay.from_at, until)
        newest, tried = store.newest(session), store.trials(session)
    names = {one.id: one.name for one in watched_port(services).berths}
    return BerthView(
        stay.berth_id, names.get(stay.berth_id, Label(zh=stay.berth_id, en=stay.berth_id)), stay.from_at,
        stay.to_at if stay.to_at is not None and stay.to_at <= at else None,
        tuple(
            _view(pack, one, shown.get(one.id), newest.get(one.id), tried.get(one.id), now)
            for one in pack.cameras
            if one.berth == stay.berth_id
        ),
    )  # fmt: skip


def newest_stay(calls: Sequence[PortCall], at: datetime) -> BerthStay | None:
    """The stay at a berth that began last up to `at`."""
    begun = [stay for call in calls for stay in call.berths if stay.from_at <= at]
    return max(begun, key=lambda stay: stay.from_at, default=None)


def _view(
    pack: CameraPack, camera: Camera, shown: Still | None, newest: Still | None, last: Trial | None, now: datetime
) -> CameraView:
    return CameraView(
        camera.id, camera.berth, camera.name, camera.simulated, state_of(pack.limits, newest, last, now),
        None if last is None else last.fault, None if last is None else last.tried_at, shown,
    )  # fmt: skip
