"""Guides to the one channel that a melody model follows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.engine import Guide, Setup, no_progress
from beatflow.ai.musicgen.chroma import find_melody
from beatflow.ai.musicgen.guide import hear_guide, play_notes
from beatflow.errors import UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

from ..demucs.checkpoints import build_demucs

NOTES = (Note(0.0, 1.0, 60, 100), Note(1.0, 1.0, 69, 80), Note(2.0, 1.0, 66, 127))


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.setattr("beatflow.ai.weights.shelf.hub_cache", lambda: None)
    return Setup(engine="musicgen-melody", models=tmp_path)


def test_notes_are_heard_as_they_are_written() -> None:
    wave = play_notes(NOTES, 32000, 30.0)
    assert wave.shape == (1, 96000)
    melody = find_melody(wave[0], 32000).argmax(axis=1)
    assert [int(melody[round(second * 7.8)]) for second in (0.5, 1.5, 2.5)] == [0, 9, 6]


def test_notes_are_cut_and_must_be_there() -> None:
    assert play_notes(NOTES, 32000, 1.5).shape == (1, 48000)
    with pytest.raises(UsageError, match="no melody to follow"):
        play_notes((), 32000, 30.0)


def test_recording_becomes_one_channel_at_the_models_rate(setup: Setup) -> None:
    time = np.arange(44100 * 3) / 44100
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    audio = Audio(np.stack([tone, 0.5 * tone], axis=1), 44100)
    wave, told = hear_guide(Guide(NOTES, audio), 32000, setup, 2.0, no_progress)
    assert wave.shape == (1, 64000)
    assert told == {"from": "recording", "separated_by": None}
    assert np.abs(wave).max() == pytest.approx(0.75, abs=0.02)
    with pytest.raises(UsageError, match="empty"):
        hear_guide(Guide(NOTES, Audio(np.zeros((0, 1), np.float32), 44100)), 32000, setup, 2.0, no_progress)


def test_drums_and_bass_are_left_out_where_htdemucs_is_at_hand(setup: Setup) -> None:
    told: list[str] = []
    setup = replace(setup, device="cpu", tell=told.append)
    assert setup.models is not None
    folder = build_demucs(setup.models / "htdemucs")
    rng = np.random.default_rng(5)
    audio = Audio((0.1 * rng.standard_normal((22050, 2))).astype(np.float32), 44100)
    wave, how = hear_guide(Guide(NOTES, audio), 32000, setup, 2.0, no_progress)
    assert (wave.shape, how) == ((1, 16000), {"from": "recording", "separated_by": "htdemucs"})
    whole = audio.samples.mean(axis=1)
    assert 0 < np.square(wave).mean() != pytest.approx(np.square(whole).mean(), rel=0.01)
    assert not told
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    _, how = hear_guide(Guide(NOTES, audio), 32000, setup, 2.0, no_progress)
    assert how == {"from": "recording", "separated_by": None}
    assert told[0].startswith("the melody is followed with drums and bass in it: ")


def test_notes_alone(setup: Setup) -> None:
    wave, told = hear_guide(Guide(NOTES), 32000, setup, 30.0, no_progress)
    assert wave.shape == (1, 96000)
    assert told == {"from": "notes", "separated_by": None}
