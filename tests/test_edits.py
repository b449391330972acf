"""The judge of `benchmarks.edits`: it takes what is true, knows what is not, and runs on whatever tools there are."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.files import read_info
from benchmarks.edit_table import all_edits
from benchmarks.editing import Edit, Piece, claim, eq, moved, region, shifted
from benchmarks.edits import format_outcomes, prepare, run_edit, summarise
from benchmarks.evidence import Pair
from benchmarks.truth import PARTIAL, RIGHT, WRONG, Truth, judge

RATE = 44100
NEW = {"kind": "new_take"}


def music(seconds: float = 3.0, seed: int = 1) -> np.ndarray:
    """Notes that start and end, in two different channels, over a little noise."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    time = np.arange(frames) / RATE
    sound = rng.normal(0.0, 0.003, (frames, 2))
    for start in np.arange(0.0, seconds, 0.2):
        hz = 110.0 * 2 ** (rng.integers(0, 36) / 12)
        since = np.clip(time - start, 0.0, None)
        note = np.sin(2 * np.pi * hz * since) * np.exp(-6 * since) * (time >= start)
        sound += 0.1 * note[:, None] * rng.uniform(0.3, 1.0, 2)
    return sound


def said(
    *changes: dict[str, Any], frames: int, sources: list[tuple[int, int, int | None]] | None = None
) -> dict[str, Any]:
    pieces = sources or [(0, frames, 0)]
    rows = [{"start": start, "frames": count, "source": source} for start, count, source in pieces]
    return {"changes": list(changes), "pieces": rows}


def test_gains_are_judged_as_a_sum_and_to_a_twentieth_of_a_decibel():
    sound = music()
    pair, truth = Pair(sound, sound * 0.7079, RATE), [Truth(gains_db=-3.0)]
    for changes, word in (
        ([{"kind": "gain", "gain_db": -3.04}], RIGHT),
        ([{"kind": "gain", "gain_db": -3.06}], WRONG),
        ([{"kind": "gain", "gain_db": -2.0}, {"kind": "balance", "gains_db": [-1.0, -1.0]}], RIGHT),
        ([{"kind": "residual", "null_depth_db": -12.0, "worst_s": 0.0}], PARTIAL),
        ([{"kind": "gain", "gain_db": -3.0}, {"kind": "channel_swap"}], WRONG),
        ([NEW], WRONG),
        ([{"kind": "identical"}], WRONG),
    ):
        assert judge(said(*changes, frames=len(sound)), truth, pair).word == word, changes


def test_what_is_not_said_is_partial_and_what_is_not_so_is_wrong():
    sound = music()
    after = sound.copy()
    after[60_000:80_000] = music(seed=2)[60_000:80_000]
    pair, truth = Pair(sound, after, RATE), [Truth((region("replaced", 60_000, 20_000),))]

    def replaced(start: int, frames: int) -> dict[str, Any]:
        return {"kind": "region", "action": "replaced", "start_frame": start, "frames": frames}

    for changes, word in (
        ([replaced(60_500, 19_000)], RIGHT),
        ([replaced(63_000, 17_000)], WRONG),
        ([replaced(60_000, 20_000), replaced(100_000, 5_000)], WRONG),
        ([{"kind": "residual", "null_depth_db": -12.0, "worst_s": 0.0}], PARTIAL),
    ):
        assert judge(said(*changes, frames=len(sound)), truth, pair).word == word, changes


def test_a_cut_may_slide_where_the_sound_repeats_itself():
    loop = music(0.5)
    sound = np.concatenate([loop] * 6)
    after = np.concatenate([sound[:40_000], sound[40_000 + len(loop) :]])
    truth = [Truth((region("deleted", 40_000, len(loop)),))]
    row = {
        "kind": "region",
        "action": "deleted",
        "start_frame": 9_000,
        "source_frame": 9_000,
        "frames": len(loop),
    }
    whole = said(row, frames=len(after))
    assert judge(whole, truth, Pair(sound, after, RATE)).word == RIGHT
    other = music(len(sound) / RATE, seed=3)
    cut = np.concatenate([other[:40_000], other[40_000 + len(loop) :]])
    assert judge(whole, truth, Pair(other, cut, RATE)).word == WRONG


def test_curves_are_held_against_the_impulse_response():
    sound = music()
    impulse = np.zeros(4096)
    impulse[[10, 11]] = 0.5, 0.25  # rises to +3.5 dB at the bottom, falls to -6 dB at the top
    after = sound + 0.5 * np.roll(sound, 1, axis=0)
    pair = Pair(sound, after, RATE, impulse, 0.5)
    truth = [Truth((eq(("high_shelf", 9000, None)),), response=True)]
    hz = np.geomspace(20, 20000, 60)
    true = 20 * np.log10(np.abs(1 + 0.5 * np.exp(-2j * np.pi * hz / RATE)))
    bands = [{"type": "high_shelf", "hz": 9500.0, "gain_db": -9.5}]
    for gain, offset, word in ((3.0, 3.0, RIGHT), (3.0, 2.0, WRONG)):
        curve = [[float(at), float(value - offset)] for at, value in zip(hz, true, strict=True)]
        changes = ({"kind": "gain", "gain_db": gain}, {"kind": "eq", "bands": bands, "curve": curve})
        assert judge(said(*changes, frames=len(sound)), truth, pair).word == word


def test_pieces_have_to_lead_to_where_things_were():
    sound = music()
    after = np.concatenate([np.zeros((441, 2)), sound])
    pair = Pair(sound, after, RATE)
    truths = shifted(Truth(places=((50_000, 50_000 - 441),)), 441)
    change = {"kind": "moved", "offset_frames": 441, "offset_s": 0.01, "fraction_frames": 0.0}
    inserted = {"kind": "region", "action": "inserted", "start_frame": 0, "frames": 441}
    right = [(0, 441, None), (441, len(sound), 0)]
    for told, pieces, word in (
        (change, right, RIGHT),
        (inserted, right, RIGHT),
        (change, [(0, len(after), 0)], WRONG),
        (change, [(0, 441, None)], WRONG),
    ):
        assert judge(said(told, frames=len(after), sources=pieces), truths, pair).word == word


def test_a_new_take_is_no_excuse_and_nothing_else_is_one():
    pair = Pair(music(), music(seed=2), RATE)
    frames = len(pair.after)
    gain = {"kind": "gain", "gain_db": -3.0}
    assert (
        judge(said(NEW, frames=frames, sources=[(0, frames, None)]), [Truth(take="yes")], pair).word == RIGHT
    )
    assert judge(said(gain, frames=frames), [Truth(take="yes")], pair).word == WRONG
    maybe = [Truth((claim("tempo", ratio=1.05),), None, take="maybe")]
    assert judge(said(NEW, frames=frames, sources=[(0, frames, None)]), maybe, pair).word == PARTIAL


@pytest.mark.parametrize("piece", [Piece(44100, 2, 200_000), Piece(48000, 1, 90_000)])
def test_every_edit_has_a_name_of_its_own_and_writes_its_file(piece: Piece):
    edits = all_edits(piece)
    assert len(edits) > 60
    assert len({edit.name for edit in edits}) == len(edits)
    for edit in edits:
        assert edit.truths
        assert edit.after in edit.line
        assert piece.channels == 2 or not edit.needs_stereo


# What sox would do, for where there is none: the first word says which.
EDITOR = """
import sys
import numpy as np
import soundfile
sound, rate = soundfile.read("old.wav", dtype="int16", always_2d=True)
soundfile.write("new.wav", {"copy": lambda: sound, "late": lambda: np.pad(sound, ((441, 0), (0, 0))),
    "half": lambda: np.rint(sound * 0.5).astype("int16"), "reverse": lambda: sound[::-1]}[sys.argv[1]](), rate)
"""


def test_bf_is_judged_on_edits(tmp_path: Path):
    prepare([("notes", Audio(music().astype(np.float32), RATE))], 0, tmp_path)
    assert read_info(tmp_path / "fine.wav").subtype == "PCM_24"
    (tmp_path / "edit.py").write_text(EDITOR)
    line = f"'{sys.executable}' edit.py {{}}".format
    edits = [
        Edit("copy", line("copy"), (Truth((claim("identical"),)),)),
        Edit("half", line("half"), (Truth(gains_db=-6.0206),)),
        Edit("late", line("late"), shifted(Truth(), 441)),
        Edit("reverse", line("reverse"), (Truth(take="yes"),)),
        Edit("false", line("late"), (Truth((moved(440),)),)),
    ]
    outcomes = [run_edit(edit, tmp_path, "notes") for edit in edits]
    assert [outcome.verdict.word for outcome in outcomes] == [RIGHT] * 4 + [WRONG]
    assert all(outcome.cost.cpu_s > 0 and outcome.cost.peak_bytes > 1e6 for outcome in outcomes)
    assert summarise(outcomes).startswith("5 pairs: 4 right, 0 partial, 1 wrong; ")
    table = format_outcomes(outcomes).splitlines()
    assert [row.split("|")[2].strip() for row in table[2:]] == [RIGHT] * 4 + [WRONG]
    with pytest.raises(RuntimeError, match="no-such-program"):
        run_edit(Edit("x", "no-such-program", ()), tmp_path, "notes")
