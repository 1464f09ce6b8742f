"""Seeded mutations of good logs and registers: nothing raises, the ledger adds up, no position comes from a spoilt sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from ais import LivePicture, write_scenario
from ais.batch import BatchDecoder
from ais.live import heard
from ais.register import parse_register
from config import Settings
from core.errors import InputError

START = datetime(2026, 11, 24, 2, tzinfo=UTC)


def mutate(data: bytes, random: Random, times: int) -> bytes:
    spoilt = bytearray(data)
    for _ in range(times):
        at = random.randrange(len(spoilt))
        match random.randrange(5):
            case 0:
                spoilt[at] = random.randrange(256)
            case 1:
                del spoilt[at : at + random.randrange(1, 60)]
            case 2:
                spoilt[at:at] = random.randbytes(random.randrange(1, 20))
            case 3:
                spoilt[at:at] = spoilt[max(0, at - 80) : at]
            case _:
                spoilt[at] ^= 1 << random.randrange(8)
    return bytes(spoilt)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[bytes]]:
    made = write_scenario(tmp_path_factory.mktemp("scenario"), 3, START)
    lines = Path(made.nmea).read_bytes().splitlines(keepends=True)
    return b"".join(lines[:400]), [path.read_bytes() for path in made.register_files]


@pytest.mark.parametrize("seed", range(25))
def test_mutated_logs(files: tuple[bytes, list[bytes]], settings: Settings, seed: int) -> None:
    random = Random(seed)
    data = mutate(files[0], random, 150)
    reader = BatchDecoder(settings.ais, route="python")
    picture = LivePicture(confirm_identity=2, started_at=START)
    chunks = [data[at : at + 997] for at in range(0, len(data), 997)]
    for batch in (*(reader.feed(chunk) for chunk in chunks), reader.finish()):
        list(batch.dicts())
        for message in heard(batch):
            picture.apply(message)
    assert reader.ledger.adds_up
    assert reader.ledger.rejected_sentences > 0
    for ship in picture.ships():
        if ship.position is not None:
            assert 121.0 < ship.position.lonlat.lon < 123.0
            assert 39.0 < ship.position.lonlat.lat < 41.0


@pytest.mark.parametrize("seed", range(15))
def test_mutated_registers(files: tuple[bytes, list[bytes]], seed: int) -> None:
    random = Random(seed)
    for data in files[1]:
        try:
            parsed = parse_register(mutate(data, random, 20), "x.csv")
        except InputError:
            continue
        assert parsed.rows_used <= parsed.rows
