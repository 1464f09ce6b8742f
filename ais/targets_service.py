"""Owns the acts of targeting: ranking what is in the picture and placing a ranked ship's hull.

Never decides a rule: joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

from datetime import date

from ais.pose import HullAtPlace
from ais.pose import geometry_and_pose as _geometry_and_pose
from ais.ranking import FeedInfo, RankedShip, Ranking, rank
from ais.register_service import register_data
from ais.rules import load_rules
from ais.service import watched_port
from ais.store import feeds, load_picture
from core.context import Services


def rank_live(services: Services, on: date) -> Ranking:
    """Rank the stored live picture against the register with the regime of `settings.ais.rule_pack` on that day."""
    pack = load_rules(services.settings.ais.rule_pack)
    with services.db.ais_read() as session:
        ships = load_picture(session)
        sources = feeds(session)
    register = register_data(services, pack)
    newest = sources[0] if sources else None
    feed = FeedInfo(
        source="" if newest is None else newest.source,
        sentences=0 if newest is None else int(newest.ledger["sentences"]),
        at_utc=services.clock.now(),
    )
    return rank(pack, ships, register, feed, on)


def rank_ships(services: Services, on: date) -> list[RankedShip]:
    """The ranked list alone, the first one first."""
    return list(rank_live(services, on).ships)


def geometry_and_pose(services: Services, ship: RankedShip) -> HullAtPlace:
    """Hull, place, heading and berth of a ranked ship.

    Raises:
        Refused: something that cannot be guessed is missing; the code says what.
    """
    return _geometry_and_pose(ship, watched_port(services))
