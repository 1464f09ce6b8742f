"""The verifier's own parts against references: Ed25519 and certificates (cryptography), canonical JSON (rfc8785)."""

from __future__ import annotations

import json

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.record import FindingPart
from reports import verify
from reports.model import ellipse, visible

safe_ints = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | safe_ints | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
@settings(max_examples=300, deadline=None)
def test_canonical_json_agrees_with_the_reference(value: object) -> None:
    expected = rfc8785.dumps(value)
    assert verify.canonical(json.loads(json.dumps(value))).encode("utf-8") == expected


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=64), st.integers(0, 511), st.binary(max_size=8))
@settings(max_examples=25, deadline=None)
def test_ed25519_accepts_right_and_refuses_flipped(seed: bytes, message: bytes, bit: int, more: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify.ed25519_ok(public, message, signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not verify.ed25519_ok(public, message, bytes(flipped))
    if more:
        assert not verify.ed25519_ok(public, message + more, signature)


def test_ed25519_refuses_keys_and_scalars_that_sign_anything() -> None:
    identity = (1).to_bytes(32, "little")
    assert not verify.ed25519_ok(identity, b"x", identity + bytes(32))
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    good = key.sign(b"x")
    high = (int.from_bytes(good[32:], "little") + verify.L).to_bytes(32, "little")
    assert not verify.ed25519_ok(key.public_key().public_bytes_raw(), b"x", good[:32] + high)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_a_bad_certificate_is_a_value_error(data: bytes) -> None:
    import base64

    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(data) + b"-----END CERTIFICATE-----\n"
    for text in (data, pem):
        try:
            verify.read_certificate(text)
        except ValueError:
            continue
        raise AssertionError("random bytes were taken for a certificate")


@given(st.floats(1e-3, 10), st.floats(1e-3, 10), st.floats(-0.99, 0.99))
def test_ellipse_keeps_area_and_order(x: float, z: float, rho: float) -> None:
    cross = rho * x * z
    part = {
        "id": "f", "class_id": 2, "class_name": {"zh": "腐蚀", "en": "corrosion"}, "source": "model", "experimental": False,
        "score": 0.5, "polygon_hull_m": [], "area_cm2": None, "photo_evidence_id": "p", "crop_evidence_id": None, "views": 1,
        "state": "proposed", "decided_by": None, "decided_at": None, "proposed_codes": [],
        "place": {"side": "port", "x_m": 1, "x_origin": "ap", "z_m": 1, "above_waterline_m": 1,
                  "cov2x2": [[x * x, cross], [cross, z * z]]},
    }  # fmt: skip
    found = ellipse(FindingPart.model_validate(part))
    assert found is not None
    assert found.major_m >= found.minor_m >= 0
    determinant = x * x * z * z * (1 - rho * rho)
    assert abs((found.major_m * found.minor_m) ** 2 - determinant) <= 1e-6 * max(1.0, x * x * z * z)


@given(st.text(max_size=40))
def test_visible_text_hides_nothing(text: str) -> None:
    import unicodedata

    shown = visible(text)
    assert all(char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cn", "Cs"} for char in shown)
