"""Devices that meet the server in any order converge; nothing that was written is lost; a conflict is seen by everybody."""

from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.fieldsync import FieldDevice, OpLog, merge
from tests.kit.field_schedules import START, live


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_three_devices_converge_and_nothing_is_lost(seed):
    server, crew, written = live(seed)
    assert set(server.ops) == {one.id for one in written}
    merged = server.merged()
    assert all(one.log.merged() == merged for one in crew)
    assert merged.evidence == {(one.case_id, one.item_id, one.sha256) for one in written if one.kind == "evidence"}
    assert {key[1] for key in merged.registers} == {one.item_id for one in written if one.kind == "answer"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_merging_does_not_ask_for_order(seed, dice):
    _, _, written = live(seed)
    shuffled = [*written, *written[: len(written) // 2]]
    dice.shuffle(shuffled)
    log = OpLog()
    log.add(shuffled)
    assert log.merged() == merge(written)


def test_a_conflict_stays_until_somebody_who_saw_both_decides():
    first, second = FieldDevice("a"), FieldDevice("b", "supervisor")
    one = first.write(START, 0, "c", "i", kind="answer", value="satisfactory")
    other = second.write(START, 0, "c", "i", kind="answer", value="deficient")
    server = OpLog()
    server.add([one, other])
    register = server.merged().registers["c", "i"]
    assert register.conflict
    assert register.shown == other  # a supervisor's word counts until it is decided
    assert {head.id for head in register.heads} == {one.id, other.id}
    first.log.add([other])
    server.add([first.write(START, 1, "c", "i", kind="answer", value="deficient", note="looked again together")])
    register = server.merged().registers["c", "i"]
    assert not register.conflict
    assert register.shown.note == "looked again together"
