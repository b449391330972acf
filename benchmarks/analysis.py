"""What `bf analyze` measures, against what is known: ``python -m benchmarks.analysis``, or some of its tables by name.

Prints tables and, with ``--write``, puts them into docs/listening.md. Tempo, beats and bars have a table of their own
(`benchmarks.tempo`). Sounds for keys come from `benchmarks.collection`; none of those was tuned on.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from beatflow.sound.audio import Audio
from beatflow.sound.hops import Spectrometer, mix_down
from beatflow.sound.key import PUBLISHED, KeyEstimate, KeyMeter
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.sections import SectionMeter
from beatflow.sound.tonality import NOTE_NAMES
from benchmarks.collection import items
from benchmarks.forms import make_form
from benchmarks.key_material import make_piece
from benchmarks.key_profiles import number
from benchmarks.loudness_cases import RATES, cases
from benchmarks.process import run
from benchmarks.table import format_table, replace_part

PAGE = Path(__file__).parent.parent / "docs" / "listening.md"
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
    """Accuracy on what was kept apart, beside published profiles, and how far the confidence can be trusted."""
    rows, told = [], []
    for name, sounds in KEYED.items():
        heard = [(number(key), *_hear_key(audio)) for key, audio in sounds()]
        keyed = [row for row in heard if row[1].key]
        ours = [number(estimate.key or "") for _, estimate, _ in keyed]
        for method, answers in (("published", [vote for _, _, vote in keyed]), ("fitted", ours)):
            pairs = [(true, answer) for (true, _, _), answer in zip(keyed, answers, strict=True)]
            exact = np.mean([true == answer for true, answer in pairs])
            weighted = np.mean([weigh(true, answer) for true, answer in pairs])
            rows.append(
                [
                    f"{name}: {method}",
                    f"{len(pairs)}",
                    f"{exact:.2f}",
                    f"{weighted:.2f}",
                    f"{len(heard) - len(pairs)}",
                ]
            )
        told += [
            (true == answer, row[1].confidence)
            for (true, *_), answer, row in zip(keyed, ours, keyed, strict=True)
        ]
    table = format_table(["pieces: profiles", "key told", "exact", "weighted", "no key told"], rows)
    return f"{table}\n{_calibration(told)}"


def _collected(collection: str) -> Iterator[tuple[str, Audio]]:
    for item in items(collection):
        if item.key:
            samples, rate = soundfile.read(item.path, dtype="float32", always_2d=True)
            yield item.key, Audio(samples, rate)


def _written() -> Iterator[tuple[str, Audio]]:
    """Of the kind that was tuned on, but others."""
    for seed in range(5000, 5060):
        piece = make_piece(seed)
        yield piece.key, piece.audio


def _produced() -> Iterator[tuple[str, Audio]]:
    """The embedded producer in all genres, in keys that are asked for."""
    from beatflow.ai.engine import Brief
    from beatflow.ai.synth.engine import SynthEngine
    from beatflow.ai.synth.genres import GENRES

    for at, genre in enumerate(2 * sorted(GENRES)):
        key = f"{NOTE_NAMES[at * 7 % 12]}:{('min', 'maj')[at % 2]}"
        yield key, SynthEngine().generate(Brief(prompt=genre, key=key, bars=8, seed=900 + at)).mix


KEYED: dict[str, Callable[[], Iterator[tuple[str, Audio]]]] = {
    "grooves-b": lambda: _collected("grooves-b"),
    "tunes": lambda: _collected("tunes"),
    "written, other seeds": _written,
    "synth, version 2": _produced,
}


def _hear_key(audio: Audio) -> tuple[KeyEstimate, int]:
    """What is told, and what a vote of published profiles would tell of the same chroma, as a number."""
    meter = KeyMeter(audio.sample_rate)
    meter.add(mix_down(audio.samples))
    _, _, features = meter.describe()
    votes = [
        sum(float(np.corrcoef(features[0], np.roll(profiles[mode], tonic))[0, 1]) for profiles in PUBLISHED)
        if features[0].any() else 0.0
        for mode in (0, 1)
        for tonic in range(12)
    ]  # fmt: skip
    return meter.result(), int(np.argmax(votes))


def weigh(true: int, told: int) -> float:
    """The score of an answer as MIREX and mir_eval give it: 1, .5 a fifth above, .3 relative, .2 parallel."""
    if true == told:
        return 1.0
    above = (told - true) % 12
    if true // 12 == told // 12:
        return 0.5 if above == 7 else 0.0
    if above == (9 if true < 12 else 3):
        return 0.3
    return 0.2 if above == 0 else 0.0


def _calibration(told: Sequence[tuple[bool, float]]) -> str:
    rows = []
    for low, high in ((0.95, 1.01), (0.8, 0.95), (0.65, 0.8), (0.5, 0.65), (0.35, 0.5), (0.0, 0.35)):
        within = [right for right, confidence in told if low <= confidence < high]
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
            ("3 min, 44.1 kHz", 44_100, 180), ("30 min, 44.1 kHz", 44_100, 1800), ("3 min, 96 kHz", 96_000, 180),
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
