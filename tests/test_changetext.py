"""Changes in a musician's words."""

from typing import Any

import pytest

from beatflow.changetext import format_hz, name_channels, name_depth, tell_briefly, tell_change
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.timecode import Clock

RATE = 44100
SECONDS = Clock(RATE)
BARS = Clock(RATE, 120.0)  # a bar is 2 s


def explanation(*changes: Change, null_depth_db: float | None = -90.0) -> Explanation:
    return Explanation(changes, (Piece(0, RATE, 0),), RATE, RATE, RATE, null_depth_db, None)


def region(action: str, start_s: float, seconds: float, source_s: float | None = None) -> Change:
    figures = {"action": action, "start_frame": round(start_s * RATE), "frames": round(seconds * RATE)}
    if source_s is not None:
        figures["source_frame"] = round(source_s * RATE)
    return Change("region", figures)


@pytest.mark.parametrize(
    ("kind", "figures", "said"),
    [
        ("identical", {}, "the samples are identical"),
        ("sample_rate", {"before": 44100, "after": 48000}, "44100 → 48000 Hz"),
        ("channels", {"before": 2, "after": 1}, "stereo → mono"),
        ("channels", {"before": 1, "after": 6}, "mono → 6 channels"),
        ("bit_depth", {"before": "PCM_16", "after": "PCM_24", "dither": False}, "16 bit → 24 bit"),
        (
            "bit_depth",
            {"before": "FLOAT", "after": "PCM_16", "dither": True},
            "32 bit float → 16 bit, dithered",
        ),
        ("bit_depth", {"before": "PCM_U8", "after": "PCM_S8", "dither": False}, "PCM_U8 → PCM_S8"),
        ("bit_depth", {"before": "PCM_16", "after": "PCM_16", "dither": True}, "16 bit, dithered"),
        (
            "moved",
            {"offset_frames": 441, "offset_s": 0.01, "fraction_frames": 0.0},
            "441 frames later (0.0100 s)",
        ),
        (
            "moved",
            {"offset_frames": -1, "offset_s": -1 / RATE, "fraction_frames": 0.0},
            "1 frame earlier (0.0000 s)",
        ),
        (
            "moved",
            {"offset_frames": 0, "offset_s": 0.0, "fraction_frames": -0.25},
            "0.25 frames earlier, sub-sample",
        ),
        (
            "moved",
            {"offset_frames": 100, "offset_s": 100 / RATE, "fraction_frames": 0.5},
            "100.50 frames later (0.0023 s)",
        ),
        ("polarity", {"channels": "all"}, "polarity inverted"),
        ("polarity", {"channels": [1]}, "polarity of right inverted"),
        ("channel_swap", {}, "left and right swapped"),
        ("gain", {"gain_db": -1.5}, "−1.50 dB"),
        ("gain", {"gain_db": 3}, "+3.00 dB"),
        ("gain", {"gain_db": 0.001}, "0.00 dB"),
        ("balance", {"gains_db": [0.5, -2]}, "left +0.50 dB, right −2.00 dB"),
        ("width", {"width": 0.0}, "made mono"),
        ("width", {"width": 0.5}, "narrower: 50 % of the width"),
        ("width", {"width": 1.4}, "wider: 140 % of the width"),
        (
            "eq",
            {
                "bands": [
                    {"type": "peak", "hz": 2500.0, "gain_db": 3.0},
                    {"type": "low_shelf", "hz": 120.0, "gain_db": -2.04},
                    {"type": "high_pass", "hz": 30.0, "gain_db": 0.0},
                    {"type": "low_pass", "hz": 9000.0, "gain_db": 0.0, "slope_db": 12},
                ],
                "curve": [],
            },
            "EQ +3.0 dB at 2.5 kHz, low shelf −2.0 dB at 120 Hz, high pass at 30 Hz, "
            "low pass at 9 kHz (12 dB per octave)",
        ),
        ("eq", {"bands": [], "curve": [[100, 1.0]]}, "EQ by a curve"),
        ("level", {"range_db": [-6.0, 1.2], "curve": []}, "level over time, −6.0 to +1.2 dB"),
        ("tempo", {"ratio": 1.0254}, "2.54 % faster, stretched"),
        ("tempo", {"ratio": 0.8}, "20.0 % slower, stretched"),
        ("pitch", {"semitones": -1.0}, "pitch down 1 semitone"),
        ("pitch", {"semitones": 2.5}, "pitch up 2.5 semitones"),
        ("lossy", {"cutoff_hz": 16000.0}, "through a lossy codec, nothing above 16 kHz"),
        ("lossy", {"cutoff_hz": None}, "through a lossy codec"),
        (
            "residual",
            {"null_depth_db": -24.04, "worst_s": 63.2},
            "an unexplained rest of −24.0 dB, worst at 1:03.200",
        ),
        ("residual", {"null_depth_db": -24.0, "worst_s": None}, "an unexplained rest of −24.0 dB"),
        ("new_take", {}, "a new take: nothing of the old one explains it"),
        ("of_tomorrow", {}, "of tomorrow"),
    ],
)
def test_a_change_is_a_phrase(kind: str, figures: dict[str, Any], said: str) -> None:
    assert tell_change(Change(kind, figures), SECONDS) == said


def test_regions_and_fades_are_told_in_bars_where_there_are_any() -> None:
    replaced = region("replaced", 64, 4)
    assert tell_change(replaced, BARS) == "bars 33–34 replaced"
    assert tell_change(replaced, SECONDS) == "1:04.000–1:08.000 replaced"
    fade = Change("fade", {"direction": "out", "start_frame": 60 * RATE, "frames": 4 * RATE})
    assert tell_change(fade, BARS) == "fade-out, bars 31–32"
    # What is gone is told by where it was.
    assert tell_change(region("deleted", 10, 2, source_s=20), BARS) == "bar 11 deleted"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([Change("gain", {"gain_db": -1.5})], "bass −1.5 dB"),
        ([region("replaced", 64, 4)], "bass 33–34 replaced"),
        ([region("muted", 2, 2)], "bass bar 2 muted"),
        ([region("replaced", 64, 4), region("muted", 0, 2), region("replaced", 4, 2)], None),
        ([Change("new_take", {})], "bass new take"),
        ([Change("sample_rate", {"before": 48000, "after": 44100}), Change("new_take", {})], "bass new take"),
        ([Change("identical", {})], "bass same samples"),
        (
            [Change("moved", {"offset_frames": -441, "offset_s": -0.01, "fraction_frames": 0.0})],
            "bass 10.0 ms earlier",
        ),
        ([Change("pitch", {"semitones": 2.0}), Change("tempo", {"ratio": 0.98})], None),
        ([Change("eq", {"bands": [{"type": "peak", "hz": 250.0, "gain_db": -4.0}], "curve": []})], None),
    ],
)
def test_in_brief(changes: list[Change], said: str | None) -> None:
    expected = {
        3: "bass 33–34, bar 3 replaced, bar 1 muted",
        2: "bass +2 semitones, 2.00 % slower",
        1: "bass EQ −4.0 dB at 250 Hz",
    }
    assert tell_briefly("bass", explanation(*changes), BARS) == (said or expected[len(changes)])


def test_in_brief_leaves_out_what_is_too_much() -> None:
    many = [
        Change("gain", {"gain_db": 1.0}),
        Change("polarity", {"channels": "all"}),
        Change("channel_swap", {}),
        Change("width", {"width": 0.4}),
        Change("balance", {"gains_db": [1, 0]}),
        Change("level", {"range_db": [0, 1], "curve": []}),
        Change("fade", {"direction": "in", "start_frame": 0, "frames": 10}),
        Change("lossy", {"cutoff_hz": None}),
        Change("residual", {"null_depth_db": -20.0, "worst_s": 1.0}),
        Change("eq", {"bands": [], "curve": []}),
    ]
    assert tell_briefly("mix", explanation(*many), SECONDS) == "mix +1.0 dB, polarity +8 more"
    said = {tell_briefly("", explanation(change), SECONDS).strip() for change in many}
    assert {"narrower", "pan", "level over time", "fade-in", "lossy", "reworked", "EQ"} < said
    assert tell_briefly("mix", explanation(region("replaced", 64.2, 4)), SECONDS) == "mix 1:04–1:08 replaced"
    slight = Change("gain", {"gain_db": -0.02})
    assert tell_briefly("mix", explanation(slight, many[5]), SECONDS) == "mix level over time"
    assert tell_briefly("mix", explanation(slight), SECONDS) == "mix 0.0 dB"
    regions = [region("replaced", at, 0.5) for at in (0, 10, 20)]
    assert tell_briefly("mix", explanation(*regions), SECONDS) == "mix 0:00, 0:10 … replaced"


def test_names() -> None:
    assert [format_hz(hz) for hz in (62.4, 1000, 2530, 16000)] == ["62 Hz", "1 kHz", "2.53 kHz", "16 kHz"]
    assert [name_channels(count) for count in (1, 2, 4)] == ["mono", "stereo", "4 channels"]
    assert [name_depth(name) for name in ("PCM_24", "ALAC_16", "VORBIS")] == ["24 bit", "16 bit", "VORBIS"]
