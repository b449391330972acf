"""Which sound a word means, for every command that takes one."""

from pathlib import Path

import pytest

from beatflow.errors import NotFoundError, UsageError
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.soundfolder import Mishap
from beatflow.soundword import NamedSound, find_mix, find_sound, iter_named, on_disk
from tests.conftest import Bf
from tests.world import write_tone


@pytest.fixture
def track(bf: Bf) -> Bf:
    """Two commits of a mix and a stem; the stem bears the name of a branch."""
    bf.ok("init")
    (bf.directory / "stems").mkdir()
    write_tone(bf.directory / "mix.wav", hz=220)
    write_tone(bf.directory / "stems/bass.wav", hz=110)
    (bf.directory / "track.toml").write_text('[stems.bass]\nfile = "stems/bass.wav"\ngain_db = -3.0\n')
    bf.ok("commit", "-m", "one")
    bf.ok("branch", "bass")
    write_tone(bf.directory / "mix.wav", hz=330)
    bf.ok("commit", "-m", "two")
    return bf


def open_(track: Bf) -> Repository:
    return Repository(track.directory, lambda: Signature("Ada", "ada@example.com", 0))


def find(track: Bf, word: str) -> NamedSound:
    return find_sound(word, track.directory, open_(track))


def read(sound: NamedSound) -> bytes:
    with sound.open() as source:
        return Path(source).read_bytes() if isinstance(source, str | Path) else source.read()


def test_a_file_comes_first_then_a_stem_then_a_commit(track: Bf) -> None:
    stem = find(track, "bass")
    assert (stem.path, stem.commit, stem.name) == ("stems/bass.wav", None, "stems/bass.wav")
    assert stem.stem is not None
    assert stem.stem.gain_db == -3.0
    earlier = find(track, "HEAD~1")
    assert (earlier.path, earlier.name) == ("mix.wav", "HEAD~1:mix.wav")
    assert read(earlier) != read(find(track, "mix.wav"))
    assert earlier.oid == find(track, "bass:mix.wav").oid
    write_tone(track.directory / "bass", hz=55)
    assert find(track, "bass").path == "bass"


def test_ids_are_those_of_the_bytes_wherever_they_lie(track: Bf) -> None:
    committed = find(track, "mix.wav")
    assert committed.oid == find(track, "HEAD").oid
    write_tone(track.directory / "mix.wav", hz=440)
    assert find(track, "mix.wav").oid not in (None, committed.oid)
    outside = track.directory.parent / "outside.wav"
    write_tone(outside, hz=330)
    assert on_disk("outside.wav", outside, open_(track)).repository is None
    assert on_disk("outside.wav", outside).oid == committed.oid


@pytest.mark.parametrize(
    ("word", "error", "said", "hint"),
    [
        ("bas", NotFoundError, "neither a sound nor a revision", "did you mean bass?"),
        ("stems", UsageError, "is a folder", "name a file in it"),
        ("HEAD:track.toml", UsageError, "is no sound", "bf cat HEAD:track.toml"),
        ("HEAD:mux.wav", NotFoundError, "no file 'mux.wav'", "did you mean mix.wav?"),
        ("HEAD~7", NotFoundError, "neither a sound nor", ""),
    ],
)
def test_what_names_nothing(track: Bf, word: str, error: type[Exception], said: str, hint: str) -> None:
    with pytest.raises(error) as caught:
        find(track, word)
    assert said in str(caught.value)
    assert hint in (getattr(caught.value, "hint", None) or "")


def test_what_is_gone_from_the_folder_is_named_in_history(track: Bf) -> None:
    (track.directory / "mix.wav").unlink()
    with pytest.raises(NotFoundError, match="not in the folder now") as caught:
        find(track, "mix.wav")
    assert "HEAD:mix.wav" in (caught.value.hint or "")
    (track.directory / "stems/bass.wav").unlink()
    with pytest.raises(NotFoundError, match="is not there") as caught:
        find(track, "bass")
    assert "bf restore stems/bass.wav" in (caught.value.hint or "")


def test_a_mix_is_what_the_score_says_or_the_only_sound(track: Bf) -> None:
    repository = open_(track)
    assert find_mix(repository, None).path == "mix.wav"
    (track.directory / "mix.wav").rename(track.directory / "song.wav")
    track.ok("commit", "-m", "renamed")
    assert find(track, "HEAD").path == "song.wav"
    write_tone(track.directory / "other.wav", hz=500)
    track.ok("commit", "-m", "two of them")
    with pytest.raises(NotFoundError, match="no mix"):
        find_mix(open_(track), open_(track).head, "HEAD")


def test_a_folder_gives_all_its_sounds(track: Bf) -> None:
    (track.directory / "stems/broken.wav").write_bytes(b"RIFF")
    mishaps: list[Mishap] = []
    found = list(iter_named("stems", track.directory, None, None, mishaps.append))
    assert [sound.name for sound in found] == ["stems/bass.wav"]
    assert [mishap.path for mishap in mishaps] == ["stems/broken.wav"]
