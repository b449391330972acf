"""``bf du``: figures that add up to the last byte."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bf
from tests.world import write_tone


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A history with a copy, a rename, a small change, a branch, and work that was taken back."""
    bf.ok("init")
    drums = write_tone(bf.directory / "stems" / "drums.wav", seconds=6, hz=100)
    write_tone(bf.directory / "mix.wav", seconds=4, hz=300)
    (bf.directory / "notes.txt").write_text("first\n")
    bf.ok("commit", "-m", "first")
    (bf.directory / "stems" / "copy.wav").write_bytes(drums)
    bf.ok("commit", "-m", "copy")
    (bf.directory / "mix.wav").rename(bf.directory / "final.wav")
    bf.ok("commit", "-m", "rename")
    bf.ok("switch", "-c", "take2")
    (bf.directory / "stems" / "drums.wav").write_bytes(drums[: len(drums) // 8 * 4 + 44])
    bf.ok("commit", "-m", "shorter")
    bf.ok("switch", "main")
    write_tone(bf.directory / "final.wav", seconds=3, hz=700)
    bf.ok("restore", "final.wav")
    return bf


def du(track: Bf, *args: object) -> Any:
    return track.ok("du", *args, "--json").json


def stored_bytes(track: Bf) -> int:
    packs = (track.directory / ".beatflow" / "audio" / "packs").iterdir()
    return sum(path.stat().st_size for path in packs)


def check_sums(track: Bf, found: Any) -> None:
    total = found["total"]
    assert total["stored_bytes"] == stored_bytes(track)
    rows = sum(row["stored_bytes"] for row in found["rows"])
    rest = ("elsewhere_bytes", "undo_bytes", "unreached_bytes", "frame_bytes")
    assert rows + sum(found[key] for key in rest) == total["stored_bytes"]
    assert total["file_bytes"] - total["saved_by_sharing_bytes"] == total["chunk_bytes"]
    saved = ("missing_bytes", "saved_by_coding_bytes", "saved_by_prediction_bytes")
    beside = ("bookkeeping_bytes", "unreached_bytes")
    expected = total["chunk_bytes"] - sum(total[key] for key in saved) + sum(total[key] for key in beside)
    assert expected == total["stored_bytes"]


@pytest.mark.parametrize("by", ["path", "commit"])
@pytest.mark.parametrize(
    "arguments", [[], ["HEAD~1"], ["main..take2"], ["stems"], ["take2", "stems/drums.wav"]]
)
def test_everything_adds_up(track: Bf, by: str, arguments: list[str]) -> None:
    check_sums(track, du(track, *arguments, "--by", by))


def test_by_path(track: Bf) -> None:
    size = {path: (track.directory / path).stat().st_size for path in ("stems/drums.wav", "final.wav")}
    rows = {row["path"]: row for row in du(track)["rows"]}
    assert set(rows) == {"stems/drums.wav", "stems/copy.wav", "mix.wav", "final.wav"}
    # What is only a copy costs nothing, and is shared in full.
    assert rows["stems/copy.wav"]["stored_bytes"] == rows["final.wav"]["stored_bytes"] == 0
    assert rows["final.wav"]["shared_bytes"] == rows["mix.wav"]["shared_bytes"] > 0
    assert rows["mix.wav"]["size"] == size["final.wav"]
    assert rows["stems/drums.wav"]["versions"] == 2
    assert rows["stems/drums.wav"]["stored_bytes"] > rows["stems/copy.wav"]["shared_bytes"]


def test_by_commit(track: Bf) -> None:
    rows = {row["message"]: row for row in du(track, "--by", "commit")["rows"]}
    assert rows["first"]["versions"] == 2
    assert rows["copy"]["stored_bytes"] == rows["rename"]["stored_bytes"] == 0
    assert 0 < rows["shorter"]["stored_bytes"] < rows["first"]["stored_bytes"]
    (only,) = du(track, "main..take2", "--by", "commit")["rows"]
    assert only == rows["shorter"]


def test_the_total(track: Bf) -> None:
    drums = (track.directory / "stems" / "drums.wav").stat().st_size
    mix = (track.directory / "final.wav").stat().st_size
    shorter = drums // 8 * 4 + 44
    undone = 44 + 3 * 44100 * 4
    found = du(track)
    total = found["total"]
    assert total["commits"] == 4
    assert total["file_bytes"] == 6 * drums + 4 * mix + shorter + undone
    assert total["distinct_bytes"] == drums + mix + shorter + undone
    assert total["distinct"] == 4
    assert found["undo_bytes"] > 0
    assert total["unreached_bytes"] == 0


def test_what_nothing_reaches_is_what_gc_drops(track: Bf) -> None:
    store = track.directory / ".beatflow"
    # As if the branch and its operations had never been: what they alone hold is garbage now.
    for ref in ("refs/heads/take2", "refs/beatflow/operations"):
        (store / ref).unlink()
    found = du(track)
    check_sums(track, found)
    planned = track.ok("gc", "--dry-run", "--json").json["collected"]
    assert found["total"]["unreached_records"] == planned["objects"] > 0
    before = found["total"]["stored_bytes"]
    track.ok("gc")
    after = du(track)
    check_sums(track, after)
    assert after["unreached_bytes"] == 0
    dropped = before - after["total"]["stored_bytes"]
    # Packs were joined too, and each has a few bytes of its own.
    assert dropped - found["unreached_bytes"] == found["frame_bytes"] - after["frame_bytes"] >= 0


def test_a_sound_that_is_missing(track: Bf) -> None:
    packs: list[Path] = list((track.directory / ".beatflow" / "audio" / "packs").iterdir())
    max(packs, key=lambda path: path.stat().st_size).unlink()
    found = du(track)
    check_sums(track, found)
    assert found["total"]["missing_bytes"] > 0
    assert "is missing" in track.ok("du").stderr


def test_the_table(track: Bf) -> None:
    text = track.ok("du").stdout
    assert text.split()[:5] == ["stored", "shared", "files", "versions", "path"]
    assert "kept for bf undo alone" in text
    assert "the sounds of 4 commits, each a copy" in text
    assert "by sharing" in text
    text = track.ok("du", "main..take2", "--by", "commit").stdout
    assert "shorter" in text
    assert "everything else" in text


def test_a_long_table_is_cut_short(bf: Bf) -> None:
    bf.ok("init")
    for number in range(18):
        write_tone(bf.directory / f"{number:02}.wav", seconds=0.1, hz=100 + number)
    bf.ok("commit", "-m", "many")
    assert "3 more paths" in bf.ok("du").stdout
    assert "more" not in bf.ok("du", "--all").stdout
    assert len(du(bf)["rows"]) == 18


def test_what_is_not_there(track: Bf) -> None:
    assert "nowhere.wav" in track.fails(3, "du", "nowhere.wav")
    assert du(track, "mix.wav")["rows"][0]["path"] == "mix.wav"


def test_an_empty_track(bf: Bf) -> None:
    bf.ok("init")
    assert du(bf)["total"]["stored_bytes"] == 0
    bf.ok("du")
