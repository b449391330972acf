"""The benchmarks measure what they say: the workload is what its messages tell, and wrong restores are noticed."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beatflow.objects.ids import sha256
from beatflow.sound.files import read_audio, read_info
from benchmarks.kinds import cut, plain_bytes
from benchmarks.log import History as LongHistory
from benchmarks.material import load
from benchmarks.pcm import wav_bytes
from benchmarks.table import format_table, replace_part
from benchmarks.tools import TOOLS, Tool
from benchmarks.workload import Workload, write
from tests.conftest import Bf
from tests.world import write_tone

measured = pytest.mark.skipif(not hasattr(os, "wait4"), reason="costs are read with wait4")
BF = TOOLS[0]


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """Two bars of the embedded producer in twenty versions."""
    folder = tmp_path_factory.mktemp("workload") / "one"
    write(folder, "synth", 5.0, 1)
    return Workload.load(folder)


def sounds(version) -> list[str]:
    return sorted(oid for path, oid in version.files.items() if path.endswith(".wav"))


def test_same_seed_gives_the_same_history_and_another_seed_another(workload: Workload, tmp_path: Path):
    write(tmp_path / "same", "synth", 5.0, 1)
    write(tmp_path / "other", "synth", 5.0, 2)
    same, other = Workload.load(tmp_path / "same"), Workload.load(tmp_path / "other")
    assert same.versions == workload.versions
    assert not set(sounds(other.versions[0])) & set(sounds(workload.versions[0]))


def test_every_version_differs_from_the_one_before(workload: Workload):
    assert len(workload.versions) == 20
    for before, after in zip(workload.versions, workload.versions[1:], strict=False):
        assert before.files != after.files, after.message
    assert 0 < workload.distinct_bytes < workload.total_bytes


def test_moves_and_copies_bring_no_new_sound(workload: Workload):
    bounce, _, _, before, muted, back, copied, renamed = workload.versions[:8]
    assert sounds(muted) != sounds(before) == sounds(back)
    assert set(sounds(copied)) == set(sounds(back))
    assert copied.files["stems/melody-double.wav"] == copied.files["stems/melody.wav"]
    assert renamed.files["stems/keys.wav"] == copied.files["stems/chords.wav"]
    assert "stems/chords.wav" not in renamed.files
    assert bounce.tops == ["mix.wav", "stems"]


def test_tags_change_every_file_and_no_sample(workload: Workload):
    before, tagged = workload.versions[11], workload.versions[12]
    assert "tags" in tagged.message
    for path in ("mix.wav", "stems/drums.wav"):
        old, new = (workload.folder / "pool" / version.files[path] for version in (before, tagged))
        assert old.read_bytes() != new.read_bytes()
        np.testing.assert_array_equal(read_audio(old).samples, read_audio(new).samples)


def test_export_has_24_bits(workload: Workload):
    export = workload.folder / "pool" / workload.versions[10].files["exports/mix-24.wav"]
    assert read_info(export).subtype == "PCM_24"
    levels = read_audio(export).samples.astype(float) * 2**23
    assert np.any(levels % 256)


def test_applying_touches_only_what_changed(workload: Workload, tmp_path: Path):
    before = None
    for version in workload.versions:
        old = {path: (tmp_path / path).stat().st_mtime_ns for path in (before.files if before else {})}
        workload.apply(tmp_path, before, version)
        found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
        assert found == set(version.files)
        assert workload.wrong(tmp_path, version) == []
        for path, time in old.items():
            if version.files.get(path) == before.files[path]:
                assert (tmp_path / path).stat().st_mtime_ns == time
        before = version
    (tmp_path / "mix.wav").write_bytes(b"another")
    assert workload.wrong(tmp_path, workload.versions[-1]) == ["mix.wav"]


def test_a_folder_of_sounds_is_dealt_to_the_stems(tmp_path: Path):
    for number in range(4):
        write_tone(tmp_path / f"{number}.wav", 6.0, 220.0 * (number + 1))
    (tmp_path / "notes.txt").write_text("no sound")
    material = load(str(tmp_path), 5.0, seed=1)
    tops = [np.abs(np.fft.rfft(stem[:44100, 0])).argmax() for stem in material.stems.values()]
    assert tops == [440, 660, 880, 220]
    assert np.abs(np.sum(list(material.stems.values()), axis=0)).max() < 32768
    for name, take in material.takes.items():
        assert take.shape == material.stems[name].shape == (2 * material.bar, 2)
        assert not np.array_equal(take, material.stems[name])
    with pytest.raises(ValueError, match="too little sound"):
        load(str(tmp_path), 12.0, seed=1)


@measured
def test_bf_runs_the_course_and_every_restore_is_verified(workload: Workload, tmp_path: Path):
    from benchmarks.store import compare, format_results

    short = replace(workload, versions=workload.versions[:3])
    (result,) = compare([BF], short, tmp_path, all_versions=True)
    assert len(result.commits) == len(result.store_bytes) == 3
    assert all(cost.wall_s > 0 and cost.cpu_s > 0 for cost in result.commits)
    assert 0 < result.store_bytes[-1] < short.distinct_bytes
    assert result.packed_bytes
    assert not list(tmp_path.iterdir())
    table = format_results([result]).splitlines()
    assert [line.split("|")[1].strip() for line in table] == ["", table[1].split("|")[1], "bf", "bf, gc"]


@measured
@pytest.mark.parametrize(
    ("restore", "said"),
    [("cp -R {store}/. {to}", "did not restore v01"), ("sh -c exit${{IFS}}3", "ended with 3")],
)
def test_a_program_that_fails_or_loses_something_is_out(
    workload: Workload, tmp_path: Path, capsys: pytest.CaptureFixture[str], restore: str, said: str
):
    from benchmarks.store import compare

    # Keeps the newest version only.
    forgetful = Tool(
        "forgetful",
        ("cp",),
        init=(),
        commit=("cp -R . {store}",),
        restore=(restore,),
        store=("{store}",),
    )
    short = replace(workload, versions=workload.versions[:2])
    assert compare([forgetful], short, tmp_path) == []
    assert said in capsys.readouterr().err


@measured
def test_costs_of_a_command():
    from benchmarks.process import Cost, run

    cost = run(["sh", "-c", "sleep 0.01"], Path(), dict(os.environ))
    assert cost.wall_s >= 0.01
    assert 100_000 < cost.peak_bytes < 1 << 32
    assert Cost(1, 2, 3) + Cost(2, 2, 2) == (3, 4, 3)
    assert Cost(1, 2, 3).least(Cost(2, 1, 4)) == (1, 1, 3)


def test_missing_programs_are_named():
    assert Tool("x", ("bf", "no-such-program"), (), (), (), ()).missing() == ["no-such-program"]


@pytest.mark.parametrize("bits", [16, 24])
def test_wav_files_hold_what_was_written(tmp_path: Path, bits: int):
    top = 1 << (bits - 1)
    samples = np.random.default_rng(bits).integers(-top, top, (1000, 2)).astype(np.int32)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(samples, 48000, bits, tags="odd"))
    np.testing.assert_array_equal(read_audio(path).samples * top, samples)
    assert read_info(path).sample_rate == 48000


def test_only_new_chunks_count_in_plain_flac():
    noise = np.random.default_rng(0).integers(-9000, 9000, (200_000, 2)).astype(np.int32)
    data = wav_bytes(noise, 44100)
    known = {sha256(piece.data) for piece in cut(data)}
    assert plain_bytes(data, known) == 0
    assert 0.5 * len(data) < plain_bytes(data, set()) < len(data)


def test_single_steps_are_measured_with_what_they_leave(tmp_path: Path):
    from benchmarks.micro import codec_rows, prediction_rows, store_rows

    noise = np.random.default_rng(1).integers(-9000, 9000, (50_000, 2)).astype(np.int32)
    data = wav_bytes(noise, 44100)
    encode, decode = codec_rows("noise", cut(data))
    assert encode.step == "encode noise (FLAC/NONE)"
    assert 80 < float(encode.share) < 100
    assert float(decode.speed) > 0
    # 3 dB less is foretold to the last step: what is left is the table of weights.
    assert float(prediction_rows(cut(data))[0].share) < 1
    assert 80 < float(store_rows(data, tmp_path)[0].share) < 101


def test_tables_have_their_place_in_a_page(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- store -->\nold\n<!-- /store -->\nb\n")
    text = format_table(("", "s"), [("bf", "1.0")])
    assert text == "|    |   s |\n|----|----:|\n| bf | 1.0 |\n"
    replace_part(page, "store", text)
    assert page.read_text() == f"a\n<!-- store -->\n\n{text}\n<!-- /store -->\nb\n"
    with pytest.raises(ValueError, match="no place"):
        replace_part(page, "kinds", text)


def test_a_long_history_is_known_throughout(tmp_path: Path) -> None:
    LongHistory(tmp_path / "track").build(40)
    shown = Bf(tmp_path / "track").ok("log", "--graph")
    assert shown.stderr == ""
    assert shown.stdout.count("LUFS") == 40
    assert shown.stdout.count("replaced") >= 35
    assert shown.stdout.count("merge of") == 3
    assert "····" not in shown.stdout
