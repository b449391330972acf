"""A committed mix that is a render of its stems takes next to no room, wherever it goes."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.objects.git.value import Signature
from beatflow.objects.pack import Codec, Kind
from beatflow.objects.packset import PackSet
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.writing import write_audio
from tests.conftest import Bf

RATE, SECONDS = 22050, 4


def play(seed: int, channels: int = 2) -> Audio:
    """Something like music: decaying notes in noise."""
    random = np.random.default_rng(seed)
    time = np.arange(RATE * SECONDS) / RATE
    hz = random.choice([110, 165, 220, 330, 440], SECONDS * 4)
    wave = np.sin(2 * np.pi * hz[(time * 4).astype(int)] * time) * np.exp(-3 * (time * 4 % 1) / 4)
    spread = random.normal(0, 0.02, (len(time), channels)) + 0.25 * wave[:, None] * random.uniform(
        0.5, 1, channels
    )
    return Audio(spread.astype(np.float32), RATE)


def make_track(bf: Bf, subtype: str = "PCM_16", count: int = 3, channels: int = 2) -> None:
    bf.ok("init")
    for number in range(count):
        path = bf.directory / f"stems/s{number}.wav"
        path.parent.mkdir(exist_ok=True)
        write_audio(path, play(number, channels if number else 2), subtype)


def open_track(folder: Path) -> Repository:
    return Repository(folder, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))


def codecs(folder: Path, path: str = "mix.wav") -> list[int]:
    """The codecs of a file's chunks of sound."""
    import hashlib

    audio, packs = open_track(folder).audio, PackSet(folder / ".beatflow/audio/packs")
    manifest = audio.manifest(hashlib.sha256((folder / path).read_bytes()).hexdigest())
    refs = [ref for region in manifest.regions if region.layout for ref in region.chunks]
    found = [packs.find(Kind.CHUNK, ref.id) for ref in refs]
    return [entry.codec for entry in found if entry]


def count_stored(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / ".beatflow/audio/packs").iterdir())


FADERS = (
    "--gain",
    "s0=-1.5,s1=0.7",
    "--pan",
    "s1=-.4,s2=.25",
    "--offset",
    "s2=+10ms,s0=-77",
    "--master",
    "-0.3",
)


@pytest.mark.parametrize(
    ("subtype", "bits", "channels"),
    [
        ("PCM_16", "16", 2),
        ("PCM_24", "24", 2),
        ("PCM_16", "float", 2),
        ("FLOAT", "float", 2),
        ("FLOAT", "16", 1),
    ],
)
def test_a_pure_render_is_a_recipe(bf: Bf, subtype: str, bits: str, channels: int) -> None:
    make_track(bf, subtype, channels=channels)
    bf.ok("commit", "-m", "stems")
    before = count_stored(bf.directory)
    bf.ok("mix", "--bits", bits, *FADERS, "--commit", "-m", "mix")
    assert set(codecs(bf.directory)) == {Codec.RENDITION}
    assert count_stored(bf.directory) - before < 4000
    whole = (bf.directory / "mix.wav").read_bytes()
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == whole
    bf.ok("check", "--data")


def test_clipped_muted_and_many(bf: Bf) -> None:
    make_track(bf, count=20)
    result = bf.ok("mix", "--gain", "s0=20", "--mute", "s3", "--commit", "-m", "all at once")
    assert "samples clipped" in result.stderr
    assert set(codecs(bf.directory)) == {Codec.RENDITION}
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == (bf.directory / "mix.wav").read_bytes()


@pytest.mark.parametrize("right", [True, False])
def test_any_commit_finds_it(bf: Bf, right: bool) -> None:
    """Whoever rendered it, and whatever the mix is called; but not where the score says otherwise."""
    make_track(bf)
    bf.ok("mix", *FADERS, "-o", bf.directory.parent / "song.wav")
    score = '[mix]\nfile = "song.wav"\nmaster_db = -0.3\n'
    last = "pan = 0.25\noffset = 220" if right else "pan = 0.25"
    for number, fader in enumerate(["gain_db = -1.5\noffset = -77", "gain_db = 0.7\npan = -0.4", last]):
        score += f'[stems.s{number}]\nfile = "stems/s{number}.wav"\n{fader}\n'
    (bf.directory / "track.toml").write_text(score)
    (bf.directory / "song.wav").write_bytes((bf.directory.parent / "song.wav").read_bytes())
    bf.ok("commit", "-m", "all")
    assert (set(codecs(bf.directory, "song.wav")) == {Codec.RENDITION}) == right
    assert bf.ok("cat", "HEAD:song.wav").out_bytes == (bf.directory / "song.wav").read_bytes()


def test_a_mix_with_more_in_it_is_no_render(bf: Bf) -> None:
    make_track(bf)
    bf.ok("mix")
    from beatflow.sound.files import read_audio

    mix = read_audio(bf.directory / "mix.wav")
    samples = mix.samples.copy()
    samples[RATE : RATE + 100] *= np.float32(0.5)
    write_audio(bf.directory / "mix.wav", Audio(samples, RATE), "PCM_16")
    bf.ok("commit", "-m", "a fade by hand")
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == (bf.directory / "mix.wav").read_bytes()
    assert Codec.RENDITION not in codecs(bf.directory) or len(set(codecs(bf.directory))) > 1


def test_collecting_keeps_what_it_stands_on(bf: Bf) -> None:
    """The stems change, the branch with the old ones goes, the old mix stays: so do the old stems' samples."""
    make_track(bf)
    bf.ok("mix", *FADERS, "--commit", "-m", "mix")
    whole = (bf.directory / "mix.wav").read_bytes()
    bf.ok("tag", "v1")
    for number in range(3):
        (bf.directory / f"stems/s{number}.wav").unlink()
    (bf.directory / "track.toml").unlink()
    bf.ok("commit", "-m", "the mix alone")
    bf.ok("gc")
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == whole
    bf.ok("gc", "--aggressive")
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == whole
    assert set(codecs(bf.directory)) == {Codec.RENDITION}
    bf.ok("check", "--data")


def test_it_travels_with_its_stems(bf: Bf, tmp_path: Path) -> None:
    make_track(bf)
    bf.ok("mix", *FADERS, "--commit", "-m", "mix")
    whole = (bf.directory / "mix.wav").read_bytes()
    bf.ok("remote", "add", "depot", tmp_path / "depot")
    bf.ok("push", "depot")
    copy = tmp_path / "copy"
    bf.ok("clone", tmp_path / "depot", copy)
    assert (copy / "mix.wav").read_bytes() == whole
    assert set(codecs(copy)) == {Codec.RENDITION}
    partial = tmp_path / "partial"
    bf.ok("clone", "--no-audio", tmp_path / "depot", partial)
    other = Bf(partial, bf.environment, bf.now)
    assert other.ok("cat", "HEAD:mix.wav").out_bytes == whole


def test_a_lost_stem_takes_the_mix_along_and_is_told(bf: Bf) -> None:
    make_track(bf)
    bf.ok("commit", "-m", "stems")
    first = set((bf.directory / ".beatflow/audio/packs").iterdir())
    bf.ok("mix", *FADERS, "--commit", "-m", "mix")
    for pack in first:
        pack.chmod(0o644)
        pack.unlink()
    assert "mix.wav" in bf("check").stdout + bf("check").stderr
    assert bf("cat", "HEAD:mix.wav").code == 7


def test_what_it_takes_is_told_to_be_the_stems(bf: Bf) -> None:
    make_track(bf)
    bf.ok("mix", *FADERS, "--commit", "-m", "mix")
    rows = {row["path"]: row["stored_bytes"] for row in bf.ok("du", "--json").json["rows"]}
    assert rows["mix.wav"] < 4000
    assert min(rows[f"stems/s{number}.wav"] for number in range(3)) > 50_000


def test_a_score_that_came_right_later(bf: Bf) -> None:
    """The mix is stored as it is, until all sound is written anew: then every score that it lay beside is tried."""
    make_track(bf)
    bf.ok("mix", *FADERS, "-o", bf.directory.parent / "mix.wav")
    (bf.directory / "mix.wav").write_bytes((bf.directory.parent / "mix.wav").read_bytes())
    score = bf.directory / "track.toml"
    right = "[mix]\nmaster_db = -0.3\n"
    for number, fader in enumerate(["gain_db = -1.5\noffset = -77", "gain_db = 0.7\npan = -0.4"]):
        right += f'[stems.s{number}]\nfile = "stems/s{number}.wav"\n{fader}\n'
    right += '[stems.s2]\nfile = "stems/s2.wav"\npan = 0.25\noffset = 220\n'
    score.write_text(right.replace("gain_db = 0.7", "gain_db = 0.5"))
    bf.ok("commit", "-m", "the score is late")
    assert Codec.RENDITION not in codecs(bf.directory)
    score.write_text(right)
    bf.ok("commit", "-m", "now it fits")
    score.write_text(right.replace("gain_db = 0.7", "gain_db = 0.3"))
    bf.ok("commit", "-m", "on to the next mix")
    bf.ok("gc", "--aggressive")
    assert set(codecs(bf.directory)) == {Codec.RENDITION}
    assert bf.ok("cat", "HEAD:mix.wav").out_bytes == (bf.directory / "mix.wav").read_bytes()
    bf.ok("check", "--data")
