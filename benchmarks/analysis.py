"""What `bf analyze` measures, against what is known: ``python -m benchmarks.analysis``, or some of its tables by name.

Prints tables and, with ``--write``, puts them into docs/listening.md. Tempo, beats and bars have a table of their own
(`benchmarks.tempo`). Sounds for keys come from `benchmarks.collection`; none of those was tuned on.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from beatflow.sound.hops import Spectrometer, mix_down
from beatflow.sound.key import PUBLISHED, KeyEstimate, KeyMeter
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.sections import SectionMeter
from beatflow.sound.tonality import parse_key
from benchmarks.collection import items
from benchmarks.forms import make_form
from benchmarks.loudness_cases import RATES, cases
from benchmarks.process import run
from benchmarks.table import format_table, replace_part

PAGE = Path(__file__).parent.parent / "docs" / "listening.md"
KEPT_APART = ("grooves-b", "tunes")
_FORMS = 24


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = {"loudness": loudness_table, "key": key_tables, "sections": section_table, "cost": cost_table}
    parser.add_argument("tables", nargs="*", choices=[*tables, []], default=list(tables))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/listening.md")
    asked = parser.parse_args()
    for name in asked.tables:
        text = tables[name]()
        print(text, flush=True)
        if asked.write:
            replace_part(PAGE, name, text)


def loudness_table() -> str:
    """How far each group of reference cases is off, at each rate."""
    rows: dict[str, list[str]] = {}
    for rate in RATES:
        worst: dict[str, list[float]] = {}
        wrong = 0
        for case in cases(rate):
            group = case.name.split(" (")[0] + (
                " " + case.name.split(" (")[1][:3] if "5." in case.name else ""
            )
            found = getattr(measure_loudness(case.make()), case.figure)
            off = found - case.wanted if found is not None and case.wanted is not None else 0.0
            worst.setdefault(f"{group}, {case.figure.rsplit('_', 1)[0].replace('_', ' ')}", []).append(off)
            wrong += not case.holds(found)
        for name, offs in worst.items():
            rows.setdefault(name, []).append(f"{max(offs, key=abs):+.2f}")
        rows.setdefault("cases that fail", []).append(f"{wrong} of {sum(map(len, worst.values()))}")
    head = ["case, figure: worst deviation", *(f"{rate / 1000:g} kHz" for rate in RATES)]
    return format_table(head, [[name, *cells] for name, cells in rows.items()])


def key_tables() -> str:
    """Accuracy on collections kept apart, beside published profiles, and how far the confidence can be trusted."""
    rows, told = [], []
    for collection in KEPT_APART:
        truths, found, published = [], [], []
        for item in items(collection):
            if item.key:
                estimate, vote = _hear_key(item.path)
                truths.append(item.key)
                found.append(estimate)
                published.append(vote)
        best = [next(iter(one.fits), None) for one in found]
        rows += [
            _score(f"{collection}: published profiles, a vote", truths, published),
            _score(f"{collection}: fitted profiles", truths, best),
            _score(f"{collection}: what is told", truths, [one.key for one in found]),
        ]
        told += list(zip(truths, found, strict=True))
    table = format_table(["collection: method", "pieces", "exact", "weighted", "no key told"], rows)
    return f"{table}\n{_calibration(told)}"


def _hear_key(path: str) -> tuple[KeyEstimate, str]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    meter = KeyMeter(rate)
    meter.add(mix_down(samples))
    _, _, features = meter.describe()
    fits = {
        f"{tonic}:{mode}": sum(
            float(np.corrcoef(features[0], np.roll(p[at], tonic))[0, 1]) for p in PUBLISHED
        )
        for tonic in range(12)
        for at, mode in enumerate(("maj", "min"))
    }
    tonic, mode = max(fits, key=lambda key: fits[key]).split(":")
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    return meter.result(), f"{names[int(tonic)]}:{mode}"


def _score(name: str, truths: Sequence[str], found: Sequence[str | None]) -> list[str]:
    pairs = list(zip(truths, found, strict=True))
    exact = np.mean([truth == key for truth, key in pairs])
    weighted = np.mean([weigh(truth, key) for truth, key in pairs])
    return [
        name,
        str(len(pairs)),
        f"{exact:.2f}",
        f"{weighted:.2f}",
        str(sum(key is None for _, key in pairs)),
    ]


def weigh(truth: str, found: str | None) -> float:
    """The score of an answer as MIREX and mir_eval give it: 1, .5 a fifth above, .3 relative, .2 parallel."""
    if found is None:
        return 0.0
    wanted, told = parse_key(truth), parse_key(found)
    if wanted == told:
        return 1.0
    above = (told.tonic - wanted.tonic) % 12
    if wanted.mode == told.mode:
        return 0.5 if above == 7 else 0.0
    if above == (9 if wanted.mode == "maj" else 3):
        return 0.3
    return 0.2 if above == 0 else 0.0


def _calibration(told: Sequence[tuple[str, KeyEstimate]]) -> str:
    rows = []
    for low, high in ((0.8, 1.01), (0.65, 0.8), (0.5, 0.65), (0.35, 0.5), (0.0, 0.35)):
        within = [truth == one.key for truth, one in told if one.key and low <= one.confidence < high]
        if within:
            rows.append([f"{low:.2f} to {min(high, 1):.2f}", str(len(within)), f"{np.mean(within):.2f}"])
    return format_table(["confidence", "pieces", "right"], rows)


def section_table() -> str:
    """Boundaries found and labels shared, on forms that nothing was tuned on."""
    rows = []
    for name, known, within_s in (("bars known", True, 0.5), ("bars not known", False, 3.0)):
        hits = told = there = 0
        shared, counted = [], 0
        for seed in range(1, 2 * _FORMS, 2):
            form = make_form(seed)
            spectrometer = Spectrometer(form.audio.sample_rate)
            meter = SectionMeter(spectrometer)
            for spectra in (*spectrometer.add(mix_down(form.audio.samples)), *spectrometer.finish()):
                meter.add_spectra(spectra)
            found = meter.result(form.audio.duration_s, (), form.downbeats if known else ())
            starts = [section.start_s for section in found[1:]]
            hits += sum(any(abs(start - true) < within_s for start in starts) for true in form.starts[1:])
            told, there = told + len(starts), there + len(form.starts) - 1
            counted += len(found) == len(form.starts)
            shared.append(
                _share(
                    form.audio.duration_s,
                    [s.start_s for s in found],
                    [s.label for s in found],
                    form.starts,
                    form.labels,
                )
            )
        rows.append(
            [f"{name}, within {within_s:g} s", str(there), f"{hits / max(told, 1):.2f}", f"{hits / there:.2f}",
             f"{np.mean(shared):.2f}", f"{counted} of {_FORMS}"]
        )  # fmt: skip
    return format_table(
        ["sections", "boundaries", "precision", "recall", "pairs of seconds, F1", "right count"], rows
    )


def _share(
    duration_s: float,
    starts: Sequence[float],
    labels: Sequence[str],
    true: Sequence[float],
    names: Sequence[str],
) -> float:
    """Pairwise F1: of pairs of seconds that are in sections of one name, how many agree."""
    seconds = np.arange(0.5, duration_s, 1.0)
    alike = []
    for begins, called in ((starts, labels), (true, names)):
        each = np.array([called[at - 1] for at in np.searchsorted(begins, seconds, side="right")])
        alike.append(each[:, None] == each[None])
    both = (alike[0] & alike[1]).sum()
    return float(2 * both / (alike[0].sum() + alike[1].sum()))


def cost_table() -> str:
    """What it takes to measure a file, in a process of its own, beside one that only starts."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, rate, seconds in (
            ("3 min, 44.1 kHz", 44_100, 180), ("30 min, 44.1 kHz", 44_100, 1800), ("5 h, 44.1 kHz", 44_100, 18_000),
            ("3 min, 96 kHz", 96_000, 180),
        ):  # fmt: skip
            path = Path(folder) / "sound.wav"
            _write_music(path, rate, seconds)
            command = [sys.executable, "-m", "beatflow", "analyze", str(path)]
            bare = [sys.executable, "-c", "import beatflow.sound.analysis, beatflow.sound.files"]
            cost, start = (
                min(run(one, Path(folder), {"PATH": "/usr/bin"}) for _ in range(1 if seconds > 600 else 3))
                for one in (command, bare)
            )
            rows.append(
                [name, f"{cost.wall_s:.1f}", f"{cost.cpu_s:.1f}", f"{cost.wall_s - start.wall_s:.1f}",
                 f"{cost.cpu_s - start.cpu_s:.1f}", f"{cost.peak_bytes / 1e6:.0f}"]
            )  # fmt: skip
            path.unlink()
    return format_table(["stereo", "s", "CPU s", "s after start-up", "CPU s after start-up", "peak MB"], rows)


def _write_music(path: Path, rate: int, seconds: int) -> None:
    """A minute of one piece after the other, 16 bit."""
    made = [make_form(seed).audio for seed in (1, 3)]
    minute = np.concatenate([audio.samples for audio in made])[: 60 * made[0].sample_rate]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "minute.wav"
        soundfile.write(source, minute, made[0].sample_rate, "PCM_16")
        repeats = str(seconds // 60 - 1)
        command = ["sox", "-D", source, "-r", str(rate), path, *(["repeat", repeats] if seconds > 60 else [])]
        subprocess.run([str(part) for part in command], check=True)


if __name__ == "__main__":
    main()
