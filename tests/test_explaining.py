"""Explanations that are remembered, and the clock that a commit goes by."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import NotFoundError
from beatflow.explaining import Explainer, make_clock, read_clock
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.sound.explanation import Change, Explanation, Piece
from tests.conftest import Bf
from tests.world import decode, wav_bytes, write_tone


def open_repository(directory: Path) -> Repository:
    return Repository(directory, lambda: Signature("Ada", "ada@example.com", 0, 0))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def pair(bf: Bf) -> tuple[Repository, str, str]:
    """A sound, and the same 6 dB down."""
    bf.ok("init")
    mix = bf.directory / "mix.wav"
    write_tone(mix, seconds=1)
    before = digest(mix)
    bf.ok("commit", "-m", "one")
    mix.write_bytes(wav_bytes(np.rint(decode(mix.read_bytes()) * 10 ** (-6 / 20))))
    bf.ok("commit", "-m", "two")
    return open_repository(bf.directory), before, digest(mix)


def test_found_once_and_then_remembered(pair: tuple[Repository, str, str]) -> None:
    repository, before, after = pair
    explainer = Explainer(repository)
    assert explainer.known(before, after) is None
    found = explainer.explain(before, after)
    assert found.find("gain")[0]["gain_db"] == pytest.approx(-6, abs=0.01)
    again = Explainer(repository).known(before, after)
    assert again is not None
    assert again.find("gain")[0]["gain_db"] == found.find("gain")[0]["gain_db"]
    assert again.pieces == found.pieces
    # The other way round is another question.
    assert explainer.known(after, before) is None


def test_what_is_remembered_is_believed_and_nothing_else(pair: tuple[Repository, str, str]) -> None:
    repository, before, after = pair
    explainer = Explainer(repository)
    made_up = Explanation((Change("gain", {"gain_db": 1.0}),), (Piece(0, 1, 0),), 44100, 1, 1, -90.0, None)
    explainer.remember(before, after, made_up)
    assert explainer.explain(before, after) == made_up
    (place,) = (repository.state / "explanations").iterdir()
    good = json.loads(place.read_bytes())
    for document in (
        good | {"explainer": -1},
        {"explainer": good["explainer"]},
        [],
        "x",
        good | {"changes": [1]},
    ):
        place.write_text(json.dumps(document))
        assert explainer.known(before, after) is None
    place.write_bytes(b"{")
    assert explainer.known(before, after) is None
    assert explainer.explain(before, after).find("gain")[0]["gain_db"] == pytest.approx(-6, abs=0.01)


def test_without_a_place_to_remember_it_still_explains(pair: tuple[Repository, str, str]) -> None:
    repository, before, after = pair
    (repository.state / "explanations").write_text("in the way")
    assert Explainer(repository).explain(before, after).find("gain")
    assert Explainer(repository).known(before, after) is None


def test_a_sound_that_is_not_there(pair: tuple[Repository, str, str]) -> None:
    repository, before, _ = pair
    with pytest.raises(NotFoundError):
        Explainer(repository).explain(before, "0" * 64)


def test_knowing_loads_no_numpy(pair: tuple[Repository, str, str]) -> None:
    repository, before, after = pair
    Explainer(repository).explain(before, after)
    script = f"""
import sys
from pathlib import Path
from beatflow.explaining import Explainer
from beatflow.repository import Repository
assert Explainer(Repository(Path({str(repository.root)!r}), None)).known({before!r}, {after!r})
heavy = {{"numpy", "scipy", "soundfile", "rich", "zstandard"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_clock_is_that_of_the_commit_or_the_worktree(bf: Bf) -> None:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav")
    bf.ok("commit", "-m", "no tempo")
    score = bf.directory / "track.toml"
    score.write_text('tempo = 90.0\nmeter = "6/8"\n')
    bf.ok("commit", "-m", "90")
    score.write_text("tempo = 100.0\n")
    repository = open_repository(bf.directory)
    head = repository.git.read_commit(repository.head or "")
    assert read_clock(repository, head.oid, 48000) == make_clock(48000, 90.0, "6/8")
    assert read_clock(repository, head.parents[0], 48000).tempo is None
    assert read_clock(repository, None, 48000) == make_clock(48000, 100.0, "4/4")
    score.write_text("tempo = fast")
    assert read_clock(repository, None, 48000).tempo is None


def test_without_a_score_the_clock_is_what_was_measured_of_the_mix(bf: Bf) -> None:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav")
    bf.ok("commit", "-m", "one")
    repository = open_repository(bf.directory)
    repository.analysis_cache.put(digest(bf.directory / "mix.wav"), {"tempo": 93.5})
    assert read_clock(repository, repository.head, 44100).tempo == 93.5
    assert read_clock(repository, None, 44100).tempo == 93.5
    for doubt in ({"tempo_confidence": 0.1}, {"tempo_confidence": 0.9, "tempo_steady": False}):
        repository.analysis_cache.put(digest(bf.directory / "mix.wav"), doubt)
        assert read_clock(repository, repository.head, 44100).tempo is None


def test_the_provenance_of_the_mix_has_a_tempo(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "lofi", "--bars", "1", "--bpm", "120", "--key", "Am", "--seed", "3")
    (bf.directory / "track.toml").unlink()
    bf.ok("commit", "-m", "made")
    repository = open_repository(bf.directory)
    assert read_clock(repository, repository.head, 44100).tempo == pytest.approx(120, abs=0.1)


@pytest.mark.parametrize("tempo", [None, 0, -3.0, "fast", True, float("nan"), 1e9])
def test_a_tempo_that_makes_no_sense_is_none(tempo: object) -> None:
    assert make_clock(44100, tempo, "waltz") == make_clock(44100, None, "4/4")
