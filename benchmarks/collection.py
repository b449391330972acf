"""Sounds whose tempo, key and bars are known: real loops, rendered tunes, and what has no beat.

Each collection says whether anything was tuned on it (`TUNED_ON`). Needs Debian's sonic-pi-samples, lmms-common,
openttd-openmsx, planetblupi-music-midi, mma, fluidsynth with FluidR3_GM, sox and espeak-ng; what a package gives is
left out where it is not installed. Everything is made once and kept in a folder. Knows nothing of what is measured.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from beatflow.sound.periods import FASTEST
from benchmarks import grooves, tunes

FOLDER = Path(tempfile.gettempdir()) / "beatflow-collection"
RATE = 44_100
TUNED_ON = frozenset({"grooves-a", "synth", "patterns"})
"""Collections that constants were fitted to: no table of accuracy may be made on them alone."""

_SONIC = Path("/usr/share/sonic-pi/samples")
_LMMS = Path("/usr/share/lmms/samples")
# Name and beats, where the length over the beats is the tempo: 97 BPM is in the names of a family, the others are whole
# bars whose kicks and snares say which octave.
_SONIC_LOOPS = {
    "amen": 4, "amen_full": 16, "breakbeat": 4, "compus": 16, "electric": 4, "garzul": 16, "mehackit1": 4,
    "mehackit2": 4, "mika": 16, "perc1": 4, "perc2": 4, "safari": 16, "weirdo": 8,
}  # fmt: skip
# Beats, after the tempi that LMMS's later releases give in the names of these files.
_LMMS_LOOPS = {
    "bassloops/briff01": 4, "bassloops/rave_bass01": 8, "bassloops/rave_bass02": 8, "bassloops/techno_synth01": 8,
    "bassloops/techno_synth03": 8, "bassloops/techno_synth04": 16, "beats/909beat01": 8, "beats/break01": 4,
    "beats/break02": 4, "beats/break03": 4, "beats/electro_beat01": 8, "beats/electro_beat02": 4,
    "beats/house_loop01": 4, "beats/rave_hihat01": 8, "beats/rave_hihat02": 8, "beats/rave_kick01": 8,
    "beats/rave_kick02": 8, "beats/rave_snare01": 8, "latin/latin_guitar01": 8, "latin/latin_guitar03": 16,
}  # fmt: skip
_FREE_S = 20


@dataclass(frozen=True)
class Item:
    """One sound and what is known of it.

    Parameters
    ----------
    name : str
    collection : str
        One of `COLLECTIONS`.
    path : str
        A WAV file.
    tempo : float or None
        BPM of the beat that is counted (in 6/8 a dotted quarter), None where it changes or there is none.
    key : str or None
        Like ``A:min``, None where nobody knows.
    meter : str or None
        ``4/4``, ``3/4``, ``6/8`` or another one; None where nobody knows.
    beats, downbeats : tuple of float
        Seconds; empty where nobody knows.
    """

    name: str
    collection: str
    path: str
    tempo: float | None = None
    key: str | None = None
    meter: str | None = None
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()


def items(collection: str, folder: Path = FOLDER) -> list[Item]:
    """The sounds of a collection; made where they are not there yet."""
    target = folder / collection
    index = target / "index.json"
    if not index.exists():
        target.mkdir(parents=True, exist_ok=True)
        found = [asdict(item) for item in COLLECTIONS[collection](target)]
        index.write_text(json.dumps(found), encoding="utf-8")
    rows = json.loads(index.read_text(encoding="utf-8"))
    return [Item(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}) for row in rows]


def _make_loops(factors: tuple[float, ...]) -> Callable[[Path], Iterator[Item]]:
    """Each loop in some tempi (sox), repeated until it is 6 s long at least; at its own also once where it is long."""
    return lambda target: _stretch_loops(target, factors)


def _stretch_loops(target: Path, factors: tuple[float, ...]) -> Iterator[Item]:
    sources = {f"loop_{name}": (_SONIC / f"loop_{name}.flac", beats) for name, beats in _SONIC_LOOPS.items()}
    sources |= {name.replace("/", "_"): (_LMMS / f"{name}.ogg", beats) for name, beats in _LMMS_LOOPS.items()}
    for name, (path, beats) in sources.items():
        if not path.exists():
            continue
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        for factor in factors:
            if factor * beats * 60 * rate / len(samples) > FASTEST:
                factor = 1.19
            once = samples if factor == 1 else _change_tempo(samples, rate, factor)
            tempo = beats * 60 * rate / len(once)
            rounds = max(2, int(np.ceil(6 * rate / len(once))))
            yield _keep(target, f"{name}-{tempo:.0f}", np.tile(once, (rounds, 1)), rate, target.name, tempo)
        if beats >= 8 and 1.0 in factors:
            tempo = beats * 60 * rate / len(samples)
            yield _keep(target, f"{name}-{tempo:.0f}-once", samples, rate, target.name, tempo)


def _change_tempo(samples: np.ndarray, rate: int, factor: float) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        source, changed = Path(folder) / "a.wav", Path(folder) / "b.wav"
        soundfile.write(source, samples, rate, "PCM_16")
        subprocess.run(["sox", "-D", source, changed, "tempo", str(factor)], check=True)
        return np.asarray(soundfile.read(changed, dtype="float32", always_2d=True)[0])


def _keep(
    target: Path, name: str, samples: np.ndarray, rate: int, collection: str, tempo: float | None
) -> Item:
    path = target / f"{name}.wav"
    soundfile.write(path, samples, rate, "PCM_16")
    return Item(name, collection, str(path), tempo)


def _make_tunes(target: Path) -> Iterator[Item]:
    for tune in tunes.find_tunes():
        path = target / f"{tune.name}.wav"
        tunes.render(tune.path, path, tune.seconds)
        yield Item(
            tune.name, "tunes", str(path), tune.tempo, tune.key, tune.meter, tune.beats, tune.downbeats
        )


def _make_grooves(kept_apart: bool) -> Callable[[Path], Iterator[Item]]:
    def make(target: Path) -> Iterator[Item]:
        for groove in grooves.find_grooves(kept_apart):
            path = target / f"{groove.name}.wav"
            truth = grooves.render(groove, path)
            if truth is not None:
                yield Item(
                    groove.name, target.name, str(path), groove.tempo, groove.key, groove.meter, *truth
                )

    return make


def _make_synth(target: Path) -> Iterator[Item]:
    """Pieces of the embedded producer and their drums alone: every genre in its own tempi, also in 3/4 and 6/8."""
    from beatflow.ai.engine import Brief
    from beatflow.ai.synth.engine import SynthEngine
    from beatflow.ai.synth.genres import GENRES

    for genre in GENRES:
        for seed, meter in ((1, "4/4"), (2, "4/4"), (3, "4/4"), (4, "3/4"), (5, "6/8")):
            done = SynthEngine().generate(Brief(prompt=genre, bars=8, meter=meter, seed=seed))
            path = target / f"{genre.replace(' ', '-')}-{meter.replace('/', '')}-{seed}.wav"
            soundfile.write(path, done.mix.samples, done.mix.sample_rate, "PCM_16")
            assert done.tempo is not None
            # The engine counts quarter notes in every meter.
            tempo = float(done.tempo) * (2 / 3 if meter == "6/8" else 1)
            per_bar = {"4/4": 4, "3/4": 3, "6/8": 2}[meter]
            beats = tuple(round(60 / tempo * n, 4) for n in range(8 * per_bar))
            yield Item(path.stem, "synth", str(path), tempo, done.key, meter, beats, beats[::per_bar])
            drums = done.stems.get("drums")
            if meter == "4/4" and drums is not None:
                alone = target / f"{path.stem}-drums.wav"
                soundfile.write(alone, drums.samples, drums.sample_rate, "PCM_16")
                yield Item(alone.stem, "synth", str(alone), tempo, None, meter, beats, beats[::per_bar])


def _make_patterns(target: Path) -> Iterator[Item]:
    """Bars of kick, snare, hi-hat and bass drawn at random, in three meters: what tells a bar and little else."""
    rng = np.random.default_rng(11)
    t = np.arange(RATE // 4) / RATE
    kick = 0.8 * np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    snare = (rng.normal(size=len(t)) / 2 + np.sin(2 * np.pi * 190 * t) / 2) * np.exp(-20 * t)
    hat = np.diff(rng.normal(size=len(t) + 1)) * np.exp(-70 * t) / 3
    for number in range(72):
        meter = ("4/4", "3/4", "6/8")[number % 3]
        per_bar, parts = {"4/4": (4, int(rng.choice([2, 4]))), "3/4": (3, 2), "6/8": (2, 3)}[meter]
        low, high = {"4/4": (56, 180), "3/4": (76, 200), "6/8": (45, 120)}[meter]
        tempo = float(np.round(np.exp(rng.uniform(np.log(low), np.log(high))), 2))
        steps = per_bar * parts
        kicks, hats = rng.random(steps) < 0.12, rng.random(steps) < rng.uniform(0.5, 1)
        kicks[0], hats[::parts] = True, True
        snares = np.zeros(steps)
        snares[parts :: 2 * parts if meter == "4/4" else parts] = rng.uniform(0.2, 0.6)
        lead_s, step_s = float(rng.uniform(0, 0.5)), 60 / tempo / parts
        out = np.zeros(round((8 * steps * step_s + lead_s + 0.5) * RATE), np.float32)
        for bar in range(8):
            hz = 55 * 2 ** (int(rng.integers(12)) / 12)
            bass = 0.3 * np.sin(2 * np.pi * hz * t) * np.exp(-3 * t) * (rng.random() < 0.7)
            for step in range(steps):
                begin = round((lead_s + (bar * steps + step) * step_s) * RATE)
                sound = kick * kicks[step] + snare * snares[step] + hat * hats[step] * rng.uniform(0.5, 1)
                sound = (sound + bass * (step == 0)) * rng.uniform(0.8, 1)
                out[begin : begin + len(t)] += sound[: len(out) - begin].astype(np.float32)
        item = _keep(target, f"pattern{number}", 0.5 * out[:, None], RATE, "patterns", tempo)
        beats = tuple(round(lead_s + 60 / tempo * n, 4) for n in range(8 * per_bar))
        yield replace(item, meter=meter, beats=beats, downbeats=beats[::per_bar])


def _make_free(target: Path) -> Iterator[Item]:
    """What has no beat: speech, noise, drones, notes at random times, and rubato."""
    rng = np.random.default_rng(7)
    frames = _FREE_S * RATE
    for number in range(4):
        yield _keep(target, f"noise{number}", rng.normal(0, 0.1, (frames, 1)), RATE, "free", None)
        wander = np.cumsum(rng.normal(0, 1, frames // 4410))
        level = np.interp(np.arange(frames), np.arange(len(wander)) * 4410, wander)
        swell = rng.normal(0, 0.03, frames) * np.exp(0.3 * (level - level.mean()))
        yield _keep(target, f"swell{number}", np.clip(swell, -1, 1)[:, None], RATE, "free", None)
    texts = (
        "The quick brown fox jumps over the lazy dog, and then it sleeps all afternoon under an old apple tree.",
        "Ladies and gentlemen, this is your captain. We expect some wind, please keep your belts fastened.",
        "One morning, when the rain had stopped, nobody in the village could say where the baker had gone.",
        "To measure is to know; but what we measure, and why, nobody tells the instrument.",
    )
    for number, text in enumerate(texts):
        for voice in ("en", "de", "fr"):
            path = target / f"speech-{voice}{number}.wav"
            subprocess.run(["espeak-ng", "-v", voice, "-w", path, f"{text} {text}"], check=True)
            yield Item(path.stem, "free", str(path))
    for path in [*sorted(_SONIC.glob("ambi_*.flac")), *sorted(_SONIC.glob("vinyl_*.flac"))]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        yield _keep(target, path.stem, samples, rate, "free", None)
    for number in range(20):
        times = np.cumsum(rng.uniform(0.08, 1.4, 60)) if number < 10 else _rubato(rng)
        yield _keep(target, f"notes{number}", _notes(rng, times, frames), RATE, "free", None)


def _rubato(rng: np.random.Generator) -> np.ndarray:
    """Onsets whose distance is a beat that changes by a fifth from each to the next."""
    return np.cumsum(0.6 * np.exp(np.cumsum(rng.normal(0, 0.06, 60)) + rng.normal(0, 0.18, 60)))


def _notes(rng: np.random.Generator, times: np.ndarray, frames: int) -> np.ndarray:
    out = np.zeros((frames, 1), np.float32)
    t = np.arange(RATE) / RATE
    for time in times[times < frames / RATE - 1]:
        hz = 110 * 2 ** (int(rng.integers(30)) / 12)
        note = sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, 6)) * np.exp(-4 * t)
        out[round(time * RATE) :][:RATE, 0] += 0.1 * rng.uniform(0.4, 1) * note
    return out


COLLECTIONS: dict[str, Callable[[Path], Iterator[Item]]] = {
    "loops": _make_loops((1.0,)),
    "loops-stretched": _make_loops((0.7, 1.25)),
    "tunes": _make_tunes,
    "grooves-a": _make_grooves(kept_apart=False),
    "grooves-b": _make_grooves(kept_apart=True),
    "synth": _make_synth,
    "patterns": _make_patterns,
    "free": _make_free,
}


if __name__ == "__main__":
    for wanted in sys.argv[1:] or COLLECTIONS:
        print(wanted, len(items(wanted)))
