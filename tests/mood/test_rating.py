"""Rating files: stretches, what is remembered, and versions in history."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import Setup
from beatflow.ai.table import pick
from beatflow.errors import AudioError, UsageError
from beatflow.mood.hearing import Division, Ear, read_features
from beatflow.mood.judge import Judge, judge_by_engine
from beatflow.mood.rating import NO_MUSIC, Rated, rate_all, rate_sound
from beatflow.mood.remembering import HeardCache, find_memory
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.mood.measure import measure_mood
from beatflow.sound.mood.rating import Mood
from beatflow.soundword import on_disk
from tests.conftest import Bf
from tests.mood.pieces import RATE, merry, mournful, write


@pytest.fixture
def cues() -> Judge:
    return judge_by_engine(pick("mood", "cues"))


@pytest.fixture
def twofold(tmp_path: Path) -> Path:
    """Merry, then mournful, then silent."""
    parts = [merry(8.0).samples, mournful(8.0).samples, np.zeros((8 * RATE, 1), np.float32)]
    return write(tmp_path / "twofold.wav", Audio(np.concatenate(parts), RATE))


def test_a_file_is_rated_as_its_samples_are(tmp_path: Path, cues: Judge) -> None:
    path = write(tmp_path / "a.wav", merry())
    rated = rate_sound(on_disk("a.wav", path), cues)
    expected = measure_mood(merry())
    assert expected is not None
    assert rated.mood is not None
    assert rated.mood.scores == pytest.approx(expected.scores, abs=0.02)
    assert rated.duration_s == 8.0
    assert rated.to_json()["path"] == "a.wav"


def test_stretches_of_one_length_tell_the_parts_apart(twofold: Path, cues: Judge) -> None:
    rated = rate_sound(on_disk("x", twofold), cues, division=Division(every_s=8.0))
    assert [(one.start_s, one.end_s) for one in rated.sections] == [(0.0, 8.0), (8.0, 16.0), (16.0, 24.0)]
    glad, sad, silent = (one.mood for one in rated.sections)
    assert glad is not None
    assert sad is not None
    assert (glad.valence or 0) > (sad.valence or 0) + 0.3
    alone = measure_mood(merry())
    assert alone is not None
    assert glad.scores == pytest.approx(alone.scores, abs=0.02)
    assert silent is None
    assert rated.to_json()["sections"][2]["mood"] is None


def test_a_short_rest_belongs_to_the_last_stretch(twofold: Path, cues: Judge) -> None:
    rated = rate_sound(on_disk("x", twofold), cues, division=Division(every_s=7.0))
    assert [one.end_s for one in rated.sections] == [7.0, 14.0, 24.0]


def test_sections_are_those_of_the_analysis(tmp_path: Path, cues: Judge) -> None:
    parts = [merry(20.0).samples, mournful(24.0).samples]
    path = write(tmp_path / "form.wav", Audio(np.concatenate(parts), RATE))
    rated = rate_sound(on_disk("form.wav", path), cues, division=Division(sections=True))
    assert len(rated.sections) >= 2
    assert rated.sections[0].start_s == 0
    assert rated.sections[-1].end_s == 44.0
    assert [one.label for one in rated.sections][:2] == ["A", "B"]


def test_lengths_of_stretches_have_a_range() -> None:
    with pytest.raises(UsageError) as caught:
        Division(every_s=0.5)
    assert caught.value.hint == "2 to 600 seconds: --every 15"


def test_what_was_measured_is_not_heard_again(bf: Bf, cues: Judge) -> None:
    bf.ok("init")
    path = write(bf.directory / "mix.wav", merry())
    memory = find_memory(Repository(bf.directory, lambda: None))  # type: ignore[arg-type, return-value]
    subject = on_disk("mix.wav", path)
    halves = Division(every_s=4.0)
    first = rate_sound(subject, cues, memory, halves)
    heard: list[str] = []
    again = rate_sound(subject, cues, memory, halves, lambda _, what: heard.append(what))
    assert first == again
    assert len(first.sections) == 2
    assert not heard
    for wrong in (
        "{",
        "[]",
        '{"version": 1, "stretches": []}',
        '{"version": 1, "stretches": [[0, 1, "", 5]]}',
    ):
        for file in (bf.directory / ".beatflow/state/mood").iterdir():
            file.write_text(wrong)
        assert rate_sound(subject, cues, memory) == replace(first, sections=())


def test_a_memory_of_another_version_is_not_believed(tmp_path: Path, cues: Judge) -> None:
    memory = find_memory(None, tmp_path / "state")
    assert memory is not None
    sound = on_disk("a.wav", write(tmp_path / "a.wav", merry(2.0)))
    first = rate_sound(sound, cues, memory)
    (file,) = (tmp_path / "state/mood").iterdir()
    document = json.loads(file.read_text())
    document["stretches"][0][3]["mode"] = -1.0
    file.write_text(json.dumps(document))
    assert rate_sound(sound, cues, memory) != first
    file.write_text(json.dumps(document | {"version": 0}))
    assert rate_sound(sound, cues, memory) == first


def test_many_at_once_give_what_one_after_the_other_does(tmp_path: Path, cues: Judge) -> None:
    write(tmp_path / "set/glad.wav", merry(2.0))
    write(tmp_path / "set/sad 🎻.wav", mournful(2.0))
    (tmp_path / "set/broken.wav").write_text("no sound " * 50)
    sounds = [on_disk(path.name, path) for path in sorted((tmp_path / "set").iterdir())]
    alone = rate_all(sounds, cues, jobs=1)
    told: list[float] = []
    memory = find_memory(None, tmp_path / "state")
    together = rate_all(sounds, cues, memory, jobs=2, progress=lambda done, _: told.append(done))
    assert [one.item for one in together] == sounds
    assert [one.result for one in together] == [one.result for one in alone]
    assert [bool(one.error) for one in together] == [True, False, False]
    assert max(told) == pytest.approx(1.0)
    assert len(list((tmp_path / "state/mood").iterdir())) == 2


def test_what_has_neither_key_nor_beat_is_no_music_to_the_embedded_model(tmp_path: Path, cues: Judge) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (6 * RATE, 1)).astype(np.float32)
    path = write(tmp_path / "x.wav", Audio(np.concatenate([noise, merry(6.0).samples]), RATE))
    rated = rate_sound(on_disk("x.wav", path), cues, division=Division(every_s=6.0))
    assert [one.rating.reason for one in rated.sections] == [NO_MUSIC, None]
    assert rated.sections[0].to_json()["mood"] is None
    assert rated.sections[1].mood is not None
    every = Judge("own", "1", ("wind",), by_features=lambda features: Mood({"wind": 1.0}, features=features))
    own = rate_sound(on_disk("x.wav", path), every, division=Division(every_s=6.0))
    assert own.sections[0].mood is not None, "a model of one's own may know noises"


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = HeardCache(tmp_path / "file" / "below")
    cache.put("0" * 64, "", [(0.0, 1.0, "", {"tempo": 90.0})])
    assert cache.get("0" * 64, "", read_features) is None
    good = HeardCache(tmp_path / "cache")
    good.put("0" * 64, "sections", [(0.0, 1.0, "A", {"tempo": 90.0})])
    assert good.get("0" * 64, "sections", read_features) == [(0.0, 1.0, "A", {"tempo": 90.0})]
    assert good.get("0" * 64, "", read_features) is None


def test_a_judge_who_listens_hears_each_stretch(twofold: Path) -> None:
    lengths: list[float] = []

    def listen(blocks: object, progress: object) -> dict[str, Any]:
        assert not isinstance(blocks, Audio)
        total = sum(block.duration_s for block in blocks)  # type: ignore[attr-defined]
        lengths.append(round(total, 3))
        return Mood({"long": 1.0}).to_json()

    judge = Judge("listener", "1", ("long",), ear=Ear(listen, key=None))
    rated = rate_sound(on_disk("x", twofold), judge, division=Division(every_s=10.0))
    assert lengths == [24.0, 10.0, 14.0]
    assert [one.mood.best for one in rated.sections if one.mood] == ["long", "long"]


def test_labels_of_others_are_for_engines_that_take_them(tmp_path: Path) -> None:
    from tests.ai.clap.checkpoints import build_clap

    with pytest.raises(UsageError, match="its own moods only"):
        judge_by_engine(pick("mood", "cues"), ["a", "b"])
    build_clap(tmp_path / "clap")
    clap = pick("mood", "clap", Setup(models=tmp_path, device="cpu"))
    with pytest.raises(UsageError, match="nothing to choose"):
        judge_by_engine(clap, ["a", "a"])
    assert judge_by_engine(clap, ["a", "b"]).labels == ("a", "b")


def test_what_a_neural_engine_heard_is_remembered_by_its_weights_and_words(tmp_path: Path) -> None:
    from tests.ai.clap.checkpoints import build_clap

    build_clap(tmp_path / "models/clap")
    setup = Setup(models=tmp_path / "models", device="cpu")
    memory = find_memory(None, tmp_path / "state")
    sound = on_disk("a.wav", write(tmp_path / "a.wav", merry(2.0)))

    def ask(*labels: str) -> tuple[Rated, bool]:
        choice = pick("mood", "clap", setup)
        rated = rate_sound(sound, judge_by_engine(choice, labels or None, setup), memory)
        return rated, choice.facts.loading_s > 0

    first, loaded = ask()
    assert loaded
    assert ask() == (first, False)
    assert ask("dreamy", "tense")[1], "other words are another question"
    with next((tmp_path / "models/clap").glob("*.safetensors")).open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\1")
    assert ask()[1], "other weights may answer otherwise"


def test_broken_sounds_are_told(tmp_path: Path, cues: Judge) -> None:
    (tmp_path / "text.wav").write_text("no sound at all " * 20)
    with pytest.raises(AudioError):
        rate_sound(on_disk("text.wav", tmp_path / "text.wav"), cues)
    empty = write(tmp_path / "empty.wav", Audio(np.zeros((0, 1), np.float32), RATE))
    with pytest.raises(AudioError, match="holds no samples"):
        rate_sound(on_disk("empty.wav", empty), cues)
