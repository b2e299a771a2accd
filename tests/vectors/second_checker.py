# SPDX-License-Identifier: Apache-2.0
"""A second opinion on the vectors, which shares no line with ``src/`` nor with their generator.

It has two tools: the ``openssl`` command, which knows DER, X.509 and signatures, and plain Python. It confirms every
digest, every signature and every canonical form that the vectors claim, counts thresholds again, evaluates every
verdict again from the table of ``spec/validation.md``, and has openssl build every validated path.

    python -m tests.vectors.second_checker
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[2] / "vectors"
_LINE: Final = re.compile(r"^\s*(\d+):d=(\d+)\s+hl=(\d+)\s+l=\s*(\d+)\s+(cons|prim):\s*(.*?)\s*$")


@dataclass
class Findings:
    """What was confirmed, how often, and what was not."""

    confirmed: Counter[str] = field(default_factory=Counter)
    unchecked: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def expect(self, what: str, vector_id: str, found: object, claimed: object) -> None:
        """Count an agreement, or note a difference."""
        if found == claimed:
            self.confirmed[what] += 1
        else:
            self.problems.append(f"{vector_id}: {what}: found {found!r:.200}, claimed {claimed!r:.200}")


def read(name: str) -> dict[str, Any]:
    """Read one vector file."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return content


def of_kind(name: str, *kinds: str) -> list[dict[str, Any]]:
    """The vectors of some kinds."""
    return [vector for vector in read(name)["vectors"] if vector["kind"] in kinds]


def bytes_of(source: dict[str, Any]) -> bytes:
    """Octets in any of their notations."""
    if "recipe" in source:
        return b"".join(bytes_of(part) * part["times"] for part in source["recipe"])
    if "base64" in source:
        return base64.b64decode(source["base64"])
    if "json" in source:
        return json.dumps(source["json"]).encode()
    return str(source["text"] if "text" in source else source["repeat"]).encode()


def sha256_base64(data: bytes) -> str:
    """SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def openssl(*arguments: str, data: bytes | None = None) -> tuple[bool, str]:
    """Run openssl; whether it succeeded, and what it said."""
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).decode("latin-1")


# ------------------------------------------------------------------------------------------------------- simple forms


def check_forms(findings: Findings) -> None:
    """Instants by the C library's calendar, digests by encoding them again."""
    for vector in of_kind("forms.json", "instant"):
        accepted = vector["expect"].get("accept")
        if accepted:
            moment = time.strptime(vector["input"]["text"], "%Y-%m-%dT%H:%M:%SZ")
            findings.expect("instant", vector["id"], calendar.timegm(moment), accepted["unix_seconds"])
    for vector in of_kind("forms.json", "digest"):
        text, accepted = vector["input"]["text"], vector["expect"].get("accept")
        octets = bytes.fromhex(accepted["hex"]) if accepted else _decode(text)
        is_canonical = len(octets) == 32 and base64.b64encode(octets).decode() == text
        findings.expect("digest", vector["id"], is_canonical, accepted is not None)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def canonical(value: Any) -> str:
    """Canonical JSON, from the grammar in ``spec/trust.md``."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: [ord(character) for character in name])
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return json.dumps(value)


def check_canonical(findings: Findings) -> None:
    """Every canonical form, octet by octet."""
    for vector in of_kind("roles.json", "canonical"):
        if "accept" in vector["expect"]:
            found = canonical(json.loads(bytes_of(vector["input"]))).encode()
            findings.expect("canonical form", vector["id"], found, bytes_of(vector["expect"]["accept"]["octets"]))


# ------------------------------------------------------------------------------------------------------- certificates


def find_spki(der: bytes) -> bytes | None:
    """Cut the SubjectPublicKeyInfo out where ``openssl asn1parse`` says that it lies."""
    understood, text = openssl("asn1parse", "-inform", "DER", data=der)
    rows = [match.groups() for match in map(_LINE.match, text.splitlines()) if match]
    if not understood or not rows or int(rows[0][2]) + int(rows[0][3]) != len(der):
        return None
    children = [
        (int(start), int(header) + int(length), kind) for start, depth, header, length, _, kind in rows if depth == "2"
    ]
    end = next(int(start) + int(header) + int(length) for start, depth, header, length, _, _ in rows if depth == "1")
    inside = [child for child in children if child[0] < end]
    start, size, _ = inside[6 if inside[0][2].startswith("cont [ 0 ]") else 5]
    return der[start : start + size]


def check_certificates(findings: Findings) -> None:
    """Both digests of every certificate that is read; and that openssl reads none of the ordinary refused ones."""
    for vector in of_kind("certificates.json", "certificate"):
        accepted = vector["expect"].get("accept")
        if accepted:
            der = bytes_of(vector["input"])
            spki = find_spki(der)
            findings.expect("SPKI digest", vector["id"], spki and sha256_base64(spki), accepted["spki_sha256"])
            findings.expect("certificate digest", vector["id"], sha256_base64(der), accepted["certificate_sha256"])
    for name, text in read("verdicts.json")["certificates"].items():
        understood, _ = openssl("x509", "-inform", "DER", "-noout", data=base64.b64decode(text))
        findings.expect("certificate", name, understood, True)


# ----------------------------------------------------------------------------------------------------- paths, verdicts


def check_paths(findings: Findings) -> None:
    """Have openssl validate every path of a verdict that names different certificates, and find exactly that path."""
    ders = {name: base64.b64decode(text) for name, text in read("verdicts.json")["certificates"].items()}
    jobs = {}
    for vector in of_kind("verdicts.json", "verdict"):
        path, served = vector["input"]["path"], vector["input"].get("served", [])
        if 1 < len(set(path)) == len(path) and path[0].startswith(("leaf", "rogue-leaf")):
            jobs[tuple(path), tuple(served)] = vector["id"]
    for (path, served), vector_id in jobs.items():
        found = _build_path(ders, path, served)
        if path[0] == "leaf-ec-explicit":  # other platforms validate it; this one says why it does not
            findings.expect("explicit parameters", vector_id, "explicit ECC parameters" in str(found), True)
        else:
            findings.expect("validated path", vector_id, found, len(path))


def _build_path(ders: dict[str, bytes], path: tuple[str, ...], served: tuple[str, ...]) -> int | str:
    """Number of certificates in the path that openssl finds from the leaf to the anchor, or what it says."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        others = dict.fromkeys([*path[1:-1], *(name for name in served if name != path[0])])
        for name, group in (("leaf", path[:1]), ("anchor", path[-1:]), ("others", others)):
            (place / name).write_text("".join(_pem(ders[one]) for one in group))
        extra = ["-untrusted", str(place / "others")] if others else []
        trust = ["-no-CApath", "-no-CAstore", "-CAfile", str(place / "anchor")]
        arguments = [*trust, *extra, "-show_chain", str(place / "leaf")]
        done, text = openssl("verify", *arguments)
    return len(re.findall(r"^depth=", text, re.MULTILINE)) if done else text


def _pem(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def check_verdicts(findings: Findings) -> None:
    """Evaluate every verdict on a path again, from the two tables of the specification."""
    digests = {}
    for name, text in read("verdicts.json")["certificates"].items():
        der = base64.b64decode(text)
        digests[name] = (sha256_base64(find_spki(der) or b""), sha256_base64(der))
    for vector in of_kind("verdicts.json", "verdict"):
        given, expect = vector["input"], vector["expect"]
        claimed = expect["refuse"]["code"] if "refuse" in expect else expect["accept"]["reason"]
        if given["scope"] is None or claimed in ("hostname-syntax", "canary", "required-host-dropped", "max-age"):
            continue  # nothing of these is a digest
        found = _evaluate(given, [digests[name] for name in given["path"]])
        if found is not None:
            findings.expect("verdict", vector["id"], found, claimed)


def _evaluate(given: dict[str, Any], path: list[tuple[str, str]]) -> str | None:
    scope, manifest = json.loads(bytes_of(given["scope"])), json.loads(bytes_of(given["manifest"]))
    name, (host, *_), (entry, *_) = given["host"].lower().removesuffix("."), scope["hosts"], manifest["hosts"]
    is_below = host["include_subdomains"] and name.endswith("." + host["pattern"])
    if name != host["pattern"] and not is_below:
        return "unpinned-denied" if "deny" in (scope["unpinned"], given.get("app", {}).get("unpinned")) else "unpinned"
    if not path or len(path) > 16:
        return "path-too-long" if path else "empty-path"
    if _any_matches(host.get("reject", []), path):
        return "scope-reject"
    if "require" in host and not any(spki in host["require"] for spki, _ in path[1:]):
        return "require"
    if _any_matches(host.get("backup", []), path):
        return "backup"
    if _any_matches(entry.get("reject", []), path):
        return "manifest-reject"
    return "pin" if _any_matches(entry["accept"], path) else "no-match"


def _any_matches(pins: list[dict[str, str]], path: list[tuple[str, str]]) -> bool:
    for pin in pins:
        column = {"spki-sha256": 0, "certificate-sha256": 1}.get(pin["type"])
        places = {"leaf": path[:1], "ca": path[1:], "any": path}.get(pin["at"], [])
        if column is not None and any(pair[column] == pin["digest"] for pair in places):
            return True
    return False


# --------------------------------------------------------------------------------------------------------- signatures


class Signatures:
    """Verifies signatures with openssl, each once; ``folder`` takes what openssl wants to read from files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._curves: dict[str, bool] = {}
        self._known: dict[tuple[str, str, str, bytes], bool | None] = {}
        self._has_ml_dsa = "ML-DSA" in openssl("list", "-public-key-algorithms")[1]

    def verify(self, key: Any, signature: Any, payload: bytes) -> bool | None:
        """Whether it is right; ``None`` where this openssl cannot tell."""
        if not isinstance(key, dict) or not isinstance(key.get("keyval"), dict):
            return False
        kind, scheme, public = key.get("keytype"), key.get("scheme"), key["keyval"].get("public")
        if (
            not isinstance(public, str)
            or not isinstance(signature, str)
            or not re.fullmatch("([0-9a-fA-F]{2})+", signature)
        ):
            return False
        wanted = {
            ("ecdsa", "ecdsa-sha2-nistp256"): "ecdsa",
            ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"): "ecdsa",
            ("ed25519", "ed25519"): "ed25519",
            ("rsa", "rsassa-pss-sha256"): "pss",
            ("ml-dsa", "ml-dsa-65/1"): "ml-dsa",
        }.get((str(kind), str(scheme)))
        if wanted is None or (wanted != "ed25519" and not public.startswith("-----BEGIN PUBLIC KEY-----")):
            return False
        question = (wanted, public, signature, payload)
        if question not in self._known:
            self._known[question] = self._ask(wanted, public, bytes.fromhex(signature), payload)
        return self._known[question]

    def _ask(self, wanted: str, public: str, signature: bytes, payload: bytes) -> bool | None:
        if wanted == "ml-dsa" and not self._has_ml_dsa:
            return None
        if wanted == "ed25519":
            if not re.fullmatch("[0-9a-fA-F]{64}", public):
                return False
            body = base64.b64encode(bytes.fromhex("302a300506032b6570032100" + public)).decode()
            public = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
        if wanted == "ml-dsa":
            payload = b"tuf\x01" + hashlib.sha512(payload).digest()
        files = {}
        for name, data in {"key": public.encode(), "signature": signature, "payload": payload}.items():
            path = self._folder / hashlib.sha256(data).hexdigest()
            with self._lock:  # a file that another thread has openssl read is not written again
                if not path.exists():
                    path.write_bytes(data)
            files[name] = str(path)
        if wanted == "ecdsa" and not self._is_p256(files["key"]):
            return False
        if wanted in ("ecdsa", "pss"):
            options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:auto"] if wanted == "pss" else []
            question = ["dgst", "-sha256", "-verify", files["key"], *options, "-signature", files["signature"]]
            return openssl(*question, files["payload"])[0]
        question = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", files["key"], "-sigfile", files["signature"]]
        return openssl(*question, "-in", files["payload"])[0]

    def identify(self, key: dict[str, Any]) -> str:
        """What makes two keys one: the key, written in one way."""
        public = str(key["keyval"]["public"])
        form = ["-pubin", "-outform", "DER", "-ec_conv_form", "uncompressed"]
        return openssl("pkey", *form, data=public.encode())[1] if "-----" in public else public.lower()

    def _is_p256(self, key: str) -> bool:
        if key not in self._curves:
            self._curves[key] = "prime256v1" in openssl("pkey", "-pubin", "-in", key, "-text", "-noout")[1]
        return self._curves[key]


def count_signers(
    signatures: Signatures, role: dict[str, Any], keys: dict[str, Any], document: dict[str, Any]
) -> int | None:
    """Distinct keys of a role that signed a document; ``None`` where openssl cannot tell."""
    payload = canonical(document["signed"]).encode()
    found: set[str] = set()
    for entry in document["signatures"]:
        keyid = entry.get("keyid") if isinstance(entry, dict) else None
        if not isinstance(keyid, str) or keyid not in role["keyids"] or keyid not in keys:
            continue
        answer = signatures.verify(keys[keyid], entry.get("sig"), payload)
        if answer is None:
            return None
        if answer:
            found.add(signatures.identify(keys[keyid]))
    return len(found)


def check_thresholds(findings: Findings, signatures: Signatures) -> None:
    """Count the signers of every role file, embedded root and next root whose verdict hangs on their number."""
    for vector in of_kind("roles.json", "role", "anchor", "next-root"):
        given, expect = vector["input"], vector["expect"]
        code = expect.get("refuse", {}).get("code")
        document = _json(bytes_of(given) if vector["kind"] == "anchor" else bytes_of(given["file"]))
        if code not in (None, "signature-threshold", "channel-mismatch", "expired", "root-version") or document is None:
            continue
        judges = {"role": [given.get("delegator")], "next-root": [given.get("trusted"), None], "anchor": [None]}
        answers = []
        for delegator in judges[vector["kind"]]:
            signed = (document if delegator is None else json.loads(delegator))["signed"]
            role = signed["roles"][given.get("role", "root")]
            count = count_signers(signatures, role, signed["keys"], document)
            answers.append(None if count is None else count >= role["threshold"])
        if None in answers:
            findings.unchecked["threshold with ML-DSA"] += 1
        else:
            findings.expect("threshold", vector["id"], all(answers), code != "signature-threshold")


def _json(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def check_texts(findings: Findings, signatures: Signatures) -> None:
    """Every text of a workflow: its name, and each signature whose key is known from any file."""
    texts: dict[str, str] = read("workflows.json")["texts"]
    for label, text in texts.items():
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        findings.expect("name of a text", label, name, label.partition("#")[2])
    files = {label: _json(text.encode()) for label, text in texts.items()}
    documents = {label: document for label, document in files.items() if document is not None and "signed" in document}
    keys: dict[str, Any] = {}
    for document in documents.values():
        keys |= document["signed"].get("keys", {}) | document["signed"].get("delegations", {}).get("keys", {})
    jobs = [
        (label, keys[entry["keyid"]], entry["sig"], canonical(document["signed"]).encode())
        for label, document in documents.items()
        for entry in document["signatures"]
        if keys.get(entry["keyid"], {}).get("keytype") in ("ecdsa", "ed25519", "rsa")
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = pool.map(lambda job: signatures.verify(*job[1:]), jobs)
        for job, answer in zip(jobs, answers, strict=True):
            findings.expect("signature", job[0], answer, True)


# Stories in which a mirror or a disk holds other octets than the name of the file says.
OTHER_OCTETS: Final = {"workflow/other-scope", "workflow/other-manifest", "workflow/cache-edited-manifest"}


def check_targets(findings: Findings) -> None:
    """Every scope and manifest is named after its SHA-256."""
    texts = read("workflows.json")["texts"]
    for vector in of_kind("workflows.json", "workflow"):
        groups = [step.get("serves") or {} for step in vector["input"]["steps"]]
        groups += [step.get("seed") or {} for step in vector["input"]["steps"]]
        groups += [step["cache"]["files"] for step in vector["input"]["steps"] if isinstance(step.get("cache"), dict)]
        pairs = [(name, label) for group in groups for name, label in group.items() if name.startswith("targets/")]
        wrong = [name for name, label in pairs if name[8:72] != hashlib.sha256(texts[label].encode()).hexdigest()]
        findings.expect("names of targets", vector["id"], bool(wrong), vector["id"] in OTHER_OCTETS)


def check_all() -> Findings:
    """Check everything."""
    findings = Findings()
    check_forms(findings)
    check_canonical(findings)
    check_certificates(findings)
    check_paths(findings)
    check_verdicts(findings)
    check_targets(findings)
    with tempfile.TemporaryDirectory() as folder:
        signatures = Signatures(Path(folder))
        check_thresholds(findings, signatures)
        check_texts(findings, signatures)
    return findings


if __name__ == "__main__":
    result = check_all()
    for what, count in sorted(result.confirmed.items()):
        print(f"confirmed {count:5} {what}")
    for what, count in sorted(result.unchecked.items()):
        print(f"unchecked {count:5} {what}")
    print("\n".join(result.problems))
    sys.exit(1 if result.problems else 0)
