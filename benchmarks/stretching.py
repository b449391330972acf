"""Measures the stretcher against Rubber Band, SoX and ffmpeg: time, attacks, pitch, vowels, and what it costs.

Needs ``rubberband``, ``sox`` and ``ffmpeg``, and Debian's wesnoth-music for the music. Prints the tables of
docs/effects.md, or puts them there: ``python -m benchmarks.stretching [--write] [stretching|shifting]``.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import lfilter

from beatflow.sound.audio import Audio
from beatflow.sound.resample import resample
from beatflow.sound.timestretch import stretch
from beatflow.sound.wsola import stretch_pieces
from benchmarks.table import format_table, replace_part

PAGE = Path(__file__).parents[1] / "docs" / "effects.md"
_MUSIC = Path("/usr/share/games/wesnoth/1.16/data/core/music/battle.ogg")
_RATE = 44_100
_RATIOS = (0.5, 0.8, 1.1, 2.0)
_SEMITONES = (-12, -5, 4, 12)
_TONES_HZ = (82.41, 659.26)
_VOWELS = (((700, 80), (1220, 90), (2600, 120)), ((300, 60), (870, 100), (2240, 120)))
_VOICES_HZ = (150.0, 440.0)
_MUSIC_S = 15.0

Signal = NDArray[np.float64]
Change = Callable[[Audio, float, float], Audio]


@dataclass(frozen=True)
class Contestant:
    """A name, and what gives a sound another length (ratio) and pitch (semitones)."""

    name: str
    change: Change


def _program(command: Callable[[str, str, float, float], list[str]]) -> Change:
    def change(audio: Audio, ratio: float, semitones: float) -> Audio:
        with tempfile.TemporaryDirectory() as folder:
            one, other = f"{folder}/in.wav", f"{folder}/out.wav"
            soundfile.write(one, audio.samples, audio.sample_rate, subtype="FLOAT")
            subprocess.run(command(one, other, ratio, semitones), check=True, capture_output=True)
            samples, rate = soundfile.read(other, dtype="float32", always_2d=True)
            return Audio(samples, rate)

    return change


def _rubberband(*options: str) -> Change:
    return _program(
        lambda one, other, ratio, semitones: [
            "rubberband", "-q", *options, "-t", f"{ratio:.12g}", "-p", f"{semitones:g}", one, other,
        ]
    )  # fmt: skip


def _sox(one: str, other: str, ratio: float, semitones: float) -> list[str]:
    effect = ["tempo", "-m", f"{1 / ratio:.12g}"] if ratio != 1 else ["pitch", f"{100 * semitones:g}"]
    return ["sox", one, other, *effect]


def _ffmpeg(one: str, other: str, ratio: float, _semitones: float) -> list[str]:
    return [
        "ffmpeg", "-v", "error", "-y", "-i", one, "-af", f"atempo={1 / ratio:.12g}", "-c:a", "pcm_f32le", other,
    ]  # fmt: skip


def _ours(formants: bool) -> Change:
    return lambda audio, ratio, semitones: stretch(
        audio, round(audio.frames * ratio), semitones, formants=formants
    )


def _pieces(audio: Audio, ratio: float, semitones: float) -> Audio:
    frames = round(audio.frames * ratio)
    longer = stretch_pieces(audio.samples, round(frames * 2 ** (semitones / 12)), audio.sample_rate)
    return (
        Audio(resample(Audio(longer, len(longer)), frames).samples, audio.sample_rate)
        if semitones
        else Audio(longer, audio.sample_rate)
    )


STRETCHERS = (
    Contestant("BeatFlow", _ours(False)),
    Contestant("BeatFlow without the wheel (WSOLA)", _pieces),
    Contestant("Rubber Band R2", _rubberband("-2")),
    Contestant("Rubber Band R3", _rubberband("-3")),
    Contestant("SoX tempo -m", _program(_sox)),
    Contestant("ffmpeg atempo", _program(_ffmpeg)),
)
SHIFTERS = (
    Contestant("BeatFlow", _ours(False)),
    Contestant("BeatFlow, formants kept", _ours(True)),
    Contestant("Rubber Band R2", _rubberband("-2")),
    Contestant("Rubber Band R2, formants kept", _rubberband("-2", "-F")),
    Contestant("Rubber Band R3", _rubberband("-3")),
    Contestant("Rubber Band R3, formants kept", _rubberband("-3", "-F")),
    Contestant("SoX pitch", _program(_sox)),
)


def main(arguments: list[str]) -> None:
    """Measure everything; write or print the tables."""
    for name in [part for part in _PARTS if part in arguments] or _PARTS:
        head, measure, contestants = _PARTS[name]
        table = format_table(head, [_tell([one.name, *measure(one.change)]) for one in contestants])
        if "--write" in arguments:
            replace_part(PAGE, name, table)
        print(table)


def _tell(row: list[str]) -> list[str]:
    print(*row, file=sys.stderr, flush=True)
    return row


def _measure_stretch(change: Change) -> list[str]:
    clicks, times = _make_clicks()
    music = _read_music()
    lengths: list[float] = []
    tempos: list[float] = []
    places: list[float] = []
    smears: list[float] = []
    cents: list[float] = []
    flux: list[float] = []
    cost: list[float] = []
    for ratio in _RATIOS:
        made = change(clicks, ratio, 0.0)
        lengths.append(abs(made.frames - clicks.frames * ratio) / _RATE * 1000)
        found, widths = _find_clicks(made, times * ratio)
        slope = np.polyfit(times * ratio, found, 1)[0]
        tempos.append(100 * abs(slope - 1))
        places.append(float(np.median(np.abs(found - times * ratio))) * 1000)
        smears.append(float(np.median(widths)) * 1000)
        cents.append(max(_miss_cents(change, hz, 1, ratio, 0.0) for hz in _TONES_HZ))
        before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        played = change(music, ratio, 0.0)
        cost.append(_count_cpu(before) * 60 / music.duration_s)
        flux.append(_compare_flux(music, played, ratio))
    worst = [
        f"{max(lengths):.2f}",
        f"{max(tempos):.3f}",
        f"{np.median(places):.1f}",
        f"{np.median(smears):.1f}",
    ]
    return [*worst, f"{max(cents):.1f}", f"{np.mean(flux):.2f}", f"{np.mean(cost):.1f}"]


def _measure_shift(change: Change) -> list[str]:
    clicks, times = _make_clicks()
    music = _read_music()
    lengths: list[float] = []
    cents: list[float] = []
    vowels: dict[float, list[float]] = {hz: [] for hz in _VOICES_HZ}
    smears: list[float] = []
    cost: list[float] = []
    for semitones in _SEMITONES:
        cents.append(max(_miss_cents(change, hz, 12, 1.0, semitones) for hz in _TONES_HZ))
        _, widths = _find_clicks(change(clicks, 1.0, semitones), times)
        smears.append(float(np.median(widths)) * 1000)
        for hz, formants in product(_VOICES_HZ, _VOWELS):
            voice = _sing(hz, formants)
            wanted = _sing(hz * 2 ** (semitones / 12), formants)
            vowels[hz].append(_compare_bands(change(voice, 1.0, semitones), wanted))
        before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        made = change(music, 1.0, semitones)
        cost.append(_count_cpu(before) * 60 / music.duration_s)
        lengths.append(abs(made.frames - music.frames) / _RATE * 1000)
    return [
        f"{max(lengths):.2f}", f"{max(cents):.1f}", *(f"{np.mean(misses):.1f}" for misses in vowels.values()),
        f"{np.median(smears):.1f}", f"{np.mean(cost):.1f}",
    ]  # fmt: skip


def _count_cpu(before: tuple[resource.struct_rusage, resource.struct_rusage]) -> float:
    after = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(a.ru_utime + a.ru_stime - b.ru_utime - b.ru_stime for a, b in zip(after, before, strict=True))


def _make_clicks() -> tuple[Audio, Signal]:
    """Bursts of 2 ms in 11 s, on no regular grid, and where they begin in seconds."""
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.25, 0.6, 24)) + 0.3
    samples = np.zeros((round((times[-1] + 0.5) * _RATE), 2), np.float32)
    for time in times:
        at = round(time * _RATE)
        burst = rng.standard_normal(400) * np.exp(-np.arange(400) / 60) * 0.3
        samples[at : at + 400] = burst[:, None]
    return Audio(samples, _RATE), times


def _find_clicks(audio: Audio, wanted: Signal) -> tuple[Signal, Signal]:
    """Where each burst's energy has its first tenth, and in how many seconds the next eight tenths follow."""
    power = audio.samples.astype(np.float64).mean(axis=1) ** 2
    begins, widths = [], []
    for time in wanted:
        first = max(0, round((time - 0.1) * _RATE))
        energy = np.cumsum(power[first : round((time + 0.1) * _RATE)])
        if not len(energy) or energy[-1] <= 0:
            begins.append(time)
            widths.append(0.2)
            continue
        low, high = np.searchsorted(energy, energy[-1] * np.array([0.1, 0.9]))
        begins.append((first + low) / _RATE)
        widths.append((high - low) / _RATE)
    return np.array(begins), np.array(widths)


def _miss_cents(change: Change, hz: float, partials: int, ratio: float, semitones: float) -> float:
    """How far the lowest partial of a tone comes from where it belongs; looked for within two semitones."""
    t = np.arange(2 * _RATE) / _RATE
    wave = sum((0.2 / n * np.sin(2 * np.pi * n * hz * t) for n in range(1, partials + 1)), np.zeros(len(t)))
    made = change(Audio(np.repeat(wave.astype(np.float32)[:, None], 2, axis=1), _RATE), ratio, semitones)
    middle = made.samples[made.frames // 5 : -made.frames // 5, 0]
    size = 1 << 18
    levels = np.log(np.abs(np.fft.rfft(middle * np.hanning(len(middle)), size)) + 1e-12)
    wanted = hz * 2 ** (semitones / 12)
    first = round(wanted * 2 ** (-2 / 12) * size / _RATE)
    at = first + int(np.argmax(levels[first : round(wanted * 2 ** (2 / 12) * size / _RATE)]))
    below, peak, above = levels[at - 1 : at + 2]
    found = (at + (below - above) / (2 * (below - 2 * peak + above))) * _RATE / size
    return abs(1200 * float(np.log2(found / wanted)))


def _read_music() -> Audio:
    samples, rate = soundfile.read(_MUSIC, dtype="float32", always_2d=True)
    return Audio(samples[: round(_MUSIC_S * rate)], rate)


def _measure_flux(audio: Audio, hop: float, columns: int) -> Signal:
    """How much the spectrum rises from column to column."""
    mono = np.pad(audio.samples.mean(axis=1), (1024, 4096))
    starts = np.minimum((np.arange(columns) * hop).astype(int), len(mono) - 2048)
    spectra = np.log1p(
        100 * np.abs(np.fft.rfft(np.stack([mono[at : at + 2048] for at in starts]) * np.hanning(2048)))
    )
    return np.asarray(np.maximum(np.diff(spectra, axis=0), 0).sum(axis=1))


def _compare_flux(audio: Audio, made: Audio, ratio: float) -> float:
    """Correlation of the attacks before and after, column by column of the same music."""
    columns = audio.frames // 512
    one, other = _measure_flux(audio, 512, columns), _measure_flux(made, 512 * ratio, columns)
    return float(np.corrcoef(one, other)[0, 1])


def _sing(hz: float, formants: tuple[tuple[int, int], ...]) -> Audio:
    """Pulses with a vibrato through resonances, 2 s."""
    t = np.arange(2 * _RATE) / _RATE
    turns = np.cumsum(hz * (1 + 0.005 * np.sin(2 * np.pi * 5 * t))) / _RATE
    wave = lfilter([1], [1, -0.97], np.diff(np.floor(turns), prepend=0))
    for formant, width in formants:
        radius = np.exp(-np.pi * width / _RATE)
        pole = 2 * radius * np.cos(2 * np.pi * formant / _RATE)
        wave = lfilter([1 - radius], [1, -pole, radius**2], wave)
    return Audio((wave * 0.5 / np.abs(wave).max()).astype(np.float32)[:, None], _RATE)


def _compare_bands(one: Audio, other: Audio) -> float:
    """Difference of two spectra in 21 bands from 200 Hz to 5 kHz, rms in dB, whatever the level."""
    levels = []
    for audio in (one, other):
        middle = audio.samples[_RATE // 4 : -_RATE // 4, 0].astype(np.float64)
        power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
        hz = np.fft.rfftfreq(len(middle), 1 / _RATE)
        edges = np.geomspace(200, 5000, 22)
        levels.append(
            np.array([10 * np.log10(power[(hz >= a) & (hz < b)].sum() + 1e-9) for a, b in pairwise(edges)])
        )
    heard = levels[1] > levels[1].max() - 45
    return float(np.std((levels[0] - levels[1])[heard]))


_PARTS: dict[str, tuple[list[str], Callable[[Change], list[str]], tuple[Contestant, ...]]] = {
    "stretching": (
        ["stretcher", "length ms", "tempo %", "place ms", "smear ms", "pitch ct", "flux", "CPU s/min"],
        _measure_stretch,
        STRETCHERS,
    ),
    "shifting": (
        ["shifter", "length ms", "pitch ct", "vowels dB", "high vowels dB", "smear ms", "CPU s/min"],
        _measure_shift,
        SHIFTERS,
    ),
}

if __name__ == "__main__":
    main(sys.argv[1:])
