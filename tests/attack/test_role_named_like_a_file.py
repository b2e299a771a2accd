# SPDX-License-Identifier: Apache-2.0
"""Attack: a stolen automation key delegates the manifest on, to roles whose names become names of files.

``../../x`` would be a path and a URL; ``1.root`` would make the set on disk carry two accepting roots, be dropped at
the next start, and throw the client back to the seed of its app: keys that were retired long ago.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Targets

from holdfast.client.pin_store import PinStore
from holdfast.errors import MetadataError
from holdfast.trust import loading, verification
from tests.siege import Siege, accepted


def delegate_on(siege: Siege, name: str) -> None:
    """The thief's publication: ``pins`` lists no manifest any more and delegates it to a role of this name."""
    repository = siege.repository
    siege.choose("third")
    repository.manifest["version"] += 1
    (signer,) = repository.signers["pins"]
    key = signer.public_key
    repository.publish_pins()
    pins = Targets(version=repository.versions["pins"], expires=repository._expires("pins"))
    pins.delegations = Delegations(
        {key.keyid: key}, {name: DelegatedRole(name, [key.keyid], 1, True, ["manifest.json"])}
    )
    below = Targets(version=1, expires=repository._expires("pins"))
    below.targets["manifest.json"] = repository._add_target("manifest.json", repository.manifest)
    for signed, file in ((pins, f"{pins.version}.pins.json"), (below, f"1.{name}.json")):
        signed.unrecognized_fields = repository._extra()
        repository.files[file] = repository.sign(signed, [signer])
    repository.extra_meta[name] = 1
    siege.publish_above("pins")
    # No bundle may carry such a name; the client would fetch the file singly.
    packed = {file: data.decode() for file, data in repository.current_files().items() if file != f"1.{name}.json"}
    bundle = json.dumps({"format": "holdfast-bundle/1", "files": packed}).encode()
    siege.mirror.replaced["bundle.json"] = bundle


@pytest.mark.parametrize("name", ["1.root", "../../x", "a/b", "Pins", "pins.json"])
def test_a_role_without_a_proper_name_is_not_even_asked_for(tmp_path: Path, name: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        delegate_on(siege, name)
        siege.mirror.requests.clear()
        siege.refused(store, MetadataError, "metadata-syntax", name, progress=True)
        assert f"1.{name}.json" not in siege.mirror.requests
        del siege.repository.files[f"1.{name}.json"]
        siege.recovers(store, "third")


def test_the_control_falls_back_to_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "is_role_name", lambda _: True)
    monkeypatch.setattr(loading, "_ROOT_NAME", re.compile(r"([0-9]+)\..*root\.json|([0-9]+)\.root\.json"))
    siege = Siege(tmp_path)
    with siege.settled() as store:
        delegate_on(siege, "1.root")
        assert store.refresh().error is None
        assert accepted(store) == {"third"}
        again = PinStore(siege.config())
        assert accepted(again) == {"first"}, "the key that was retired first is back"
        again.close()
