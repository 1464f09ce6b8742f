"""Owns what may happen in a room: who gets in, who agreed, what is recorded, what was asked for.

Never touches RTP (the worker does) and never knows what an item means.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core import codes, events, evidence, journal
from core.auth import Principal, Role
from core.clock import rfc3339
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound, Refused
from core.ids import new_id
from video import links, store, turn
from video.downlink import link_rules
from video.model import (
    Consent,
    ConsentOrder,
    Invitation,
    Joined,
    NewRoom,
    Right,
    RoomOrder,
    RoomState,
    RoomView,
    Seat,
    SeatKey,
    SeatRole,
    SeatState,
    Shot,
    WatchOrder,
    consent_notice,
    rights_of,
)
from video.rooms import Rooms

EVENT_CLOSED = "video.room_closed"
_INSPECTORS = frozenset({Role.INSPECTOR, Role.SUPERVISOR})


def create_room(services: Services, order: RoomOrder, principal: Principal, idempotency_key: str | None = None) -> NewRoom:
    """Open a room and write one signed link per seat (contracts.md, Room). A repeated key gives new links to the same room.

    Raises:
        InputError: it would end before it begins.
    """
    if order.not_after <= order.not_before:
        raise InputError("video.room_times")
    with services.db.write() as session:
        known = store.room_by_key(session, principal.user_id, idempotency_key) if idempotency_key else None
        if known is not None:
            rows = [row for row in store.seats(session, known.id) if row.user_id is None]
            return NewRoom(room_id=known.id, seats=tuple(_invite(session, services, row, known) for row in rows))
        room = store.RoomRow(
            id=new_id(), subject_ref=order.subject_ref, state=RoomState.OPEN, not_before=order.not_before,
            not_after=order.not_after, shots=[shot.model_dump(mode="json") for shot in order.shots],
            created_by=principal.user_id, created_at=services.clock.now(), closed_at=None, idempotency_key=idempotency_key,
            private_of=None,
        )  # fmt: skip
        session.add(room)
        session.flush()
        invitations = [invite_into(session, services, room, seat.role, seat.name_hint) for seat in order.seats]
        note(session, services, room, principal.user_id, "video.room_opened", seats=[row.seat_id for row in invitations])
        return NewRoom(room_id=room.id, seats=tuple(invitations))


def invite_into(session: Session, services: Services, room: store.RoomRow, role: SeatRole, name: str) -> Invitation:
    """A new seat of a room with its link."""
    row = new_seat(room.id, role, name)
    session.add(row)
    session.flush()
    return _invite(session, services, row, room)


def renew_link(services: Services, key: SeatKey, seat_id: str) -> Invitation:
    """A new link for a seat, e.g. to move to another phone; the old link and token die at once."""
    require(key, Right.LEAD)
    with services.db.write() as session:
        room, row = open_room(session, key.room_id), seat_in(session, key.room_id, seat_id)
        row.token_sha256 = None
        row.state = SeatState.INVITED if row.state == SeatState.WAITING else row.state
        note(session, services, room, key.actor, "video.link_renewed", seat_id=seat_id)
        return _invite(session, services, row, room)


def join(services: Services, rooms: Rooms, code: str, device: str, name: str = "") -> Joined:
    """Use a join code from a device: the seat then waits to be admitted. The same device may come back.

    Raises:
        InputError, Refused, Altered: the code is not good (`core.codes`), or was used on another device.
        AccessDenied: the seat was removed.
    """
    found, room_id, seat_id = links.read(services, links.code_of(code))
    token, digest = links.new_token()
    with services.db.write() as session:
        room, row = open_room(session, room_id), seat_in(session, room_id, seat_id)
        use = links.redeem(session, services, found, device)
        if row.state == SeatState.REMOVED:
            raise AccessDenied("video.removed")
        if use is codes.Use.FIRST:
            row.joined_at = services.clock.now()
            row.state = SeatState.WAITING if row.state == SeatState.INVITED else row.state
            row.name = name.strip() or row.name
            note(session, services, room, f"seat:{seat_id}", "video.seat_joined", seat_id=seat_id)
        row.token_sha256 = digest
        joined = _joined(services, room, row, token)
    tell_roster(services, rooms, room_id)
    return joined


def attend(services: Services, rooms: Rooms, room_id: str, principal: Principal) -> Joined:
    """The inspector's own seat, by login instead of a link; it is admitted and has agreed by opening the room.

    Raises:
        NotFound: another person's private interview, or another officer's call.
    """
    token, digest = links.new_token()
    now = services.clock.now()
    with services.db.write() as session:
        room = open_room(session, room_id)
        own_only = room.private_of is not None or principal.role not in _INSPECTORS
        if own_only and room.created_by != principal.user_id:
            raise NotFound("video.no_room")
        row = store.seat_of_user(session, room_id, principal.user_id)
        if row is None:
            row = new_seat(room_id, SeatRole.INSPECTOR, principal.name)
            row.user_id, row.joined_at, row.admitted_at, row.admitted_by = principal.user_id, now, now, principal.user_id
            row.consented_at, row.consent_version, row.state = now, consent_notice().version, SeatState.ADMITTED
            session.add(row)
            note(session, services, room, principal.user_id, "video.inspector_joined", seat_id=row.id)
        row.token_sha256 = digest
        joined = _joined(services, room, row, token)
    tell_roster(services, rooms, room_id)
    return joined


def seat_of(services: Services, token: str) -> SeatKey:
    """Who holds this seat token.

    Raises:
        AccessDenied: unknown, outlived, or the seat was removed.
    """
    with services.db.read() as session:
        found = store.seat_by_token(session, links.token_sha256(token))
        if found is None:
            raise AccessDenied("video.token")
        row, room = found
        if services.clock.now() >= room.not_after:
            raise AccessDenied("video.token")
        if row.state == SeatState.REMOVED:
            raise AccessDenied("video.removed")
        return SeatKey(
            room_id=room.id, seat_id=row.id, subject_ref=room.subject_ref, role=SeatRole(row.role),
            state=SeatState(row.state), user_id=row.user_id, consented=row.consented_at is not None,
        )  # fmt: skip


def require(key: SeatKey, right: Right, room_id: str | None = None) -> None:
    """Let an admitted seat with this right pass.

    Raises:
        AccessDenied: another room's seat, not admitted yet, or a role without the right.
    """
    if room_id is not None and room_id != key.room_id:
        raise AccessDenied("video.token")
    if key.state != SeatState.ADMITTED:
        raise AccessDenied("video.not_admitted")
    if not key.may(right):
        raise AccessDenied("video.right", role=key.role.value, right=right.value)


def room_view(services: Services, rooms: Rooms, room_id: str) -> RoomView:
    """The room as its people see it. Raises NotFound."""
    present = rooms.hub.present(room_id) | set(rooms.pulls.seats(room_id).values())
    with services.db.read() as session:
        room = store.room(session, room_id)
        if room is None:
            raise NotFound("video.no_room")
        seats = tuple(
            Seat(
                seat_id=row.id, role=SeatRole(row.role), name=row.name, state=SeatState(row.state),
                consented=row.consented_at is not None, present=row.id in present,
            )
            for row in store.seats(session, room_id)
        )  # fmt: skip
        return RoomView(
            room_id=room.id, subject_ref=room.subject_ref, state=RoomState(room.state), not_before=room.not_before,
            not_after=room.not_after, shots=tuple(Shot.model_validate(shot) for shot in room.shots), seats=seats,
            recording=store.running_recording(session, room_id) is not None, private=room.private_of is not None,
        )  # fmt: skip


def known_room(services: Services, room_id: str) -> bool:
    """True if there is such a room, open or closed."""
    with services.db.read() as session:
        return store.room(session, room_id) is not None


def admit(services: Services, rooms: Rooms, key: SeatKey, seat_id: str) -> None:
    """Let a waiting seat in."""
    require(key, Right.LEAD)
    with services.db.write() as session:
        room, row = open_room(session, key.room_id), seat_in(session, key.room_id, seat_id)
        if row.state == SeatState.REMOVED:
            raise AccessDenied("video.removed")
        row.state, row.admitted_at, row.admitted_by = SeatState.ADMITTED, services.clock.now(), key.actor
        note(session, services, room, key.actor, "video.seat_admitted", seat_id=seat_id)
    rooms.hub.tell_seat(key.room_id, seat_id, {"type": "admitted"})
    tell_roster(services, rooms, key.room_id)


def remove(services: Services, rooms: Rooms, key: SeatKey, seat_id: str) -> None:
    """Refuse or put out a seat: its token and media end at once."""
    require(key, Right.LEAD)
    with services.db.write() as session:
        room, row = open_room(session, key.room_id), seat_in(session, key.room_id, seat_id)
        row.state, row.token_sha256 = SeatState.REMOVED, None
        note(session, services, room, key.actor, "video.seat_removed", seat_id=seat_id)
    rooms.hub.hang_up(key.room_id, seat_id)
    rooms.drop_seat(key.room_id, seat_id)
    tell_roster(services, rooms, key.room_id)


def consent(services: Services, rooms: Rooms, key: SeatKey, order: ConsentOrder) -> None:
    """A person agrees to be recorded, to this version of the notice.

    Raises:
        Refused: the notice has changed meanwhile.
    """
    if order.version != consent_notice().version:
        raise Refused("video.consent_version")
    with services.db.write() as session:
        room, row = open_room(session, key.room_id), seat_in(session, key.room_id, key.seat_id)
        row.consented_at, row.consent_version, row.consent_language = services.clock.now(), order.version, order.language
        note(session, services, room, key.actor, "video.consented", seat_id=key.seat_id, version=order.version)
    tell_roster(services, rooms, key.room_id)


def publish(services: Services, rooms: Rooms, key: SeatKey, sdp: str) -> tuple[str, str]:
    """WHIP. Raises AccessDenied without right or admission, Refused while a recording runs unagreed."""
    require(key, Right.PUBLISH)
    with services.db.read() as session:
        open_room(session, key.room_id)
        if store.running_recording(session, key.room_id) is not None and not key.consented and key.may(Right.CONSENT):
            raise Refused("video.consent_first")
    return rooms.publish(key.room_id, key.seat_id, sdp)


def view(services: Services, rooms: Rooms, key: SeatKey, of_seat: str, sdp: str) -> tuple[str, str]:
    """WHEP: see and hear one seat of the same room."""
    require(key, Right.VIEW)
    with services.db.read() as session:
        open_room(session, key.room_id)
        seat_in(session, key.room_id, of_seat)
    return rooms.view(key.room_id, key.seat_id, of_seat, sdp)


def ice_servers(services: Services, key: SeatKey) -> tuple[turn.IceServer, ...]:
    """STUN and TURN servers of an admitted seat that sends or sees; raises what `video.turn.ice_servers` raises."""
    require(key, Right.PUBLISH if key.may(Right.PUBLISH) else Right.VIEW)
    with services.db.read() as session:
        not_after = open_room(session, key.room_id).not_after
    return turn.ice_servers(services.settings.video, key.seat_id, not_after)


def watch(services: Services, rooms: Rooms, key: SeatKey, seat_id: str, order: WatchOrder) -> None:
    """Have pictures of a seat of the same room handed to the detector. Raises NotFound."""
    require(key, Right.LEAD)
    with services.db.read() as session:
        open_room(session, key.room_id)
        seat_in(session, key.room_id, seat_id)
    rooms.watch(key.room_id, seat_id, order.fps)


def start_recording(services: Services, rooms: Rooms, key: SeatKey) -> str:
    """Record all tracks; returns the recording's id.

    Raises:
        Refused: it runs already, or an admitted person has not agreed.
    """
    require(key, Right.LEAD)
    recording_id = new_id()
    with services.db.write() as session:
        room = open_room(session, key.room_id)
        if store.running_recording(session, room.id) is not None:
            raise Refused("video.recording_runs")
        require_consent(session, room)
        session.add(
            store.RecordingRow(
                id=recording_id, room_id=room.id, started_at=services.clock.now(), started_by=key.actor, stopped_at=None
            )
        )
        note(session, services, room, key.actor, "video.recording_started", recording_id=recording_id)
    try:
        rooms.start_recording(key.room_id, recording_id)
    except BaseException:
        _end_recording(services, recording_id, key.actor, "video.recording_failed")
        raise
    rooms.hub.tell_room(key.room_id, {"type": "recording", "on": True})
    return recording_id


def stop_recording(services: Services, rooms: Rooms, key: SeatKey) -> None:
    """End the recording; on return its files are evidence. Raises Refused if none runs."""
    require(key, Right.LEAD)
    with services.db.read() as session:
        running = store.running_recording(session, key.room_id)
        recording_id = running.id if running is not None else None
    if recording_id is None:
        raise Refused("video.no_recording")
    try:
        rooms.stop_recording(key.room_id)
    finally:
        _end_recording(services, recording_id, key.actor, "video.recording_stopped")
        rooms.hub.tell_room(key.room_id, {"type": "recording", "on": False})


def _summary(session: Session, room: store.RoomRow) -> dict[str, Any]:
    """What others may know of a closed room: when, who agreed to the recording (roles), which files came of it and their gaps."""
    seats = store.seats(session, room.id)
    tracks = [
        one
        for one in evidence.of_subject(session, room.subject_ref)
        if one.extra.get("room_id") == room.id and one.extra.get("part") == "track"
    ]
    began = [seat.admitted_at for seat in seats if seat.admitted_at is not None]
    return {
        "room_id": room.id,
        "subject_ref": room.subject_ref,
        "started_at": rfc3339(min(began, default=room.created_at)),
        "ended_at": rfc3339(room.closed_at or room.created_at),
        "consent": sorted(seat.role for seat in seats if seat.consented_at is not None),
        "recording_ids": [one.id for one in tracks],
        "gaps": [
            {
                "track": str(one.extra["track"]),
                "from_s": gap["at_ms"] / 1000,
                "to_s": gap["at_ms"] / 1000,
            }  # a place, not a length
            for one in tracks
            for gap in one.extra["gaps"]
        ],
    }


def close_room(services: Services, rooms: Rooms, key: SeatKey) -> None:
    """End the call for everybody; a running recording is closed and kept first."""
    require(key, Right.LEAD)
    with services.db.read() as session:
        running = store.running_recording(session, key.room_id) is not None
    if running:
        stop_recording(services, rooms, key)
    rooms.close(key.room_id)
    with services.db.write() as session:
        room = open_room(session, key.room_id)
        room.state, room.closed_at = RoomState.CLOSED, services.clock.now()
        events.publish(session, services.clock, stream=room.subject_ref, type=EVENT_CLOSED, payload=_summary(session, room))
        note(session, services, room, key.actor, EVENT_CLOSED)
    rooms.hub.tell_room(key.room_id, {"type": "closed"})


def _end_recording(services: Services, recording_id: str, actor: str, action: str) -> None:
    with services.db.write() as session:
        row = store.recording(session, recording_id)
        room = store.room(session, row.room_id) if row is not None else None
        if row is None or room is None or row.stopped_at is not None:
            return
        row.stopped_at = services.clock.now()
        note(session, services, room, actor, action, recording_id=recording_id)


def require_consent(session: Session, room: store.RoomRow) -> None:
    """Nothing is recorded before every admitted person has agreed; a camera or a drone is nobody to ask.

    Raises:
        Refused: somebody has not agreed.
    """
    missing = [
        row for row in store.seats(session, room.id)
        if row.state == SeatState.ADMITTED and row.consented_at is None and Right.CONSENT in rights_of(SeatRole(row.role))
    ]  # fmt: skip
    if missing:
        raise Refused("video.consent_missing", count=len(missing))


def new_seat(room_id: str, role: SeatRole, name: str) -> store.SeatRow:
    """A row for a seat that nobody has taken yet."""
    return store.SeatRow(
        id=new_id(), room_id=room_id, role=role, name=name, state=SeatState.INVITED, user_id=None, link_jti=None,
        token_sha256=None, joined_at=None, admitted_at=None, admitted_by=None, consented_at=None, consent_version=None,
        consent_language=None,
    )  # fmt: skip


def _invite(session: Session, services: Services, row: store.SeatRow, room: store.RoomRow) -> Invitation:
    """A fresh link for the seat; the one before is revoked."""
    expires = _link_end(services, room)
    if row.link_jti is not None:
        codes.revoke(session, services.clock, row.link_jti, expires)
    row.link_jti = new_id()
    code = links.issue(
        services, room_id=room.id, seat_id=row.id, role=row.role, not_before=room.not_before, expires=expires,
        jti=row.link_jti,
    )  # fmt: skip
    session.flush()
    role = SeatRole(row.role)
    return Invitation(seat_id=row.id, role=role, name_hint=row.name, link=links.link(services, code))


def _link_end(services: Services, room: store.RoomRow) -> datetime:
    from_start = room.not_before.timestamp() + services.settings.video.link_minutes * 60
    return min(room.not_after, datetime.fromtimestamp(from_start, room.not_before.tzinfo))


def _joined(services: Services, room: store.RoomRow, row: store.SeatRow, token: str) -> Joined:
    notice: Consent = consent_notice()
    return Joined(
        room_id=room.id, seat_id=row.id, role=SeatRole(row.role), state=SeatState(row.state), token=token,
        expires_at=room.not_after, rights=rights_of(SeatRole(row.role)), consent=notice,
        consented=row.consented_at is not None, server_time=services.clock.now(),
        piece_kb=services.settings.video.upload_piece_kb, sound_kbps=link_rules().audio_only_kbps,
        picture_kbps=link_rules().hd_kbps,
    )  # fmt: skip


def open_room(session: Session, room_id: str) -> store.RoomRow:
    room = store.room(session, room_id)
    if room is None:
        raise NotFound("video.no_room")
    if room.state != RoomState.OPEN:
        raise Refused("video.room_closed")
    return room


def seat_in(session: Session, room_id: str, seat_id: str) -> store.SeatRow:
    row = store.seat(session, seat_id)
    if row is None or row.room_id != room_id:
        raise NotFound("video.no_seat")
    return row


def note(session: Session, services: Services, room: store.RoomRow, actor: str, action: str, **payload: Any) -> None:
    journal.append(
        session, services.clock, stream=room.subject_ref, actor=actor, action=action, payload={"room_id": room.id, **payload}
    )


def tell_roster(services: Services, rooms: Rooms, room_id: str) -> None:
    """Tell everybody who is there now."""
    people = room_view(services, rooms, room_id).seats
    rooms.hub.tell_room(room_id, {"type": "roster", "seats": [seat.model_dump(mode="json") for seat in people]})
