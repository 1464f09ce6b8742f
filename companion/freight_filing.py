"""Owns the filing of judged freight orders with the tax office: only passed ones, only of a licensed platform (case 19).

Never files an order twice.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from companion import practice_store as store
from companion.freight import Judged, Known, Outcome, Trip, freight_rules, judge, phone_sketch
from companion.model import Actor, Role
from companion.roles import require, require_own
from core import events, journal
from core.context import Services
from core.errors import InputError, Refused
from core.workdays import local_day

LICENCE = "network_freight_licence"


def submit(services: Services, actor: Actor, platform: str, trip: Trip) -> Judged:
    """Judge an order and keep the result; a passed order is filed with tax in the same transaction.

    Raises:
        Refused ``freight.no_licence``: the platform holds no licence in force (case 9).
        Refused ``freight.known_order``: the order was judged already.
    """
    require(actor, "freight.submit")
    require_own(actor, platform)
    if not trip.tracks:
        raise InputError("freight.no_track", order=trip.order_id)
    starts, ends = _span(trip)
    with services.db.read() as session:
        rows = {
            row.order_id: row
            for row in (*store.trips_with_phone(session, trip.phone), *store.trips_near(session, starts, ends))
        }
        others = [Known(row.order_id, row.phone, row.starts, row.ends, tuple(row.sketch)) for row in rows.values()]
    judged = judge(trip, others, freight_rules())
    with services.db.write() as session:
        if not store.holds_licence(session, platform, LICENCE):
            raise Refused("freight.no_licence", platform=platform)
        if session.get(store.TripRow, trip.order_id) is not None:
            raise Refused("freight.known_order", order=trip.order_id)
        filed = services.clock.now() if judged.outcome is Outcome.PASSED else None
        session.add(
            store.TripRow(
                order_id=trip.order_id, platform=platform, phone=trip.phone, starts=starts, ends=ends,
                sketch=list(phone_sketch(trip)), outcome=judged.outcome.value, filed_at=filed,
            )
        )  # fmt: skip
        if judged.outcome is Outcome.DUPLICATE:
            _stop(session, [what for code, what in judged.reasons if code == "same_track"])
        session.flush()
        payload = {"order": trip.order_id, "outcome": judged.outcome.value, "day": local_day(services.clock.now()).isoformat()}
        journal.append(
            session, services.clock, stream=f"freight:{platform}", actor=actor.user_id, action="trip_judged", payload=payload
        )
        if filed:
            events.publish(session, services.clock, stream=f"freight:{platform}", type="companion.trip_filed", payload=payload)
    return judged


def judged_trips(services: Services, actor: Actor) -> list[store.TripRow]:
    """Orders that were judged, the newest first; a platform sees its own. Raises AccessDenied."""
    require(actor, "freight.read")
    with services.db.read() as session:
        rows = store.trips(session, actor.user_id if actor.role is Role.APPLICANT else None)
        session.expunge_all()
        return rows


def _stop(session: Session, orders: list[str]) -> None:
    """The other order with the same track stops too."""
    for order in orders:
        row = session.get(store.TripRow, order)
        if row is not None:
            row.outcome, row.filed_at = Outcome.DUPLICATE.value, None


def _span(trip: Trip) -> tuple[datetime, datetime]:
    starts, ends = min(track.t_s[0] for track in trip.tracks), max(track.t_s[-1] for track in trip.tracks)
    try:
        return datetime.fromtimestamp(float(starts), UTC), datetime.fromtimestamp(float(ends), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InputError("freight.no_track", order=trip.order_id) from error
