"""Plans go into records and come back; nothing of what comes back is believed."""

import pytest

from beatflow.errors import UsageError
from beatflow.remix.plan import Groove, Plan, read_plan

PLAN = Plan(
    start_frame=10, frames=1000, reverse=True, length_frames=900, semitones=-3.5, formants=True, fx="chorus()",
    groove=Groove("lofi", "lofi", 7, 70.0, "A:min", "3/4", 4, 60.0, (0.1, 1.0), -0.5, (0.0, 1.5), False, "dsp",
                  -2.0, 3.0, -18.5, "reverb()", "delay()", "limiter()"),
    tempo=90.0, tail=False, fade_in_s=1.0, fade_out_s=2.0, loudness_lufs=-14.0,
)  # fmt: skip


def test_round_trip():
    assert read_plan(PLAN.to_json()) == PLAN
    plain = Plan(0, 5, length_frames=5)
    assert plain.to_json() == {"version": 1, "start_frame": 0, "frames": 5, "length_frames": 5}
    assert read_plan(plain.to_json()) == plain
    assert PLAN.ratio == 0.9


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"version": None}, {"frames": 0}, {"frames": 1 << 50}, {"frames": 1.5}, {"frames": True},
        {"start_frame": -1}, {"reverse": 1}, {"length_frames": 100_000}, {"semitones": 99}, {"semitones": "3"},
        {"semitones": float("nan")}, {"groove": []}, {"groove": {"style": 3}}, {"groove": {"style": "x", "bars": 9999}},
        {"groove": {"style": "x", "energy": [0] * 600}}, {"groove": {"style": "x", "beats": ["a"]}},
        {"groove": {"style": "x", "offset_s": 3}}, {"fx": 3}, {"fx": "x" * 5000}, {"tempo": 0}, {"tail": "no"},
        {"loudness_lufs": 0}, {"fade_in_s": -1},
    ],
)  # fmt: skip
def test_nothing_is_believed(change):
    with pytest.raises(UsageError):
        read_plan(PLAN.to_json() | change)


@pytest.mark.parametrize("record", [None, [], "plan", 3])
def test_what_is_no_plan(record):
    with pytest.raises(UsageError, match="no plan"):
        read_plan(record)
