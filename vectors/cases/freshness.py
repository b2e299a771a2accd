# SPDX-License-Identifier: Apache-2.0
"""``spec/freshness.md``: time, age, states, and what passes and does not come back."""

from __future__ import annotations

from typing import Any, Final

from vectors.making.case import Case, Table
from vectors.making.der import key_digest
from vectors.making.repository import at, manifest_document, pin, scope_document

HOST: Final = "api.example.com"
DAY: Final = 86_400


def cases() -> list[Case]:
    """All cases of the chapter that are no workflows."""
    return [*_nows(), *_clocks(), *_states(), *_sequences()]


def _nows() -> list[Case]:
    table = Table("effective-now")

    def accept(
        name: str, musts: str, comment: str, device: str, seed: str | None, floor: str | None, now: str, root_now: str
    ) -> None:
        table.accept(name, musts, comment, {"device": device, "seed": seed, "floor": floor}, now=now, root_now=root_now)

    accept("device", "FRE-1 FRE-2", "a right clock is the latest", at(3), at(1), at(2), at(3), at(3))
    accept(
        "floor",
        "FRE-1 FRE-2",
        "behind the floor: held up for all roles but root",
        at(1.5),
        at(1),
        at(2),
        at(2),
        at(1.5),
    )
    accept("seed", "FRE-1 FRE-2", "behind the seed: held up for root too", at(-7300), at(1), None, at(1), at(1))
    accept("seed-and-floor", "FRE-1 FRE-2", "behind both", at(-7300), at(1), at(2), at(2), at(1))
    accept(
        "nothing", "FRE-1 FRE-2", "nothing is known: the clock is believed", at(-7300), None, None, at(-7300), at(-7300)
    )
    accept(
        "floor-void",
        "FRE-1",
        "a timestamp that the newest root denies holds nothing up",
        at(0),
        at(-9),
        None,
        at(0),
        at(0),
    )
    accept("ahead", "FRE-1 FRE-2", "a clock ahead is believed", at(800), at(1), at(2), at(800), at(800))
    return table.cases


def _clocks() -> list[Case]:
    table = Table("clock")
    for seconds, behind in ((-301, True), (-300, False), (0, False), (86_400, False), (-630_720_000, True)):
        given = {"device": at(seconds=seconds), "reference": at()}
        table.accept(
            f"{seconds}", "FRE-4", "more than 300 s before a verified issued time is behind", given, behind=behind
        )
    return table.cases


def _states() -> list[Case]:
    table = Table("state")

    def accept(
        name: str, musts: str, comment: str, source: str | None, age: float, state: str, *, retired: bool = False
    ) -> None:
        given = {"source": source, "age_seconds": age, "fresh_seconds": DAY, "retired": retired}
        table.accept(name, musts, comment, given, state=state)

    accept("empty", "FRE-5", "no set", None, 0, "empty")
    accept("seed", "FRE-5", "the seed, young", "seed", 0, "seed")
    accept("seed-old", "FRE-5", "the seed, old", "seed", 400 * DAY, "seed")
    for source in ("cache", "network"):
        accept(f"{source}-young", "FRE-5", "young", source, 0, "fresh")
        accept(f"{source}-equal", "FRE-5", "age = fresh_seconds is fresh", source, DAY, "fresh")
        accept(f"{source}-older", "FRE-5", "a second more is stale", source, DAY + 1, "stale")
        accept(
            f"{source}-retired",
            "FRE-5 FRE-15",
            "signed by a retired key is stale, however young",
            source,
            0,
            "stale",
            retired=True,
        )
    return table.cases


def _set(
    issued: str,
    *,
    version: int = 7,
    source: str = "network",
    timestamp: str = "1",
    mode: dict[str, Any] | None = None,
    **scope: Any,
) -> dict[str, Any]:
    host = {"pattern": HOST, "include_subdomains": False, "mode": "enforce", "allow": {"leaf": True}, **(mode or {})}
    entry = {"pattern": HOST, "include_subdomains": False, "accept": [pin("api current")]}
    return {
        "scope": scope_document(version, hosts=[host], **({"issued": at()} | scope)),
        "manifest": manifest_document(hosts=[entry]),
        "issued": issued,
        "timestamp": f"timestamp file {timestamp}",
        "source": source,
    }


class Sequence:
    """A device clock that goes its way, and what it makes of one path at each moment."""

    def __init__(self, table: Table, name: str, musts: str, comment: str, **sets: dict[str, Any]) -> None:
        self.table, self.name, self.musts, self.comment, self.sets = table, name, musts, comment, sets
        self.steps: list[dict[str, Any]] = []

    def step(
        self,
        device: str,
        state: str,
        age: float | None,
        reason: str,
        *,
        enforce: str | None = None,
        key: str = "api current",
        allowed: bool = True,
    ) -> Sequence:
        """One look: perhaps at another set, always at a path with a leaf of this key."""
        expect = {"state": state, "age_seconds": age, "allowed": allowed, "reason": reason}
        self.steps.append({"enforce": enforce, "device": device, "leaf": key_digest(key), "expect": expect})
        return self

    def end(self) -> None:
        """Write the vector down; it refuses if any step does, with the reason of the first."""
        given = {"sets": self.sets, "steps": self.steps}
        refused = [step["expect"]["reason"] for step in self.steps if not step["expect"]["allowed"]]
        if refused:
            self.table.refuse(self.name, self.musts, self.comment, given, refused[0], "PinMismatchError")
        else:
            self.table.accept(self.name, self.musts, self.comment, given)


def _sequences() -> list[Case]:
    table = Table("sequence")
    first = _set(at())

    to = Sequence(table, "ageing", "FRE-3 FRE-5 FRE-6 FRE-8", "a set grows old, and stays enforced for ever", a=first)
    to.step(at(hours=1), "fresh", 3600, "pin", enforce="a").step(at(1), "fresh", DAY, "pin").step(
        at(1, seconds=1), "stale", DAY + 1, "pin"
    )
    to.step(at(3650), "stale", 3650 * DAY, "pin").end()
    to = Sequence(table, "ageing-foreign", "FRE-6", "and refuses for ever what it does not pin", a=first)
    for day, state in ((0, "fresh"), (30, "stale"), (3650, "stale")):
        to.step(at(day), state, day * DAY, "no-match", enforce="a" if day == 0 else None, key="foreign", allowed=False)
    to.end()
    to = Sequence(
        table,
        "seed-ageing",
        "FRE-3 FRE-5 FRE-6",
        "the seed's age counts from its timestamp, not from the installation",
        a=_set(at(), source="seed"),
    )
    to.step(at(400), "seed", 400 * DAY, "pin", enforce="a").end()
    to = Sequence(
        table, "age-never-negative", "FRE-3 FRE-1", "a clock behind: effective now is the issued time", a=first
    )
    to.step(at(-7300), "fresh", 0, "pin", enforce="a").end()
    to = Sequence(
        table,
        "renewed",
        "FRE-3 FRE-5",
        "a newly signed timestamp makes it young again",
        a=first,
        b=_set(at(9), timestamp="2"),
    )
    to.step(at(9), "stale", 9 * DAY, "pin", enforce="a").step(at(9, hours=1), "fresh", 3600, "pin", enforce="b").end()
    to = Sequence(table, "empty", "FRE-7 FRE-5", "no set: every host is refused")
    to.step(at(), "empty", None, "no-pins", allowed=False).end()

    week = 7 * DAY
    old, new = _set(at(), max_age_seconds=week), _set(at(8), timestamp="2", max_age_seconds=week)
    to = Sequence(
        table,
        "max-age",
        "FRE-3 FRE-8 FRE-10",
        "max_age_seconds passes, the clock is set back, a newer timestamp comes",
        a=old,
        b=new,
    )
    to.step(at(7), "stale", week, "pin", enforce="a")
    to.step(at(7, seconds=1), "stale", week + 1, "max-age", allowed=False)
    to.step(at(1), "fresh", DAY, "max-age", allowed=False)
    to.step(at(8), "fresh", 0, "pin", enforce="b").end()
    to = Sequence(
        table, "max-age-not-passed", "FRE-8 FRE-10", "a clock that goes back and forth and never passes it", a=old
    )
    to.step(at(6), "stale", 6 * DAY, "pin", enforce="a").step(at(-100), "fresh", 0, "pin")
    to.step(at(7), "stale", week, "pin").end()
    watched = {"mode": "report-only", "until": at(80)}
    to = Sequence(
        table,
        "max-age-report-only",
        "FRE-8",
        "max_age_seconds refuses report-only hosts as well",
        a=_set(at(), max_age_seconds=week, mode=watched),
    )
    to.step(at(1), "fresh", DAY, "no-match", enforce="a", key="foreign")
    to.step(at(8), "stale", 8 * DAY, "max-age", key="foreign", allowed=False).end()
    to = Sequence(
        table,
        "max-age-seed",
        "FRE-8 FRE-11",
        "and a seed that is too old",
        a=_set(at(), source="seed", max_age_seconds=week),
    )
    to.step(at(400), "seed", 400 * DAY, "max-age", enforce="a", allowed=False).end()
    to = Sequence(table, "no-max-age", "FRE-8", "without max_age_seconds no age refuses", a=first)
    to.step(at(20_000), "stale", 20_000 * DAY, "pin", enforce="a").end()

    until = {"mode": "report-only", "until": at(10)}
    a = _set(at(), mode=until)
    to = Sequence(table, "until-open", "FRE-9 VAL-24", "report-only until the second before until", a=a)
    to.step(at(10, seconds=-1), "stale", 10 * DAY - 1, "no-match", enforce="a", key="foreign").end()
    renewed, relaxed = (
        _set(at(9), timestamp="2", mode=until),
        _set(at(9), timestamp="3", version=8, mode={"mode": "report-only", "until": at(20)}),
    )
    comment = "until passes, the clock is set back, the same scope comes with a newer timestamp: enforced; another scope opens a new period"
    to = Sequence(table, "until-passed", "FRE-9 FRE-10 VAL-24", comment, a=a, b=renewed, c=relaxed)
    to.step(at(9), "stale", 9 * DAY, "no-match", enforce="a", key="foreign")
    to.step(at(10), "stale", 10 * DAY, "no-match", key="foreign", allowed=False)
    to.step(at(1), "fresh", DAY, "no-match", key="foreign", allowed=False)
    to.step(at(9), "fresh", 0, "no-match", enforce="b", key="foreign", allowed=False)
    to.step(at(9), "fresh", 0, "pin", key="api current")
    to.step(at(9), "fresh", 0, "no-match", enforce="c", key="foreign")
    to.step(at(20), "stale", 11 * DAY, "no-match", key="foreign", allowed=False).end()
    to = Sequence(
        table,
        "until-by-floor",
        "FRE-9 FRE-1",
        "a clock behind does not stretch report-only beyond what was signed since",
        a=_set(at(11), mode=until),
    )
    to.step(at(-100), "fresh", 0, "no-match", enforce="a", key="foreign", allowed=False).end()
    return table.cases
