"""Owns what the radio says: framing, decoding, the live picture, the ship register, joining both, and whom to inspect and why.

Never opens an inspection and never changes a ship's record elsewhere.
"""

from ais.decode import Dimensions, Message, Rejected
from ais.generate import Scenario, write_scenario
from ais.join import Comparison, Join
from ais.ledger import Ledger
from ais.live import LivePicture, LiveShip, Position
from ais.port import AtBerth, Port
from ais.pose import HullAtPlace
from ais.ranking import RankedShip, Ranking, RemoteFacts, Selection, ShipSheet
from ais.reading import Reader, file_chunks, read_messages
from ais.register_service import ImportResult, import_register
from ais.service import ReplayResult, feed_list, live_ship, live_ships, open_signals, replay, watched_port
from ais.signals import Event, Signal
from ais.targeting import Assessment, Criterion, Judgement, Window
from ais.targets_service import geometry_and_pose, rank_live, rank_ships
from ais.text import Bilingual

__all__ = [
    "Assessment",
    "AtBerth",
    "Bilingual",
    "Comparison",
    "Criterion",
    "Dimensions",
    "Event",
    "HullAtPlace",
    "ImportResult",
    "Join",
    "Judgement",
    "Ledger",
    "LivePicture",
    "LiveShip",
    "Message",
    "Port",
    "Position",
    "RankedShip",
    "Ranking",
    "Reader",
    "Rejected",
    "RemoteFacts",
    "ReplayResult",
    "Scenario",
    "Selection",
    "ShipSheet",
    "Signal",
    "Window",
    "feed_list",
    "file_chunks",
    "geometry_and_pose",
    "import_register",
    "live_ship",
    "live_ships",
    "open_signals",
    "rank_live",
    "rank_ships",
    "read_messages",
    "replay",
    "watched_port",
    "write_scenario",
]
