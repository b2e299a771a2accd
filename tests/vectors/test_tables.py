# SPDX-License-Identifier: Apache-2.0
"""The tables of ``spec/README.md`` say what the code and the vectors say: limits, codes and their classes."""

from __future__ import annotations

import re
from typing import Final

import pytest

import holdfast.errors
from holdfast.core import limits
from holdfast.core.validation import Reason
from tests.vectors.material import files, load
from tests.vectors.test_map import ROOT

TEXT: Final = (ROOT / "spec" / "README.md").read_text(encoding="utf-8")
BOUNDS: Final = {
    "containers within containers": (limits.MAX_JSON_DEPTH,),
    "`,` `[` `{` outside strings": (limits.MAX_JSON_VALUES,),
    "root file": (limits.MAX_ROOT_BYTES,),
    "timestamp file": (limits.MAX_TIMESTAMP_BYTES,),
    "snapshot file": (limits.MAX_SNAPSHOT_BYTES,),
    "targets file, delegated role file": (limits.MAX_TARGETS_BYTES,),
    "scope, manifest": (limits.MAX_SCOPE_BYTES,),
    "bundle": (limits.MAX_BUNDLE_BYTES, limits.MAX_BUNDLE_FILES),
    "roots followed in one refresh": (limits.MAX_ROOT_ROTATIONS,),
    "delegated roles visited in one search": (limits.MAX_DELEGATIONS,),
    "`keyids` of one role": (limits.MAX_ROLE_KEYS,),
    "characters of path patterns in one role file": (limits.MAX_PATTERN_CHARACTERS,),
    "hashes of one file": (limits.MAX_FILE_HASHES,),
    "hosts of a scope, of a manifest": (limits.MAX_HOSTS,),
    "pins in one list of one host": (limits.MAX_PINS,),
    "digests in `allow.ca`, in `require`": (limits.MAX_CA_DIGESTS,),
    "`use`, `reason`": (limits.MAX_LABEL_TEXT,),
    "report URLs": (limits.MAX_REPORT_URLS, limits.MAX_URL_LENGTH),
    "channel": (limits.MAX_CHANNEL_LENGTH,),
    "host name, label": (limits.MAX_HOSTNAME_LENGTH, limits.MAX_LABEL_LENGTH),
    "certificate": (limits.MAX_CERTIFICATE_BYTES,),
    "validated path": (limits.MAX_PATH_LENGTH,),
}
# A document keeps the code of the form that it breaks, and gives it its own class.
BORROWING: Final = {"ManifestSyntaxError", "MetadataError"}
OF_COLLECTORS: Final = {"report-syntax", "check-in-syntax"}


@pytest.mark.parametrize("what", BOUNDS)
def test_a_limit_is_the_one_of_the_code(what: str) -> None:
    cell = re.search(rf"^\| {re.escape(what)} \| (.*) \|$", TEXT, re.MULTILINE)
    assert cell is not None
    assert tuple(int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]*", cell[1])) == BOUNDS[what]


def _classes() -> dict[str, str]:
    rows = re.findall(r"^\| (`[^|]*`) \| ([A-Za-z]+Error) \|", TEXT, re.MULTILINE)
    return {code: name for codes, name in rows for code in re.findall(r"`([a-z0-9-]+)`", codes)}


def test_every_class_of_the_table_exists() -> None:
    assert [name for name in set(_classes().values()) if not hasattr(holdfast.errors, name)] == []


def test_every_refusal_has_a_code_of_the_table_with_its_class() -> None:
    classes = _classes()
    reasons = {reason.value for reason in Reason}
    for name in files():
        for vector in load(name)["vectors"]:
            refusal = vector["expect"].get("refuse", {"error": None, "code": None})
            error, code = refusal.get("error"), refusal["code"]
            if error == "PinMismatchError":
                assert code in reasons, vector["id"]
            elif error is not None:
                is_borrowed = error in BORROWING and issubclass(getattr(holdfast.errors, classes[code]), ValueError)
                assert classes[code] == error or is_borrowed, vector["id"]
            else:
                assert code is None or code in OF_COLLECTORS, vector["id"]


def test_every_reason_stands_in_the_specification() -> None:
    text = (ROOT / "spec" / "validation.md").read_text(encoding="utf-8")
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in text] == []


def test_every_refusal_that_trust_has_a_name_for_is_met_by_a_vector() -> None:
    used = {v["expect"]["refuse"]["code"] for name in files() for v in load(name)["vectors"] if "refuse" in v["expect"]}
    assert set(_classes()) - used == set()
