"""Every real log of the reference data, and every kind of bad file, ends in a ledger that adds up and a ranked list."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from random import Random

import pytest
from pyais.stream import FileReaderStream

from ais import Reader, file_chunks, import_register, rank_live, rank_ships, read_messages, replay
from config import Settings
from core.context import Services
from core.errors import InputError, NotFound

ON = date(2026, 11, 24)
# name -> sentences, messages, is there a time: in the lines, or of a base station in them (`ais.base_clock`: three logs);
# counted with this decoder and read against the descriptions of the logs
LOGS = {
    "amsa_mixed_talkers.nmea": (34029, 34006, "log"),
    "amsa_tagblock_timestamped.nmea": (100, 100, "log"),
    "denmark_decode_encode.nmea": (646, 601, "log"),
    "denmark_pghp_timestamped.nmea": (4500, 4051, "log"),
    "gpsd_all_types_annotated.aivdm": (133, 108, "order"),
    "gpsd_mixed_nmea.nmea": (183, 171, "order"),
    "gpsd_type6_fid55.nmea": (1480, 1326, "log"),
    "libais_all_types.aivdm": (263, 236, "log"),
    "norway_tagblock_noise.nmea": (223, 196, "log"),
    "pyais_sample.nmea": (898, 778, "log"),
    "satellite_tagblock_groups.nmea": (221, 200, "log"),
}


@pytest.mark.parametrize("name", LOGS)
def test_each_real_log_ends_in_a_ranked_list(services: Services, shared_data: Path, name: str) -> None:
    result = replay(services, shared_data / "ais" / name)
    assert result.ledger.adds_up
    assert (result.ledger.sentences, result.ledger.messages, result.time_source) == LOGS[name]
    ranking = rank_live(services, ON)
    heard = {ship.mmsi for ship in result.picture.ships()}
    assert {line.live.mmsi for line in ranking.ships} | {ship.mmsi for ship in ranking.excluded} == heard
    assert all(line.assessment.points_low <= line.assessment.points_high for line in ranking.ships)
    if heard:
        assert ranking.ships


def test_real_ships_join_the_real_register(services: Services, shared_data: Path) -> None:
    first = import_register(services, shared_data / "registry" / "eu_mrv_2020_ships.csv")
    assert (first.rows, first.rows_used, first.issues) == (12_044, 12_044, ())
    again = import_register(services, shared_data / "registry" / "eu_mrv_2020_ships.csv")
    assert (again.changes.added, again.changes.changed) == (0, 0)
    assert again.changes.unchanged == first.changes.added
    replay(services, shared_data / "ais" / "denmark_pghp_timestamped.nmea")
    joined = [line for line in rank_ships(services, ON) if line.join.matched_by == "imo"]
    assert len(joined) >= 20
    known = next(line for line in joined if line.sheet.ship_type == "bulk_carrier")
    criterion = known.assessment.criteria[0]
    assert (criterion.state, criterion.points) == ("met", 2)
    assert "EMSA" in (criterion.source or "")


def test_the_noaa_sample_imports_with_its_bad_cells_named(services: Services, shared_data: Path) -> None:
    result = import_register(services, shared_data / "registry" / "noaa_marinecadastre_20230111_sample.csv")
    assert result.layout == "noaa_marinecadastre"
    assert result.rows_used == result.rows == 1000
    again = import_register(services, shared_data / "registry" / "noaa_marinecadastre_20230111_sample.csv")
    assert again.changes.added == 0


def test_values_equal_pyais_on_clean_sentences(settings: Settings, shared_data: Path) -> None:
    path = shared_data / "ais" / "denmark_decode_encode.nmea"
    reader = Reader(settings.ais)
    ours = [message.fields for message in read_messages(reader, file_chunks(path))]
    with FileReaderStream(str(path)) as stream:
        theirs = [message.decode().asdict(enum_as_int=True) for message in stream]
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert set(mine) == set(other)
        for key, value in mine.items():
            reference = other[key]
            if value is not None:
                assert value == (reference.hex() if isinstance(reference, bytes) else reference), key


@pytest.mark.parametrize("kind", ["empty", "text", "random", "nul", "one_line", "image"])
def test_bad_files_give_an_empty_picture_not_a_traceback(services: Services, tmp_path: Path, kind: str) -> None:
    data = {
        "empty": b"",
        "text": b"hello\nworld\n",
        "random": Random(3).randbytes(300_000),
        "nul": b"\0" * 200_000,
        "one_line": b"!AIVDM," * 20_000,
        "image": b"\x89PNG\r\n\x1a\n" + Random(4).randbytes(5_000),
    }[kind]
    path = tmp_path / "bad.nmea"
    path.write_bytes(data)
    result = replay(services, path)
    assert result.ledger.adds_up
    assert result.ledger.messages == 0
    assert rank_ships(services, ON) == []


def test_compressed_logs_are_read_and_broken_ones_are_refused(services: Services, shared_data: Path, tmp_path: Path) -> None:
    plain = (shared_data / "ais" / "norway_tagblock_noise.nmea").read_bytes()
    whole = tmp_path / "a.nmea.gz"
    whole.write_bytes(gzip.compress(plain))
    assert replay(services, whole).ledger.messages == 196
    for name, data in (("cut.gz", gzip.compress(plain)[:-30]), ("fake.gz", b"not gzip")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError):
            replay(services, tmp_path / name)
    with pytest.raises(NotFound):
        replay(services, tmp_path / "missing.nmea")
    assert len(rank_live(services, ON).ships) > 0  # the picture from before is still whole


def test_json_lines_hold_no_surprises(settings: Settings, shared_data: Path) -> None:
    for path in sorted((shared_data / "ais").glob("*.[na]*")):
        for message in read_messages(Reader(settings.ais), file_chunks(path)):
            line = message.as_json()
            json.dumps(line, allow_nan=False)
            assert {"_rx", "_rx_source", "_station", "_lines", "_path"} <= set(line)
            lat = line.get("lat")
            assert lat is None or (isinstance(lat, int | float) and -90 <= lat <= 90)
