"""Beats made with the mouth: hits where they are, on the right drum, and nothing where there are none."""

import numpy as np
import pytest

from beatflow.ai.engine import Listening
from beatflow.ai.listening.beatbox import CLOSED_HAT, KICK, OPEN_HAT, SNARE, find_hits
from beatflow.ai.listening.tracker import PitchTracker
from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

RATE = 32000
BEAT = (KICK, CLOSED_HAT, SNARE, CLOSED_HAT, KICK, KICK, SNARE, OPEN_HAT)


def _filtered(noise: np.ndarray, low: float, high: float) -> np.ndarray:
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(noise.size, 1 / RATE)
    spectrum[(hz < low) | (hz > high)] = 0.0
    out = np.fft.irfft(spectrum, noise.size)
    return out / np.abs(out).max()


def _hit(drum: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(int(0.4 * RATE)) / RATE
    noise = rng.standard_normal(time.size)
    if drum == KICK:
        hz = 70.0 * (1.0 + 1.5 * np.exp(-time / 0.02))
        thump = np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.exp(-time / 0.05)
        return thump + 0.4 * _filtered(noise, 60, 800) * np.exp(-time / 0.008)
    if drum == SNARE:
        return _filtered(noise, 900, 6000) * np.exp(-time / 0.04)
    return 0.5 * _filtered(noise, 6000, 15000) * np.exp(-time / (0.15 if drum == OPEN_HAT else 0.015))


def beat_of(drums: tuple[int, ...] = BEAT, tempo: float = 100.0, bars: int = 2) -> tuple[list[Note], Audio]:
    """Eighth notes of a beat, and how they sound."""
    rng = np.random.default_rng(2)
    step = 30.0 / tempo
    notes = [Note(0.2 + n * step, step, drum, 100) for n, drum in enumerate(drums * bars)]
    out = 0.002 * rng.standard_normal(int((notes[-1].start_s + 0.8) * RATE))
    for note in notes:
        first, hit = int(note.start_s * RATE), _hit(note.midi, rng)
        out[first : first + hit.size] += hit
    return notes, Audio((0.3 * out).astype(np.float32)[:, None], RATE)


def test_every_hit_is_found_on_its_drum() -> None:
    truth, audio = beat_of()
    found = find_hits(audio).notes
    assert [note.midi for note in found] == [note.midi for note in truth]
    apart = [abs(one.start_s - other.start_s) for one, other in zip(truth, found, strict=True)]
    assert max(apart) < 0.015


@pytest.mark.parametrize("rate", [24000, 48000])
@pytest.mark.parametrize("gain", [0.001, 3.0])
def test_rate_and_level_do_not_matter(rate: int, gain: float) -> None:
    from scipy.signal import resample_poly

    truth, audio = beat_of()
    samples = resample_poly(audio.samples * gain, rate // 1000, RATE // 1000, axis=0)
    found = find_hits(Audio(np.clip(samples, -1.0, 1.0).astype(np.float32), rate)).notes
    assert len(found) == len(truth)
    assert [note.midi for note in found if note.midi == KICK] == [KICK] * 6


def test_loud_hits_are_hit_harder() -> None:
    _, audio = beat_of((KICK, KICK), bars=3)
    samples = audio.samples.copy()
    samples[int(0.75 * RATE) :] *= 0.25
    velocities = [note.velocity for note in find_hits(Audio(samples, RATE)).notes]
    assert min(velocities[:2]) > max(velocities[2:]) + 15


def test_a_beat_is_known_unasked() -> None:
    truth, audio = beat_of()
    heard = PitchTracker().transcribe(audio)
    assert heard.part == "drums"
    assert len(heard.notes) == len(truth)
    assert any(abs(heard.tempo / 100.0 / ratio - 1.0) < 0.02 for ratio in (0.5, 1.0, 2.0))
    assert heard.key_confidence == 0.0


def test_a_beat_asked_for_as_a_melody_is_an_error_with_a_way_out() -> None:
    with pytest.raises(AudioError, match="no pitched notes") as caught:
        PitchTracker().transcribe(beat_of()[1], wanted=Listening("melody"))
    assert "--as drums" in str(caught.value.hint)


def test_left_and_right_out_of_phase_are_heard() -> None:
    truth, audio = beat_of()
    stereo = Audio(np.repeat(audio.samples, 2, axis=1) * np.array([1.0, -1.0], np.float32), RATE)
    assert len(find_hits(stereo).notes) == len(truth)


@pytest.mark.parametrize("frames", [0, 3, 160, 32000])
def test_silence_and_noise_hold_no_hits(frames: int) -> None:
    noise = 0.3 * np.random.default_rng(1).standard_normal((frames, 1))
    for samples in (np.zeros((frames, 2)), noise):
        with pytest.raises(AudioError, match="no hits found") as caught:
            PitchTracker().transcribe(Audio(samples.astype(np.float32), RATE), wanted=Listening("drums"))
        assert caught.value.hint
