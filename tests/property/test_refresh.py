# SPDX-License-Identifier: Apache-2.0
"""Whatever a mirror serves and a disk holds: no exception but ours, and nothing enforced that was not signed.

Octets are damaged at random; and, because a signature stops nearly all of that, role files are also changed *and signed
again with the right keys*, as a thief of one role's keys would, and whole caches are put together from pieces.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner

from holdfast.errors import AnchorError, HoldfastError, TrustError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.canonical_json import encode_canonical
from holdfast.trust.loading import StoredState, load_seed, merge, needs_root_lookup, restore
from holdfast.trust.state import TrustedState, find_clock_references, is_retired
from holdfast.trust.verification import Outcome, refresh
from tests.property.strategies import as_octets, damaged, json_values, replaced
from tests.property.totality import attempt, examples
from tests.repository import Repository, digest_text

HOST = "api.example.com"
SIGNERS = {
    "3.root.json": "root",
    "timestamp.json": "timestamp",
    "2.snapshot.json": "snapshot",
    "2.targets.json": "targets",
    "2.pins.json": "pins",
}


@cache
def world() -> tuple[Repository, TrustedState, dict[str, bytes]]:
    """A repository after a root rotation and a second publication, a client that saw the first, and the first files."""
    repository = Repository()
    repository.add_host(HOST, [digest_text("old")])
    repository.publish()
    first = dict(repository.files)
    state = refresh(TrustedState(parse_anchor(repository.anchor)), repository.fetch, now=repository.now).state
    repository.wait(hours=1)
    repository.rotate_root()
    repository.rotate_root()
    repository.set_pins(HOST, [digest_text("new")])
    repository.publish()
    return repository, state, first


def serve(files: dict[str, bytes], state: TrustedState | None = None, now: datetime | None = None) -> Outcome:
    repository, known, _ = world()
    served = Repository.__new__(Repository)
    served.__dict__.update(repository.__dict__, files=files)
    return refresh(state or known, served.fetch, now=now or repository.now)


def is_sound(outcome: Outcome, known: TrustedState) -> None:
    """What holds after any refresh."""
    assert outcome.error is None or outcome.error.code
    state = outcome.state
    assert len(state.roots) >= len(known.roots)
    assert state.enforced is not None
    assert state.enforced.table.hosts[HOST].accept
    if outcome.error is not None:
        assert state.enforced is known.enforced
    find_clock_references(state)
    is_retired(state.enforced, state.root)
    needs_root_lookup(state, now=datetime.max.replace(tzinfo=UTC))


def test_the_world_is_sound() -> None:
    repository, known, _ = world()
    outcome = serve(dict(repository.files))
    assert outcome.error is None
    assert outcome.state.root.version == 3
    is_sound(outcome, known)


names = st.sampled_from(["2.root.json", *SIGNERS])


@examples(50)
@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    repository, known, _ = world()
    name = data.draw(st.sampled_from(sorted(repository.files)))
    files = {**repository.files, name: data.draw(damaged(repository.files[name]) | st.binary(max_size=50))}
    is_sound(serve(files), known)


@examples(50)
@given(st.data())
def test_missing_and_swapped_files(data: st.DataObject) -> None:
    repository, known, _ = world()
    files = dict(repository.files)
    for name in data.draw(st.lists(st.sampled_from(sorted(files)), max_size=3)):
        other = data.draw(st.sampled_from(sorted(repository.files)) | st.none())
        files.pop(name, None)
        if other is not None:
            files[name] = repository.files[other]
    is_sound(serve(files), known)


def signed_again(name: str, signed: Any) -> bytes | None:
    """A role file as the thief of its keys makes it; ``None`` if it has no canonical form."""
    repository, _, _ = world()
    payload, error = attempt(encode_canonical, signed, raises=HoldfastError)
    if error is not None:
        return None
    signatures = []
    for signer in repository.signers[SIGNERS[name]]:
        assert isinstance(signer, CryptoSigner)
        signatures.append(signer.sign(payload).to_dict())
    return as_octets({"signatures": signatures, "signed": signed})


odd_values: st.SearchStrategy[Any] = st.one_of(
    json_values,
    st.sampled_from(
        [
            0,
            -1,
            2**53 - 1,
            2**53,
            "",
            "\ud800",
            "../../x",
            "1.root",
            [[]],
            {"": ""},
            None,
            True,
            1.5,
            "2099-01-01T00:00:00Z",
        ]
    ),
)


@examples(80)
@given(st.data())
def test_a_role_that_is_changed_and_signed_again(data: st.DataObject) -> None:
    repository, known, _ = world()
    name = data.draw(st.sampled_from(sorted(SIGNERS)))
    forged = signed_again(name, data.draw(replaced(json.loads(repository.files[name])["signed"], odd_values)))
    if forged is not None:
        is_sound(serve({**repository.files, name: forged}), known)


@examples(40)
@given(st.data())
def test_whole_sets_of_a_thief_of_all_online_keys(data: st.DataObject) -> None:
    """Pins, snapshot and timestamp are changed, and each is named rightly by the next."""
    repository, known, _ = world()
    thief = Repository.__new__(Repository)
    thief.__dict__.update(repository.__dict__, files=dict(repository.files), versions=dict(repository.versions))
    thief.manifest = data.draw(replaced(repository.manifest, odd_values))
    thief.publish_pins(thief.manifest)
    pins = json.loads(thief.files[f"{thief.versions['pins']}.pins.json"])["signed"]
    forged = signed_again("2.pins.json", data.draw(st.just(pins) | replaced(pins, odd_values)))
    if forged is not None:
        thief.files[f"{thief.versions['pins']}.pins.json"] = forged
    thief.issued_override = data.draw(st.none() | st.datetimes(timezones=st.just(UTC)))
    thief.publish_snapshot()
    thief.publish_timestamp()
    is_sound(serve(thief.files), known)


@examples(40)
@given(st.data())
def test_any_seed(data: st.DataObject) -> None:
    repository, _, _ = world()
    files = repository.current_files()
    name = data.draw(st.sampled_from(sorted(files)))
    files[name] = data.draw(damaged(files[name]) | st.binary(max_size=50))
    state, error = attempt(load_seed, parse_anchor(repository.anchor), files, raises=TrustError)
    assert error is not None or state.seed is state.enforced is not None


@given(
    st.one_of(
        damaged(world()[0].anchor), st.binary(max_size=80), replaced(json.loads(world()[0].anchor)).map(as_octets)
    )
)
def test_any_anchor(data: bytes) -> None:
    anchor, error = attempt(parse_anchor, data, raises=AnchorError)
    assert error is not None or anchor.version >= 1


pieces = st.deferred(
    lambda: st.sampled_from([*world()[0].files.values(), *world()[2].values()]).flatmap(
        lambda data: st.just(data) | damaged(data)
    )
)
file_names = st.deferred(
    lambda: (
        st.sampled_from([*world()[0].files])
        | st.from_regex(r"[0-9]{0,3}\.?[a-z0-9.]{0,6}\.root\.json")
        | st.text(max_size=12)
    )
)
stored_states = st.builds(
    StoredState,
    roots=st.lists(pieces, max_size=4).map(tuple),
    timestamp=st.none() | pieces,
    snapshot=st.none() | pieces,
    files=st.dictionaries(file_names, pieces, max_size=9),
    accepted_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@examples(40)
@given(stored_states, st.data())
def test_any_cache(stored: StoredState, data: st.DataObject) -> None:
    repository, _, first = world()
    seeded = load_seed(parse_anchor(repository.anchor), first)
    if data.draw(st.booleans()):  # mostly sound, with one name or one file that is not
        files: dict[str, bytes] = {**repository.current_files(), "3.root.json": repository.files["3.root.json"]}
        files.pop("2.root.json", None)
        name = data.draw(st.sampled_from(sorted(files)))
        files[data.draw(file_names)] = files.pop(name)
        stored = StoredState(stored.roots, stored.timestamp, stored.snapshot, files, repository.now)
    restored = restore(seeded, stored)
    state = restored.state
    assert state.enforced is not None
    assert state.enforced.manifest.version in (1, 2)
    assert state.seed is seeded.seed
    assert merge(seeded, state).enforced is not None
    assert merge(state, seeded).root.version == state.root.version
    is_sound(serve(dict(repository.files), state), state)


@examples(30)
@given(st.datetimes(timezones=st.just(UTC)))
def test_any_device_clock(now: datetime) -> None:
    repository, known, _ = world()
    outcome = serve(dict(repository.files), now=now)
    is_sound(outcome, known)
    alive = repository.now + timedelta(days=7)
    assert (outcome.error is None) == (now < alive), "clocks behind are held up, clocks ahead see everything expired"
