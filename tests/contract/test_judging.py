"""What the sound says of a claim: borne out, contradicted, or nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from beatflow.ai.engine import Performance
from beatflow.contract.judging import judge
from beatflow.contract.measuring import Measurement
from beatflow.contract.terms import HELD, MISSED, UNCLEAR, Promise, Terms, Value, is_held, make_terms
from beatflow.sound.audio import Audio
from beatflow.sound.key import KeyEstimate
from beatflow.sound.looping import Seam
from beatflow.sound.loudness import Loudness
from beatflow.sound.tempo import NO_TEMPO, Tempo, TempoFit
from beatflow.sound.tonality import NOTE_NAMES
from tests.contract.world import samples

RATE = 1000
STEADY = Tempo(90.02, 0.9, (), (0.0, 0.667), True, (0.0,), "4/4", 0.8)
FITS = {f"{name}:{mode}": 0.1 for name in NOTE_NAMES for mode in ("maj", "min")}
A_MINOR = KeyEstimate(
    "A:min", 0.9, "C:maj", 0.0, FITS | {"A:min": 0.9, "C:maj": 0.85, "D:min": 0.7, "F#:maj": 0.3}
)


def measured(frames: int = 8000, **fields: Any) -> Measurement:
    values: dict[str, Any] = {
        "frames": frames, "sample_rate": RATE, "tempo": STEADY, "key": A_MINOR,
        "loudness": Loudness(-14.2, 3.0, None, None, -1.5, -2.0),
        "fits": (TempoFit(90.0, 90.02, 0.02, 0.0, 0.9, 1.0),), "seam": Seam(-3.0, -4.0, -3.0),
    }  # fmt: skip
    return Measurement(**(values | fields))


def verdict(
    asked: Mapping[str, Value], now: Measurement, meter: str | None = None, **options: Any
) -> Promise:
    (promise,) = judge(make_terms(asked, meter, **options), now)[:1]
    return promise


@pytest.mark.parametrize(
    ("fields", "asked", "expected"),
    [
        ({}, 90.0, HELD),
        ({"fits": (TempoFit(90.0, 90.5, 0.5, 0.0, 0.9, 1.0),)}, 90.0, MISSED),
        ({"fits": (TempoFit(90.0, 90.0, 0.0, 0.0, 0.2, 0.0),), "tempo": NO_TEMPO}, 90.0, UNCLEAR),
        ({"fits": (TempoFit(90.0, 90.0, 0.0, 0.0, 0.9, 1.0),), "tempo": NO_TEMPO}, 90.0, UNCLEAR),
        ({"fits": (TempoFit(77.0, 77.0, 0.0, 0.0, 0.1, 0.0),)}, 77.0, MISSED),
        ({"fits": (), "tempo": Tempo(90.0, 0.1, (), (), True)}, 77.0, UNCLEAR),
        ({"fits": (), "tempo": Tempo(180.0, 0.9, (), (), True)}, 90.0, UNCLEAR),
        ({"tempo": Tempo(90.0, 0.9, (), (), False)}, 90.0, UNCLEAR),
    ],
)
def test_tempo(fields: dict[str, Any], asked: float, expected: str) -> None:
    assert verdict({"tempo": asked}, measured(**fields)).verdict == expected


def test_a_short_sound_cannot_tell_small_differences() -> None:
    off = measured(2000, fits=(TempoFit(120.0, 120.3, 0.3, 0.0, 0.9, 1.0),))
    assert verdict({"tempo": 120.0}, off).held
    assert verdict({"tempo": 120.0}, measured(20_000, fits=off.fits)).verdict == MISSED
    assert verdict({"tempo": 120.0}, measured(20_000, fits=off.fits), tolerance=0.3).held


@pytest.mark.parametrize(
    ("asked", "expected"), [("A:min", HELD), ("C:maj", HELD), ("D:min", UNCLEAR), ("F#:maj", MISSED)]
)
def test_key(asked: str, expected: str) -> None:
    promise = verdict({"key": asked}, measured(16_000))
    assert promise.verdict == expected
    assert verdict({"key": "F#:maj"}, measured(4_000)).verdict == UNCLEAR, "a chord or two are in many keys"
    assert promise.measured == (asked if expected == HELD else "A:min")


def test_without_pitches_no_key_is_told() -> None:
    drums = KeyEstimate(None, 0.0, None, None, FITS)
    promise = verdict({"key": "A:min"}, measured(key=drums))
    assert (promise.verdict, promise.held) == (UNCLEAR, False)
    built = verdict({"key": "A:min"}, measured(key=drums), promises=frozenset({"key"}))
    assert (built.verdict, built.held) == (UNCLEAR, True)


@pytest.mark.parametrize(
    ("meter", "confidence", "expected"),
    [("3/4", 0.6, HELD), ("3/4", 0.1, UNCLEAR), ("4/4", 0.9, UNCLEAR), (None, 0.0, UNCLEAR)],
)
def test_meter(meter: str | None, confidence: float, expected: str) -> None:
    tempo = Tempo(90.0, 0.9, (), (), True, (0.0,), meter, confidence)
    assert verdict({"meter": "3/4"}, measured(tempo=tempo), "3/4").verdict == expected


def test_bars_are_a_matter_of_frames() -> None:
    asked = {"tempo": 120.0, "bars": 4}
    fits = (TempoFit(120.0, 120.0, 0.0, 0.0, 0.9, 1.0),)
    for frames, held in ((8000, True), (8001, True), (8002, False), (7000, False)):
        promises = judge(make_terms(asked, None), measured(frames, fits=fits))
        assert [one.held for one in promises] == [True, held]
    counted = Tempo(120.0, 0.9, (), (), True)
    for frames, held in ((8000, True), (8030, True), (8400, False)):
        assert verdict({"bars": 4}, measured(frames, tempo=counted, fits=())).held == held
    assert verdict({"bars": 4}, measured(tempo=NO_TEMPO, fits=())).verdict == UNCLEAR


def test_whole_bars_nearest_to_a_duration() -> None:
    promises = frozenset({"tempo", "bars", "duration"})
    fits = (TempoFit(120.0, 120.0, 0.0, 0.0, 0.9, 1.0),)
    terms = make_terms({"tempo": 120.0, "duration_s": 8.9}, None, promises=promises)
    assert [one.held for one in judge(terms, measured(8000, fits=fits))] == [True, True]
    assert [one.held for one in judge(terms, measured(6000, fits=fits))] == [True, False]
    assert not verdict({"duration_s": 8.9}, measured(8000)).held
    assert verdict({"duration_s": 8.0}, measured(8000)).held
    short = make_terms({"tempo": 60.0, "duration_s": 1.0}, None, promises=promises)
    assert judge(short, measured(4000, fits=()))[-1].held, "one bar at least"


def test_loop_and_level() -> None:
    assert verdict({"loop": True}, measured()).held
    assert not verdict({"loop": True}, measured(seam=Seam(9.0, 9.0, 0.0))).held
    assert verdict({"loop": True}, measured(seam=None)).verdict == UNCLEAR
    assert [one.held for one in judge(make_terms({"loudness_lufs": -14.0}, None), measured())] == [True, True]
    loud = measured(loudness=Loudness(-13.0, None, None, None, 0.3, 0.0))
    assert [one.held for one in judge(make_terms({"loudness_lufs": -14.0}, None), loud)] == [False, False]
    silent = measured(loudness=Loudness(None, None, None, None, None, None))
    assert [one.held for one in judge(make_terms({"loudness_lufs": -14.0}, None), silent)] == [False, True]


def test_terms_and_claims() -> None:
    terms = make_terms(
        {"tempo": 90.0, "loop": False, "prompt": "x"}, "3/4", promises=frozenset({"tempo", "loop"})
    )
    assert dict(terms.values) == {"tempo": 90.0}
    assert (terms.binding, terms.open("tempo")) == ({"tempo"}, [])
    played = Performance({}, Audio(samples(8), RATE), "PCM_16", 91.0, "Am", 4, "3/4", {})
    claimed = terms.with_claims(played, loop=True)
    assert dict(claimed.values) == {"tempo": 90.0, "key": "A:min", "bars": 4, "loop": True}
    assert claimed.binding == {"tempo"}
    assert make_terms({"tempo": 90.0, "bars": 4}, None, promises=frozenset({"bars"})).open(
        "tempo", "bars"
    ) == ["tempo"]
    assert Terms({"key": "A:min"}).number("key") is None


def test_only_what_was_asked_for_binds() -> None:
    lost = Promise("tempo", 90.0, None, 100.0, 10.0, 0.1, MISSED, binding=False)
    assert is_held([lost])
    assert not is_held([Promise("tempo", 90.0, None, 100.0, 10.0, 0.1, MISSED)])
