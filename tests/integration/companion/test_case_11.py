"""Case 11, one code: the numbered scenarios, and "one code for everything" as data alone."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from companion import envcode
from companion.model import Actor, Role
from core import codes, record_codes
from core.errors import AccessDenied, Altered, InputError, Refused, YunJianError
from core.record_codes import Trust
from core.signing import KeyKind, KeyStore

OFFICER, FIRM = Actor("env-officer", Role.APPROVAL), "firm-1"
RULES = envcode.registry_named("environment")
FILES = {kind: f"paper {kind}".encode() for kind in RULES.kinds}


@pytest.fixture
def key(tmp_path):
    return KeyStore(tmp_path / "keys").create("codes", KeyKind.DEMO)


@pytest.fixture
def stored(services):
    for kind, data in FILES.items():
        envcode.append(services, OFFICER, "environment", FIRM, kind, hashlib.sha256(data).hexdigest())
    return services


def test_case_11_scenario_1(stored, key):
    """Offline: the check has the text and the public key, no database. It is timed in tests/perf."""
    text = envcode.code(stored, key, "environment", FIRM)
    found = record_codes.read(text, Trust((key.public,)), "environment")
    assert (found.subject, found.count, found.last, found.key_kind) == (
        FIRM,
        len(RULES.kinds),
        date(2026, 11, 24),
        KeyKind.DEMO,
    )
    assert text.startswith(codes.QR_PREFIX)
    assert len(text) < 600  # a QR of version 15 or less in alphanumeric mode


def test_case_11_scenario_2(stored, key):
    found = record_codes.read(envcode.code(stored, key, "environment", FIRM), Trust((key.public,)), "environment")
    records = envcode.records(stored, "environment", FIRM)
    record_codes.check_files(found, records, {kind: [data] for kind, data in FILES.items()})
    changed = {**FILES, "emergency_plan": b"X" + FILES["emergency_plan"][1:]}
    with pytest.raises(Altered) as altered:
        record_codes.check_files(found, records, {kind: [data] for kind, data in changed.items()})
    assert altered.value.params == {"kind": "emergency_plan"}
    with pytest.raises(Altered, match="list_altered"):
        record_codes.check_files(found, records[:-1], {})


def test_case_11_scenario_3(services):
    with pytest.raises(AccessDenied, match="no_writer"):
        envcode.append(services, Actor("s", Role.SUPERVISION), "environment", FIRM, RULES.kinds[0], "0" * 64)
    assert envcode.read_records(services, Actor("s", Role.SUPERVISION), "environment", FIRM) == []
    with pytest.raises(AccessDenied, match="no_reader"):
        envcode.read_records(services, Actor("someone", Role.APPLICANT), "environment", FIRM)


def test_case_11_scenario_4(stored):
    have, asked = envcode.offered(stored, "environment", FIRM, [*RULES.kinds, "extension_report"])
    assert (set(have), asked) == (set(RULES.kinds), ("extension_report",))


def test_case_11_scenario_5(stored, key, tmp_path):
    text = envcode.code(stored, key, "environment", FIRM)
    code = record_codes.read(text, Trust((key.public,)), "environment")
    stranger = KeyStore(tmp_path / "other").create("codes", KeyKind.OFFICIAL)
    for trust, registry, expected in (
        (Trust((key.public,), revoked_keys=frozenset({key.key_id})), "environment", "record_code.revoked_key"),
        (Trust((key.public,), revoked_codes=frozenset({code.jti})), "environment", "record_code.revoked"),
        (Trust((stranger.public,)), "environment", "code.foreign_key"),
        (Trust((key.public,)), "everything", "code.wrong_audience"),
    ):
        with pytest.raises(Refused) as refused:
            record_codes.read(text, trust, registry)
        assert refused.value.code == expected
    for place in range(len(codes.QR_PREFIX), len(text), 7):
        broken = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises(YunJianError):
            record_codes.read(broken, Trust((key.public,)), "environment")


def test_one_code_for_everything_is_data_alone(services, key):
    everything = envcode.registry_named("everything")
    for kind in everything.kinds:
        envcode.append(services, Actor("w", Role.WINDOW), "everything", FIRM, kind, "0" * 64)
    found = record_codes.read(envcode.code(services, key, "everything", FIRM), Trust((key.public,)), "everything")
    assert found.count == len(everything.kinds)
    assert envcode.records(services, "environment", FIRM) == []


def test_a_code_of_nothing_and_an_unknown_paper_are_refused(services, key):
    with pytest.raises(InputError, match="empty"):
        envcode.code(services, key, "environment", "nobody")
    with pytest.raises(InputError, match="unknown_kind"):
        envcode.append(services, OFFICER, "environment", FIRM, "holiday_photo", "0" * 64)


def test_case_11_examples_of_the_scheme(services, key):
    """Mortar (430 000 t) and steel drums (5 m, with 1 200 machine sets): the papers of one project serve the next one."""
    projects = {"mortar-430000-t": ("eia_report_for_approval", "eia_decision"), "drums-5-m-and-1200-sets": RULES.kinds}
    for firm, kinds in projects.items():
        for kind in kinds:
            envcode.append(services, OFFICER, "environment", firm, kind, hashlib.sha256(kind.encode()).hexdigest())
        found = record_codes.read(envcode.code(services, key, "environment", firm), Trust((key.public,)), "environment")
        assert (found.subject, found.count) == (firm, len(kinds))
        have, asked = envcode.offered(services, "environment", firm, RULES.kinds)
        assert (set(have), set(asked)) == (set(kinds), set(RULES.kinds) - set(kinds))
