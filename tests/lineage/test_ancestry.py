"""The walk over records, whatever they say of each other."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.lineage import ancestry
from beatflow.lineage.ancestry import Presumed, iter_reached, trace


def oid_of(number: int) -> str:
    return f"{number:064x}"


def find_in(records: dict[str, Any]) -> Any:
    def find(oids: Iterable[str]) -> dict[str, Any]:
        return {oid: records[oid] for oid in oids if oid in records}

    return find


def record_of(*inputs: int, **others: Any) -> dict[str, Any]:
    named = [{"path": f"{one}.wav", "oid": oid_of(one)} for one in inputs]
    return {"kind": "mix", "engine": "mix", "inputs": named, **others}


def reached(records: dict[str, Any], start: int) -> set[str]:
    origins = trace([oid_of(start)], find_in(records))
    return {oid for oid, origin in iter_reached(origins, oid_of(start)) if origin}


def test_follows_inputs_and_stems() -> None:
    records = {
        oid_of(1): record_of(2, 3),
        oid_of(2): {"kind": "generate", "engine": "synth", "stems": {"drums": oid_of(4)}},
    }
    origins = trace([oid_of(1)], find_in(records))
    assert {oid: origin.path for oid, origin in origins.items()} == {
        oid_of(1): "",
        oid_of(2): "2.wav",
        oid_of(3): "3.wav",
        oid_of(4): "drums",
    }
    assert origins[oid_of(2)].parents == (oid_of(4),)
    assert not origins[oid_of(3)].whole  # nothing is recorded of it
    assert [oid for oid, _ in iter_reached(origins, oid_of(1))] == [oid_of(n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("record", "whole"),
    [
        ({"kind": "generate", "engine": "synth"}, True),
        ({"kind": "mix", "engine": "mix"}, False),
        ({"kind": "split", "engine": "dsp", "inputs": []}, False),
        (record_of(1), False),  # made of nothing but itself
        (record_of(2, incomplete=True), False),
        (record_of(2, stems={"drums": 5}), False),
        (record_of(2, stems={"drums": "../../x"}), False),
        ({"kind": "mix", "inputs": [{"path": "", "oid": None}]}, False),
        ({"kind": "mix", "inputs": [{"path": "hum.wav", "oid": None}]}, True),
        (record_of(2), True),
    ],
)
def test_knows_what_is_not_whole(record: dict[str, Any], whole: bool) -> None:
    assert trace([oid_of(1)], find_in({oid_of(1): record}))[oid_of(1)].whole is whole


def test_presumes_where_nothing_is_recorded() -> None:
    found = Presumed({oid_of(2): "a.wav", oid_of(1): "b.wav"}, "as the score says")
    origins = trace([oid_of(1)], find_in({}), lambda oid: found if oid == oid_of(1) else None)
    assert (origins[oid_of(1)].parents, origins[oid_of(1)].presumed) == ((oid_of(2),), "as the score says")


def test_stops_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ancestry, "MAX_SOUNDS", 10)

    def find(oids: Iterable[str]) -> dict[str, Any]:
        return {oid: record_of(2 * int(oid, 16), 2 * int(oid, 16) + 1) for oid in oids}

    origins = trace([oid_of(1)], find)
    assert len(origins) == 10
    assert sum(origin is None for _, origin in iter_reached(origins, oid_of(1))) == 11


GRAPHS = st.dictionaries(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=5), max_size=31)


@settings(deadline=None)
@given(GRAPHS, st.integers(0, 30))
def test_reaches_what_can_be_reached_in_circles_too(graph: dict[int, list[int]], start: int) -> None:
    records = {oid_of(one): record_of(*inputs) for one, inputs in graph.items()}
    expected, waiting = {start}, [start]
    while waiting:
        for other in graph.get(waiting.pop(), []):
            if other not in expected:
                expected.add(other)
                waiting.append(other)
    assert reached(records, start) == {oid_of(one) for one in expected}
