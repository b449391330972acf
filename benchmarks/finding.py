"""Measure `bf find`: ``python -m benchmarks.finding SAMPLES MUSIC [--only tunes|samples]``.

``SAMPLES`` is a folder of loops and one-shots (Sonic Pi's, say), ``MUSIC`` one of pieces. Prints how often a sample is
found under music, by its length and by what was done to it, and how often one is found where it is not; then how often
a hum finds its tune first, and among the first five, of pieces by `synth` and of General MIDI renders.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from beatflow.ai.engine import Brief
from beatflow.ai.listening.notes import find_notes
from beatflow.ai.listening.yin import track_pitch
from beatflow.ai.synth.engine import SynthEngine
from beatflow.finding.bands import measure_bands
from beatflow.finding.landmarks import Landmarks, find_landmarks
from beatflow.finding.occurrences import LEAST, Occurrence, find_occurrences
from beatflow.finding.tune import find_tune, lay_notes, measure_melogram
from beatflow.finding.waveform import Part, find_waveform, prepare
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.note import Note
from beatflow.sound.resample import resample
from benchmarks import pieces
from benchmarks.hum_tunes import make_tune
from benchmarks.hummer import RATE as HUM_RATE
from benchmarks.hummer import Singer, sing, with_noise
from benchmarks.table import format_table

RATE = 44_100
AT_S, MUSIC_S, SAMPLE_S = 10.0, 40.0, 8.0
LENGTHS = ((0.0, 1.0), (1.0, 2.5), (2.5, 99.0))
GENRES = (
    "lofi",
    "house",
    "jazz",
    "rock",
    "ambient",
    "trap",
    "funk",
    "techno",
    "reggae",
    "dnb",
    "pop",
    "synthwave",
)

Change = Callable[[Audio], Audio]


def load(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Audio:
    """A sound as one channel at one rate, or a part of it."""
    audio = read_audio(path)
    mono = Audio(
        np.ascontiguousarray(audio.samples.mean(axis=1, keepdims=True, dtype=np.float32)), audio.sample_rate
    )
    samples = resample(mono, RATE).samples[int(start_s * RATE) :]
    return Audio(samples if seconds is None else samples[: int(seconds * RATE)], RATE)


def hear(audio: Audio) -> Landmarks:
    """Its landmarks."""
    return find_landmarks(measure_bands([audio]))


def through(*options: str, suffix: str = "wav") -> Change:
    """What ffmpeg makes of a sound."""

    def change(audio: Audio) -> Audio:
        with tempfile.TemporaryDirectory() as folder:
            before, after = f"{folder}/in.wav", f"{folder}/out.{suffix}"
            soundfile.write(before, audio.samples, audio.sample_rate)
            subprocess.run(["ffmpeg", "-loglevel", "error", "-i", before, *options, after], check=True)
            return read_audio(after)

    return change


def mix(sample: Audio, music: Audio, db: float) -> Audio:
    """A sample in music from `AT_S` on, so much louder than the whole of that (in power)."""
    sound = music.samples.copy()
    start = int(AT_S * RATE)
    laid = sample.samples[: len(sound) - start, :1]
    power = float((sound**2).mean()) / max(float((laid**2).mean()), 1e-9)
    sound[start : start + len(laid)] += np.float32(10 ** (db / 20) * np.sqrt(power)) * laid
    return Audio(sound, RATE)


CASES: tuple[tuple[str, float, Change | None, Change | None], ...] = (
    ("as loud as the music", 0.0, None, None),
    ("6 dB below it", -6.0, None, None),
    ("12 dB below it", -12.0, None, None),
    ("24 dB below it", -24.0, None, None),
    ("36 dB below it", -36.0, None, None),
    ("equalised, ±8 dB", 0.0, through("-af", "equalizer=f=300:t=q:w=1:g=8,equalizer=f=3000:t=q:w=1:g=-8"), None),
    ("MP3 of 96 kb/s", 0.0, None, through("-b:a", "96k", suffix="mp3")),
    ("at 22.05 kHz", 0.0, None, through("-ar", "22050")),
    ("4 % faster", 0.0, through("-af", "atempo=1.04"), None),
    ("7 % slower", 0.0, through("-af", "atempo=0.93"), None),
    ("3 % faster and higher", 0.0, through("-af", "asetrate=45423,aresample=44100"), None),
)  # fmt: skip


def is_right(found: list[Occurrence]) -> bool:
    """Whether one of them is where the sample was laid."""
    return any(abs(one.start_s - one.sample_start_s * one.stretch - AT_S) < 0.15 for one in found)


def measure_samples(samples: Path, music: Path, count: int, skip: int) -> str:
    """How often samples are found, and how often where they are not."""
    rng = np.random.default_rng(1)
    long = [path for path in sorted(music.glob("*.ogg")) if read_info(path).duration_s > MUSIC_S + 22]
    under = [load(path, 20.0, MUSIC_S) for path in long[:12]]
    heard = [hear(one) for one in under]
    files = sorted(samples.glob("*.flac"))
    chosen: list[tuple[Audio, Landmarks, list[Part]]] = []
    for index in rng.permutation(len(files)):
        audio = load(files[index], 0.0, SAMPLE_S)
        marks = hear(audio)
        if audio.duration_s >= 0.3 and len(marks) >= LEAST and len(chosen) < count + skip:
            chosen.append((audio, marks, prepare(audio)))
    chosen = chosen[skip:]
    pairs = len(chosen) * len(heard)
    started = time.process_time()
    wrong = sum(bool(find_occurrences(marks, other)) for _, marks, _ in chosen for other in heard)
    then = time.process_time()
    wrong_waves = sum(bool(find_waveform(parts, [other])) for _, _, parts in chosen for other in under)
    spent_ms = 1000 * (then - started) / pairs, 1000 * (time.process_time() - then) / pairs
    rows = []
    for name, db, before, after in CASES:
        found: dict[tuple[float, float], list[tuple[bool, bool]]] = {length: [] for length in LENGTHS}
        for index, (audio, marks, parts) in enumerate(chosen):
            laid = mix(before(audio) if before else audio, under[index % len(under)], db)
            target = after(laid) if after else laid
            quick = is_right(find_occurrences(marks, hear(target)))
            either = quick or is_right(find_waveform(parts, [target]))
            length = next(bounds for bounds in LENGTHS if bounds[0] <= audio.duration_s < bounds[1])
            found[length].append((quick, either))
        figures = [np.mean(hits, axis=0) if hits else (np.nan, np.nan) for hits in found.values()]
        rows.append([name, *(f"{either:.2f} ({quick:.2f})" for quick, either in figures)])
    head = [
        "sample",
        *(f"{low:g}–{high:g} s" if high < 99 else f"longer than {low:g} s" for low, high in LENGTHS),
    ]
    sizes = ", ".join(str(len(hits)) for hits in found.values())
    return (
        f"{format_table(head, rows)}\nof {sizes} samples; in brackets with --quick\n"
        f"where they are not: landmarks {wrong}, waveforms {wrong_waves} of {pairs} pairs; "
        f"{spent_ms[0]:.0f} and {spent_ms[1]:.0f} ms a pair of {MUSIC_S:g} s\n"
    )


def make_music(count: int) -> Iterator[tuple[str, Audio, list[Note]]]:
    """Pieces with the notes of their tunes: by `synth`, and of a General MIDI font with chords, bass and drums."""
    for seed in range(count):
        made = SynthEngine().generate(Brief(f"{GENRES[seed % len(GENRES)]} melody", seed=100 + seed, bars=8))
        if made.notes.get("melody"):
            yield "synth", made.mix, sorted(made.notes["melody"])
    for seed in range(count // 2):
        rng = np.random.default_rng(seed)
        tune = make_tune(500 + seed, 60, 84)
        stems = pieces.make_piece(pieces.FIT, seed)
        lead = pieces.render_parts([pieces.Part(int(rng.choice(pieces.FIT.leads)), tune.notes)])
        under = stems["drums"] + stems["bass"] + stems["other"]
        level = float(np.sqrt((under**2).mean()) / (np.sqrt((lead**2).mean()) + 1e-9))
        sound = (under + 0.8 * level * lead).astype(np.float32)
        yield (
            "General MIDI, chords of another key",
            Audio(sound / np.abs(sound).max(), pieces.RATE),
            list(tune.notes),
        )


def hum(notes: list[Note], seed: int) -> Audio:
    """Nine to thirteen notes of a tune, hummed: transposed, in another tempo, out of tune by up to 40 cents."""
    rng = np.random.default_rng(seed)
    count = min(len(notes), int(rng.integers(9, 14)))
    first = int(rng.integers(0, max(1, len(notes) - count)))
    line: list[Note] = []
    for note in notes[first : first + count]:
        if not line or note.start_s - line[-1].start_s > 0.05:
            line.append(note)
    pace, shift = float(rng.uniform(0.75, 1.3)), int(rng.integers(-6, 7))
    shift -= 12 * round((float(np.median([note.midi for note in line])) + shift - 57) / 12)
    start_s = line[0].start_s
    sung = []
    for note, following in zip(line, [*line[1:], None], strict=True):
        length = (
            note.duration_s if following is None else min(note.duration_s, following.start_s - note.start_s)
        )
        sung.append(
            Note((note.start_s - start_s) / pace + 0.2, max(0.1, 0.95 * length / pace), note.midi + shift, 96)
        )
    singer = Singer(drift_cents=20, off_cents=15, tuning_cents=float(rng.uniform(-40, 40)))
    sound = with_noise(sing(sung, singer, seed), 30, seed)
    return Audio((0.5 * sound / np.abs(sound).max()).astype(np.float32)[:, None], HUM_RATE)


def measure_tunes(count: int) -> str:
    """How often a hum finds its piece first, and among the first five."""
    made = list(make_music(count))
    heard = [measure_melogram(measure_bands([audio])) for _, audio, _ in made]
    ranks: dict[str, list[int]] = {}
    for index, (kind, _, notes) in enumerate(made):
        tune = lay_notes(find_notes(track_pitch(hum(notes, index))).notes)
        scores = [match.score if (match := find_tune(tune, one)) else -1.0 for one in heard]
        ranks.setdefault(kind, []).append(1 + sum(score > scores[index] for score in scores))
    rows = [
        [
            kind,
            str(len(places)),
            f"{np.mean(np.array(places) == 1):.2f}",
            f"{np.mean(np.array(places) <= 5):.2f}",
            f"{np.mean(1 / np.array(places)):.2f}",
        ]
        for kind, places in ranks.items()
    ]
    return format_table(["hums of", "pieces", "first", "among five", "mean reciprocal rank"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("music", type=Path)
    parser.add_argument("--only", choices=("tunes", "samples"))
    parser.add_argument("--count", type=int, default=36)
    parser.add_argument(
        "--skip", type=int, default=0, help="samples to leave out: those that something was chosen by"
    )
    given = parser.parse_args()
    if given.only != "tunes":
        print(measure_samples(given.samples, given.music, given.count, given.skip))
    if given.only != "samples":
        print(measure_tunes(given.count))


if __name__ == "__main__":
    main()
