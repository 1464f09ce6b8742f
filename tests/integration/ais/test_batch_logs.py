"""Every field of every message of every shared log is the same by each route as by framing and pyais one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ais.batch import BatchDecoder, Route
from ais.fields import NONE
from ais.kernels import COMPILED
from ais.message_tables import CORE_LAYOUTS
from ais.reading import Reader, file_chunks, read_messages
from config import Settings
from console.cli.ais import app

ROUTES: list[Route] = ["numba", "numpy", "python"] if COMPILED else ["numpy", "python"]
LOGS = (
    "amsa_mixed_talkers.nmea", "amsa_tagblock_timestamped.nmea", "denmark_decode_encode.nmea", "denmark_pghp_timestamped.nmea",
    "gpsd_all_types_annotated.aivdm", "gpsd_mixed_nmea.nmea", "gpsd_type6_fid55.nmea", "libais_all_types.aivdm",
    "norway_tagblock_noise.nmea", "pyais_sample.nmea", "satellite_tagblock_groups.nmea",
)  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_each_route_gives_what_pyais_gives(settings: Settings, shared_data: Path, name: str) -> None:
    path = shared_data / "ais" / name
    reader = Reader(settings.ais)
    expected = [message.as_json() for message in read_messages(reader, file_chunks(path))]
    data = path.read_bytes()
    for route in ROUTES:
        decoder = BatchDecoder(settings.ais, route=route)
        found = [
            line
            for batch in decoder.batches(data[at : at + 30_011] for at in range(0, len(data), 30_011))
            for line in batch.dicts()
        ]
        assert decoder.ledger.as_summary() == reader.ledger.as_summary()
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            assert mine | {"_path": "pyais"} == theirs
            assert list(mine) == list(theirs)


@pytest.mark.parametrize("name", LOGS)
def test_columns_hold_what_the_fields_say(settings: Settings, shared_data: Path, name: str) -> None:
    data = (shared_data / "ais" / name).read_bytes()
    batch = BatchDecoder(settings.ais).feed(data)
    lon, lat = batch.column("lon"), batch.column("lat")
    degrees = batch.lonlat_deg
    for row, line in enumerate(batch.dicts()):
        assert (batch.msg_type[row], batch.mmsi[row]) == (line["msg_type"], line["mmsi"])
        if batch.layout[row] < CORE_LAYOUTS and "lon" in line:
            assert (lon[row] == NONE) == (line["lon"] is None) == (lat[row] == NONE)
            if line["lon"] is not None:
                assert degrees[row].round(6).tolist() == pytest.approx([line["lon"], line["lat"]], abs=1.1e-6)


def test_the_command_writes_the_contract_form(shared_data: Path) -> None:
    ran = CliRunner().invoke(app, ["decode", str(shared_data / "ais" / "norway_tagblock_noise.nmea"), "--jsonl"])
    assert ran.exit_code == 0
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    summary = json.loads(ran.stderr.strip().splitlines()[-1])
    assert summary["messages"] == len(lines) == 196
    assert summary["sentences"] == summary["fragments_used"] + sum(summary["rejected"].values())
    assert {line["_path"] for line in lines} == {"fast"}
    assert lines[0]["_rx_source"] == "tag"


def test_without_numba_the_product_decodes_the_same(shared_data: Path) -> None:
    script = (
        "import pathlib, sys; sys.modules['numba'] = None\n"
        "from ais import kernels\nfrom ais.batch import BatchDecoder\nfrom ais.reading import Reader, read_messages\n"
        "from config import load_settings\n"
        "assert not kernels.COMPILED\n"
        "import warnings\nwarnings.simplefilter('error')\nsettings = load_settings().ais\ndecoder = BatchDecoder(settings)\n"
        "data = b''.join(pathlib.Path(path).read_bytes()[:30_000] for path in sys.argv[1:])\n"
        "pieces = [data[at : at + 900] for at in range(0, 18_000, 900)] + [data[18_000:23_000], data[23_000:]]\n"
        "found = [line | {'_path': 'pyais'} for batch in decoder.batches(pieces) for line in batch.dicts()]\n"
        "print(found == [message.as_json() for message in read_messages(Reader(settings), [data])], len(found) > 900)\n"
    )
    paths = [str(shared_data / "ais" / name) for name in ("libais_all_types.aivdm", "denmark_pghp_timestamped.nmea", LOGS[0])]
    ran = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert ran.stdout.split() == ["True", "True"]
