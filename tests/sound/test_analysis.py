"""All figures together: values, JSON, blocks, memory."""

import json
import tracemalloc

import numpy as np
import pytest

from beatflow.errors import AudioError
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.faults import FaultMeter

from .signals import RATE, blocks_of, make_chords, make_drums, make_noise


def test_a_loop_with_chords():
    chords = make_chords([(45, 57, 60, 64), (50, 57, 62, 65), (52, 56, 59, 64), (45, 57, 60, 64)], 2.0)
    drums = make_drums(120, 4)
    audio = Audio(np.ascontiguousarray(drums.samples * 0.5 + chords.samples), RATE)
    found = analyze(audio)
    assert found.tempo == pytest.approx(120, abs=0.01)
    assert found.key == "A:min"
    assert found.duration_s == 8.0
    assert (found.frames, found.channels, found.sample_rate) == (8 * RATE, 2, RATE)
    assert found.mono
    assert not found.silent
    assert -30 < found.loudness_lufs < -10
    assert found.true_peak_dbtp >= found.sample_peak_dbfs
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["tempo"] == found.tempo
    assert len(document["beats"]) == 16


def test_silence_is_null_never_infinite():
    found = analyze(Audio(np.zeros((RATE, 2), np.float32), RATE))
    assert (found.tempo, found.key, found.loudness_lufs, found.true_peak_dbtp) == (None, None, None, None)
    assert found.silent
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["beats"] == []
    assert analyze(Audio(np.zeros((0, 1), np.float32), RATE)).duration_s == 0


def test_blocks_do_not_matter():
    audio = make_drums(100, 4, lead_s=0.3)
    assert analyze(blocks_of(audio, 70_001)) == analyze(blocks_of(audio, 1000))


def test_silence_around_and_dc():
    samples = np.zeros((RATE * 3, 2), np.float32)
    samples[RATE : 2 * RATE] = make_noise(RATE).samples
    samples[RATE] = samples[2 * RATE - 1] = 0.5
    found = analyze(blocks_of(Audio(samples, RATE), 50_000))
    assert (found.leading_silence_s, found.trailing_silence_s) == (1.0, 1.0)
    assert not found.mono
    shifted = analyze(Audio(samples + np.array([0.0, -0.25], np.float32), RATE))
    assert shifted.dc_offset == pytest.approx(-0.25, abs=0.001)


@pytest.mark.parametrize("cut", [997, 999, 1000, 1001, 1002, 1003, 5000])
def test_clipped_runs_are_counted_across_blocks(cut):
    samples = make_noise(5000, 1, 0.05).samples
    samples[1000:1004] = 1.0
    samples[2000:2002] = 1.0  # two alike are no clipping
    samples[3000:3003] = -1.0
    first, second = Audio(samples[:cut], RATE), Audio(samples[cut:], RATE)
    assert analyze([first, second]).clipped_samples == 7
    meter = FaultMeter(RATE, 1)
    meter.add(first.samples)
    meter.add(second.samples)
    assert meter.result().clipped_samples == 7


def test_memory_hardly_grows_with_length():
    block = make_noise(1 << 16)

    def peak(seconds):
        tracemalloc.start()
        analyze(block for _ in range(seconds * RATE // block.frames))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    short, long = peak(20), peak(60)
    # 17 KB for each second of onset strength, and as much again while the tempo is looked for.
    assert long - short < 40 * 120_000


def test_what_cannot_be_analyzed():
    with pytest.raises(AudioError, match="no sound"):
        analyze([])
    with pytest.raises(AudioError, match="follows one of 2 channels at 44100 Hz"):
        analyze([make_noise(100), make_noise(100, 1)])
    with pytest.raises(AudioError, match="not numbers"):
        analyze(Audio(np.full((10, 1), np.nan, np.float32), RATE))
