"""Rating files: stretches, what is remembered, and versions in history."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.engine import Setup
from beatflow.ai.table import pick
from beatflow.errors import AudioError, UsageError
from beatflow.mood.judge import Judge, judge_by_engine
from beatflow.mood.rating import Division, rate_sound
from beatflow.mood.remembering import FeatureCache
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
    repository = Repository(bf.directory, lambda: None)  # type: ignore[arg-type, return-value]
    subject = on_disk("mix.wav", path)
    first = rate_sound(subject, cues, repository)
    heard: list[str] = []
    again = rate_sound(subject, cues, repository, progress=lambda _, what: heard.append(what))
    assert first == again
    assert not heard
    for file in (bf.directory / ".beatflow/state/mood").iterdir():
        file.write_text("{")
    assert rate_sound(subject, cues, repository) == first


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = FeatureCache(tmp_path / "file" / "below")
    cache.put("0" * 64, [(0.0, 1.0, "", {"tempo": 90.0})])
    assert cache.get("0" * 64) is None
    good = FeatureCache(tmp_path / "cache")
    good.put("0" * 64, [(0.0, 1.0, "A", {"tempo": 90.0})], "sections")
    assert good.get("0" * 64, "sections") == [(0.0, 1.0, "A", {"tempo": 90.0})]
    assert good.get("0" * 64) is None


def test_a_judge_who_listens_hears_each_stretch(twofold: Path) -> None:
    lengths: list[float] = []

    def listen(blocks: object, progress: object) -> Mood | None:
        assert not isinstance(blocks, Audio)
        total = sum(block.duration_s for block in blocks)  # type: ignore[attr-defined]
        lengths.append(round(total, 3))
        return Mood({"long": 1.0})

    judge = Judge("listener", "1", ("long",), by_sound=listen)
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


def test_broken_sounds_are_told(tmp_path: Path, cues: Judge) -> None:
    (tmp_path / "text.wav").write_text("no sound at all " * 20)
    with pytest.raises(AudioError):
        rate_sound(on_disk("text.wav", tmp_path / "text.wav"), cues)
    empty = write(tmp_path / "empty.wav", Audio(np.zeros((0, 1), np.float32), RATE))
    with pytest.raises(AudioError, match="holds no samples"):
        rate_sound(on_disk("empty.wav", empty), cues)
