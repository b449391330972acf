"""Starting up loads nothing heavy."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from beatflow.objects.layout import SampleFormat
from tests.conftest import Bf
from tests.objects import sounds
from tests.world import tone, wav_bytes, write_tone

HEAVY = {
    "numpy",
    "scipy",
    "librosa",
    "soundfile",
    "soxr",
    "torch",
    "pygit2",
    "rich",
    "zstandard",
    "mido",
    "pyfastcdc",
    "tomlkit",
    "urllib3",
    "obstore",
    "typer",
}

SPARED = {
    # Of the standard library: half a millisecond to ten each.
    "ast",
    "bz2",
    "concurrent.futures",
    "dataclasses",
    "datetime",
    "difflib",
    "inspect",
    "locale",
    "logging",
    "lzma",
    "mmap",
    "platform",
    "random",
    "selectors",
    "shutil",
    "subprocess",
    "tempfile",
    "textwrap",
    "traceback",
    "unicodedata",
    # Of ours: what only reads, writes or mends a sound's bytes, or a score.
    "beatflow.objects.manifest",
    "beatflow.objects.packscan",
    "beatflow.objects.packwriter",
    "beatflow.objects.reading",
    "beatflow.progressbar",
    "beatflow.track",
}
"""What a status and a commit of small files need nothing of, though a track has sounds."""


def modules(code: str, bf: Bf) -> set[str]:
    """Modules loaded by a program."""
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=bf.directory
    )
    return set(done.stderr.splitlines())


def loaded(code: str, bf: Bf) -> set[str]:
    """Packages loaded by a program."""
    return {name.split(".")[0] for name in modules(code, bf)}


def test_importing_the_command_line(bf: Bf) -> None:
    assert loaded("import beatflow.cli", bf) & HEAVY == set()


@pytest.mark.parametrize("argv", [["status"], ["commit", "-m", "nothing new"], ["log"], ["show"], ["ls"]])
def test_quick_commands_of_a_track(argv: list[str], bf: Bf) -> None:
    """Not even libgit2: it takes as long to load as everything else."""
    bf.ok("init")
    write_tone(bf.directory / "mix.wav")
    for number in range(2):
        (bf.directory / "notes.txt").write_text(f"take {number}\n")
        bf.ok("commit", "-m", f"take {number}")
    bf(*argv)  # what the sounds are like is measured once
    assert loaded(f"from beatflow.cli import main\nmain({argv!r})", bf) & HEAVY == set()


@pytest.mark.parametrize("argv", [["status"], ["commit", "-m", "a word"], ["commit", "-m", "renamed"]])
def test_small_changes_load_nothing_that_they_do_not_use(argv: list[str], bf: Bf) -> None:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav")
    time.sleep(0.03)  # a file that is younger than its commit by less than a clock's tick is read again
    bf.ok("commit", "-m", "first")
    (bf.directory / "notes.txt").write_text("more bass\n")
    if argv[-1] == "renamed":
        (bf.directory / "mix.wav").rename(bf.directory / "song.wav")
    assert modules(f"from beatflow.cli import main\nassert main({argv!r}) == 0", bf) & SPARED == set()


@pytest.mark.parametrize("argv", [["status"], ["commit", "-m", "a word"]])
def test_nothing_is_compiled(argv: list[str], bf: Bf) -> None:
    """An annotation in quotes that `typing` makes something of (a named tuple's) is compiled.

    The first takes 2 ms, since Python's compiler is set up for it.
    """
    bf.ok("init")
    (bf.directory / "notes.txt").write_text("more bass\n")
    code = (
        "import builtins\n"
        "compiled, compile_it = [], builtins.compile\n"
        "builtins.compile = lambda *a, **k: (compiled.append(a[:2]), compile_it(*a, **k))[1]\n"
        f"from beatflow.cli import main\nassert main({argv!r}) == 0\n"
        "found = [source for source, file in compiled if file == '<string>']\n"
        "assert not found, found"
    )
    modules(code, bf)


@pytest.mark.parametrize("argv", [["status"], ["log"], ["ls"], ["branch"]])
def test_quick_commands_of_a_clone(argv: list[str], bf: Bf) -> None:
    """Its history came as a pack, and its branch is ahead of the one that it follows."""
    bf.ok("init", "song")
    song = bf.directory / "song"
    write_tone(song / "mix.wav")
    bf.ok("-C", str(song), "commit", "-m", "first")
    bf.ok("clone", "song", "copy")
    copy = str(bf.directory / "copy")
    (bf.directory / "copy" / "notes.txt").write_text("more bass\n")
    bf.ok("-C", copy, "commit", "-m", "second")
    bf.ok("-C", copy, *argv)
    command = ["-C", copy, *argv]
    assert loaded(f"from beatflow.cli import main\nassert main({command!r}) == 0", bf) & HEAVY == set()


def test_sound_that_is_known_elsewhere_is_neither_cut_nor_coded(bf: Bf) -> None:
    bf.ok("init")
    sound = write_tone(bf.directory / "mix.wav")
    time.sleep(0.03)  # a file that is younger than its commit by less than a clock's tick is read again
    bf.ok("commit", "-m", "first")
    (bf.directory / "copy.wav").write_bytes(sound)
    copying = "from beatflow.cli import main\nassert main(['commit', '-m', 'copied']) == 0"
    assert loaded(copying, bf) & HEAVY == set()
    assert bf.ok("ls", "--name-only").stdout == "copy.wav\nmix.wav\n"
    bf.ok("check", "--data")


def test_sound_is_kept_and_brought_back_by_kernels_alone(bf: Bf) -> None:
    """A new sound, one that is predicted from its former version, and both again."""
    bf.ok("init")
    first = tone(3.0)
    commands = [
        (first, ["commit", "-m", "one"]),
        (first // 2, ["commit", "-m", "softer"]),
        (first, ["restore", "--source", "HEAD", "mix.wav"]),
        (first, ["restore", "--source", "HEAD~1", "--to", "there", "."]),
    ]
    for samples, argv in commands:
        (bf.directory / "mix.wav").write_bytes(wav_bytes(samples))
        code = f"from beatflow.cli import main\nassert main({argv!r}) == 0"
        assert loaded(code, bf) & (HEAVY - {"zstandard"}) == set(), argv
    assert (bf.directory / "there" / "mix.wav").read_bytes() == wav_bytes(first)
    found = json.loads(bf.ok("log", "--json", "-n", "1").stdout)
    assert found["commits"][0]["message"].startswith("softer")


def test_floats_off_the_grid_need_no_numpy(bf: Bf) -> None:
    sound = sounds.wav(
        np.random.default_rng(1).normal(0, 0.1, 40_000).astype("<f4").tobytes(), SampleFormat.F32LE, 2
    )
    bf.ok("init")
    (bf.directory / "mix.wav").write_bytes(sound)
    for argv in (["commit", "-m", "floats"], ["restore", "--source", "HEAD", "--to", "there", "."]):
        code = f"from beatflow.cli import main\nassert main({argv!r}) == 0"
        assert loaded(code, bf) & (HEAVY - {"zstandard"}) == set(), argv
    assert (bf.directory / "there" / "mix.wav").read_bytes() == sound


def test_what_became_of_a_sound_is_found_out_by_kernels_alone(bf: Bf) -> None:
    """Moved and softer, through a filter, its channels crossed, and replaced by what has nothing to do with it."""
    random = np.random.default_rng(1)
    first, other = (
        np.cumsum(random.integers(-300, 301, (1_000_000, 2)), axis=0) % 20_000 - 10_000 for _ in range(2)
    )
    versions = [
        first,
        np.roll(first, 1234, axis=0) * 0.7,
        0.6 * first + 0.2 * np.roll(first, 2, axis=0),
        first @ [[0.2, 0.7], [0.5, 0.3]],
        other,
    ]
    bf.ok("init")
    for number, samples in enumerate(versions):
        (bf.directory / "mix.wav").write_bytes(wav_bytes(np.rint(samples).astype(np.int16)))
        argv = ["commit", "-m", f"take {number}"]
        code = f"from beatflow.cli import main\nassert main({argv!r}) == 0"
        assert loaded(code, bf) & (HEAVY - {"zstandard"}) == set(), number
    bf.ok("check", "--data")


@pytest.mark.parametrize(
    "argv", [["--help"], ["--version"], ["config"], ["generate", "--help"], ["split", "--help"]]
)
def test_light_commands(argv: list[str], bf: Bf) -> None:
    assert loaded(f"from beatflow.cli import main\nmain({argv!r})", bf) & HEAVY <= {"typer"}


def test_help_loads_no_command(bf: Bf) -> None:
    check = "assert not [name for name in sys.modules if name.startswith('beatflow.commands')]"
    loaded(f"from beatflow.cli import main\nmain(['--help'])\n{check}", bf)
