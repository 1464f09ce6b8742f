"""Canonical JSON: whatever way it takes, the bytes are those of the reference package."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from core import canonical

numbers = st.integers() | st.floats(allow_nan=True, allow_infinity=True)
texts = st.text(max_size=12)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
@settings(max_examples=300, deadline=None)
def test_the_bytes_are_those_of_the_reference(value: object) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        with pytest.raises(type(error)):
            canonical.dumps(value)
    else:
        assert canonical.dumps(value) == expected


@pytest.mark.parametrize(
    "value", [{"ﬁ": 1, "\U0001f600": 2}, {"a": '\x00\x1f\x7f\u2028"\\/'}, 2**53, -(2**53) + 1, 1.0, "\ud800", {1: 2}]
)
def test_the_rare_ones(value: object) -> None:
    test_the_bytes_are_those_of_the_reference.hypothesis.inner_test(value)
