"""Owns what the radio says: framing, decoding, the live picture, the ship register, joining both, and whom to inspect and why.

Never opens an inspection and never changes a ship's record elsewhere.
"""

from ais.archive import close_days, track_of
from ais.batch import BatchDecoder, Repeats
from ais.columns import MessageBatch
from ais.decode import Dimensions, Message, Rejected
from ais.feeds import FeedReading, feed_reading, feed_rules
from ais.generate import Scenario, write_scenario
from ais.importing import ArchiveResult, import_archive
from ais.ingest import Ingest
from ais.join import Comparison, Join
from ais.ledger import Ledger
from ais.live import LivePicture, LiveShip, Position
from ais.parquet_store import write_track
from ais.port import AtBerth, Port
from ais.ports import Credit, OpenDeficiency, RiskSources
from ais.pose import HullAtPlace
from ais.ranking import RankedShip, Ranking, RemoteFacts, Selection, ShipSheet
from ais.reading import Reader, file_chunks, read_messages
from ais.register_service import ImportResult, import_register
from ais.service import ReplayResult, feed_list, live_ship, live_ships, open_signals, replay, watched_port
from ais.signals import Event, Signal
from ais.sources import SourceSpec, parse_sources
from ais.targeting import Assessment, Criterion, Judgement, Window
from ais.targets_service import TargetLine, TargetQueue, geometry_and_pose, rank_live, rank_ships, target, target_queue
from ais.text import Bilingual

__all__ = [
    "ArchiveResult",
    "Assessment",
    "AtBerth",
    "BatchDecoder",
    "Bilingual",
    "Comparison",
    "Credit",
    "Criterion",
    "Dimensions",
    "Event",
    "FeedReading",
    "HullAtPlace",
    "ImportResult",
    "Ingest",
    "Join",
    "Judgement",
    "Ledger",
    "LivePicture",
    "LiveShip",
    "Message",
    "MessageBatch",
    "OpenDeficiency",
    "Port",
    "Position",
    "RankedShip",
    "Ranking",
    "Reader",
    "Rejected",
    "RemoteFacts",
    "Repeats",
    "ReplayResult",
    "RiskSources",
    "Scenario",
    "Selection",
    "ShipSheet",
    "Signal",
    "SourceSpec",
    "TargetLine",
    "TargetQueue",
    "Window",
    "close_days",
    "feed_list",
    "feed_reading",
    "feed_rules",
    "file_chunks",
    "geometry_and_pose",
    "import_archive",
    "import_register",
    "live_ship",
    "live_ships",
    "open_signals",
    "parse_sources",
    "rank_live",
    "rank_ships",
    "read_messages",
    "replay",
    "target",
    "target_queue",
    "track_of",
    "watched_port",
    "write_scenario",
    "write_track",
]
