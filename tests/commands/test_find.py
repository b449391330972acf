"""bf find: by words and figures, by likeness, by tune, by a sample, in every version."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from beatflow.finding.request import parse_request
from beatflow.finding.sample import read_using
from beatflow.finding.search import find
from beatflow.finding.versions import read_folder_place
from beatflow.soundword import on_disk
from tests.conftest import EPOCH, Bf
from tests.finding.material import RATE, TUNE, beat, bed, line, play, write


def make_track(root: Path) -> Bf:
    """Two versions of a mix, the first with a break in it; a melody; and a file that is no sound."""
    root.mkdir()
    bf = Bf(root)
    bf.ok("init")
    under, loop = bed(3, 14.0), beat(5)
    mixed = under.copy()
    mixed[6 * RATE : 6 * RATE + loop.size] += 0.6 * loop
    write(root / "mix.wav", mixed)
    write(root / "stems/melody.wav", play(line(TUNE, 0.4, 5)))
    (root / "track.toml").write_text(
        'title = "Night Drive"\ntempo = 90.0\nkey = "A:min"\n[stems.melody]\nfile = "stems/melody.wav"\n'
    )
    (root / "notes.wav").write_text("not a sound at all, but words")
    bf.ok("commit", "-m", "with the break")
    write(root / "mix.wav", under)
    bf.ok("commit", "-m", "without it")
    write(root.parent / "break.wav", loop, RATE)
    write(root.parent / "hum.wav", play(line(TUNE, 0.5)))
    return bf


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("find")
    make_track(folder / "track")
    return folder


@pytest.fixture
def bf(made: Path) -> Bf:
    return Bf(made / "track", now=EPOCH + 9000)


def paths(bf: Bf, *args: object) -> list[str]:
    result = bf("find", *args, "--json")
    assert result.code in (0, 1), result.stderr
    return [one["path"] for one in result.json["finds"]]


def test_by_words_in_path_message_and_title(bf: Bf) -> None:
    assert paths(bf, "without") == ["mix.wav"]
    assert paths(bf, "night melody") == ["stems/melody.wav"]
    assert paths(bf, "nothing like that") == []


def test_by_figures_of_the_score(bf: Bf) -> None:
    assert sorted(paths(bf, "--tempo", "88..92", "--key", "Am")) == ["mix.wav", "mix.wav", "stems/melody.wav"]
    assert paths(bf, "--tempo", "120..") == []
    assert paths(bf, "--tempo", "90", "--key", "C") == []


def test_by_length_and_place(bf: Bf) -> None:
    assert paths(bf, "--duration", "..10s") == ["stems/melody.wav"]
    assert paths(bf, "--in", "stems") == ["stems/melody.wav"]
    assert sorted(paths(bf, "--in", "HEAD")) == ["mix.wav", "stems/melody.wav"]
    assert paths(bf, "--in", "HEAD~1..HEAD") == ["mix.wav"]


def test_by_mood_says_how_much(bf: Bf) -> None:
    document = bf("find", "--mood", "calm", "--json").json
    assert all(one["mood"] == "calm" and one["scores"]["calm"] > 0.1 for one in document["finds"])
    assert document["looked_at"] == 3


def test_a_sample_is_found_in_the_version_that_has_it(bf: Bf) -> None:
    document = bf.ok("find", "--uses", "../break.wav", "--json").json
    (one,) = document["finds"]
    assert (one["path"], one["message"], one["current"]) == ("mix.wav", "with the break", False)
    (place,) = one["match"]["occurrences"]
    assert place["start_s"] == pytest.approx(6.0, abs=0.001)
    assert place["gain_db"] is not None
    text = bf.ok("find", "--uses", "../break.wav").stdout
    assert text.startswith(f"exact   {one['commit'][:8]}:mix.wav")
    assert "0:06.0–0:10.0: its 0:00.0–0:04.0 as it is, " in text


def test_quick_goes_by_landmarks_alone(bf: Bf) -> None:
    (one,) = bf.ok("find", "--uses", "../break.wav", "--quick", "--json").json["finds"]
    (place,) = one["match"]["occurrences"]
    assert place["start_s"] == pytest.approx(6.1, abs=0.3)
    assert place["gain_db"] is None
    assert "of its landmarks" in bf.ok("find", "--uses", "../break.wav", "--quick").stdout


def test_what_was_found_before_an_interruption_is_given(made: Path, tmp_path: Path) -> None:
    write(tmp_path / "with.wav", np.concatenate([bed(4, 2.0), beat(5)]))
    write(tmp_path / "without.wav", bed(4, 4.0))

    def interrupt(done: float, what: str) -> None:
        if what.startswith("comparing with"):
            raise KeyboardInterrupt

    place = read_folder_place(tmp_path, "", None, print)
    sample = read_using(on_disk("break.wav", made / "break.wav"))
    found = find(parse_request(), [place], sample, interrupt)
    assert [Path(one.version.path).name for one in found.finds] == ["with.wav"]
    assert found.finds[0].match
    assert found.finds[0].match.occurrences[0].gain_db is None
    assert found.unheard > 0


def test_a_hum_finds_its_tune(bf: Bf) -> None:
    document = bf.ok("find", "--like", "../hum.wav", "--json").json
    best = document["finds"][0]
    assert best["path"] == "stems/melody.wav"
    assert best["match"]["semitones"] == 5
    assert best["match"]["pace"] == pytest.approx(1.25, rel=0.15)


def test_like_a_version_finds_the_other_first_and_not_itself(bf: Bf) -> None:
    document = bf.ok("find", "--like", "HEAD:mix.wav", "--by", "sound", "--json").json
    assert document["finds"][0]["message"] == "with the break"
    assert all(one["oid"] != document["finds"][0]["oid"] for one in document["finds"][1:])
    assert "timbre" in bf.ok("find", "--like", "HEAD:mix.wav", "--by", "timbre").stdout


def test_standard_input_and_limit(bf: Bf, made: Path) -> None:
    data = (made / "hum.wav").read_bytes()
    result = bf.ok("find", "--like", "-", "--by", "timbre", "-n", "1", stdin=data)
    assert len(result.stdout.splitlines()) == 1


def test_the_index_is_kept_and_made_again(bf: Bf, made: Path) -> None:
    index = made / "track/.beatflow/state/index"
    first = bf.ok("find", "--uses", "../break.wav").stdout
    cards = [path for path in index.rglob("*") if path.is_file()]
    assert len(cards) == 3
    for card in cards:
        card.write_bytes(card.read_bytes()[:-9])
    assert bf.ok("find", "--uses", "../break.wav").stdout == first
    shutil.rmtree(index)
    assert bf.ok("find", "--uses", "../break.wav").stdout == first
    shutil.rmtree(index)
    index.write_text("in the way")
    assert bf.ok("find", "--uses", "../break.wav").stdout == first
    index.unlink()


def test_what_is_not_committed_yet(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "track", tmp_path / "track")
    bf = Bf(tmp_path / "track", now=EPOCH + 9000)
    write(tmp_path / "track/-new 🎵.wav", bed(9, 5.0))
    (tmp_path / "track/broken.wav").write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    assert paths(bf, "new") == ["-new 🎵.wav"]
    assert "not committed" in bf.ok("find", "new").stdout
    result = bf.ok("find", "--like", "HEAD:mix.wav", "--by", "timbre")
    assert "broken" not in result.stdout
    assert "warning: broken.wav: " in result.stderr


def test_a_folder_that_is_no_track(made: Path, tmp_path: Path) -> None:
    bf = Bf(tmp_path, now=EPOCH + 9000)
    assert "bf init" in bf.fails(3, "find", "anything")
    assert paths(bf, "--in", made / "track/stems", "--like", made / "hum.wav") == [
        str(made / "track/stems/melody.wav")
    ]
    assert "does not exist" in bf.fails(2, "find", "--in", "nowhere")


def tip(track: Bf) -> str:
    """The commit of HEAD."""
    return str(track.ok("log", "--json").json["commits"][0]["oid"])


def test_everywhere(made: Path, tmp_path: Path) -> None:
    track = make_track(tmp_path / "other")
    elsewhere = Bf(tmp_path, now=EPOCH + 9000)
    document = elsewhere.ok("find", "drive", "--everywhere", "--json").json
    assert str(tmp_path / "other") in {one["track"] for one in document["finds"]}
    # A track that is damaged is told of, and stops nobody.
    (objects,) = (track.directory / ".beatflow" / "objects").glob(f"{tip(track)[:2]}/{tip(track)[2:]}")
    objects.unlink()
    told = elsewhere("find", "drive", "--everywhere")
    assert told.code in (0, 1)
    assert f"warning: {track.directory}" in told.stderr
    shutil.rmtree(track.directory)
    assert elsewhere("find", "drive", "--everywhere").code in (0, 1)


def test_silence_is_refused_and_short_sounds_too(bf: Bf, tmp_path: Path) -> None:
    write(tmp_path / "silent.wav", np.zeros(RATE))
    write(tmp_path / "click.wav", np.ones(100))
    assert "silent" in bf.fails(1, "find", "--like", tmp_path / "silent.wav")
    assert "too little" in bf.fails(2, "find", "--uses", tmp_path / "silent.wav")
    assert "too little" in bf.fails(2, "find", "--uses", tmp_path / "click.wav")
    assert "is a folder" in bf.fails(2, "find", "--uses", tmp_path)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "nothing to look for"),
        (("--mood", "clam"), "did you mean calm"),
        (("--tempo", "92..88"), "88..92"),
        (("--by", "melody"), "--like"),
        (("--quick", "--in", "stems"), "--uses"),
        (("--like", "a.wav", "--uses", "b.wav"), "one of them"),
        (("--like", "../hum.wav", "--by", "melodie"), "did you mean melody"),
        (("--key", "H"), "is not a key"),
        (("--duration", "1m..10s"), "10s..1m"),
    ],
)
def test_what_makes_no_sense(bf: Bf, args: tuple[str, ...], said: str) -> None:
    assert said in bf.fails(2, "find", *args)
