"""Backup and restore, and archives made to do harm."""

from __future__ import annotations

import errno
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import Settings, load_settings
from core import archive, jobs, journal
from core.backup import backup
from core.context import Services
from core.errors import Altered, EnvironmentFault, InputError, Refused, StorageFull, YunJianError
from core.files import FileStore
from core.restore import restore
from tests.kernel import make_services


@pytest.fixture
def filled(services: Services) -> Services:
    services.db.create_ais_tables()
    stored = services.files.put_bytes(b"photo" * 1000)
    services.files.put_bytes(b"")
    with services.db.write() as session:
        for number in range(3):
            journal.append(
                session, services.clock, stream="case-1", actor="a", action="kept", payload={"n": number, "sha": stored.sha256}
            )
        jobs.enqueue(session, services.clock, "k", "job-1", {})
    return services


@pytest.fixture
def saved(filled: Services, tmp_path: Path) -> Path:
    return backup(filled, tmp_path / "out" / "backup.tar").path


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": str(tmp_path / "restored")}, environ={})


def refused(settings: Settings, source: Path) -> str:
    with pytest.raises(YunJianError) as caught:
        restore(settings, source)
    return caught.value.code


def members(source: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(source) as tar:
        return [(info, (tar.extractfile(info) or io.BytesIO()).read()) for info in tar]


def write(target: Path, content: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for info, data in content:
            tar.addfile(info, io.BytesIO(data))
    return target


def with_manifest(content: list[tuple[tarfile.TarInfo, bytes]], change: Callable[[dict[str, object]], None]) -> None:
    info, data = content[0]
    manifest = json.loads(data)
    change(manifest)
    changed = json.dumps(manifest).encode()
    info.size = len(changed)
    content[0] = (info, changed)


def test_round_trip(filled: Services, saved: Path, empty: Settings) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert list(saved.parent.iterdir()) == [saved]
    steps: list[tuple[int, int]] = []
    report = restore(empty, saved, lambda done, total: steps.append((done, total)))
    assert (report.files, report.streams, report.broken) == (2, 1, ())
    assert steps[-1] == (report.total_bytes, report.total_bytes)
    again = make_services(empty, filled.clock)
    assert sorted(again.files.hashes()) == sorted(filled.files.hashes())
    assert all(again.files.read(name) == filled.files.read(name) for name in again.files.hashes())
    with again.db.read() as left, filled.db.read() as right:
        assert journal.entries(left, "case-1") == journal.entries(right, "case-1")
        assert jobs.get(left, "job-1") == jobs.get(right, "job-1")
    again.db.close()
    assert refused(empty, saved) == "backup.not_empty"


def test_plain_tar_reads_it(saved: Path) -> None:
    names = [info.name for info, _data in members(saved)]
    assert names[:3] == ["manifest.json", "db/yunjian.db", "db/ais.db"]
    assert not any("keys" in name or "jobs.db" in name for name in names)


def test_backup_overwrites_nothing_and_leaves_nothing(filled: Services, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    with pytest.raises(InputError):
        backup(filled, saved)
    assert saved.read_bytes() == before

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr("core.backup.os.fsync", full)
        with pytest.raises(StorageFull):
            backup(filled, saved.with_name("second.tar"))
    assert list(saved.parent.iterdir()) == [saved]
    name = next(name for name in filled.files.hashes() if filled.files.path(name).stat().st_size)
    filled.files.path(name).chmod(0o600)
    filled.files.path(name).write_bytes(b"x" * 5000)
    with pytest.raises(Altered):
        backup(filled, saved.with_name("third.tar"))
    assert list(saved.parent.iterdir()) == [saved]


def test_every_flipped_byte_is_found(saved: Path, tmp_path: Path) -> None:
    """One byte in each block that matters: a sample over the whole archive, headers and padding apart."""
    data = saved.read_bytes()
    with tarfile.open(saved) as tar:
        places = [info.offset_data + info.size // 2 for info in tar if info.size]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1
        bad = tmp_path / "bad.tar"
        bad.write_bytes(changed)
        settings = load_settings({"data_dir": str(tmp_path / "r" / str(place))}, environ={})
        assert refused(settings, bad) in ("backup.altered", "backup.not_an_archive", "backup.unequal")
        assert not (settings.data_dir / "yunjian.db").exists()


@pytest.mark.parametrize("cut", [0, 100, 512, 2000, -5000])
def test_truncated(saved: Path, empty: Settings, tmp_path: Path, cut: int) -> None:
    short = tmp_path / "short.tar"
    short.write_bytes(saved.read_bytes()[:cut])
    assert refused(empty, short) == "backup.not_an_archive"


def test_names_that_leave_the_folder(saved: Path, empty: Settings, tmp_path: Path) -> None:
    for name in ("../evil", "/etc/evil", "files/../../evil", "db/../evil", "files/aa/bb/" + "c" * 64, "db/jobs.db"):
        content = members(saved)
        content[1][0].name = name
        with_manifest(content, lambda manifest, name=name: manifest["members"][0].update(name=name))
        assert refused(empty, write(tmp_path / "bad.tar", content)) == "backup.not_an_archive", name
    content = members(saved)
    content[1][0].name = "../evil"  # the manifest is honest, the tar is not
    assert refused(empty, write(tmp_path / "bad.tar", content)) == "backup.altered"
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.DIRTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
        tarfile.XHDTYPE,
    ],
)
def test_links_and_other_kinds(saved: Path, empty: Settings, tmp_path: Path, kind: bytes) -> None:
    content = members(saved)
    content[1][0].type, content[1][0].linkname, content[1][0].size = kind, "/etc/passwd", 0
    assert refused(empty, write(tmp_path / "bad.tar", [content[0], (content[1][0], b"")])) == "backup.not_an_archive"


def test_extra_doubled_and_missing_members(saved: Path, empty: Settings, tmp_path: Path) -> None:
    content = members(saved)
    assert refused(empty, write(tmp_path / "extra.tar", [*content, content[-1]])) == "backup.altered"
    assert refused(empty, write(tmp_path / "missing.tar", content[:-1])) == "backup.not_an_archive"
    doubled = members(saved)
    with_manifest(doubled, lambda manifest: manifest["members"].append(manifest["members"][0]))
    assert refused(empty, write(tmp_path / "doubled.tar", doubled)) == "backup.not_an_archive"


def test_bombs(saved: Path, empty: Settings, tmp_path: Path) -> None:
    import gzip

    packed = tmp_path / "bomb.tar"
    packed.write_bytes(gzip.compress(saved.read_bytes()))
    assert refused(empty, packed) == "backup.not_an_archive"
    huge = members(saved)
    with_manifest(huge, lambda manifest: manifest["members"][0].update(size=1 << 60))
    assert refused(empty, write(packed, huge)) == "storage_full"
    header = archive.header(archive.MANIFEST, 1 << 40, datetime(2026, 1, 1, tzinfo=UTC))
    packed.write_bytes(header)
    assert refused(empty, packed) == "backup.not_an_archive"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER evil AFTER INSERT ON core_job BEGIN DELETE FROM core_event; END",
        "CREATE VIEW evil AS SELECT 1",
        "CREATE VIRTUAL TABLE evil USING fts5(x)",
        "DROP TRIGGER core_journal_no_update; CREATE TRIGGER core_journal_no_update BEFORE UPDATE ON core_journal BEGIN SELECT 1; END",
    ],
)
def test_a_database_that_carries_programs(saved: Path, empty: Settings, tmp_path: Path, sql: str) -> None:
    import hashlib

    content = members(saved)
    inner = tmp_path / "inner.db"
    inner.write_bytes(content[1][1])
    with closing(sqlite3.connect(inner)) as connection:
        connection.executescript(sql)
    data = inner.read_bytes()
    content[1][0].size = len(data)
    content[1] = (content[1][0], data)
    with_manifest(
        content, lambda manifest: manifest["members"][0].update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    )
    assert refused(empty, write(tmp_path / "bad.tar", content)) == "backup.foreign_schema"


def test_counts_and_heads_must_be_equal(saved: Path, empty: Settings, tmp_path: Path) -> None:
    def fewer(manifest: dict[str, object]) -> None:
        manifest["rows"]["core_journal"] = 2

    def other_head(manifest: dict[str, object]) -> None:
        manifest["heads"][0]["hash"] = "0" * 64

    for change in (fewer, other_head):
        content = members(saved)
        with_manifest(content, change)
        assert refused(empty, write(tmp_path / "bad.tar", content)) == "backup.unequal"


def test_a_broken_journal_is_backed_up_and_told(filled: Services, empty: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(filled.settings.data_dir / "yunjian.db")) as connection:
        connection.execute("DROP TRIGGER core_journal_no_update")
        connection.execute("UPDATE core_journal SET actor = 'x' WHERE seq = 2")
        connection.commit()
    report = backup(filled, tmp_path / "broken.tar")
    assert report.broken == ("case-1 2",)
    assert restore(empty, report.path).broken == ("case-1 2",)


def test_a_killed_restore_is_run_again(saved: Path, empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_args: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("core.restore._require_equal", killed)
        with pytest.raises(SystemExit):
            restore(empty, saved)
    assert not (empty.data_dir / "yunjian.db").exists()
    (empty.data_dir / "files").mkdir()  # killed while moving
    assert restore(empty, saved).files == 2
    assert sorted(path.name for path in empty.data_dir.iterdir()) == ["ais.db", "files", "yunjian.db"]


def test_restore_into_data_or_with_other_files_is_refused(saved: Path, empty: Settings, tmp_path: Path) -> None:
    empty.data_dir.mkdir()
    (empty.data_dir / "notes.txt").write_text("mine")
    with pytest.raises(Refused):
        restore(empty, saved)
    assert (empty.data_dir / "notes.txt").read_text() == "mine"
    with pytest.raises(EnvironmentFault):
        restore(empty, tmp_path / "none.tar")
    other = load_settings(
        {"data_dir": str(tmp_path / "pg"), "database.url": "postgresql+psycopg://x@127.0.0.1:1/x"}, environ={}
    )
    assert refused(other, saved) == "backup.wrong_database"


def test_commands(filled: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.cli.db import app

    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(filled.settings.data_dir))
    target = tmp_path / "by-command.tar"
    done = CliRunner().invoke(app, ["backup", str(target), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["data"]["files"] == 2
    assert CliRunner().invoke(app, ["backup", str(target)]).exit_code == 2
    assert json.loads(CliRunner().invoke(app, ["verify-journal", "--json"]).stdout)["data"] == {
        "streams": 1, "entries": 3, "broken": [],
    }  # fmt: skip
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(tmp_path / "elsewhere"))
    assert CliRunner().invoke(app, ["restore", str(target)]).exit_code == 0
    assert CliRunner().invoke(app, ["restore", str(target)]).exit_code == 1
    assert FileStore(tmp_path / "elsewhere" / "files").hashes()
    assert CliRunner().invoke(app, ["migrate", "--help"]).exit_code == 0
