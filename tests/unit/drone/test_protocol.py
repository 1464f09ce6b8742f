"""Quirks of ArduCopter on both sides of the wire, capture, .tlog."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.errors import InputError, NotFound
from drone.capture import CaptureFrame, collect, load_survey
from drone.mission import Command, MissionItem, MissionType
from drone.packs import camera
from drone.sim.exif import Stamp, jpeg_with_exif
from drone.sim.missions import Answer, Ask, MissionStore
from drone.transfer import CommandCall, Download, SendCount, SendItem, Upload
from drone.transport import TlogWriter, parse_address, read_tlog
from drone.vehicle import PhotoFeedback
from drone.xmp import OwnPose, own_pose
from tests.unit.drone.kit import AT, GEOMETRY, POSE

HOME = MissionItem(Command.NAV_WAYPOINT, 0, x=1, y=2)
ITEMS = [MissionItem(Command.NAV_WAYPOINT, 3, x=10 + n, y=20, z=5.0) for n in range(4)]


def test_vehicle_asks_again_each_second_and_gives_up_after_eight() -> None:
    store = MissionStore(HOME)
    assert store.on_count(4, MissionType.MISSION, 0.0) == [Ask(0, MissionType.MISSION)]
    assert store.poll(0.9) == []
    assert store.poll(1.0) == [Ask(0, MissionType.MISSION)]
    answer = store.poll(8.0)[0]
    assert isinstance(answer, Answer)
    assert answer.result == 15


def test_vehicle_answers_13_out_of_order_and_goes_on_and_puts_home_first() -> None:
    store = MissionStore(HOME)
    store.on_count(4, MissionType.MISSION, 0.0)
    assert store.on_item(2, ITEMS[2], MissionType.MISSION, 0.1) == [Answer(13, MissionType.MISSION)]
    for seq, item in enumerate(ITEMS):
        out = store.on_item(seq, item, MissionType.MISSION, 0.2)
    assert out == [Answer(0, MissionType.MISSION)]
    assert store.stored[MissionType.MISSION] == [HOME, *ITEMS[1:]]


def test_vehicle_refuses_roi_wpnext_offset() -> None:
    store = MissionStore(HOME)
    store.on_count(2, MissionType.MISSION, 0.0)
    answer = store.on_item(0, MissionItem(196, 3), MissionType.MISSION, 0.1)[0]
    assert isinstance(answer, Answer)
    assert answer.result == 3


def test_upload_treats_13_as_noise_and_15_as_start_again() -> None:
    upload = Upload(ITEMS, MissionType.MISSION, 0.0)
    assert upload.poll(0.0) == [SendCount(4)]
    assert upload.on_request(0, 0.1) == [SendItem(0)]
    assert upload.on_request(0, 0.2) == [SendItem(0)]
    assert upload.on_ack(13, 0.3) == []
    assert upload.state == "running"
    assert upload.on_ack(15, 0.4) == [SendCount(4)]
    assert upload.restarts == 1


def test_upload_offers_the_next_items_in_silence() -> None:
    upload = Upload(ITEMS, MissionType.MISSION, 0.0)
    upload.on_request(1, 0.0)
    offered = [out for at in np.arange(0.3, 1.4, 0.3) for out in upload.poll(float(at))]
    assert offered[:3] == [SendItem(1), SendItem(2), SendItem(3)]
    assert set(offered) == {SendItem(1), SendItem(2), SendItem(3)}


def test_early_ack_of_another_transfer_proves_nothing_and_lost_ack_is_unsure() -> None:
    upload = Upload(ITEMS, MissionType.MISSION, 0.0)
    upload.on_ack(0, 0.1)
    assert upload.state == "running"
    upload.on_request(3, 0.2)
    upload.poll(5.0)
    assert upload.state == "unsure"


def test_upload_restarts_after_long_silence_and_refusals_end_it() -> None:
    upload = Upload(ITEMS, MissionType.MISSION, 0.0)
    upload.on_request(1, 0.0)
    assert upload.poll(9.6) == [SendCount(4)]
    upload.on_ack(4, 9.7)
    assert (upload.state, upload.result) == ("refused", 4)


def test_command_is_sent_again_with_higher_confirmation_until_it_gives_up() -> None:
    call = CommandCall()
    sent = [out.confirmation for at in range(20) for out in call.poll(float(at))]
    assert sent == list(range(8))
    assert call.gave_up
    busy = CommandCall()
    busy.poll(0.0)
    busy.on_ack(5, 0.5)
    assert busy.result is None
    busy.on_ack(0, 30.0)
    assert busy.result == 0


def test_download_of_an_empty_list_ends() -> None:
    download = Download(MissionType.RALLY)
    download.poll(0.0)
    download.on_count(0)
    assert download.done


@given(st.lists(st.binary(min_size=0, max_size=40), min_size=1, max_size=8))
def test_tlog_round_trip(payloads: list[bytes]) -> None:
    path = Path("/tmp") / "yunjian_tlog_test.tlog"
    frames = [bytes([0xFD, len(p), 0, 0, 0, 1, 1, 0, 0, 0]) + p + b"\0\0" for p in payloads]
    with TlogWriter(path, ManualClock(AT)) as log:
        for frame in frames:
            log.write(frame)
    assert [frame for _, frame in read_tlog(path)] == frames
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError):
        list(read_tlog(path))
    path.unlink()


@pytest.mark.parametrize(
    "text", ["", "udpin:", "serial:", "serial:/dev/ttyS0:fast", "udpin:127.0.0.1:99999", "tcp:host", "udp:1.2.3.4:5"]
)
def test_bad_address_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        parse_address(text)


def feedback(index: int, seconds: float) -> PhotoFeedback:
    at = AT + timedelta(seconds=seconds)
    return PhotoFeedback(index, round(at.timestamp() * 1e6), POSE.origin, 3.0, 127.0, -6.0)


def write_card(card: Path, seconds: list[float]) -> None:
    card.mkdir()
    for index, second in enumerate(seconds, start=1):
        stamp = Stamp(AT + timedelta(seconds=second), POSE.origin, 3.0)
        image = np.zeros((24, 32, 3), np.uint8)
        (card / f"IMG_{index:04d}.jpg").write_bytes(jpeg_with_exif(image, camera("survey_3mp_tele"), stamp))


def frame() -> CaptureFrame:
    return CaptureFrame(GEOMETRY, POSE, 0.0, camera("survey_3mp_tele"), simulated=True)


def test_capture_matches_by_time_and_lists_every_gap(tmp_path: Path) -> None:
    card = tmp_path / "card"
    write_card(card, [0.0, 2.0, 4.0])
    (card / "IMG_0009.jpg").write_bytes(b"not a picture")
    folder = collect(card, [feedback(1, 0.05), feedback(3, 4.1), feedback(4, 6.0)], frame(), tmp_path / "survey")
    survey = load_survey(folder)
    assert [photo.trigger_idx for photo in survey.photos] == [1, None, 3]
    assert survey.photos[1].c_ship_m is None
    assert survey.photos[0].c_ship_m == pytest.approx((0.0, 0.0, GEOMETRY.draught_m + 3.0), abs=0.01)
    assert sorted((gap.kind, gap.trigger_idx, gap.file) for gap in survey.gaps) == [
        ("not_a_photo", None, "IMG_0009.jpg"),
        ("photo_without_trigger", None, "IMG_0002.jpg"),
        ("trigger_without_photo", 4, None),
    ]


def test_survey_is_never_overwritten_and_an_empty_card_is_named(tmp_path: Path) -> None:
    write_card(tmp_path / "card", [0.0])
    collect(tmp_path / "card", [], frame(), tmp_path / "survey")
    with pytest.raises(InputError):
        collect(tmp_path / "card", [], frame(), tmp_path / "survey")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound):
        collect(tmp_path / "empty", [], frame(), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_photos_without_exif_have_no_pose(tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    cv2.imwrite(str(card / "a.png"), np.zeros((20, 20, 3), np.uint8))
    survey = load_survey(collect(card, [feedback(1, 0.0)], frame(), tmp_path / "survey"))
    assert survey.photos[0].pose_source is None
    shutil.rmtree(tmp_path / "survey")
    with pytest.raises(NotFound):
        load_survey(tmp_path / "survey")


@pytest.mark.parametrize("fixed", [True, False, None])
def test_pose_and_rtk_state_are_written_beside_the_photo_and_read_back(tmp_path: Path, *, fixed: bool | None) -> None:
    write_card(tmp_path / "card", [0.0])
    shot = replace(feedback(1, 0.05), rtk_fixed=fixed)
    folder = collect(tmp_path / "card", [shot], frame(), tmp_path / "survey")
    photo = load_survey(folder).photos[0]
    own = own_pose(folder / photo.file)
    assert own is not None
    assert own.rtk_fixed is fixed
    assert (own.lonlat.lat, own.lonlat.lon) == pytest.approx((shot.lonlat.lat, shot.lonlat.lon), abs=1e-8)
    assert (own.alt_rel_m, own.yaw_deg_true, own.pitch_deg) == pytest.approx((3.0, 127.0, -6.0), abs=0.01)
    assert (folder / photo.file).read_bytes() == (tmp_path / "card" / photo.file).read_bytes()  # the original stays as it is
    # A copy of the folder is imported without the flight log: the poses are the same.
    again = load_survey(collect(folder, [], frame(), tmp_path / "again"))
    assert again.photos[0].c_ship_m == pytest.approx(photo.c_ship_m, abs=0.002)


def test_simulated_photo_carries_its_own_pose(tmp_path: Path) -> None:
    own = OwnPose(POSE.origin, 12.5, 307.0, -6.25, 0.0, rtk_fixed=True)
    image = np.zeros((24, 32, 3), np.uint8)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with_exif(image, camera("survey_3mp_tele"), Stamp(AT, POSE.origin, 12.5, own)))
    read = own_pose(path)
    assert read is not None
    assert (read.alt_rel_m, read.yaw_deg_true, read.pitch_deg, read.rtk_fixed) == (12.5, 307.0, -6.25, True)
    assert cv2.imread(str(path)) is not None
