# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON against the encoder that TUF's own library uses."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical as reference

from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError
from holdfast.trust.canonical_json import check_profile, encode_canonical
from tests.property.strategies import as_octets, json_values
from tests.property.totality import attempt

texts = st.text(st.characters(codec="utf-8"), max_size=8)
signed: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)


@given(signed)
def test_it_encodes_like_the_reference(value: Any) -> None:
    text = reference(value)
    assert text is not None
    assert encode_canonical(value) == text.encode()


@given(json_values)
def test_it_is_total(value: Any) -> None:
    octets, error = attempt(encode_canonical, value, raises=FormatError)
    if error is None:
        assert octets == str(reference(value)).encode()
    else:
        assert error.code == "canonical-json"


@given(json_values)
def test_what_a_publisher_may_sign_is_read_back_and_encoded_alike(value: Any) -> None:
    _, error = attempt(check_profile, value, raises=FormatError)
    if error is not None:
        assert error.code == "canonical-profile"
        return
    again = parse_json(as_octets(value), max_bytes=100_000)
    assert again == value
    assert encode_canonical(again) == encode_canonical(value)
