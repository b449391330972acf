"""The log tells how each commit sounds and what it did, from what is known and within its time."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beatflow.log import listening
from tests.conftest import Bf
from tests.world import tone, wav_bytes, write_tone


def write(track: Bf, path: str, samples: np.ndarray) -> None:
    place = track.directory / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(wav_bytes(np.rint(samples).astype(np.int16)))


def music(seconds: float = 2.0, seed: int = 1) -> np.ndarray:
    """Noise whose level wanders: nothing in it repeats, so that every place can be found again."""
    random = np.random.default_rng(seed)
    frames = int(seconds * 44100)
    envelope = np.repeat(random.uniform(0.2, 1.0, int(seconds * 8) + 1), 5513)[:frames]
    return random.normal(0, 3000, (frames, 2)) * envelope[:, None]


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    (bf.directory / "track.toml").write_text(
        'tempo = 120\nkey = "Am"\n[stems.bass]\nfile = "stems/bass.wav"\n'
    )
    write(bf, "stems/bass.wav", music())
    write(bf, "mix.wav", music(seed=2))
    bf.ok("commit", "-m", "first take")
    return bf


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine finds out no less."""
    monkeypatch.setattr("beatflow.commands.log.LISTEN_S", 1e9)


def quieter(track: Bf) -> None:
    """Commit the bass at half its level, and a mix that is louder."""
    write(track, "stems/bass.wav", music() / 2)
    write(track, "mix.wav", music(seed=2) * 1.5)
    track.ok("commit", "-m", "bass down")


def test_says_what_became_of_a_stem_and_how_much_louder_the_mix_is(track: Bf) -> None:
    quieter(track)
    title, facts, story, *_ = track.ok("log", "--graph").stdout.splitlines()
    assert title.endswith("(HEAD → main) bass down")
    assert "LUFS (+3.5)  120 BPM   A:min  Ada, 2023-11-14" in facts
    assert story == "│         bass −6.0 dB"
    second = track.ok("log", "--json").json["commits"][0]
    assert second["loudness_change_db"] == pytest.approx(3.52, abs=0.05)
    explained = second["explained"]["stems/bass.wav"]
    assert explained["said"] == "bass −6.0 dB"
    assert [change["kind"] for change in explained["changes"]] == ["gain"]
    assert list(second["explained"]) == ["stems/bass.wav"], "a mix goes without saying beside its stems"


def test_a_mix_that_changed_alone_is_explained(track: Bf) -> None:
    write(track, "mix.wav", music(seed=2) / 2)
    track.ok("commit", "-m", "quieter")
    assert track.ok("log", "-n", "1").stdout.splitlines()[2].strip() == "mix −6.0 dB"


def test_nothing_is_asked_twice(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    quieter(track)
    before = track.ok("log").stdout

    def refuse(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(listening.Listener, "_do", refuse)
    assert track.ok("log").stdout == before
    assert "LUFS" in before


def test_what_there_is_no_time_for_is_left_out_and_said(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    quieter(track)
    monkeypatch.setattr("beatflow.commands.log.LISTEN_S", -1.0)
    done = track.ok("log")
    assert done.stdout.count("LUFS") == 1, "one thing is found out in any case"
    assert "·" * 24 in done.stdout
    assert "bass −6.0 dB" not in done.stdout
    assert "bf log --measure" in done.stderr
    whole = track.ok("log", "--measure")
    assert (whole.stdout.count("LUFS"), whole.stderr) == (2, "")
    assert "bass −6.0 dB" in whole.stdout


def test_ctrl_c_shows_what_is_there(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    quieter(track)
    do = listening.Listener._do
    done: list[object] = []

    def interrupt(self: listening.Listener, task: object, progress: Callable[..., None]) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(task)
        do(self, task, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(listening.Listener, "_do", interrupt)
    shown = track.ok("log").stdout
    assert "bass down" in shown
    assert "first take" in shown
    assert shown.count("LUFS") == 1


def test_where_nothing_can_be_remembered(track: Bf) -> None:
    quieter(track)
    for name in ("analysis", "silhouettes", "explanations"):
        (track.directory / ".beatflow/state" / name).write_bytes(b"in the way")
    shown = track.ok("log").stdout
    assert shown.count("LUFS") == 2
    assert "bass −6.0 dB" in shown


def test_only_the_first_page_is_measured(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "FIRST_PAGE", 1)
    quieter(track)
    assert track.ok("log").stdout.count("LUFS") == 2, "what it is compared with is measured as well"
    assert len(list((track.directory / ".beatflow/state/silhouettes").iterdir())) == 2
    assert track.ok("log", "--json").json["commits"][1]["mix"]


def test_a_fader_a_rename_and_what_came_and_went(track: Bf) -> None:
    score = track.directory / "track.toml"
    score.write_text(score.read_text().replace("120", "118") + "gain_db = -1.5\npan = 0.5\nmute = true\n")
    track.ok("commit", "-m", "score")
    story = track.ok("log", "-n", "1").stdout.splitlines()[2].strip()
    assert story == "tempo 120 → 118 BPM; bass fader −1.5 dB; bass panned 50 % right; bass muted"
    (track.directory / "stems/bass.wav").rename(track.directory / "stems/low.wav")
    write(track, "stems/pads.wav", music(seed=5))
    (track.directory / "track.toml").unlink()
    track.ok("commit", "-m", "moved")
    story = track.ok("log", "-n", "1").stdout.splitlines()[2].strip()
    assert story == "bass → low +pads −track.toml"
    assert track.ok("log", "-n", "1", "--format", "{touched}").stdout == "bass → low +pads −track.toml\n"


def test_a_merge_is_told_against_its_first_parent(track: Bf) -> None:
    track.ok("switch", "-c", "side")
    write(track, "stems/bass.wav", music() / 2)
    track.ok("commit", "-m", "quiet bass")
    track.ok("switch", "main")
    (track.directory / "notes.txt").write_text("words\n")
    track.ok("commit", "-m", "words")
    side = track.ok("log", "-n", "1", "--format", "{short}", "side").stdout.strip()
    track.ok("merge", "side")
    merge = track.ok("log", "--graph", "-n", "1").stdout.splitlines()
    assert merge[2].split("    ")[-1].strip() == f"merge of {side}; bass −6.0 dB"
    (entry,) = track.ok("log", "-n", "1", "--json").json["commits"]
    assert entry["explained"]["stems/bass.wav"]["said"] == "bass −6.0 dB"


def test_conflicts_are_marked(track: Bf) -> None:
    for take in ("ours", "theirs", "base"):
        write_tone(track.directory / "stems" / f"bass.{take}.wav", hz=100 + len(take))
    track.ok("commit", "-m", "undecided")
    assert "        conflict: bass; +bass.base" in track.ok("log", "-n", "1").stdout
    assert track.ok("log", "-n", "1", "--json").json["commits"][0]["conflicts"] == ["stems/bass.wav"]
    assert track.ok("log", "-n", "1", "--format", "{conflicts}").stdout == "stems/bass.wav\n"


def test_fields_of_a_format(track: Bf) -> None:
    quieter(track)
    first, second = track.ok(
        "log", "--format", "{loudness_lufs}|{loudness_change_db}|{explained}|{sparkline}"
    ).stdout.splitlines()
    loudness, change, explained, spark = first.split("|")
    assert float(loudness) - float(second.split("|")[0]) == pytest.approx(float(change), abs=0.11)
    assert explained == "bass −6.0 dB"
    assert len(spark) == 24
    assert set(spark) <= set("▁▂▃▄▅▆▇█")
    assert second.split("|")[1:3] == ["", ""]
    assert "brace" in track.fails(2, "log", "--format", "{oid")


def test_a_format_of_loudness_explains_nothing(track: Bf) -> None:
    quieter(track)
    track.ok("log", "--format", "{loudness_lufs}")
    assert not (track.directory / ".beatflow/state/explanations").exists()


def test_commits_that_touched_a_stretch(track: Bf) -> None:
    samples = music(4.0)
    write(track, "stems/bass.wav", samples)
    track.ok("commit", "-m", "longer")
    samples[2 * 44100 : 3 * 44100] = music(1.0, seed=9)
    write(track, "stems/bass.wav", samples)
    track.ok("commit", "-m", "middle")
    titles = track.ok("log", "--format", "{message}", "stems/bass.wav:3.2s-3.8s").stdout.splitlines()
    assert "middle" not in titles
    assert "longer" in titles
    assert track.ok("log", "--format", "{message}", "main", "stems/bass.wav:b2").stdout.startswith("middle\n")
    assert "no revision" in track.fails(3, "log", "stems/nothing.wav:b2")


def test_a_mix_that_is_no_sound_has_no_picture(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "mix.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40)
    bf.ok("commit", "-m", "broken")
    assert bf.ok("log").stdout == bf.ok("log").stdout
    assert "LUFS" not in bf.ok("log").stdout


def test_silence_is_told_apart_from_what_is_not_known(bf: Bf) -> None:
    bf.ok("init")
    write(bf, "mix.wav", np.zeros((44100, 2)))
    bf.ok("commit", "-m", "quiet")
    assert " silent" in bf.ok("log").stdout


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 1, "facts": {"peaks": 5}}', b'{"version": 1}'])
def test_a_damaged_cache_is_measured_again(track: Bf, content: bytes) -> None:
    before = track.ok("log").stdout
    for path in Path(track.directory, ".beatflow/state/silhouettes").iterdir():
        path.write_bytes(content)
    assert track.ok("log").stdout == before


def test_control_characters_of_a_message_do_not_reach_the_terminal(track: Bf) -> None:
    write(track, "mix.wav", music(seed=3))
    track.ok("commit", "-m", "\x1b[31mred\x07")
    assert "\\x1b[31mred\\x07" in track.ok("log", "-n", "1").stdout
    assert "\x1b" not in track.ok("show").stdout


def test_a_terminal_gets_lines_that_fit(track: Bf) -> None:
    """Sheets of every width, through the library: a terminal is not at hand here."""
    from beatflow.columns import cell_width
    from beatflow.log.logbook import Logbook
    from beatflow.log.text import Sheet, format_entry
    from beatflow.objects.git.value import Signature
    from beatflow.repository import Repository

    write(track, "stems/bass.wav", music() / 2)
    for number in range(9):
        write_tone(track.directory / f"stems/layer {number} 鼓.wav", seconds=0.1, hz=100 + number)
    track.ok("commit", "-m", "a title that goes on and on, for longer than anybody's screen is wide " * 3)
    track.ok("log")
    repository = Repository(track.directory, lambda: Signature("", "", 0))
    book = Logbook(repository)
    assert repository.head
    entry = book.read(repository.git.read_commit(repository.head))
    for width in (72, 80, 100, 120, 200):
        sheet = Sheet(lambda text, name: f"\x1b[1m{text}\x1b[0m", width=width, branch="main")
        lines = format_entry(entry, sheet, (4, 2))
        first, *others = map(cell_width, lines)
        assert first <= width - 4
        assert max(others) <= width - 2
        assert "Ada, 2023-11-14" in "".join(lines)
        assert "bass −6.0 dB" in lines[2]


def test_json_is_what_it_was_and_more(track: Bf) -> None:
    document = track.ok("log", "--json").json
    assert document["schema"] == "beatflow.log/1"
    assert {"oid", "parents", "message", "changes", "mix", "loudness_lufs", "explained", "conflicts"} <= set(
        document["commits"][0]
    )
    assert json.dumps(document)


def test_tones_are_cheap_to_look_at(track: Bf) -> None:
    """A mix of another name is found: the only sound at the top."""
    (track.directory / "mix.wav").unlink()
    write(track, "bounce.wav", tone())
    track.ok("commit", "-m", "bounced")
    assert track.ok("log", "-n", "1").stdout.count("LUFS") == 1
