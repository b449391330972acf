"""Landmarks: where they are, how they are kept, and what they survive."""

import numpy as np
import pytest

from beatflow.finding.bands import HOP_S, measure_bands
from beatflow.finding.landmarks import Landmarks, find_landmarks, iter_parts
from beatflow.sound.audio import Audio
from tests.finding.material import audio, beat, bed, line, play


def find(sound: Audio) -> Landmarks:
    return find_landmarks(measure_bands([sound]))


def test_notes_have_landmarks_at_their_onsets_and_pitches() -> None:
    found = find(audio(play(line([69, 69, 69], 0.6))))
    at_a = found.hops[np.abs(found.bands - 108) <= 1] * HOP_S
    for onset in (0.0, 0.6, 1.2):
        assert np.any(np.abs(at_a - onset - 0.06) < 0.08)


def test_a_gain_moves_none() -> None:
    sound = beat(1)
    loud, soft = find(audio(sound, 0.9)), find(audio(sound, 0.05))
    assert len(loud) > 50
    same = set(zip(loud.hops, loud.bands, strict=True)) & set(zip(soft.hops, soft.bands, strict=True))
    assert len(same) > 0.95 * len(loud)


def test_blocks_do_not_matter() -> None:
    sound = audio(bed(2, 40.0))
    parts = [
        Audio(sound.samples[start : start + 7001], sound.sample_rate)
        for start in range(0, sound.frames, 7001)
    ]
    whole, cut = find(sound), find_landmarks(measure_bands(parts))
    assert np.array_equal(whole.hops, cut.hops)
    assert np.array_equal(whole.bands, cut.bands)


def test_silence_dc_and_what_is_no_number_have_none() -> None:
    for samples in (np.zeros((22_050, 2)), np.full((22_050, 1), 0.5), np.full((22_050, 1), np.nan)):
        found = find(Audio(samples.astype(np.float32), 22_050))
        assert len(found.between(20, 60)) == 0


def test_nothing_at_all() -> None:
    assert len(find_landmarks([])) == 0
    assert len(find(Audio(np.zeros((0, 1), np.float32), 44_100))) == 0
    assert len(find(Audio(np.zeros((220, 1), np.float32), 44_100))) == 0


def test_bytes_and_back_over_a_long_gap() -> None:
    landmarks = Landmarks(np.array([0, 3, 258, 5000, 5000]), np.array([4, 251, 0, 7, 9]))
    again = Landmarks.from_bytes(landmarks.to_bytes())
    assert np.array_equal(again.hops, landmarks.hops)
    assert np.array_equal(again.bands, landmarks.bands)
    with pytest.raises(ValueError, match="band"):
        Landmarks.from_bytes(bytes([1, 253]))
    with pytest.raises(ValueError, match="reshape"):
        Landmarks.from_bytes(b"\x01")


def test_parts_cover_all() -> None:
    landmarks = Landmarks(np.arange(0, 1000, 10), np.zeros(100, np.int64))
    parts = list(iter_parts(landmarks, 250, 125))
    assert {int(hop) for part in parts for hop in part.hops} == set(landmarks.hops.tolist())
    assert all(part.hops[-1] - part.hops[0] <= 250 for part in parts)
    assert list(iter_parts(Landmarks(np.zeros(0, np.int64), np.zeros(0, np.int64)), 250, 125)) == []
