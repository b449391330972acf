"""``bf blame``: from the samples alone, what each stretch of a sound comes from."""

import re
from pathlib import Path

import numpy as np
import pytest

from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from tests.conftest import EPOCH, Bf
from tests.world import decode, wav_bytes

RATE = 8000
BAR = RATE  # 240 BPM in 4/4: a bar is a second


def noise(seconds: float, seed: int) -> np.ndarray:
    """Make noise with a beat in it, so that each place is unlike any other."""
    frames = round(seconds * RATE)
    envelope = 1 - 0.7 * (np.arange(frames) % (RATE // 4)) / (RATE // 4)
    samples = np.random.default_rng(seed).normal(0, 4000, (frames, 1)) * envelope[:, None]
    return np.rint(samples).astype(np.int16)


def write(bf: Bf, samples: np.ndarray, path: str = "bass.wav") -> None:
    file = bf.directory / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(wav_bytes(samples, RATE))


def gain(samples: np.ndarray, gain_db: float) -> np.ndarray:
    return np.rint(samples * 10 ** (gain_db / 20)).astype(np.int16)


@pytest.fixture
def track(bf: Bf) -> Bf:
    """Six bars of bass; then bar 3 is played again, and the whole is made quieter."""
    bf.ok("init")
    (bf.directory / "track.toml").write_text("tempo = 240.0\n")
    (bf.directory / "notes.txt").write_text("verse\n")
    samples = noise(6, 1)
    write(bf, samples)
    bf.ok("commit", "-m", "first take")
    samples[2 * BAR : 3 * BAR] = noise(1, 2)
    write(bf, samples)
    bf.ok("commit", "-m", "bar 3 again")
    write(bf, gain(samples, -3))
    bf.environment = {"BF_AUTHOR_NAME": "Bo", "BF_AUTHOR_EMAIL": "bo@example.com"}
    bf.ok("commit", "-m", "quieter")
    return bf


def stories(bf: Bf, *args: str) -> list[tuple[float, float, str, list[str]]]:
    """Return of each stretch its start and end in bars, the commit that brought it in and how, and what came later."""
    rows = bf.ok("blame", "--json", *args).json["stretches"]
    return [
        (
            round(row["start_s"], 2),
            round(row["start_s"] + row["duration_s"], 2),
            f"{row['kind']} {row['message']}",
            [f"{change['kind']} {work['message']}" for work in row["works"] for change in work["changes"]],
        )
        for row in rows
    ]


def test_a_replaced_bar_and_a_gain(track: Bf) -> None:
    assert stories(track, "bass.wav") == [
        (0, 2, "added first take", ["gain quieter"]),
        (2, 3, "replaced bar 3 again", ["gain quieter"]),
        (3, 6, "added first take", ["gain quieter"]),
    ]


def test_what_people_see(track: Bf) -> None:
    lines = track.ok("blame", "bass.wav").stdout.splitlines()
    assert len(lines) == 9
    assert re.fullmatch("bars 1–2  [▃▄▅]+", lines[0])
    assert lines[1].endswith(" added · first take · Ada, 2023-11-14 22:15")
    assert lines[2].endswith(" −3.00 dB · quieter · Bo, 2023-11-14 22:17")
    assert re.fullmatch("bar 3  [▃▄▅]+", lines[3])
    assert lines[4].endswith(" replaced · bar 3 again · Ada, 2023-11-14 22:16")
    coloured = track.ok("blame", "bass.wav", "--color", "always").stdout
    assert coloured.startswith("\x1b[1mbars 1–2\x1b[0m  ")


def test_what_scripts_see(track: Bf) -> None:
    first, second, _ = (
        line.split("\t") for line in track.ok("blame", "--porcelain", "bass.wav").stdout.splitlines()
    )
    assert first[:4] == ["0", str(2 * BAR), "0.000000", "2.000000"]
    assert second[5:11] == [
        "Ada",
        "ada@example.com",
        "2023-11-14T22:16:20+00:00",
        "replaced",
        str(2 * BAR),
        "bass.wav",
    ]
    assert second[11].endswith(":gain")


@pytest.mark.parametrize(
    "args",
    [("bass.wav", "b2-b3"), ("bass.wav:b2-b3",), ("bass.wav", "HEAD", "1-3"), ("bass.wav", "1s-3s", "HEAD")],
)
def test_a_stretch_and_a_revision_in_any_order(track: Bf, args: tuple[str, ...]) -> None:
    assert [row[:3] for row in stories(track, *args)] == [
        (1, 2, "added first take"),
        (2, 3, "replaced bar 3 again"),
    ]


def test_an_older_revision(track: Bf) -> None:
    assert stories(track, "bass.wav", "HEAD~1", "b3") == [(2, 3, "replaced bar 3 again", [])]
    document = track.ok("blame", "bass.wav", "HEAD~2", "--json").json
    assert document["schema"] == "beatflow.blame/1"
    assert (document["frames"], document["sample_rate"], document["tempo"]) == (6 * BAR, RATE, 240)


def test_moves_and_new_names_are_followed(track: Bf) -> None:
    samples = decode((track.directory / "bass.wav").read_bytes())
    (track.directory / "bass.wav").unlink()
    write(track, np.vstack([noise(2, 7), samples]), "stems/low end.wav")
    track.ok("commit", "-m", "two bars in front, and another name")
    rows = stories(track, "stems/low end.wav")
    assert [row[:3] for row in rows] == [
        (0, 2, "inserted two bars in front, and another name"),
        (2, 4, "added first take"),
        (4, 5, "replaced bar 3 again"),
        (5, 8, "added first take"),
    ]
    document = track.ok("blame", "stems/low end.wav", "b3", "--json").json
    assert document["stretches"][0]["source"] == {"path": "bass.wav", "start_frame": 0, "start_s": 0.0}
    assert (
        "added, as bass.wav, then at 0:00.000 · first take" in track.ok("blame", "stems/low end.wav").stdout
    )


def test_an_old_version_that_came_back(track: Bf) -> None:
    track.ok("restore", "--source", "HEAD~2", "bass.wav")
    track.ok("commit", "-m", "as it was")
    assert {(row[2], *row[3]) for row in stories(track, "bass.wav")} == {
        ("added first take", "restored as it was")
    }


def test_a_merge_of_two_players(track: Bf) -> None:
    track.ok("branch", "side")
    samples = decode((track.directory / "bass.wav").read_bytes()).copy()
    ours, theirs = samples.copy(), samples.copy()
    ours[0:BAR], theirs[5 * BAR :] = noise(1, 11), noise(1, 12)
    write(track, ours)
    track.ok("commit", "-m", "ours")
    track.ok("switch", "side")
    write(track, theirs)
    track.ok("commit", "-m", "theirs")
    repository = Repository.get(track.directory, lambda: Signature("Bo", "bo@example.com", EPOCH + 9999))
    both = ours.copy()
    both[5 * BAR :] = theirs[5 * BAR :]
    write(track, both)
    track.ok("commit", "-m", "together")
    tree = repository.git.read_commit(repository.head or "").tree
    parents = [repository.git.resolve(name) or "" for name in ("main", "side~1")]
    merge = repository.git.write_commit(tree, parents, "merge", repository.signer())
    rows = stories(track, "bass.wav", merge)
    assert [row[:3] for row in rows] == [
        (0, 1, "replaced ours"),
        (1, 2, "added first take"),
        (2, 3, "replaced bar 3 again"),
        (3, 5, "added first take"),
        (5, 6, "replaced theirs"),
    ]


def test_a_lost_version_is_said(track: Bf) -> None:
    repository = Repository.get(track.directory, lambda: Signature("Bo", "bo@example.com", EPOCH))
    oid = repository.tree_of(repository.git.resolve("HEAD~2"))["bass.wav"].oid
    (repository.directory / "objects" / oid[:2] / oid[2:]).unlink()
    result = track("blame", "bass.wav")
    assert result.code == 7
    assert "warning: what was before cannot be told: " in result.stderr
    lines = result.stdout.splitlines()
    assert " nothing before it can be read · bar 3 again · " in lines[1]
    assert " −3.00 dB · quieter · " in lines[2]


def test_what_cannot_be_asked(track: Bf) -> None:
    assert "notes.txt is no sound" in track.fails(2, "blame", "notes.txt")
    assert ". is a folder" in track.fails(2, "blame", ".")
    assert "hint: did you mean bass.wav?" in track.fails(3, "blame", "bas.wav")
    assert "hint: bf log --oneline" in track.fails(3, "blame", "bass.wav", "nowhere-at-all")
    assert "one path, one stretch and one revision" in track.fails(2, "blame", "bass.wav", "b1", "b2")
    assert "ends before it begins" in track.fails(2, "blame", "bass.wav", "b3-b2")
    assert "is outside the track" in track.fails(2, "blame", "/etc/hosts")
    assert track.ok("blame", "bass.wav", "b90").stderr == "bass.wav has no frames there\n"


def test_a_name_like_a_stretch_is_a_name(track: Bf) -> None:
    write(track, noise(1, 5), "take:12")
    track.ok("commit", "-m", "odd name")
    assert [row[2] for row in stories(track, "take:12")] == ["added odd name"]


def test_before_the_first_commit(bf: Bf, tmp_path: Path) -> None:
    bf.ok("init")
    assert "there is no commit yet" in bf.fails(3, "blame", "bass.wav")
