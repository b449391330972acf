"""Edit real music with other people's tools, and judge what bf says about it: ``python -m benchmarks.edits``.

    python -m benchmarks.edits --music ~/Music/*.flac --seconds 60 --markdown
    python -m benchmarks.edits --only 'EQ*' --keep /tmp/look    # keeps every pair

Each edit of `benchmarks.edit_table` is made on each piece, and each pair is explained by a process of its own, which
shows its time and memory. `benchmarks.truth` judges. Without ``--music`` the embedded producer makes the pieces.
Programs that are missing (sox, ffmpeg, flac, fluidsynth) are named, and their edits left out.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from beatflow.changetext import tell_change
from beatflow.sound.audio import Audio
from beatflow.sound.explanation import Change
from beatflow.sound.files import read_audio
from beatflow.sound.writing import write_audio
from beatflow.timecode import Clock
from benchmarks.edit_table import all_edits
from benchmarks.editing import PROGRAMS, Edit, Piece
from benchmarks.evidence import Pair
from benchmarks.process import RSS_UNIT, Cost
from benchmarks.table import format_table, replace_part
from benchmarks.tools import find
from benchmarks.truth import PARTIAL, RIGHT, WRONG, Verdict, judge
from benchmarks.tune import write_tunes

PEAK_DB = -6.0
FONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf2/default-GM.sf2")
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
_TOLD = 5
_IMPULSE_AT = 2048
_IMPULSE = 0.5


@dataclass(frozen=True)
class Outcome:
    """What was made, what was said about it, and whether that is so."""

    piece: str
    edit: str
    line: str
    verdict: Verdict
    changes: tuple[dict[str, Any], ...]
    said: str
    cost: Cost


def run_edits(
    folder: Path, name: str, patterns: Sequence[str], keep: Path | None = None
) -> Iterator[Outcome]:
    """Make and judge all edits of a prepared piece whose programs are there."""
    whole = read_audio(folder / "old.wav")
    wide = float(np.ptp(whole.samples, axis=1).max(initial=0.0)) > 1e-3
    piece = Piece(whole.sample_rate, whole.channels, whole.frames, wide)
    for edit in all_edits(piece):
        if not any(fnmatch(edit.name, pattern) for pattern in patterns):
            continue
        if all(find(program) for program in edit.programs()):
            yield run_edit(edit, folder, name)
            if keep:
                kept = keep / name / edit.name.replace("/", "∕")
                kept.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / edit.before, kept / "old.wav")
                shutil.copy(folder / edit.after, kept / f"new{Path(edit.after).suffix}")


def run_edit(edit: Edit, folder: Path, name: str) -> Outcome:
    """Make an edit in a folder, have it explained, and judge."""
    shell(edit.line, folder)
    before, after = read_audio(folder / edit.before), read_audio(folder / edit.after)
    document, cost = explain(folder / edit.before, folder / edit.after)
    impulse = measure_impulse(edit, before) if any(truth.response for truth in edit.truths) else None
    pair = Pair(before.samples, after.samples, after.sample_rate, impulse, _IMPULSE)
    if "error" in document:
        verdict = Verdict(WRONG, (document["error"],))
    else:
        verdict = judge(document, edit.truths, pair)
    changes = tuple(document.get("changes", ()))
    return Outcome(name, edit.name, edit.line, verdict, changes, tell(changes, after.sample_rate), cost)


def shell(line: str, folder: Path) -> None:
    """Run an edit's line.

    Raises
    ------
    RuntimeError
        It failed.
    """
    quiet = line.replace("ffmpeg ", "ffmpeg -nostdin -y -loglevel error ").replace("sox ", "sox -V1 ")
    environment = dict(os.environ, SOUNDFONT=next((font for font in FONTS if Path(font).exists()), ""))
    done = subprocess.run(["sh", "-c", quiet], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{line}: {done.stderr.strip()}")


def explain(before: Path, after: Path) -> tuple[dict[str, Any], Cost]:
    """Return what ``bf diff`` says, as a document (or its ``error``), and what that cost."""
    command = [find("bf") or "bf", "diff", "--json", before.name, after.name]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=before.parent, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        cost = Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode not in (0, 1):
            return {"error": errors.read().decode(errors="replace").strip()}, cost
        document = json.load(out)
    return {"changes": document["changes"], "pieces": document["files"][0]["pieces"]}, cost


def measure_impulse(edit: Edit, before: Audio) -> np.ndarray:
    """Send an impulse, as long as the sound, through the same line; the first channel of what comes out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = np.zeros_like(before.samples)
        samples[_IMPULSE_AT] = _IMPULSE
        write_audio(folder / "old.wav", Audio(samples, before.sample_rate), "FLOAT")
        write_audio(folder / "other.wav", Audio(0 * samples, before.sample_rate), "FLOAT")
        # Sixteen bits are too coarse for what a filter leaves of one sample.
        shell(edit.line.replace("-b 16", "-b 32").replace("pcm_s16le", "pcm_f32le"), folder)
        return read_audio(folder / edit.after, frames=1 << 16).samples[:, 0].astype(float)


def prepare(sounds: Sequence[tuple[str, Audio]], number: int, folder: Path) -> None:
    """Write the files that edits start from: the piece, another of the same shape, and tunes to play."""
    sound = _level(sounds[number][1])
    write_audio(folder / "old.wav", sound, "PCM_16")
    # What fills 24 bits: a 16-bit source at a gain that is no power of two.
    write_audio(folder / "fine.wav", Audio(sound.samples * np.float32(0.9183), sound.sample_rate), "PCM_24")
    other = _level(sounds[(number + 1) % len(sounds)][1])
    samples = other.samples if len(sounds) > 1 else sound.samples[::-1]
    shape = (sound.frames, sound.channels)
    repeated = np.resize(np.resize(samples.T, (shape[1], len(samples))).T, shape)
    write_audio(folder / "other.wav", Audio(np.ascontiguousarray(repeated), sound.sample_rate), "PCM_16")
    write_tunes(folder, sound.frames / sound.sample_rate)


def _level(sound: Audio) -> Audio:
    peak = float(np.abs(sound.samples).max(initial=0.0)) or 1.0
    return Audio(sound.samples * np.float32(10 ** (PEAK_DB / 20) / peak), sound.sample_rate)


def load(paths: Sequence[Path], seconds: float, start: float) -> list[tuple[str, Audio]]:
    """Read pieces, each from ``start`` on and at most so long (0: whole); folders stand for the sounds in them."""
    files = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [file for file in inside if not path.is_dir() or file.suffix.lower() in SUFFIXES]
    sounds = []
    for file in files:
        sound = read_audio(file)
        begin = min(round(start * sound.sample_rate), max(0, sound.frames - sound.sample_rate))
        end = begin + round(seconds * sound.sample_rate) if seconds else sound.frames
        sounds.append((file.stem, Audio(sound.samples[begin:end].copy(), sound.sample_rate)))
    return sounds


def generate(seconds: float) -> list[tuple[str, Audio]]:
    """Have the embedded producer make two pieces."""
    from beatflow.ai.engine import Brief
    from beatflow.ai.synth.engine import SynthEngine

    bars = max(1, round((seconds or 60.0) / (4 * 60 / 96)))
    pieces = []
    for style, key, seed in (("lofi", "A:min", 1), ("techno", "D:min", 2)):
        made = SynthEngine().generate(Brief(style, seed, 96.0, key, bars, loop=False))
        pieces.append((f"synth-{style}", made.mix))
    return pieces


def format_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Return the table: an edit per row, a verdict per piece, and what was said where the verdict is worst."""
    pieces = list(dict.fromkeys(outcome.piece for outcome in outcomes))
    rows = []
    for edit in dict.fromkeys(outcome.edit for outcome in outcomes):
        of_edit = {outcome.piece: outcome for outcome in outcomes if outcome.edit == edit}
        words = [of_edit[piece].verdict.word if piece in of_edit else "" for piece in pieces]
        worst = max(of_edit.values(), key=lambda outcome: (RIGHT, PARTIAL, WRONG).index(outcome.verdict.word))
        rows.append((edit, *words, worst.said or "; ".join(worst.verdict.reasons)))
    return format_table(("edit", *pieces, "said, where it is worst"), rows)


def tell(changes: Sequence[dict[str, Any]], sample_rate: int) -> str:
    """Write changes as ``bf diff`` does."""
    kinds = [(row["kind"], {name: value for name, value in row.items() if name != "kind"}) for row in changes]
    texts = [tell_change(Change(kind, figures), Clock(sample_rate)) for kind, figures in kinds]
    more = len(texts) - _TOLD
    return "; ".join(texts[:_TOLD] + [f"and {more} more"] * (more > 0)).replace("|", "/")


def summarise(outcomes: Sequence[Outcome]) -> str:
    """Return the line under the table."""
    words = Counter(outcome.verdict.word for outcome in outcomes)
    slowest = max(outcomes, key=lambda outcome: outcome.cost.cpu_s)
    peak = max(outcome.cost.peak_bytes for outcome in outcomes)
    return (
        f"{len(outcomes)} pairs: {words[RIGHT]} right, {words[PARTIAL]} partial, {words[WRONG]} wrong; "
        f"CPU {sum(outcome.cost.cpu_s for outcome in outcomes) / len(outcomes):.2f} s on average, "
        f"at most {slowest.cost.cpu_s:.2f} s ({slowest.edit}, {slowest.piece}); memory at most {peak / 1e6:.0f} MB"
    )


def main() -> int:
    """Run the table; 1 when something said was wrong."""
    parser = argparse.ArgumentParser(description="Judge what bf says about edits made with other tools.")
    parser.add_argument("--music", nargs="+", type=Path, default=[], help="sound files, or folders of them")
    parser.add_argument(
        "--seconds", type=float, default=40.0, help="of each piece at most; 0: all (default 40)"
    )
    parser.add_argument("--start", type=float, default=0.0, help="where in each piece to begin, in seconds")
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="NAME", help="edits to make (with * and ?)"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep every pair there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--markdown", action="store_true", help="print the table on stdout")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the table into docs/edits.md")
    options = parser.parse_args()
    sounds = (
        load(options.music, options.seconds, options.start) if options.music else generate(options.seconds)
    )
    missing = [program for program in PROGRAMS if not find(program)]
    if missing:
        print(f"without {', '.join(missing)} their edits are left out", file=sys.stderr)
    outcomes = []
    for number, (name, _) in enumerate(sounds):
        with tempfile.TemporaryDirectory() as folder:
            prepare(sounds, number, Path(folder))
            for outcome in run_edits(Path(folder), name, options.only, options.keep):
                outcomes.append(outcome)
                why = "; ".join(outcome.verdict.reasons)
                print(
                    f"{outcome.verdict.word:8}{name}: {outcome.edit} | {outcome.said} | {why}",
                    file=sys.stderr,
                    flush=True,
                )
    if options.markdown:
        print(format_outcomes(outcomes))
    print(summarise(outcomes))
    if options.update:
        replace_part(options.update, "edits", f"{summarise(outcomes)}.\n\n{format_outcomes(outcomes)}")
    if options.json:
        options.json.write_text(
            json.dumps([asdict(outcome) | {"cost": outcome.cost._asdict()} for outcome in outcomes])
        )
    return int(any(outcome.verdict.word == WRONG for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
