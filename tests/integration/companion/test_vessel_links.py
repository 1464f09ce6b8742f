"""The vessel side of cases 10, 14, 15, 19 and 21: the same call, allocator, journal, track code and match."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from companion import ledger, ledger_watch, number_series, ship_company, track_proof, video_check
from companion.credit import CreditEvent
from companion.creditfile import record_event
from companion.model import Actor, Role
from companion.policy_match import Tier, policy_rules
from core import evidence, journal
from core.auth import Principal
from core.auth import Role as DeskRole
from core.errors import AccessDenied, Altered, InputError, NotFound, Refused
from core.evidence import Envelope
from core.workdays import local_day
from tests.integration.companion.kit import rules
from tests.integration.companion.test_case_10 import granted
from tests.unit.core.test_track_overlap import trip

OFFICER = Actor("officer-1", Role.APPROVAL)
INSPECTOR = Actor("inspector-1", Role.SUPERVISION)
PERSON = Principal(user_id="officer-1", role=DeskRole.APPROVAL, name="Officer")
COMPANY = "9074729"


def kept(services, case_id, captured_at, data=b"a recording", kind="recording"):
    """Evidence as the call keeps it."""
    stored = services.files.put_bytes(data)
    envelope = Envelope(
        sha256=stored.sha256, size=stored.size, media_type="video/mp4", kind=kind, captured_at=captured_at, clock_offset_ms=0,
        received_at=services.clock.now(), device="room", producer="video", subject_ref=video_check.subject_of(case_id),
    )  # fmt: skip
    with services.db.write() as session:
        evidence.keep(session, envelope)
    return envelope


def test_case_10_vessel_side_the_check_is_a_call_of_the_video_module(window):
    case = granted(window).case
    services = window.services
    room = video_check.open_room(services, OFFICER, PERSON, case.id, "once")
    assert video_check.open_room(services, OFFICER, PERSON, case.id, "once").room_id == room.room_id
    promised = [part.id for part in window.procedure("labour_dispatch_licence").documents if part.role == "committed"]
    order = video_check.room_order(case, window.procedure("labour_dispatch_licence"), services.clock)
    assert [shot.item_ref for shot in order.shots] == [f"paper:{name}" for name in promised]
    window.at("2026-05-20")
    early = kept(services, case.id, services.clock.now() - timedelta(days=60))
    blocked = video_check.conclude(services, OFFICER, case.id, early.id, equipment_seen=True)
    assert rules(blocked) == ["recorded_after_decision"]
    good = kept(services, case.id, services.clock.now(), b"another recording")
    assert video_check.conclude(services, OFFICER, case.id, good.id, equipment_seen=True).case.state == "checked"
    with pytest.raises(Refused, match="not_due"):
        video_check.open_room(services, OFFICER, PERSON, case.id)


def test_case_10_vessel_side_a_changed_file_or_another_call_is_no_evidence(window):
    case = granted(window).case
    services = window.services
    window.at("2026-05-20")
    envelope = kept(services, case.id, services.clock.now())
    other = kept(services, "another-case", services.clock.now(), b"x")
    with pytest.raises(InputError, match="no_evidence"):
        video_check.conclude(services, OFFICER, case.id, other.id, equipment_seen=True)
    path = services.files.path(envelope.sha256)
    path.chmod(0o600)
    path.write_bytes(b"cut")
    assert rules(video_check.conclude(services, OFFICER, case.id, envelope.id, equipment_seen=True)) == ["registered_hash"]
    with pytest.raises(AccessDenied):
        video_check.open_room(services, Actor("bank", Role.BANK), PERSON, case.id)


def test_case_14_vessel_side_inspection_and_seal_numbers_come_from_the_same_allocator(services):
    first = [number_series.number_for(services, INSPECTOR, "inspection_numbers", f"I-{n}") for n in range(3)]
    assert len(set(first)) == 3
    assert number_series.number_for(services, INSPECTOR, "inspection_numbers", "I-1") == first[1]  # once per inspection
    seal = number_series.number_for(services, Actor("e", Role.ENFORCEMENT), "seal_numbers", "9074729/manifold")
    series = number_series.all_series()
    assert seal.startswith(series["seal_numbers"].prefix)
    batch = series["inspection_numbers"].batch
    more = {number_series.number_for(services, INSPECTOR, "inspection_numbers", f"J-{n}") for n in range(batch)}
    assert len(more) == batch  # the series is refilled before it runs dry
    assert not more & set(first)
    with pytest.raises(AccessDenied):
        number_series.number_for(services, Actor("bank", Role.BANK), "seal_numbers", "x")
    with pytest.raises(NotFound):
        number_series.number_for(services, INSPECTOR, "lottery_numbers", "x")


def test_case_15_vessel_side_a_declaration_names_its_ship_call_in_the_same_journal(services):
    finance = Actor("fx", Role.FINANCE)
    ledger.register(services, finance, "D1", "firm", 1000, call_ref="yingkou/413000000/2026-04-01")
    ledger.register(services, finance, "D2", "firm", 1000)
    assert ledger_watch.of_call(services, finance, "yingkou/413000000/2026-04-01") == ["D1"]
    from tests.unit.reports.cases import STREAM, make_case

    make_case(services.db, services.files, services.clock, photos=1, items=1)  # evidence of an inspection
    with services.db.read() as session:
        assert {"ledger:D1", STREAM} <= set(journal.streams(session))
        for stream in ("ledger:D1", STREAM):
            chain = journal.entries(session, stream)
            journal.verify(chain)
            with pytest.raises(Altered):
                journal.verify([replace(chain[0], actor="somebody else"), *chain[1:]])


@pytest.mark.parametrize("kind", ["ais_voyage", "tender_ais", "drone_plan"])
def test_case_19_vessel_side_the_same_track_code_compares_ships_boats_and_drones(kind):
    rules_ = track_proof.kinds()[kind]
    length_km = max(rules_.min_length_m / 1000 * 4, rules_.radius_m / 1000 * 20)
    step_s = min(30.0, rules_.max_gap_s / 2, length_km * 1000 / 15 / 200)
    moved = {"km": length_km, "speed_kmh": 54, "step_s": step_s}
    said = trip("said", **moved)
    near = trip("moved", **moved, shift_m=rules_.radius_m * 0.5)
    assert track_proof.compare(kind, said, near).agrees
    off = trip("moved", **moved, near_km=length_km * 0.5, side_m=rules_.radius_m * 3)
    strayed = track_proof.compare(kind, said, off)
    assert not strayed.agrees
    assert strayed.ratio < rules_.threshold
    jumped = replace(near, t_s=near.t_s / 20)
    assert track_proof.compare(kind, said, jumped).implausible


def test_case_19_vessel_side_a_shifted_clock_does_not_agree_silently():
    said = trip("said", km=400, speed_kmh=30, step_s=300)
    late = trip("moved", km=400, speed_kmh=30, step_s=300, clock_s=8 * 3600)
    proof = track_proof.compare("ais_voyage", said, late)
    assert proof.offset_s == pytest.approx(8 * 3600, abs=300)
    assert not proof.agrees
    with pytest.raises(NotFound):
        track_proof.compare("broomstick", said, late)


def test_case_21_vessel_side_which_simplified_regime_a_ship_company_could_use(services):
    today = local_day(services.clock.now())
    officer = Actor("s", Role.SUPERVISION)

    def regime(ships=None):
        with services.db.read() as session:
            found = ship_company.regimes_for(session, COMPANY, today, policy_rules(), ships)
        return {one.policy: one for one in found}["remote_inspection_regime"]

    unknown = regime()
    assert (unknown.tier, len(unknown.asks_en)) == (Tier.UNKNOWN, 2)  # nothing is known of its detentions or ships
    record_event(services, officer, COMPANY, CreditEvent("d0", "deficiency", today - timedelta(days=9), "ship_company"))
    assert regime(ships=2).tier is Tier.NOW
    gap = regime(ships=0)
    assert (gap.tier, gap.gaps[0].field, gap.gaps[0].amount) == (Tier.REACHABLE, "ships_with_video", 1)
    record_event(services, officer, COMPANY, CreditEvent("d1", "detention", today - timedelta(days=1), "ship_company"))
    with services.db.read() as session:
        found = ship_company.regimes_for(session, COMPANY, today, policy_rules(), 2)
    assert "remote_inspection_regime" not in {one.policy for one in found}  # a detention is not undone
