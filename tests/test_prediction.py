"""What predicting saves: kinds of edit, each restored exactly and stored in a share of what FLAC alone takes."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from beatflow.objects.layout import SampleFormat
from beatflow.objects.store import AudioStore
from beatflow.predicting.prediction import SoundAdvisor
from tests.conftest import Bf
from tests.objects import sounds

Floats = NDArray[np.float64]
Wav = bytes

RATE = 44100
SECONDS = 6


def play(seed: int, channels: int = 2, seconds: float = SECONDS, rate: int = RATE) -> Floats:
    """Return something like an instrument: notes that decay, with a noisy attack and a little hiss, in -1..1."""
    random = np.random.default_rng(seed)
    frames = round(seconds * rate)
    time = np.arange(frames) / rate
    mono = np.zeros(frames)
    step = random.choice([0.25, 0.375, 0.5])
    for start in np.arange(0, seconds - step, step):
        since = time - start
        held = (since >= 0) & (since < 4 * step)
        t = since[held]
        hz = 55 * 2 ** (random.integers(0, 36) / 12)
        tone = sum(np.sin(2 * np.pi * hz * k * t + random.random()) / k for k in range(1, 9))
        attack = random.standard_normal(len(t)) * np.exp(-40 * t)
        mono[held] += (tone * np.exp(-3 * t) + attack) * (1 - np.exp(-400 * t)) * random.uniform(0.3, 1)
    spread = [np.roll(mono, 37 * channel) * (1 - 0.1 * channel) for channel in range(channels)]
    sound = np.stack(spread, axis=1) + random.normal(0, 2e-3, (frames, channels))
    return np.asarray(0.4 * sound / np.abs(sound).max())


def wav(
    sound: Floats, form: SampleFormat = SampleFormat.S16LE, rate: int = RATE, dither: int | None = None
) -> Wav:
    """Round to a format (a 32-bit float to the 24-bit grid) and write a WAV file."""
    if dither is not None:
        random = np.random.default_rng(dither)
        sound = sound + random.triangular(-1, 0, 1, sound.shape) / 2 ** (8 * form.width - 1)
    if form.is_float:
        sound = np.rint(sound * 2**23) / 2**23 + 0.0
    sound = np.clip(sound, -1, 1)
    return sounds.wav(sounds.samples(sound, form), form, sound.shape[1], rate)


A = play(1)
OTHERS = [play(seed) for seed in (2, 3, 4)]


def equalise(sound: Floats, hz: float = 900, q: float = 0.8) -> Floats:
    """Boost a band by some 4 dB."""
    b, a = signal.iirpeak(hz, q, RATE)
    return np.asarray(sound + 0.6 * signal.lfilter(b, a, sound, axis=0))


def limit(sound: Floats) -> Floats:
    """Turn down what is above a ceiling, block by block, smoothly."""
    peaks = np.abs(sound).max(axis=1)
    window = 512
    held = np.maximum.reduceat(peaks, np.arange(0, len(peaks), window))
    gains = np.minimum(1, 0.35 / np.maximum(held, 1e-9))
    return np.asarray(
        sound * np.interp(np.arange(len(sound)), np.arange(len(gains)) * window, gains)[:, None]
    )


def pan(mono: Floats, place: float) -> Floats:
    return np.concatenate([mono * np.cos(place), mono * np.sin(place)], axis=1)


def later(sound: Floats, frames: int) -> Floats:
    return np.concatenate([np.zeros((frames, sound.shape[1])), sound])


def noise(seed: int) -> Floats:
    return np.asarray(np.random.default_rng(seed).normal(0, 0.1, (RATE * 3, 2)))


S24 = SampleFormat.S24LE
LINE = np.linspace(0, 1, len(A))[:, None]
NEW_REGION = A.copy()
NEW_REGION[RATE * 2 : RATE * 3] = OTHERS[0][RATE * 2 : RATE * 3]
PIECEWISE = np.repeat([1.0, 0.4, 0.8, 0.25], -(-len(A) // 4))[: len(A), None]
MONO = [play(seed, 1) for seed in (5, 6)]
EIGHT = play(7, 8)
FAST = play(8, 2, rate=96000)
MIX = 0.8 * A + 0.5 * OTHERS[0] + 0.35 * OTHERS[1]
STEMS = (wav(A), wav(OTHERS[0]), wav(OTHERS[1]))

# (new file, former version, files beside it, the share of plain FLAC that it may take)
EDITS: dict[str, tuple[Callable[[], Wav], Wav | None, tuple[Wav, ...], float]] = {
    "gain": (lambda: wav(A * 0.7), wav(A), (), 0.18),
    "gain, 24 bit": (lambda: wav(A * 0.7, S24), wav(A, S24), (), 0.10),
    "polarity": (lambda: wav(-A), wav(A), (), 0.01),
    "offset and gain": (lambda: wav(later(A, 12345) * 0.7), wav(A), (), 0.20),
    "channels swapped": (lambda: wav(A[:, ::-1]), wav(A), (), 0.01),
    "balance": (lambda: wav(A * [0.9, 0.6]), wav(A), (), 0.18),
    "equaliser": (lambda: wav(equalise(A)), wav(A), (), 0.60),
    "equaliser, 24 bit": (lambda: wav(equalise(A), S24), wav(A, S24), (), 0.65),
    "dither": (lambda: wav(A, dither=1), wav(A), (), 0.25),
    "24 to 16 bit": (lambda: wav(A), wav(A, S24), (), 0.03),
    "24 to 16 bit, dithered": (lambda: wav(A, dither=1), wav(A, S24), (), 0.25),
    "16 to 24 bit": (lambda: wav(np.rint(A * 32767) / 32768, S24), wav(A), (), 0.01),
    "fade in": (lambda: wav(A * LINE), wav(A), (), 0.20),
    "fade out, exponential": (lambda: wav(A * np.exp(-4 * LINE)), wav(A), (), 0.45),
    "piecewise gain": (lambda: wav(A * PIECEWISE), wav(A), (), 0.55),
    "replaced region": (lambda: wav(NEW_REGION * 0.9), wav(A), (), 0.45),
    "mix of stems": (lambda: wav(MIX), None, STEMS, 0.20),
    "mix, a fader moved": (lambda: wav(MIX + 0.2 * A), wav(MIX), STEMS, 0.20),
    "mix of mono stems": (
        lambda: wav(pan(MONO[0], 0.3) + pan(MONO[1], 1.2)),
        None,
        (wav(MONO[0]), wav(MONO[1])),
        0.20,
    ),
    "mix into a limiter": (lambda: wav(limit(1.6 * MIX)), None, STEMS, 0.40),
    "8 bit": (lambda: wav(A * 0.7, SampleFormat.U8), wav(A, SampleFormat.U8), (), 0.75),
    "float on the grid": (
        lambda: wav(A * 0.7, SampleFormat.F32LE),
        wav(A, SampleFormat.F32LE),
        (),
        0.10,
    ),
    "mono": (lambda: wav(MONO[0] * 0.7), wav(MONO[0]), (), 0.20),
    "8 channels": (lambda: wav(EIGHT * 0.7), wav(EIGHT), (), 0.20),
    "96 kHz": (lambda: wav(FAST * 0.7, S24, 96000), wav(FAST, S24, 96000), (), 0.10),
    "unrelated": (lambda: wav(OTHERS[2]), wav(A), STEMS, 1.02),
    "unrelated noise": (lambda: wav(noise(1)), wav(noise(2)), (wav(noise(3)),), 1.02),
}


def store_all(store: AudioStore, *files: Wav) -> list[str]:
    with store.batch() as batch:
        stored = [batch.add_stream(io.BytesIO(data)).oid for data in files]
        batch.publish()
    return stored


def measure(folder: Path, new: Wav, former: Wav | None, beside: tuple[Wav, ...]) -> tuple[int, int]:
    """Return what a file adds to a store that has the others: plain, and with predictions, restored exactly."""
    folder.mkdir(exist_ok=True)
    file = folder / "new.wav"
    file.write_bytes(new)
    sizes = []
    for predicting in (False, True):
        store = AudioStore.create(folder / f"store{predicting}", workers=2)
        oids = store_all(store, *((former,) if former else ()), *beside)
        with store.batch() as batch:
            sources = [source for oid in oids if (source := batch.source(oid))]
            versions, siblings = sources[: bool(former)], sources[bool(former) :]
            advisor = SoundAdvisor(versions, siblings) if predicting else None
            stored = batch.add_path(file, None, advisor)
            batch.publish()
        assert AudioStore(store.path).read(stored.oid) == new
        sizes.append(stored.new_bytes)
    return sizes[0], sizes[1]


@pytest.mark.parametrize("kind", EDITS)
def test_kinds_of_edit(kind: str, tmp_path: Path) -> None:
    make, former, beside, share = EDITS[kind]
    plain, predicted = measure(tmp_path, make(), former, beside)
    assert predicted <= share * plain


def test_an_unrelated_change_costs_no_more(tmp_path: Path) -> None:
    """Files that share nothing, of several formats, beside each other."""
    forms = [SampleFormat.U8, SampleFormat.S16LE, SampleFormat.S24LE, SampleFormat.F32LE]
    beside = tuple(wav(play(20 + number, seconds=1), form) for number, form in enumerate(forms))
    for number, form in enumerate(forms):
        new = wav(play(30 + number, seconds=1), form)
        plain, predicted = measure(tmp_path / form.name, new, beside[-1 - number], beside)
        assert predicted <= 1.02 * plain


def test_equal_siblings_are_no_trouble(tmp_path: Path) -> None:
    """The same sound several times, and multiples of it: least squares of them has no single answer."""
    half = wav(A * 0.5)
    plain, predicted = measure(tmp_path, wav(A * 0.7), wav(A), (wav(A), half, half, wav(A * 0.25), wav(-A)))
    assert predicted < 0.25 * plain


@pytest.mark.parametrize("rate", [1, 11025, 44056, 192000, 4_000_000])
def test_odd_rates(tmp_path: Path, rate: int) -> None:
    plain, predicted = measure(tmp_path, wav(A * 0.7, rate=rate), wav(A, rate=rate), ())
    assert predicted < 0.2 * plain


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 255, 1024, 1025, 2048, 4096, 20_000])
def test_short_and_silent_sounds(tmp_path: Path, frames: int) -> None:
    short, silent, flat = A[:frames], np.zeros((frames, 2)), np.full((frames, 2), 0.25)
    beside = (wav(silent), wav(short))
    cases = [(short * 0.5, short), (silent, short), (short, silent), (flat, short), (flat, flat * 0.5)]
    for number, (new, former) in enumerate(cases):
        plain, predicted = measure(tmp_path / str(number), wav(new), wav(former), beside)
        assert predicted <= plain + 100


def test_a_file_with_several_stretches_of_sound(tmp_path: Path) -> None:
    """Two data chunks, of which the longer one can be predicted from; nothing else goes wrong."""

    def double(gain: float) -> Wav:
        second = sounds.chunk(b"data", sounds.samples(A[: RATE * 2] * gain, SampleFormat.S16LE))
        return sounds.wav(sounds.samples(A * gain, SampleFormat.S16LE), after=second)

    plain, predicted = measure(tmp_path, double(0.7), double(1.0), ())
    assert predicted < 0.6 * plain


# Through the command line --------------------------------------------------------------------------------


def count_stored(bf: Bf) -> int:
    return sum(path.stat().st_size for path in (bf.directory / ".beatflow/audio/packs").iterdir())


def commit(bf: Bf, **files: Wav) -> int:
    """Write files (named without .wav) and commit; return by how many bytes the store grew."""
    before = count_stored(bf)
    for name, data in files.items():
        (bf.directory / f"{name}.wav").write_bytes(data)
    bf.ok("commit", "-m", "next")
    return count_stored(bf) - before


def test_a_history_of_stems_and_mixes(bf: Bf) -> None:
    bf.ok("init")
    alone = commit(bf, drums=STEMS[0], bass=STEMS[1], keys=STEMS[2])
    assert commit(bf, mix=wav(MIX)) < 0.1 * alone
    assert commit(bf, drums=wav(A * 0.8), mix=wav(MIX - 0.2 * A)) < 0.15 * alone
    # Renamed and louder.
    (bf.directory / "bass.wav").rename(bf.directory / "sub.wav")
    assert commit(bf, sub=wav(OTHERS[0] * 1.1)) < 0.1 * alone
    bf.ok("gc")
    bf.ok("check", "--data")
    last = {"drums": wav(A * 0.8), "mix": wav(MIX - 0.2 * A), "sub": wav(OTHERS[0] * 1.1)}
    for name, data in last.items():
        (bf.directory / f"{name}.wav").unlink()
        bf.ok("restore", f"{name}.wav")
        assert (bf.directory / f"{name}.wav").read_bytes() == data
    bf.ok("restore", "--source", "HEAD~3", "--to", "before", "drums.wav")
    assert (bf.directory / "before" / "drums.wav").read_bytes() == STEMS[0]


def test_stems_of_a_split_cost_less_than_alone(bf: Bf) -> None:
    """They sum to the mix sample for sample: the last one is what the others leave."""
    bf.ok("init")
    commit(bf, mix=wav(play(1, seconds=4) + 0.5 * play(2, seconds=4)))
    before = count_stored(bf)
    bf.ok("split", "mix.wav", "--engine", "dsp", "-o", "stems")
    bf.ok("commit", "-m", "split")
    grown = count_stored(bf) - before
    alone = AudioStore.create(bf.directory.parent / "alone")
    with alone.batch() as batch:
        plain = sum(batch.add_path(path).new_bytes for path in sorted((bf.directory / "stems").iterdir()))
    assert grown < 0.95 * plain
    bf.ok("check", "--data")
