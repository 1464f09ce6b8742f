"""Keys at rest, signatures, and each way a code can be wrong."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import cbor2
import pytest

from core import base45, codes
from core.clock import ManualClock
from core.context import Services
from core.errors import Altered, EnvironmentFault, InputError, NotFound, Refused, YunJianError
from core.signing import DEMO_MARK, KeyKind, KeyStore, PublicKey, SigningKey


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


@pytest.fixture
def key(store: KeyStore) -> SigningKey:
    return store.create("links", KeyKind.OFFICIAL)


def make(key: SigningKey, clock: ManualClock, *, starts_in_s: float = 0, lasts_s: float = 3600) -> str:
    start = clock.now() + timedelta(seconds=starts_in_s)
    return codes.issue(
        key, clock, issuer="yunjian", subject="room-1", audience="video", role="crew_guest", not_before=start,
        expires=start + timedelta(seconds=lasts_s), name_hint="轮机长",
    )  # fmt: skip


def refused(code: str, store: KeyStore, clock: ManualClock, audience: str = "video") -> str:
    with pytest.raises(YunJianError) as caught:
        codes.read(code, store.public_keys(), clock, audience)
    return caught.value.code


def test_keys_are_private_files(store: KeyStore, key: SigningKey) -> None:
    path = store.root / "links.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.load("links").public == key.public
    assert len(key.key_id) == 16
    assert store.find(key.key_id).public == key.public
    assert "PRIVATE" not in repr(key)
    with pytest.raises(InputError):
        store.create("links", KeyKind.OFFICIAL)
    path.chmod(0o644)
    with pytest.raises(EnvironmentFault) as caught:
        store.load("links")
    assert caught.value.code == "signing.key_exposed"


@pytest.mark.parametrize("label", ["../x", "A", "", "a/b", "a" * 65])
def test_labels_are_plain_file_names(store: KeyStore, label: str) -> None:
    with pytest.raises(InputError):
        store.create(label, KeyKind.DEMO)
    with pytest.raises(NotFound):
        store.load("missing")


def test_demo_keys_stay_marked(store: KeyStore) -> None:
    demo = store.ensure("demo", KeyKind.DEMO)
    assert store.ensure("demo", KeyKind.OFFICIAL).public.kind is KeyKind.DEMO
    assert demo.public.mark == DEMO_MARK
    assert PublicKey.from_pem(DEMO_MARK.encode() + b"\n" + demo.public.pem()).kind is KeyKind.DEMO
    assert store.labels() == ["demo"]


def test_signature_is_64_bytes_that_openssl_checks(key: SigningKey, tmp_path: Path) -> None:
    data = b"tagmanifest"
    signature = key.sign(data)
    assert len(signature) == 64
    key.public.verify(signature, data)
    with pytest.raises(Altered):
        key.public.verify(signature, data + b"!")
    for name, content in (("k.pem", key.public.pem()), ("s", signature), ("d", data)):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "k.pem", "-rawin", "-in", "d", "-sigfile", "s"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_foreign_pem_is_refused(store: KeyStore, key: SigningKey) -> None:
    (store.root / "links.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(InputError):
        store.load("links")
    with pytest.raises(InputError):
        PublicKey.from_pem(b"nothing")


def test_code_round_trip_in_both_forms(key: SigningKey, store: KeyStore, clock: ManualClock) -> None:
    link = make(key, clock)
    code = codes.read(link, store.public_keys(), clock, "video")
    assert (code.subject, code.role, code.name_hint, code.key_id) == ("room-1", "crew_guest", "轮机长", key.key_id)
    assert codes.read(codes.for_qr(link), store.public_keys(), clock, "video") == code
    assert codes.for_link(codes.for_qr(link)) == link
    assert set(link) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_each_fault_has_its_own_code(key: SigningKey, store: KeyStore, clock: ManualClock, tmp_path: Path) -> None:
    link = make(key, clock)
    assert refused(make(key, clock, starts_in_s=60), store, clock) == "code.not_yet_valid"
    assert refused(link, store, clock, "reports") == "code.wrong_audience"
    assert refused(link, KeyStore(tmp_path / "others"), clock) == "code.foreign_key"
    for junk in ("", "!", "hello", link + "A", link + "=", "YJ1:", "YJ1:%%%", "A" * 5000, codes._base64url(cbor2.dumps([1]))):
        assert refused(junk, store, clock) == "code.malformed", junk
    clock.advance(3600)
    assert refused(link, store, clock) == "code.expired"
    with pytest.raises(InputError):
        make(key, clock, lasts_s=0)


def test_no_changed_byte_is_accepted(key: SigningKey, store: KeyStore, clock: ManualClock) -> None:
    raw = codes._raw(make(key, clock))
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 0x01
        assert refused(codes._base64url(bytes(changed)), store, clock) in ("code.altered", "code.foreign_key", "code.malformed")
    payload = cbor2.loads(raw).value[2]
    longer = cbor2.dumps({**cbor2.loads(payload), 4: 2**40})
    protected, unprotected, _payload, signature = cbor2.loads(raw).value
    forged = cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, longer, signature]))
    assert refused(codes._base64url(forged), store, clock) == "code.altered"


def test_single_use_is_bound_to_the_first_device(
    key: SigningKey, store: KeyStore, services: Services, clock: ManualClock
) -> None:
    code = codes.read(make(key, clock), store.public_keys(), clock, "video")
    with services.db.write() as session:
        assert codes.consume(session, clock, code, "phone") is codes.Use.FIRST
    with services.db.write() as session:
        assert codes.consume(session, clock, code, "phone") is codes.Use.SAME_DEVICE_AGAIN
        with pytest.raises(Refused) as caught:
            codes.consume(session, clock, code, "other phone")
        assert caught.value.code == "code.replayed"
        codes.require_not_revoked(session, code)
        codes.revoke(session, clock, code.jti, code.expires)
        for again in (lambda: codes.consume(session, clock, code, "phone"), lambda: codes.require_not_revoked(session, code)):
            with pytest.raises(Refused) as caught:
                again()
            assert caught.value.code == "code.revoked"
        assert codes.forget_expired(session, clock) == 0
        clock.advance(3601)
        assert codes.forget_expired(session, clock) == 1


def test_base45_vectors_of_rfc_9285() -> None:
    for plain, coded in ((b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0")):
        assert base45.encode(plain) == coded
        assert base45.decode(coded) == plain
    for wrong in ("GGW", ":::", "A", "AAAA", "aa"):
        with pytest.raises(ValueError):
            base45.decode(wrong)
