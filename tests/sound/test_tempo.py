"""Tempo and beats of loops whose tempo is known."""

import numpy as np
import pytest

from beatflow.errors import UsageError
from beatflow.sound import tempo
from beatflow.sound.audio import Audio
from beatflow.sound.tempo import measure_tempo

from .signals import RATE, blocks_of, make_drums, make_noise


@pytest.mark.parametrize("tempo", [87.31, 97.7, 110.13, 128.0, 140.2, 155.5])
def test_the_tempo_is_exact_even_with_silence_around(tempo):
    found = measure_tempo(make_drums(tempo, lead_s=0.517, tail_s=1.234))
    assert found.tempo == pytest.approx(tempo, abs=0.01)
    assert found.steady
    assert found.confidence > 0.4


@pytest.mark.parametrize("tempo", [62.3, 70.0, 80.7])
def test_what_nothing_divides_and_is_weak_every_other_time_is_half_a_beat(tempo):
    found = measure_tempo(make_drums(tempo, lead_s=0.3, tail_s=0.7))
    assert found.tempo == pytest.approx(tempo, abs=0.02)
    assert found.alternatives[0] == pytest.approx(2 * tempo, abs=0.1)


def test_a_kick_on_every_one_makes_it_a_beat():
    rate, beat = 22_050, 60 / 124
    t = np.arange(rate // 4) / rate
    kick = 0.8 * np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    clap = np.random.default_rng(0).normal(0, 0.3, len(t)) * np.exp(-20 * t)
    samples = np.zeros((round(33 * beat * rate), 1), np.float32)
    for number in range(32):
        start = round(number * beat * rate)
        samples[start : start + len(t), 0] += kick + clap * (number % 2)
    found = measure_tempo(Audio(samples, rate))
    assert found.tempo == pytest.approx(124, abs=0.05)


@pytest.mark.parametrize("tempo", [166.0, 174.0, 190.4])
def test_a_fast_backbeat_is_not_read_at_half_its_tempo(tempo):
    found = measure_tempo(make_drums(tempo, lead_s=0.3, tail_s=0.7))
    assert found.tempo == pytest.approx(tempo, abs=0.02)
    # Half of it may be meant all the same.
    assert found.alternatives[0] == pytest.approx(tempo / 2, abs=0.02)


@pytest.mark.parametrize(("wanted", "bpm_range"), [(43.5, (40, 50)), (217.5, (200, 220))])
def test_tempi_at_the_ends_are_found(wanted, bpm_range):
    found = measure_tempo(make_drums(wanted, bars=6), bpm_range)
    assert found.tempo == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize(("wanted", "bpm_range"), [(70, (60, 90)), (140, (100, 180)), (174, (160, 180))])
def test_a_range_decides_the_octave(wanted, bpm_range):
    found = measure_tempo(make_drums(wanted), bpm_range)
    assert found.tempo == pytest.approx(wanted, abs=0.01)
    # Refinement may leave the range by a little.
    assert all(bpm_range[0] * 0.97 <= other <= bpm_range[1] * 1.03 for other in found.alternatives)


@pytest.mark.parametrize("bars", [1, 2, 4])
@pytest.mark.parametrize("tempo", [93.0, 126.4])
def test_short_loops_are_measured_by_their_length(tempo, bars):
    found = measure_tempo(make_drums(tempo, bars))
    assert found.tempo == pytest.approx(tempo, abs=0.01)


def test_beats_lie_on_the_beats():
    beat = 60 / 110
    found = measure_tempo(make_drums(110, lead_s=0.25, tail_s=0.5))
    beats = np.array(found.beats)
    error = beats - (0.25 + beat * np.round((beats - 0.25) / beat))
    # A hop is 5.8 ms.
    assert np.abs(error).max() < 0.006
    assert 32 <= len(beats) <= 34
    assert np.diff(beats) == pytest.approx(beat, abs=2e-4)


def test_beats_follow_a_tempo_that_wanders():
    rng = np.random.default_rng(0)
    times = np.cumsum(60 / np.interp(np.arange(80), [0, 40, 79], [100, 120, 104]))
    samples = np.zeros((int((times[-1] + 1) * RATE), 1), np.float32)
    click = rng.normal(0, 0.3, 2000) * np.exp(-np.arange(2000) / 300)
    for time in times:
        start = round(time * RATE)
        samples[start : start + 2000, 0] += click.astype(np.float32)
    found = measure_tempo(Audio(samples, RATE))
    assert not found.steady
    beats = np.array(found.beats)
    hit = [np.abs(beats - time).min() < 0.05 for time in times]
    assert np.mean(hit) > 0.9
    assert abs(len(beats) - len(times)) <= 4


def test_a_band_that_gets_faster_has_a_tempo_and_beats():
    # 96 to 104 BPM: at first sight the sound repeats best at the eighths, whose lags drift the least.
    even = make_drums(100, bars=20, rate=22_050).samples[:, 0]
    beats = np.arange(81)
    times = np.concatenate([[0], np.cumsum(60 / np.linspace(96, 104, 80))])
    duration_s = float(times[-1])
    at = np.interp(np.arange(int(duration_s * 22_050)) / 22_050, times, beats * 0.6) * 22_050
    bent = np.interp(at, np.arange(len(even)), even).astype(np.float32)
    found = measure_tempo(Audio(bent[:, None], 22_050))
    assert found.tempo == pytest.approx(100, abs=0.5)
    assert found.confidence > 0.5
    assert not found.steady
    assert np.mean([np.abs(np.array(found.beats) - time).min() < 0.04 for time in times[:-1]]) > 0.95
    assert len(found.beats) == pytest.approx(80, abs=2)


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000, 96_000])
def test_every_rate_gives_the_same_tempo(rate):
    found = measure_tempo(make_drums(100, rate=rate, lead_s=0.3, tail_s=0.4))
    assert found.tempo == pytest.approx(100, abs=0.02)


def test_blocks_do_not_matter():
    audio = make_drums(120, 4)
    assert measure_tempo(blocks_of(audio, 10_007)) == measure_tempo(audio)


def test_where_nothing_pulses_there_is_no_tempo_or_no_confidence():
    silence = Audio(np.zeros((RATE * 5, 2), np.float32), RATE)
    assert measure_tempo(silence).tempo is None
    assert measure_tempo(Audio(np.zeros((0, 2), np.float32), RATE)).tempo is None
    assert measure_tempo([]).tempo is None
    assert measure_tempo(make_noise(RATE * 30)).confidence < 0.2
    tone = np.sin(2 * np.pi * 220 * np.arange(RATE * 10) / RATE).astype(np.float32)
    assert measure_tempo(Audio(tone[:, None], RATE)).confidence < 0.5


@pytest.mark.parametrize("seconds", [0.5, 1, 1.5, 2, 3, 5, 10])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 8)])
def test_noise_has_no_tempo_however_short(seconds, rate, channels):
    found = measure_tempo(make_noise(round(rate * seconds), channels, rate=rate))
    assert found.tempo is None or found.confidence < 0.2
    assert (found.tempo is None) == (found.confidence == 0) == (found.beats == ())


@pytest.mark.parametrize("seed", range(4))
def test_notes_at_random_times_have_no_confidence(seed):
    rng = np.random.default_rng(seed)
    samples = np.zeros((32 * RATE, 1), np.float32)
    t = np.arange(RATE) / RATE
    for start in np.cumsum(rng.uniform(0.1, 1.3, 40)):
        note = np.sin(2 * np.pi * 110 * 2 ** (rng.integers(24) / 12) * t) * np.exp(-5 * t)
        samples[round(start * RATE) :][:RATE, 0] += note[: max(0, len(samples) - round(start * RATE))]
    assert measure_tempo(Audio(samples, RATE)).confidence < 0.15


def test_less_than_three_beats_have_no_tempo():
    bar = make_drums(120, 1)
    assert measure_tempo(bar).tempo == pytest.approx(120, abs=0.01)
    assert measure_tempo(Audio(bar.samples[: round(0.9 * RATE)], RATE)).tempo is None


@pytest.mark.parametrize("frames", [1, 100, 3000, 20_000])
def test_the_shortest_sounds_do_not_trip_it(frames):
    measure_tempo(make_noise(frames))
    click = np.zeros((frames, 1), np.float32)
    click[0] = 1
    measure_tempo(Audio(click, RATE))


@pytest.mark.parametrize("claimed", [100.0, 50.0, 200.0])
def test_a_true_claim_is_borne_out_in_any_octave(claimed):
    fit = tempo.test_tempo(make_drums(100, lead_s=0.3), claimed)
    assert fit.fit > tempo.BORNE_OUT
    assert fit.deviation_bpm == pytest.approx(0, abs=0.02)
    assert claimed * fit.ratio == pytest.approx(100, abs=0.1)
    halves = (fit.phase_s - 0.3) / 0.3
    assert halves == pytest.approx(round(halves), abs=0.03)


def test_a_claim_that_is_a_little_off_is_measured():
    fit = tempo.test_tempo(make_drums(100), 101.3)
    assert fit.tempo == pytest.approx(100, abs=0.01)
    assert fit.deviation_bpm == pytest.approx(-1.3, abs=0.01)


@pytest.mark.parametrize("claimed", [80.0, 88.0, 113.0, 125.0])
def test_a_false_claim_is_not_borne_out(claimed):
    assert tempo.test_tempo(make_drums(100), claimed).fit < tempo.BORNE_OUT


def test_where_nothing_repeats_no_claim_is_borne_out():
    assert tempo.test_tempo([], 100).tempo is None
    silence = Audio(np.zeros((RATE * 5, 1), np.float32), RATE)
    assert tempo.test_tempo(silence, 100).fit == 0
    assert tempo.test_tempo(make_noise(RATE), 100).fit == 0


def test_a_meter_answers_several_questions():
    meter = tempo.TempoMeter(RATE)
    meter.add(make_drums(100).samples[:, 0])
    assert meter.test(100).fit > tempo.BORNE_OUT
    assert meter.result().tempo == pytest.approx(100, abs=0.01)
    assert meter.result((45, 60)).tempo == pytest.approx(50, abs=0.01)


def test_what_is_kept_is_small():
    meter = tempo.TempoMeter(8000)
    block = np.random.default_rng(0).normal(0, 0.1, 8000 * 10).astype(np.float32)
    for _ in range(30):
        meter.add(block)
    seconds = 300
    kept = sum(part.nbytes for part in meter._onsets._curves)
    kept += sum(part.nbytes for part in meter._onsets._chroma._rows)
    assert 1000 < kept / seconds < 3000
    assert sum(part.nbytes for part in meter._onsets._waiting) < 2_000_000


def test_a_range_without_a_tempo_is_refused():
    with pytest.raises(UsageError, match="no tempo between 10 and 20 BPM"):
        measure_tempo(make_drums(120, 1), (10, 20))
