"""Two people, two moments: the inspector signs, the bundle waits, the supervisor signs and seals; keys are handed over once."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import NotFound, Refused
from reports import HandedSigner, Person, Signers, bundles_of, complete, demo_ca_path, demo_signers, verify, waiting
from reports.keys import keys_dir
from reports.service import prepare_record
from tests.unit.reports.cases import make_case
from tests.unit.reports.conftest import INSPECTOR, SUPERVISOR, make_services


def handed(signers: Signers, role: str) -> HandedSigner:
    """The demonstration keys as a browser would send them."""
    one = signers.inspector if role == "inspector" else signers.supervisor
    files = {name: (one.manifest_file if name == "manifest" else one.pdf_file).read_bytes() for name in ("manifest", "pdf")}
    return HandedSigner(one.role, one.person, files["manifest"], files["pdf"], one.ask())


def test_the_bundle_waits_for_the_second_person(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    record = make_case(services.db, services.files, services.clock, photos=1, items=2)
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    with pytest.raises(NotFound, match="nothing_waits"):
        complete(services, record.id, signers.supervisor)
    with pytest.raises(Refused, match="wrong_signer"):
        prepare_record(services, record, signers.supervisor)

    first = prepare_record(services, record, handed(signers, "inspector"), signers.time_stamp_key)
    assert waiting(services, record.id) == first
    assert first.inspector == INSPECTOR
    assert bundles_of(services, record.id) == []  # one signature issues nothing
    assert prepare_record(services, record, signers.inspector) == first  # again: the first stays

    same = HandedSigner("supervisor", Person(INSPECTOR.user_id, "The same"), b"", b"", b"")
    with pytest.raises(Refused, match="same_signer"):
        complete(services, record.id, same)
    services.clock.advance(5 * 3600)
    built = complete(services, record.id, handed(signers, "supervisor"), signers.time_stamp_key)
    assert waiting(services, record.id) is None
    assert [one.signers for one in bundles_of(services, record.id)] == [{"inspector": "user-1", "supervisor": "user-2"}]
    result = verify.check(built.path, str(demo_ca_path(services.settings)))
    assert result.exit_status == 0
    assert complete(services, record.id, signers.supervisor).made is False
    services.db.close()


def test_a_handed_key_opens_with_its_passphrase_only_and_is_not_kept(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    record = make_case(services.db, services.files, services.clock, photos=1, items=1)
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    right = handed(signers, "inspector")
    wrong = HandedSigner(right.role, right.person, right.manifest, right.pdf, b"not it")
    with pytest.raises(Refused, match="wrong_passphrase"):
        prepare_record(services, record, wrong)
    with pytest.raises(Refused, match="wrong_passphrase"):
        prepare_record(services, record, HandedSigner("inspector", right.person, b"no key", b"no key", b""))
    swapped = HandedSigner(right.role, right.person, right.pdf, right.pdf, right.passphrase)
    with pytest.raises(Refused, match="key_kind"):
        prepare_record(services, record, swapped)
    assert waiting(services, record.id) is None
    prepare_record(services, record, right)
    kept = [
        path
        for path in (services.settings.data_dir).rglob("*")
        if path.is_file() and keys_dir(services.settings) not in path.parents
    ]
    assert not any(right.manifest in path.read_bytes() or right.pdf in path.read_bytes() for path in kept)
    services.db.close()
