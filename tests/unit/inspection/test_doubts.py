"""Evidence that cannot be what it says raises a doubt with its rule; its honest twin raises none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ais.proofs import Proof
from ais.text import Bilingual
from core.geo import LonLat
from inspection.doubts import Clip, Material, Photo, Reading, judge_evidence, picture_hash

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
SHIP = LonLat(122.06, 40.28)


def scene(seed, size=32):
    """A picture with large and small things in it."""
    dice = np.random.default_rng(seed)
    coarse = dice.uniform(20, 220, (5, 5))
    at = np.linspace(0, 3.999, size)
    low, part = at.astype(int), at - at.astype(int)
    rows = coarse[low] * (1 - part)[:, None] + coarse[low + 1] * part[:, None]
    full = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    return np.clip(full + dice.normal(0, 3, full.shape), 0, 255).astype(np.uint8)


def photo(n, **more):
    values = {
        "id": f"e{n}", "inspection": "now", "shows": f"item-{n}", "sha256": f"{n:064x}", "look": scene(n),
        "captured_at": NOW + timedelta(minutes=n), "received_at": NOW + timedelta(minutes=n, seconds=5),
    }  # fmt: skip
    return Photo(**(values | more))


def clip(n=200, seed=1, step=1 / 15):
    """A hand that wanders over one scene."""
    dice = np.random.default_rng(seed)
    wide = np.tile(scene(seed, 64), (1, 2)).astype(np.float64)
    x = np.clip(np.cumsum(dice.normal(0, 0.4, n)) + 16, 0, 60).astype(int)
    looks = np.stack([np.clip(wide[10:42, at : at + 32] + dice.normal(0, 2, (32, 32)), 0, 255) for at in x]).astype(np.uint8)
    return Clip("c", "fire door", np.arange(n) * step + dice.uniform(0, 0.005, n), looks)


def rules_of(**material):
    return [(one.kind, one.rule) for one in judge_evidence(Material(**material))]


def test_honest_photos_raise_nothing():
    photos = tuple(photo(n) for n in range(60))
    burst = replace(photo(3), id="again", sha256="f" * 64, captured_at=NOW + timedelta(minutes=3, seconds=30))
    session = (NOW, NOW + timedelta(hours=1))
    assert (
        rules_of(photos=(*photos, burst), earlier=tuple(photo(n, inspection="old") for n in range(100, 160)), session=session)
        == []
    )


@pytest.mark.parametrize("change", ["bytes", "brighter", "noise", "mirrored"])
def test_a_copied_photo_is_found(change):
    original = photo(7, inspection="old")
    look = original.look
    if change == "brighter":
        look = np.clip(look * 0.8 + 40, 0, 255).astype(np.uint8)
    elif change == "noise":
        look = np.clip(look + np.random.default_rng(0).normal(0, 4, look.shape), 0, 255).astype(np.uint8)
    elif change == "mirrored":
        look = look[:, ::-1]
    copy = photo(8, look=look, sha256=original.sha256 if change == "bytes" else "a" * 64)
    expected = "same_bytes" if change == "bytes" else "same_picture"
    assert rules_of(photos=(copy,), earlier=(original,)) == [("copied_photo", expected)]
    assert rules_of(photos=(photo(7, inspection="now"), replace(copy, captured_at=NOW))) == [("copied_photo", expected)]


def test_an_empty_picture_is_no_copy():
    flat = np.full((32, 32), 128, dtype=np.uint8)
    assert rules_of(photos=(photo(1, look=flat), photo(2, look=flat))) == []
    assert picture_hash(flat) == 0


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"exif_at": NOW + timedelta(hours=3)}, "after_receipt"), ({"exif_at": NOW - timedelta(days=9)}, "before_session"),
        ({"lonlat": LonLat(122.1, 40.28), "accuracy_m": 20.0}, "away_from_ship"), ({"lonlat": LonLat(122.0605, 40.28)}, None),
        ({"exif_at": NOW - timedelta(hours=2)}, None),
    ],
)  # fmt: skip
def test_time_and_place(more, rule):
    found = rules_of(photos=(photo(1, **more),), session=(NOW, NOW), ship_at=SHIP, ship_length_m=180.0)
    assert [one[1] for one in found] == ([rule] if rule else [])


@pytest.mark.parametrize("seed", range(8))
def test_an_honest_clip_raises_nothing(seed):
    plain = clip(seed=seed)
    assert rules_of(clips=(plain,)) == []
    flash = plain.looks.copy()
    flash[80] = np.clip(flash[80].astype(int) + 90, 0, 255)
    darker = plain.looks.astype(np.float64)
    darker[100:] *= 0.6
    still = np.repeat(plain.looks[:1], 200, axis=0)
    for looks in (flash, darker.astype(np.uint8), still):
        assert rules_of(clips=(replace(plain, looks=looks),)) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_spliced_clip_is_found(seed):
    plain, other = clip(seed=seed), clip(seed=seed + 50)
    cut = replace(plain, looks=np.concatenate((plain.looks[:90], other.looks[90:])))
    assert ("spliced_clip", "cut") in rules_of(clips=(cut,))
    gap = replace(plain, pts_s=np.concatenate((plain.pts_s[:90], plain.pts_s[90:] + 2.0)))
    assert rules_of(clips=(gap,)) == [("spliced_clip", "time_gap")]
    back = replace(plain, pts_s=np.concatenate((plain.pts_s[:90], plain.pts_s[60:170])))
    assert ("spliced_clip", "time_gap") in rules_of(clips=(back,))
    loop = replace(plain, looks=np.concatenate((plain.looks[:100], plain.looks[60:100], plain.looks[100:160])))
    assert ("spliced_clip", "repeat") in rules_of(clips=(loop,))


@pytest.mark.parametrize(
    ("shown", "stated", "exact", "doubt"),
    [
        ("IMO 9074729", "9074729", True, False), ("9074728", "9074729", True, True), ("12,345", "12345", False, False),
        ("12 340", "12345", False, False), ("13345", "12345", False, True), (None, "1", True, False), (" ", "1", True, False),
        ("SN-4711/a", "sn4711A", True, False), ("abc", "12", False, True),
    ],
)  # fmt: skip
def test_numbers(shown, stated, exact, doubt):
    assert bool(rules_of(readings=(Reading("number", shown, stated, exact),))) is doubt


@pytest.mark.parametrize(
    ("state", "outcome", "doubt"),
    [
        ("failed", "expired", True),
        ("due", "due_before_departure", True),
        ("ok", "valid", False),
        ("unknown", "dates_unknown", False),
    ],
)
def test_what_the_papers_prove_comes_along(state, outcome, doubt):
    words = Bilingual("甲", "a")
    proof = Proof("certificate", "t:IOPP", "IOPP-1", words, state, outcome, words, "MARPOL", (), ())
    assert bool(rules_of(proofs=(proof,))) is doubt
