"""The main job end to end: killed in every station, finished, verified by the separate verifier, altered and found out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from core import evidence, journal
from core.db import Database
from core.files import FileStore
from inspection import list_cases, record
from tests.e2e.conftest import KILL_AT, FinishedRun, command, environment


def bag_of(run: FinishedRun) -> Path:
    (bag,) = (path for path in (run.data_dir / "bundles").iterdir() if path.is_dir())
    return bag


def test_it_was_killed_in_every_station_and_went_on(finished_run):
    assert finished_run.kills == tuple(KILL_AT)
    assert "done before, going on" in finished_run.output
    assert "INTACT and TRUSTED" in finished_run.output


def test_one_case_and_nothing_twice(finished_run):
    db = Database(finished_run.data_dir)
    with db.read() as session:
        (summary,) = list_cases(session)
        case = record(session, summary.id)
        for stream in journal.streams(session):
            journal.verify(journal.entries(session, stream))
        kept = evidence.of_subject(session, f"inspection:{summary.id}")
    db.close()
    assert case.state == "issued"
    assert case.demo
    assert case.simulated
    assert len({one.id for one in kept}) == len(kept)
    stills = [one for one in kept if one.kind == "still"]
    assert {one.item_ref for one in stills} == {item.id for item in case.checklist.items if item.evidence_ids} & {
        one.item_ref for one in stills
    }
    assert any(one.kind in ("recording", "clip") for one in kept)
    assert len(case.surveys) == 1
    drone = [one for one in kept if one.kind == "drone_photo"]
    assert len(drone) == case.surveys[0].photos
    assert any(one.source == "model" and one.state == "confirmed" for one in case.findings)
    assert any(one.source == "inspector" for one in case.findings)
    first, second = {step.action: step.by for step in case.decisions}["submit"], None
    second = {step.action: step.by for step in case.decisions}["approve"]
    assert first != second
    files = FileStore(finished_run.data_dir / "files")
    for one in kept:
        assert len(files.read(one.sha256)) == one.size


def test_the_recording_is_playable(finished_run):
    bag = bag_of(finished_run)
    clips = list((bag / "data" / "evidence").glob("*.webm")) + list((bag / "data" / "evidence").glob("*.mkv"))
    assert clips
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets", "-of", "json", clips[0]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (stream, *_) = json.loads(probed.stdout)["streams"]
    assert stream["codec_name"] == "vp8"
    assert int(stream["nb_read_packets"]) > 50


def test_trust_needs_the_authority(finished_run):
    bag, ca = bag_of(finished_run), finished_run.data_dir / "keys" / "demo-ca.pem"
    env = environment(finished_run.data_dir)
    assert (
        subprocess.run(command("verify", str(bag), "--trust", str(ca)), env=env, check=False, capture_output=True).returncode
        == 0
    )
    alone = subprocess.run([sys.executable, "-I", bag / "verify.py", bag], check=False, capture_output=True, text=True)
    assert alone.returncode == 3
    assert "DEMO - NOT VALID" in alone.stdout


def test_a_flipped_byte_is_named(finished_run, tmp_path):
    bag = tmp_path / bag_of(finished_run).name
    shutil.copytree(bag_of(finished_run), bag)
    target = bag / "data" / "record.json"
    target.chmod(0o600)
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    found = subprocess.run([sys.executable, "-I", bag / "verify.py", bag], check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert "data/record.json" in found.stdout
