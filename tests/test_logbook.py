"""What a log knows of a commit without listening: its sounds, its score, its parent's, and what is remembered."""

import pytest

from beatflow.diff.scoretext import tell_score
from beatflow.log.logbook import Logbook, find_silhouette
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.track import Stem, Track
from tests.conftest import Bf
from tests.world import write_tone


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", hz=200)
    write_tone(bf.directory / "stems/bass.wav", hz=50)
    bf.ok("commit", "-m", "one")
    write_tone(bf.directory / "mix.wav", hz=300)
    write_tone(bf.directory / "stems/bass.wav", hz=60)
    bf.ok("commit", "-m", "two")
    return bf


def open_track(track: Bf) -> Repository:
    return Repository(track.directory, lambda: Signature("", "", 0))


def read(repository: Repository, **options: object) -> list:  # type: ignore[type-arg]
    book = Logbook(repository, **options)  # type: ignore[arg-type]
    return list(book.iter_entries(repository.git.iter_history([repository.head or ""])))


def test_an_entry_knows_its_parents_mix_and_what_to_explain(track: Bf) -> None:
    two, one = read(open_track(track))
    assert (two.former_mix, one.former_mix) == (one.mix, None)
    assert (two.loudness_lufs, two.loudness_change_db, two.silhouette) == (None, None, None)
    assert [pair.path for pair in two.pairs] == ["stems/bass.wav"]
    assert (one.pairs, one.explained) == ((), {})
    (mix,) = read(open_track(track), wants=lambda path: path == "mix.wav")[0].pairs
    assert (mix.before, mix.after) == (one.mix, two.mix)


def test_what_is_remembered_is_told(track: Bf) -> None:
    repository = open_track(track)
    two, one = read(repository)
    repository.analysis_cache.put(two.mix, {"loudness_lufs": -12.34})
    repository.analysis_cache.put(one.mix, {"loudness_lufs": -14.0, "tempo": 90.0})
    found = Explanation((Change("gain", {"gain_db": -1.5}),), (Piece(0, 10, 0),), 44100, 10, 10, -90.0, None)
    Logbook(repository)._explainer.remember(two.pairs[0].before, two.pairs[0].after, found)
    two, one = read(repository)
    assert two.loudness_change_db == 1.66
    assert two.explained["stems/bass.wav"].changes == found.changes
    assert one.tempo == 90.0
    assert find_silhouette(repository, two.mix) is None


def test_the_same_mix_has_no_change(track: Bf) -> None:
    (track.directory / "notes.txt").write_text("words\n")
    track.ok("commit", "-m", "three")
    repository = open_track(track)
    repository.analysis_cache.put(read(repository)[0].mix, {"loudness_lufs": -12.0})
    three = read(repository)[0]
    assert (three.loudness_lufs, three.former_lufs, three.loudness_change_db) == (-12.0, -12.0, None)


def test_a_commit_that_is_shown_with_other_parents_is_told_against_its_own(track: Bf) -> None:
    repository = open_track(track)
    commit = next(iter(repository.git.iter_history([repository.head or ""])))
    entry = Logbook(repository).read(commit._replace(parents=()))
    assert entry.parents == ()
    assert {change.kind for change in entry.changes} == {"modified"}
    assert entry.former_mix


def test_two_sounds_at_the_top_are_no_mix(track: Bf) -> None:
    (track.directory / "mix.wav").rename(track.directory / "a.wav")
    write_tone(track.directory / "b.wav", hz=70)
    track.ok("commit", "-m", "three")
    assert read(open_track(track))[0].mix is None
    (track.directory / "b.wav").unlink()
    track.ok("commit", "-m", "four")
    assert read(open_track(track))[0].mix


def test_the_score_in_words() -> None:
    before = Track(
        tempo=90.0, key="A:min", meter="4/4", stems={"bass": Stem("bass.wav"), "old": Stem("old.wav")}
    )
    bass = Stem("bass.wav", gain_db=-1.5, pan=-0.25, mute=True, solo=True, offset=-441)
    after = Track(tempo=92.5, key="C:maj", meter="3/4", master_db=1.0, stems={"bass": bass})
    assert list(tell_score(before, after)) == [
        "tempo 90 → 92.5 BPM",
        "key A:min → C:maj",
        "meter 4/4 → 3/4",
        "master +1.0 dB",
        "bass fader −1.5 dB",
        "bass panned 25 % left",
        "bass muted",
        "bass solo",
        "bass 441 frames earlier",
    ]
    back = list(tell_score(after, before))
    assert back[4:] == [
        "bass fader +1.5 dB",
        "bass panned to the centre",
        "bass unmuted",
        "bass no longer solo",
        "bass 441 frames later",
    ]
    assert list(tell_score(Track(), before)) == []
