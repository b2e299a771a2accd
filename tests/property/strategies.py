# SPDX-License-Identifier: Apache-2.0
"""What property tests draw from: JSON values, host names, pins, and documents with one thing wrong in them."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from tests.pin_documents import manifest, manifest_host, pin, scope, scope_host, text

__all__ = ["HOSTS", "damaged", "hosts", "json_values", "manifests", "pins", "replaced", "scopes"]

integers = st.integers(-(2**53) - 2, 2**53 + 2)
scalars = st.one_of(st.none(), st.booleans(), integers, st.floats(allow_nan=False, allow_infinity=False), st.text())
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)

# Few labels, so that names often lie under one another.
labels = st.sampled_from(["a", "b", "example", "com", "xn--p1ai", "_x", "1"])
names = st.lists(labels, min_size=1, max_size=4).map(".".join).filter(lambda name: not name.split(".")[-1].isdigit())
HOSTS = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "::1"]
hosts = st.one_of(names, st.sampled_from(HOSTS))

WORDS = ["k1", "k2", "k3", "k4"]
pins: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda word, kind, at: pin(word, at, kind),
    st.sampled_from(WORDS),
    st.sampled_from(["spki-sha256", "spki-sha256", "certificate-sha256", "later"]),
    st.sampled_from(["leaf", "ca", "any", "elsewhere"]),
)
pin_lists = st.lists(pins, max_size=4)
digest_lists = st.lists(st.sampled_from(WORDS).map(text), max_size=3)

protected = st.builds(
    lambda pattern, below, leaf, ca, backup, reject, mode: scope_host(
        pattern,
        include_subdomains=below and pattern not in HOSTS,
        allow={"leaf": leaf, "ca": ca},
        backup=backup,
        reject=reject,
        **mode,
    ),
    hosts,
    st.booleans(),
    st.booleans(),
    digest_lists,
    pin_lists,
    pin_lists,
    st.sampled_from([{}, {"mode": "report-only", "until": "2026-12-01T00:00:00Z"}, {"require": [text("k2")]}]),
)
scopes = st.lists(protected, max_size=5, unique_by=lambda host: host["pattern"]).map(
    lambda found: scope(*found, max_age_seconds=604_800, report={"urls": ["https://a.example/"], "sample": 0.5})
)
entries = st.builds(
    lambda pattern, below, accept, reject: manifest_host(
        pattern, include_subdomains=below and pattern not in HOSTS, accept=accept, reject=reject
    ),
    hosts,
    st.booleans(),
    pin_lists,
    pin_lists,
)
manifests = st.lists(entries, max_size=6, unique_by=lambda host: (host["pattern"], host["include_subdomains"])).map(
    lambda found: manifest(*found, refresh_seconds=900)
)


def _paths(value: Any) -> list[tuple[Any, ...]]:
    """Where the nodes of a JSON value are."""
    found: list[tuple[Any, ...]] = [()]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += [(key, *path) for path in _paths(child)]
    return found


@st.composite
def replaced(draw: st.DrawFn, document: Any, values: st.SearchStrategy[Any] = json_values) -> Any:
    """A JSON document in which one node is another one, is missing, or stands twice."""
    changed = copy.deepcopy(document)
    path = draw(st.sampled_from(_paths(changed)[1:]))
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    match draw(st.sampled_from(["another", "gone", "again"])):
        case "another":
            holder[path[-1]] = draw(values)
        case "gone":
            del holder[path[-1]]
        case _ if isinstance(holder, list):
            holder.append(holder[path[-1]])
        case _:
            holder[draw(st.text(max_size=5))] = holder[path[-1]]
    return changed


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Octets of which some were changed, cut out, doubled or put in."""
    octets = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(octets)))
        end = min(len(octets), at + draw(st.integers(0, 8)))
        match draw(st.integers(0, 3)):
            case 0:
                octets[at:end] = draw(st.binary(min_size=end - at, max_size=end - at))
            case 1:
                del octets[at:end]
            case 2:
                octets[at:at] = octets[at:end]
            case _:
                octets[at:at] = draw(
                    st.sampled_from([b"{", b"[", b'"', b",", b"0", b"\xff", b"null", b"\\ud800", b"1e9"])
                )
    return bytes(octets)


def as_octets(value: Any) -> bytes:
    """A JSON value as it may be served; lone surrogates become escapes."""
    return json.dumps(value).encode()
