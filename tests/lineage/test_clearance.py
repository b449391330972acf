"""What may be sold: verdicts, what is in the way, and what clears it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatflow.lineage.ancestry import trace
from beatflow.lineage.clearance import NO_RECORD, Survey, judge_origins
from beatflow.lineage.licence import Verdict
from beatflow.lineage.state import State
from beatflow.track import parse_track
from tests.lineage.test_ancestry import find_in, oid_of, record_of

FREE, UNKNOWN, BARRED = Verdict.FREE, Verdict.UNKNOWN, Verdict.BARRED
SCORE = b"""
[mix]
file = "mix.wav"
[stems.melody]
file = "stems/melody.wav"
[stems.vocals]
file = "stems/vocals.wav"
"""


def made(engine: str, licence: object, **others: Any) -> dict[str, Any]:
    return {"kind": "generate", "engine": engine, "licence": licence, "prompt": "lofi; rm -rf ~"} | others


def judge(records: dict[int, Any], sounds: dict[str, int], score: bytes = b"") -> Survey:
    state = State("c", {path: oid_of(number) for path, number in sounds.items()}, parse_track(score), score)
    origins = trace(state.sounds.values(), find_in({oid_of(one): record for one, record in records.items()}))
    return judge_origins(state, list(sounds), origins)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (made("synth", "Apache-2.0"), FREE),
        (made("musicgen-small", "CC-BY-NC-4.0"), BARRED),
        (made("musicgen-small", "MIT"), BARRED),  # whatever the record says of these weights
        (made("mine", "MIT", weights=["musicgen-melody"]), BARRED),
        (made("mine", "LicenseRef-mine"), UNKNOWN),
        (made("mine", None), UNKNOWN),
        (made("mine", ["MIT"]), UNKNOWN),
        (made("mine", "MIT", weights="musicgen-melody"), FREE),
        (made("mine", "MIT", incomplete=True), UNKNOWN),
        ({"kind": "mix", "engine": "mix"}, UNKNOWN),
        ({}, UNKNOWN),
        (record_of(2), UNKNOWN),
    ],
)
def test_judges_one_sound(record: dict[str, Any], verdict: Verdict) -> None:
    assert judge({1: record}, {"a.wav": 1}).verdict == verdict


def test_a_mix_is_what_its_stems_are() -> None:
    found = judge(
        {1: record_of(2, 3), 2: made("musicgen-small", "CC-BY-NC-4.0"), 4: made("synth", "MIT")},
        {"mix.wav": 1, "stems/melody.wav": 2, "stems/vocals.wav": 3, "fx.wav": 4},
        SCORE,
    )
    assert {one.path: one.verdict for one in found.clearances} == {
        "mix.wav": BARRED,
        "stems/melody.wav": BARRED,
        "stems/vocals.wav": UNKNOWN,
        "fx.wav": FREE,
    }
    (barred,) = found.list_sources(BARRED)
    assert (barred.name, barred.engine, barred.licence) == (
        "stems/melody.wav",
        "musicgen-small",
        "CC-BY-NC-4.0",
    )
    assert barred.fix == "bf generate 'lofi; rm -rf ~' --stem melody --engine synth"
    (unknown,) = found.list_sources(UNKNOWN)
    assert (unknown.judgement.reason, unknown.fix) == (NO_RECORD, "bf license --set own stems/vocals.wav")


@pytest.mark.parametrize(
    ("record", "path", "fix"),
    [
        (made("x", "CC-BY-NC-4.0"), "a.wav", "bf generate 'lofi; rm -rf ~' --engine synth -o a.wav"),
        (made("x", "CC-BY-NC-4.0"), "mix.wav", "bf generate 'lofi; rm -rf ~' --engine synth"),
        ({**record_of(2), "kind": "split", "engine": "x", "licence": "CC-BY-NC-4.0"}, "a.wav",
         "bf split 2.wav --engine dsp"),
        ({**made("x", "CC-BY-NC-4.0"), "kind": "hum", "inputs": record_of(2)["inputs"]}, "a.wav",
         "bf hum 2.wav 'lofi; rm -rf ~' --engine synth"),
        ({**made("x", "CC-BY-NC-4.0"), "kind": "extend", "inputs": record_of(2)["inputs"]}, "a.wav",
         "make it anew with an engine that allows it, or leave it out"),
        (made("x", "CC-BY-NC-4.0"), "stems/vocals.wav",
         "make it anew with an engine that allows it, or leave it out"),
        (made("x", "CC-BY-NC-4.0", prompt="so " * 4000), "mix.wav", "bf generate PROMPT --engine synth"),
        (made("x", "LicenseRef-x"), "a.wav", "bf license --set LICENCE a.wav"),
    ],
)  # fmt: skip
def test_says_what_clears_it(record: dict[str, Any], path: str, fix: str) -> None:
    found = judge({1: record}, {path: 1}, SCORE)
    assert next(source.fix for source in found.clearances[0].sources if source.oid == oid_of(1)) == fix


def test_declarations_speak_where_nothing_is_known() -> None:
    score = b'[licences]\n"samples" = "CC-BY-4.0"\n"samples/nc" = "CC-BY-NC-4.0"\n"nc.wav" = "own"\n"x.wav" = "own"\n'
    records = {3: made("musicgen-small", "CC-BY-NC-4.0"), 4: made("plug", "LicenseRef-plug")}
    sounds = {"samples/a.wav": 1, "samples/nc/b.wav": 2, "nc.wav": 3, "x.wav": 4, "c.wav": 5}
    found = judge(records, sounds, score)
    assert [one.verdict for one in found.clearances] == [FREE, BARRED, BARRED, FREE, UNKNOWN]
    assert [source.declared for one in found.clearances for source in one.sources] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert found.clearances[1].sources[0].fix.startswith("ask who made it")


def test_a_recording_in_another_sound_is_declared_by_its_name() -> None:
    record = {
        "kind": "hum",
        "engine": "synth",
        "licence": "MIT",
        "inputs": [{"path": "hum.wav", "oid": oid_of(2)}],
    }
    assert judge({1: record}, {"a.wav": 1}).verdict == UNKNOWN
    found = judge({1: record}, {"a.wav": 1}, b'[licences]\n"hum.wav" = "own"\n')
    assert found.verdict == FREE
    assert found.names[oid_of(2)] == f"hum.wav ({oid_of(2)[:7]})"


def test_malformed_declarations_say_nothing() -> None:
    for score in (b"licences = 5\n", b'[licences]\n"a.wav" = 5\n', b'[licences]\n"a.wav" = "all mine!"\n'):
        assert judge({}, {"a.wav": 1}, score).verdict == UNKNOWN


LICENCES = st.sampled_from(["MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "LicenseRef-x", "", None, 5])
KINDS = st.sampled_from(["generate", "mix", "split", "merge", "hum", "", None, 7])
INPUTS = st.lists(st.integers(0, 12), max_size=4)
RECORDS = st.fixed_dictionaries(
    {
        "kind": KINDS,
        "engine": st.sampled_from(["synth", "mix", "merge", "musicgen-small", "", None]),
        "licence": LICENCES,
        "inputs": INPUTS.map(lambda found: record_of(*found)["inputs"]),
    },
    optional={"weights": st.lists(st.sampled_from(["musicgen-large", "htdemucs", "mine", 5]), max_size=2)},
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.integers(0, 12), RECORDS, max_size=13),
    st.dictionaries(st.integers(0, 12).map(lambda one: f"{one}.wav"), st.sampled_from(["own", "MIT", "x y"])),
)
def test_never_sells_what_is_not_for_sale(records: dict[int, Any], declared: dict[str, str]) -> None:
    score = "[licences]\n" + "".join(f'"{path}" = "{text}"\n' for path, text in declared.items())
    found = judge(records, {"start.wav": 0}, score.encode())
    reached, waiting = {0}, [0]
    while waiting:
        for item in records.get(waiting.pop(), {}).get("inputs", []):
            number = int(item["oid"], 16)
            if number not in reached:
                reached.add(number)
                waiting.append(number)
    barred = {
        one
        for one in reached & records.keys()
        if records[one]["licence"] == "CC-BY-NC-4.0"
        or records[one]["engine"] == "musicgen-small"
        or "musicgen-large" in records[one].get("weights", [])
    }
    unknown = {one for one in reached - records.keys() if declared.get(f"{one}.wav", "x y") == "x y"} - {0}
    assert (found.verdict == BARRED) == bool(barred)
    if unknown and not barred:
        assert found.verdict == UNKNOWN
