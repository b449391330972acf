"""Promises in words."""

import pytest

from beatflow.contract.terms import HELD, MISSED, UNCLEAR, Contract, Miss, Promise
from beatflow.contract.text import (
    format_contract,
    format_promises,
    format_value,
    format_verdict,
    format_verified,
    tell_measured,
    tell_misses,
)

TEMPO = Promise("tempo", 90.0, 91.5, 90.0, 0.0, 0.1, HELD)
LOST = Promise("tempo", 90.0, None, None, None, 0.1, UNCLEAR)
OFF = Promise("tempo", 90.0, None, 93.14, 3.14, 0.1, MISSED)


@pytest.mark.parametrize(
    ("promise", "line"),
    [
        (TEMPO, "90 BPM: measured 90.00"),
        (LOST, "90 BPM: not kept, no steady beat"),
        (OFF, "90 BPM: not kept, measured 93.14"),
        (
            Promise("tempo", 90.0, None, None, None, 0.1, UNCLEAR, built=True),
            "90 BPM: built on it; the sound does not tell",
        ),
        (Promise("key", "A:min", None, "C:maj", 0.5, 0.1, MISSED), "A:min: not kept, measured C:maj"),
        (Promise("bars", 8, None, 8.0, 0.0, 0.0, HELD), "8 bars: 21.33 s, to the sample"),
        (Promise("bars", 1, None, 1.2, 0.3, 0.0, MISSED), "1 bar: not kept, measured 1.2"),
        (Promise("duration_s", 20.0, None, 21.3, 1.3, 1.4, HELD), "20 s: 21.3 s, whole bars"),
        (Promise("duration_s", 20.0, None, 21.3, 1.3, 0.0, MISSED), "20 s: not kept, made 21.3 s"),
        (
            Promise("loop", True, None, False, 7.1, None, MISSED),
            "a loop: not kept, a seam that is heard (+7.1 dB)",
        ),
        (Promise("loop", True, None, True, -3.0, None, HELD), "a loop: no seam heard (-3.0 dB)"),
        (Promise("loudness_lufs", -14.0, None, -14.04, 0.0, 0.5, HELD), "-14 LUFS: measured -14.0"),
        (Promise("true_peak_dbtp", -1.0, None, 0.3, 1.3, 0.05, MISSED), "-1 dBTP: not kept, measured 0.3"),
        (Promise("meter", "3/4", None, None, None, None, UNCLEAR), "3/4: not kept, no clear downbeats"),
    ],
)
def test_a_promise_in_a_line(promise: Promise, line: str) -> None:
    assert list(format_promises([promise], (), 21.3333)) == [line]


def test_what_was_done_is_told_with_what_it_was_done_for() -> None:
    promises = [
        TEMPO,
        Promise("key", "A:min", "B:min", "A:min", 0.0, 0.1, HELD),
        Promise("loop", True, None, True, -3.0, None, HELD),
        Promise("loudness_lufs", -14.0, -30.0, -14.0, 0.0, 0.5, HELD),
        Promise("true_peak_dbtp", -1.0, None, -1.2, 0.0, 0.05, HELD),
    ]
    corrections = (
        {"kind": "stretch", "tempo": 91.5, "ratio": 1.0166667},
        {"kind": "transpose", "semitones": -1},
        {"kind": "loop", "start_frame": 77, "frames": 900},
        {"kind": "level", "gain_db": 16.0, "limited_db": 0.4},
    )
    contract = Contract(promises, corrections, 12, 0.1, (Miss(7, [OFF]),))
    assert list(format_contract(contract)) == [
        "try 1 of 2: 93.14 BPM",
        "90 BPM: measured 90.00 after stretching by +1.7 % from 91.50",
        "A:min: measured A:min after transposing by -1 semitone",
        "a loop: no seam heard (-3.0 dB), closed from frame 77",
        "-14 LUFS: measured -14.0 after +16.0 dB, limited by 0.4 dB",
    ]
    assert list(format_contract(None)) == []
    document = contract.to_json()
    assert (document["tries"], document["misses"]) == (2, [{"seed": 7, "measured": {"tempo": 93.14}}])


def test_a_claim_is_told_only_where_the_sound_speaks_against_it() -> None:
    claim = Promise("key", "A:min", None, "F#:maj", 0.5, 0.1, MISSED, binding=False)
    assert list(format_promises([claim])) == ["the engine says A:min, the sound says F#:maj"]
    assert not list(format_promises([Promise("key", "A:min", None, None, None, 0.1, UNCLEAR, binding=False)]))
    (line,) = format_verified([claim])
    assert line == "A:min: not kept, measured F#:maj (nobody asked for it)"


def test_tries_and_verdicts() -> None:
    assert tell_measured([LOST, TEMPO]) == "no steady beat"
    assert tell_misses([[OFF], [LOST], [OFF]]) == ["90 BPM (93.14, no steady beat)"]
    assert format_verdict([True, True]) == "kept"
    assert format_verdict([True, False]) == "not kept: 1 of 2"
    assert (format_value("loop", False), format_value("key", None)) == ("no loop", "nothing")
