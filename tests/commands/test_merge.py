"""Merging as a musician types it: merge, resolve, cherry-pick, revert, and what status says."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Bf
from tests.forks import new, put, scale, take, wav
from tests.test_merge import MIXED, mix
from tests.world import decode

BASS = take(1)
ONE, TWO, CLASH = put(BASS, 0.25, new(2)), put(BASS, 1.0, new(3)), put(BASS, 0.3, new(4))
BOTH = put(ONE, 1.0, new(3))


def write(bf: Bf, path: str, data: bytes | np.ndarray) -> None:
    target = bf.directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(wav(data) if isinstance(data, np.ndarray) else data)


def samples(bf: Bf, path: str) -> np.ndarray:
    return decode((bf.directory / path).read_bytes())


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A bass that ours plays differently on main, and theirs on mia."""
    bf.ok("init")
    write(bf, "track.toml", b'tempo = 120.0\n[stems.bass]\nfile = "stems/bass.wav"\n')
    write(bf, "stems/bass.wav", BASS)
    bf.ok("commit", "-m", "first take")
    bf.ok("branch", "mia")
    return bf


def part(track: Bf, ours: np.ndarray, theirs: np.ndarray) -> Bf:
    track.ok("switch", "mia")
    write(track, "stems/bass.wav", theirs)
    track.ok("commit", "-m", "mia plays")
    track.ok("switch", "main")
    write(track, "stems/bass.wav", ours)
    track.ok("commit", "-m", "ada plays")
    return track


@pytest.fixture
def conflicted(track: Bf) -> Bf:
    part(track, ONE, CLASH)
    assert track("merge", "mia").code == 4
    return track


def test_a_clean_merge(track: Bf) -> None:
    part(track, ONE, TWO)
    done = track.ok("merge", "-n", "mia")
    assert done.stderr.splitlines()[-1] == "would merge mia into main"
    done = track.ok("merge", "mia")
    head = track.ok("log", "-n", "1", "--format", "{oid}").stdout.strip()
    assert done.stdout == head + "\n"
    assert done.stderr == (
        f"merged   stems/bass.wav: bar 1 ours, bar 1 theirs\n[main {head[:7]}] merged mia\n"
    )
    assert (samples(track, "stems/bass.wav") == BOTH).all()
    assert track.ok("merge", "mia").stderr == "nothing to merge: main has everything of mia\n"
    track.ok("switch", "mia")
    assert track.ok("merge", "main").stderr == (
        f"mia went forward to main ({head[:7]}): there was nothing to merge\n"
    )


def test_merge_as_json(track: Bf) -> None:
    part(track, ONE, CLASH)
    done = track("merge", "mia", "--json")
    assert done.code == 4
    document = done.json
    assert (document["schema"], document["kind"]) == ("beatflow.merge/1", "merged")
    assert document["conflicts"] == [
        {
            "path": "stems/bass.wav",
            "takes": {
                "ours": "stems/bass.ours.wav",
                "theirs": "stems/bass.theirs.wav",
                "base": "stems/bass.base.wav",
            },
            "deleted_by": None,
            "reason": "both changed",
            "sample_rate": 8000,
            "ranges": [{"start_frame": 2400, "frames": 1600}],
        }
    ]
    track.ok("undo")
    write(track, "stems/bass.wav", TWO)
    track.ok("commit", "-m", "elsewhere")
    track.ok("merge", "mia")


def test_a_conflict_is_told_kept_and_shown(conflicted: Bf) -> None:
    assert conflicted.ok("status", "--porcelain").stdout == "U stems/bass.wav\n"
    assert conflicted.ok("status", "-z").stdout == "U stems/bass.wav\0"
    assert conflicted.ok("status", "--json").json["conflicts"][0]["takes"]["base"] == "stems/bass.base.wav"
    shown = conflicted.ok("status")
    assert shown.stdout == "on main\n  conflict  stems/bass.wav (ours, theirs, base)\n"
    assert shown.stderr == "1 conflict; bf resolve decides them\n"
    listed = conflicted.ok("resolve")
    assert listed.stdout == "stems/bass.wav  ours theirs base\n"
    assert listed.stderr == "bf resolve stems/bass.wav --take ours|theirs|base\n"
    assert conflicted.ok("resolve", "--json").json["open"][0]["path"] == "stems/bass.wav"
    conflicted.ok("undo")
    said = conflicted("merge", "mia").stderr.splitlines()
    assert said[:2] == [
        "conflict stems/bass.wav: both changed bar 1",
        "         bf resolve stems/bass.wav --take ours|theirs|base",
    ]
    assert said[2].endswith("merged mia; 1 conflict kept in every take: bf resolve lists them")


@pytest.mark.parametrize(("name", "take_name", "wanted"), [
    ("bass", "theirs", CLASH), ("stems/bass.wav", "ours", ONE), ("stems/bass.theirs.wav", "base", BASS),
])  # fmt: skip
def test_resolve_by_take(conflicted: Bf, name: str, take_name: str, wanted: np.ndarray) -> None:
    done = conflicted.ok("resolve", name, "--take", take_name)
    assert done.stderr == 'resolved stems/bass.wav; bf commit -m "..." keeps it\n'
    assert (samples(conflicted, "stems/bass.wav") == wanted).all()
    assert sorted(path.name for path in (conflicted.directory / "stems").iterdir()) == ["bass.wav"]
    assert conflicted.ok("resolve").stderr == "nothing is in conflict\n"
    conflicted.ok("undo")
    assert conflicted.ok("status", "--porcelain").stdout == "U stems/bass.wav\n"


def test_resolve_by_region(conflicted: Bf) -> None:
    conflicted.ok(
        "resolve", "bass", "--region", "0:00.5-0:01", "theirs", "--region", "1.2s-1.4s", "base", "-m", "so"
    )
    assert (
        samples(conflicted, "stems/bass.wav") == put(put(ONE, 0.5, CLASH[4000:8000]), 1.2, BASS[9600:11200])
    ).all()
    assert conflicted.ok("status", "--porcelain").stdout == ""
    assert conflicted.ok("log", "-n", "1", "--format", "{message}").stdout == "so\n"


def test_resolve_by_bars(conflicted: Bf) -> None:
    write(conflicted, "stems/bass.theirs.wav", take(8))
    conflicted.ok("resolve", "bass", "--region", "b1.2", "theirs")
    assert (samples(conflicted, "stems/bass.wav") == put(ONE, 0.5, take(8)[4000:8000])).all()


def test_resolve_by_sum_and_by_hand(conflicted: Bf) -> None:
    done = conflicted.ok("resolve", "bass", "--mix", "0.5", "--json").json
    assert (done["resolved"], done["open"]) == (["stems/bass.wav"], [])
    assert (samples(conflicted, "stems/bass.wav") == np.rint(ONE * 0.5 + CLASH * 0.5)).all()
    conflicted.ok("undo")
    write(conflicted, "stems/bass.wav", take(7))
    conflicted.ok("resolve", "bass", "--mark")
    assert (samples(conflicted, "stems/bass.wav") == take(7)).all()
    assert not (conflicted.directory / "stems/bass.ours.wav").exists()


def test_resolve_dry(conflicted: Bf) -> None:
    assert (
        conflicted.ok("resolve", "-n", "bass", "--take", "theirs").stderr == "would resolve stems/bass.wav\n"
    )
    assert (samples(conflicted, "stems/bass.wav") == ONE).all()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("bass",), 2, "say what to decide, and one way to do it"),
        (("bass", "--take", "ours", "--mark"), 2, "say what to decide, and one way to do it"),
        (("--mark",), 2, "say what to decide"),
        (("drums", "--mark"), 3, "drums is not in conflict"),
        (("bass", "--take", "mine"), 2, "mine"),
        (("bass", "--region", "0:01-0:02", "mine"), 2, "there is no take 'mine'"),
        (("--region", "0:01-0:02"), 2, "each region wants a take"),
        (("bass", "--region", "0:02-0:01", "theirs"), 2, "ends before it begins"),
        (("bass", "--region", "0:01-0:09", "theirs"), 2, "theirs is only 2.000 s long"),
        (("bass", "--mix", "1.5"), 2, "1.5"),
    ],
)
def test_resolve_refuses(conflicted: Bf, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert said in conflicted.fails(code, "resolve", *arguments)
    assert conflicted.ok("status", "--porcelain").stdout == "U stems/bass.wav\n"


def test_takes_that_do_not_go_together(track: Bf) -> None:
    part(track, ONE, CLASH[:, :1])
    assert track("merge", "mia").code == 4
    said = track.fails(1, "resolve", "bass", "--mix", "0.5")
    assert "the takes do not go together: ours stereo, theirs mono" in said
    track.ok("resolve", "bass", "--take", "theirs")
    assert samples(track, "stems/bass.wav").shape[1] == 1


def test_deleted_on_one_side(track: Bf) -> None:
    track.ok("switch", "mia")
    (track.directory / "stems/bass.wav").unlink()
    track.ok("commit", "-m", "no bass")
    track.ok("switch", "main")
    write(track, "stems/bass.wav", ONE)
    track.ok("commit", "-m", "bass")
    assert "theirs deleted it, ours changed it" in track("merge", "mia").stderr
    assert "theirs deleted it" in track.fails(2, "resolve", "bass", "--mix", "0.5")
    track.ok("resolve", "bass", "--take", "theirs", "-m", "no bass then")
    assert not (track.directory / "stems").exists()
    track.ok("undo")
    track.ok("resolve", "bass", "--take", "base")
    assert (samples(track, "stems/bass.wav") == BASS).all()


def test_both_added_has_no_base(track: Bf) -> None:
    track.ok("switch", "mia")
    write(track, "pad.wav", ONE)
    track.ok("commit", "-m", "pad")
    track.ok("switch", "main")
    write(track, "pad.wav", TWO)
    track.ok("commit", "-m", "pad")
    assert track("merge", "mia").code == 4
    assert "has no base" in track.fails(2, "resolve", "pad", "--take", "base")
    assert "has no base" in track.fails(2, "resolve", "pad.wav", "--region", "0:00-0:01", "base")


def test_resolving_renders_the_mix_again(bf: Bf, tmp_path: Path) -> None:
    drums = take(9)
    bf.ok("init")
    for path, data in {"track.toml": MIXED, "bass.wav": BASS, "drums.wav": drums}.items():
        write(bf, path, data)
    write(bf, "mix.wav", mix(tmp_path, BASS, drums))
    bf.ok("commit", "-m", "first")
    bf.ok("switch", "-c", "mia")
    write(bf, "bass.wav", CLASH)
    bf.ok("commit", "-m", "mia")
    bf.ok("switch", "main")
    write(bf, "bass.wav", ONE)
    write(bf, "mix.wav", mix(tmp_path, ONE, drums))
    bf.ok("commit", "-m", "ada")
    assert bf("merge", "mia").code == 4
    assert "rendered mix.wav again" in bf.ok("resolve", "bass", "--take", "theirs").stderr
    assert (bf.directory / "mix.wav").read_bytes() == mix(tmp_path, CLASH, drums)


def test_contradictions_and_what_is_not_there(track: Bf) -> None:
    assert "contradict" in track.fails(2, "merge", "--ff-only", "--no-ff", "mia")
    assert "no revision 'mai'" in track.fails(3, "merge", "mai")
    part(track, ONE, TWO)
    assert "both gone on" in track.fails(4, "merge", "--ff-only", "mia")


# One commit at a time ------------------------------------------------------------------------------------


def test_cherry_pick_keeps_author_and_message(track: Bf) -> None:
    track.ok("switch", "mia")
    track.environment = {"BF_AUTHOR_NAME": "Mia", "BF_AUTHOR_EMAIL": "mia@example.com"}
    write(track, "stems/bass.wav", TWO)
    track.ok("commit", "-m", "mia plays\n\nall night")
    write(track, "words.txt", b"la\n")
    track.ok("commit", "-m", "words")
    track.environment = {}
    track.ok("switch", "main")
    write(track, "stems/bass.wav", ONE)
    track.ok("commit", "-m", "ada plays")
    track.ok("cherry-pick", "mia~1")
    assert (samples(track, "stems/bass.wav") == BOTH).all()
    shown = track.ok("log", "-n", "1", "--format", "{author}|{email}|{message}|{body}").stdout
    assert shown.startswith("Mia|mia@example.com|mia plays|")
    assert not (track.directory / "words.txt").exists()
    track.ok("undo")
    done = track.ok("cherry-pick", "main..mia")
    assert [line.split(" ", 2)[2] for line in done.stderr.splitlines() if "cherry-pick" in line][1].endswith(
        "words"
    )
    assert track.ok("log", "-n", "2", "--format", "{message}").stdout == "words\nmia plays\n"
    assert "nothing to cherry-pick" in track.fails(1, "cherry-pick", "mia")
    track.ok("undo")
    assert (samples(track, "stems/bass.wav") == ONE).all()


def test_cherry_pick_stops_at_a_conflict(track: Bf) -> None:
    part(track, ONE, CLASH)
    track.ok("switch", "mia")
    write(track, "words.txt", b"la\n")
    track.ok("commit", "-m", "words")
    track.ok("switch", "main")
    done = track("cherry-pick", "main..mia")
    assert done.code == 4
    left = done.stderr.splitlines()[-1]
    assert left.startswith("not done yet: bf cherry-pick ")
    assert (samples(track, "stems/bass.theirs.wav") == CLASH).all()
    track.ok("resolve", "bass", "--take", "ours", "-m", "ours")
    track.ok("cherry-pick", left.split()[-1])
    assert (track.directory / "words.txt").read_bytes() == b"la\n"


def test_revert_keeps_what_came_after(track: Bf) -> None:
    write(track, "stems/bass.wav", ONE)
    first = track.ok("commit", "-m", "fill").stdout.strip()
    write(track, "stems/bass.wav", BOTH)
    track.ok("commit", "-m", "more")
    track.ok("revert", "HEAD~1")
    assert (samples(track, "stems/bass.wav") == TWO).all()
    assert track.ok("log", "-n", "1", "--format", "{body}").stdout == (
        f'Revert "fill"\n\nThis reverts commit {first}.\n'
    )
    track.ok("undo")
    assert track.ok("revert", "-n", "HEAD", "HEAD~1").stderr.count("would revert") == 2
    track.ok("revert", "HEAD", "HEAD~1")
    assert (samples(track, "stems/bass.wav") == BASS).all()
    track.ok("undo")
    assert (samples(track, "stems/bass.wav") == BOTH).all()


def test_revert_of_a_merge_wants_a_mainline(track: Bf) -> None:
    part(track, ONE, TWO)
    track.ok("merge", "mia")
    said = track.fails(2, "revert", "HEAD")
    assert "is a merge" in said
    assert "--mainline 1" in said
    assert "has no parent 3" in track.fails(2, "revert", "--mainline", "3", "HEAD")
    document = track.ok("revert", "--mainline", "1", "HEAD", "--json").json
    assert document["schema"] == "beatflow.revert/1"
    assert document["commits"][0]["title"] == "Merge mia into main"
    assert (samples(track, "stems/bass.wav") == ONE).all()


def test_revert_in_conflict(track: Bf) -> None:
    write(track, "stems/bass.wav", ONE)
    track.ok("commit", "-m", "fill")
    write(track, "stems/bass.wav", put(ONE, 0.3, new(12)))
    track.ok("commit", "-m", "another")
    assert track("revert", "HEAD~1").code == 4
    assert (samples(track, "stems/bass.theirs.wav") == BASS).all()


def test_a_root_commit_can_be_picked(track: Bf) -> None:
    track.ok("revert", "HEAD")
    assert not (track.directory / "stems").exists()
    track.ok("cherry-pick", "mia")
    assert (samples(track, "stems/bass.wav") == BASS).all()


def test_picking_in_an_empty_track(bf: Bf) -> None:
    bf.ok("init")
    assert "there is no commit yet" in bf.fails(3, "cherry-pick", "HEAD")
    assert bf.fails(2, "cherry-pick")


def test_git_sees_a_sound_history(track: Bf) -> None:
    import subprocess

    part(track, ONE, CLASH)
    track("merge", "mia")
    track.ok("resolve", "bass", "--region", "0:00.25-0:00.55", "theirs", "-m", "both")
    done = subprocess.run(
        ["git", "--git-dir=.beatflow", "fsck", "--strict"],
        cwd=track.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    track.ok("check", "--data")


# What is said --------------------------------------------------------------------------------------------


def test_a_gain_is_told(track: Bf) -> None:
    part(track, ONE, scale(BASS, -1.5))
    assert track.ok("merge", "mia").stderr.splitlines()[0] == (
        "merged   stems/bass.wav: bar 1 ours, with the −1.50 dB that theirs put there"
    )
    assert (samples(track, "stems/bass.wav") == scale(ONE, -1.5)).all()
    document = track.ok("show", "--json", "HEAD").json
    assert document["schema"].startswith("beatflow.show/")


def test_a_gain_that_would_clip_is_told(track: Bf) -> None:
    part(track, put(BASS, 0.5, np.full((500, 2), 32000, np.int16)), scale(BASS, 3))
    assert (
        "conflict stems/bass.wav: what ours put in would clip with the gain of theirs bar 1"
        in track("merge", "mia").stderr
    )


def test_renames_scores_texts_and_mixes_are_told(bf: Bf, tmp_path: Path) -> None:
    drums = take(9)
    bf.ok("init")
    for path, data in {
        "track.toml": MIXED,
        "bass.wav": BASS,
        "drums.wav": drums,
        "a": b"1\n2\n3\n4\n",
        "b": b"b",
    }.items():
        write(bf, path, data)
    write(bf, "mix.wav", mix(tmp_path, BASS, drums))
    bf.ok("commit", "-m", "first")
    bf.ok("switch", "-c", "mia")
    write(bf, "track.toml", MIXED.replace(b"-6.0", b"-3.0"))
    write(bf, "a", b"0\n2\n3\n4\n")
    (bf.directory / "b").rename(bf.directory / "c")
    bf.ok("commit", "-m", "mia")
    bf.ok("switch", "main")
    write(bf, "track.toml", b"tempo = 90.0\n" + MIXED)
    write(bf, "a", b"1\n2\n3\n5\n")
    write(bf, "bass.wav", ONE)
    (bf.directory / "b").rename(bf.directory / "d")
    bf.ok("commit", "-m", "ada")
    assert bf.ok("merge", "mia").stderr.splitlines()[:4] == [
        "note     b was renamed to d and to c: d is kept",
        "merged   a: by lines",
        "merged   track.toml: by key",
        "merged   mix.wav: rendered again from the stems",
    ]
    assert (bf.directory / "mix.wav").read_bytes() == mix(tmp_path, ONE, drums, -3.0)


def test_a_stem_that_does_not_fit_leaves_the_mix_as_it_is(bf: Bf, tmp_path: Path) -> None:
    drums = take(9)
    bf.ok("init")
    for path, data in {"track.toml": MIXED, "bass.wav": BASS, "drums.wav": drums}.items():
        write(bf, path, data)
    write(bf, "mix.wav", mix(tmp_path, BASS, drums))
    bf.ok("commit", "-m", "first")
    bf.ok("switch", "-c", "mia")
    write(bf, "drums.wav", wav(drums, 16000))
    bf.ok("commit", "-m", "mia")
    bf.ok("switch", "main")
    write(bf, "bass.wav", ONE)
    bf.ok("commit", "-m", "ada")
    said = bf.ok("merge", "mia").stderr.splitlines()[0]
    assert said.startswith("note     mix.wav is not what the stems sound like now: stem drums is at 16000 Hz")
    assert (bf.directory / "mix.wav").read_bytes() == mix(tmp_path, BASS, drums)


def test_a_damaged_side_is_exit_code_7(track: Bf) -> None:
    part(track, ONE, TWO)
    before = (track.directory / "stems/bass.wav").read_bytes()
    head = track.ok("log", "-n", "1", "--format", "{oid}").stdout
    for pack in (track.directory / ".beatflow/audio/packs").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        for at in range(len(data) // 3, len(data) * 2 // 3, 40):
            data[at] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(data)
    track.fails(7, "merge", "mia")
    assert (track.directory / "stems/bass.wav").read_bytes() == before
    assert track.ok("log", "-n", "1", "--format", "{oid}").stdout == head


def test_a_merge_that_is_killed_has_not_happened(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    from beatflow import transaction

    part(track, ONE, TWO)
    head = track.ok("log", "-n", "1", "--format", "{oid}").stdout

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(transaction, "write_operation", die)
        assert track("merge", "mia").code == 130
    assert track.ok("log", "-n", "1", "--format", "{oid}").stdout == head
    assert (samples(track, "stems/bass.wav") == ONE).all()
    assert track.ok("status", "--porcelain").stdout == ""
    track.ok("merge", "mia")
    assert (samples(track, "stems/bass.wav") == BOTH).all()


def test_only_the_keys_in_conflict_are_decided(track: Bf) -> None:
    score = '{}[stems.bass]\nfile = "stems/bass.wav"\n{}'
    track.ok("switch", "mia")
    write(track, "track.toml", score.format("tempo = 123.0\n", "pan = 0.5\n").encode())
    track.ok("commit", "-m", "faster")
    track.ok("switch", "main")
    write(
        track,
        "track.toml",
        score.format('# so far\ntempo = 121.0\ntitle = "x"\n', "gain_db = -3.0\n").encode(),
    )
    track.ok("commit", "-m", "a little faster")
    assert "conflict track.toml: both changed tempo" in track("merge", "mia").stderr
    for side, tempo in (("theirs", "123.0"), ("base", "120.0"), ("ours", "121.0")):
        track.ok("resolve", "track.toml", "--take", side)
        assert (track.directory / "track.toml").read_text() == score.format(
            f'# so far\ntempo = {tempo}\ntitle = "x"\n', "gain_db = -3.0\npan = 0.5\n"
        )
        track.ok("undo")
    assert "hint: --take ours or theirs or base; or edit track.toml, then --mark" in track.fails(
        1, "resolve", "track.toml", "--mix", "0.5"
    )


def test_the_way_out_can_be_typed_for_any_name(track: Bf) -> None:
    for branch, sound in (("mia", TWO), ("main", put(BASS, 1.1, new(5)))):
        track.ok("switch", branch)
        write(track, "--help.wav", sound)
        track.ok("commit", "-m", branch)
    assert "bf resolve ./--help.wav --take ours|theirs" in track("merge", "mia").stderr
    track.ok("resolve", "./--help.wav", "--take", "theirs")
    assert (samples(track, "--help.wav") == TWO).all()
