"""Scores opened for rendering, from any frame on."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.mixing.rendering import describe_render, open_mix, read_score
from beatflow.sound.files import read_audio
from beatflow.track import Stem, Track
from tests.world import write_tone


@pytest.fixture
def track(tmp_path: Path) -> Track:
    for number in range(3):
        write_tone(tmp_path / f"{number}.wav", 0.2 + 0.1 * number, 110.0 * (number + 1))
    return Track(
        stems={
            "a": Stem("0.wav", -1.5, offset=700),
            "b": Stem("1.wav", pan=0.5),
            "c": Stem("2.wav", offset=-333),
        }
    )


@pytest.mark.parametrize("start", [0, 1, 699, 700, 701, 5000, 12_000, 17_306])
def test_from_any_frame_on(track: Track, tmp_path: Path, start: int) -> None:
    def render(first: int) -> np.ndarray:
        with ExitStack() as stack:
            mix = open_mix(track, lambda path: (tmp_path / path).open("rb"), "PCM_16", stack, first)
            return np.concatenate([block.samples for block in mix])

    assert np.array_equal(render(start), render(0)[start:])
    assert read_audio(tmp_path / "2.wav").frames - 333 == len(render(0))


def test_a_record_keeps_the_faders(track: Track) -> None:
    record = describe_render(track, [(name, one.file, "0" * 64) for name, one in track.stems.items()])
    assert read_score(record, "mix.wav") == track
    unreadable: list[dict[str, Any]] = [
        {}, {"score": 1}, {"score": {"stems": {"a": {}}}}, {"score": {"stems": {"a": 1}, "master_db": 0}}
    ]  # fmt: skip
    for wrong in unreadable:
        assert read_score(wrong, "mix.wav") is None
