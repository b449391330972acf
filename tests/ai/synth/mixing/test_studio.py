"""The sounding half: levels, sums, stereo, silence, seams, threads, and what lies in files."""

import os
import threading
from collections.abc import Callable

import numpy as np
import pytest

from beatflow.ai.engine import Brief, Performance
from beatflow.ai.synth import threads
from beatflow.ai.synth.engine import SynthEngine
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.grid import TICKS, Event, Grid
from beatflow.ai.synth.mixing import mixdown, storage
from beatflow.ai.synth.mixing.effects import Treatment, duck_curve, treat
from beatflow.ai.synth.mixing.rooms import room
from beatflow.ai.synth.mixing.storage import Shelf
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.bus import Bus, put
from beatflow.ai.synth.sounds.playing import render_drums, render_notes
from beatflow.ai.synth.threads import together
from beatflow.sound.loudness import measure_loudness
from tests.ai.synth.clicks import roughness, stands_out
from tests.ai.synth.made import integers, made


@pytest.fixture(params=sorted(GENRES))
def piece(request: pytest.FixtureRequest) -> Performance:
    return made(request.param, bars=2, tempo=230.0)


def nothing() -> None:
    """Nobody stops the work."""


def test_every_genre_is_mastered(piece: Performance) -> None:
    """As BeatFlow's own meter measures it: -14 LUFS, -1 dBTP; and the mix is the stems' exact sum."""
    found = measure_loudness(piece.mix)
    assert found.integrated_lufs == pytest.approx(-14.0, abs=0.3)
    assert found.true_peak_dbtp <= -1.0
    assert np.array_equal(integers(piece), sum(integers(piece, stem) for stem in piece.stems))
    for stem, audio in piece.stems.items():
        assert np.isfinite(audio.samples).all()
        assert np.abs(audio.samples).max() < 1.0, stem
        assert np.abs(audio.samples.mean(axis=0, dtype=np.float64)).max() < 3e-4, stem


def test_mono_loses_little(piece: Performance) -> None:
    for name, audio in (("mix", piece.mix), *piece.stems.items()):
        wave = audio.samples.astype(np.float64)
        loss = np.mean(wave.mean(axis=1) ** 2) / max(np.mean(wave**2), 1e-12)
        assert 10 * np.log10(loss) > -3.0, name


def test_the_spectrum_is_that_of_music(piece: Performance) -> None:
    """Shares of the energy by octave: no more than half under 90 Hz, something between 2 and 6 kHz, no hiss above."""
    wave = piece.mix.samples.astype(np.float64)
    power = sum(
        np.abs(np.fft.rfft(wave[i : i + 8192] * np.hanning(8192)[:, None], axis=0)) ** 2
        for i in range(0, len(wave) - 8192, 8192)
    ).sum(axis=1)
    hz = np.fft.rfftfreq(8192, 1 / 44100)
    share = {
        edge: power[(hz >= edge[0]) & (hz < edge[1])].sum() / power.sum()
        for edge in ((0, 30), (0, 90), (2000, 6000), (9000, 22050))
    }
    assert share[0, 30] < 0.06
    assert share[0, 90] < 0.55
    assert share[2000, 6000] > 0.002
    assert share[9000, 22050] < 0.12


def test_loops_go_round_without_a_seam(piece: Performance) -> None:
    """A step at the seam would stand out of the sound beside it, unless a drum is struck there as at any downbeat."""
    for name, audio in piece.stems.items():
        wave = audio.samples
        twice = np.concatenate((wave[-8000:], wave[:8000])).astype(np.float64)
        rough = roughness(twice)
        assert rough[7990:8000].max() <= max(roughness(wave).max(), 1e-6), name
        if name in ("chords", "texture"):
            assert stands_out(twice, 8000) < 3.0, name


@pytest.mark.parametrize("lufs", [-30.0, -23.0, -18.0, -11.0])
def test_a_level_that_is_asked_for_is_met(lufs: float) -> None:
    performance = SynthEngine().generate(Brief("house", seed=2, bars=1, loudness_lufs=lufs))
    found = measure_loudness(performance.mix)
    assert found.integrated_lufs == pytest.approx(lufs, abs=0.3)
    assert found.true_peak_dbtp <= -1.0
    assert np.array_equal(
        integers(performance), sum(integers(performance, stem) for stem in performance.stems)
    )


def test_nothing_sounds_where_nothing_plays() -> None:
    """A stem is silent to the bit until its first note, and dies away after its last."""
    grid = Grid(120, "4/4", 4)
    bus = Bus(grid, False)
    render_notes(bus, [Event(4 * TICKS, TICKS, 60, 90)], "piano", nothing)
    treat(bus, Treatment(((60.0, -6.0), (1000.0, 0.0)), drive=1.0, space=0.3, echo=0.3), None, nothing)
    first = grid.frame(4 * TICKS)
    assert np.abs(bus.samples[:, : first - 600]).max() == 0.0
    assert np.abs(bus.samples[:, first + 600 : first + 4000]).max() > 0.01
    assert np.abs(bus.samples[:, -2000:]).max() < 1e-3


def test_effects_leave_no_click() -> None:
    """Every effect at once on a held chord, through kicks that push it down: no frame stands out."""
    grid = Grid(120, "4/4", 2)
    for loop in (True, False):
        bus = Bus(grid, loop)
        render_notes(bus, [Event(0, 8 * TICKS, midi, 90) for midi in (48, 55, 60)], "organ", nothing)
        duck = duck_curve(grid, [Event(TICKS * i, 100, 36, 110) for i in range(8)], 0.7, loop)
        effects = Treatment(
            ((80.0, -6.0), (1000.0, 0.0)),
            drive=2.0,
            body=((100.0, -3.0), (3000.0, 0.0)),
            tremolo=0.3,
            echo=0.3,
            room="hall",
            space=0.3,
            space_s=0.4,
        )
        treat(bus, effects, duck, nothing)
        wave = bus.samples.T
        for i in range(2, 8):
            assert stands_out(wave, grid.frame(TICKS * i), 6000) < 1.5, i
        assert duck.min() == pytest.approx(0.3, abs=0.02)
        assert np.abs(np.diff(duck)).max() < 0.01


def test_an_amplifier_makes_overtones_and_folds_nothing_back() -> None:
    """A power chord through the amplifier: what is no multiple of its lowest difference tone stays far below."""
    grid = Grid(120, "4/4", 2)
    bus = Bus(grid, False)
    render_notes(bus, [Event(0, 6 * TICKS, midi, 100) for midi in (45, 52)], "distorted guitar", nothing)
    treat(bus, Treatment((), drive=14.0), None, nothing)
    wave = bus.samples[0, 20000:85536].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(wave * np.blackman(wave.size)))
    hz = np.fft.rfftfreq(wave.size, 1 / 44100)
    comb = np.abs(hz / 55.0 - np.rint(hz / 55.0)) * 55.0 < 8.0
    high = hz > 2000
    assert np.sum(spectrum[comb & high] ** 2) > 3 * np.sum(spectrum[~comb & high] ** 2)


@pytest.mark.parametrize("kind", ["room", "plate", "hall"])
def test_rooms_decay_and_their_sides_differ(kind: str) -> None:
    left, right = (room(kind, 0.2, channel) for channel in (0, 1))
    tail = left.taps / left.scale
    assert np.sum(tail**2) == pytest.approx(1.0, rel=0.01)
    early, late = np.sum(tail[: 44100 // 5] ** 2), np.sum(tail[44100 // 2 :] ** 2)
    assert early > 30 * late
    assert abs(np.corrcoef(left.taps, right.taps)[0, 1]) < 0.1
    assert tail[-1] == pytest.approx(0.0, abs=1e-4)


def test_a_bus_is_round_for_a_loop_and_cut_otherwise() -> None:
    for loop in (True, False):
        target = np.zeros(10, np.float32)
        put(target, np.arange(1, 6, dtype=np.float32), 8, loop)
        put(target, np.full(3, 100, np.float32), -2, loop)
        assert target[0] == (103.0 if loop else 100.0)
        assert list(target[8:]) == ([101.0, 102.0] if loop else [1.0, 2.0])


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    brief = Brief("funk slap bass", seed=5, bars=1, tempo=220.0)
    both = SynthEngine().generate(brief)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = SynthEngine().generate(brief)
    assert np.array_equal(both.mix.samples, alone.mix.samples)
    assert all(np.array_equal(audio.samples, alone.stems[stem].samples) for stem, audio in both.stems.items())


def test_a_long_piece_in_files_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stems in files and small blocks, or in memory and in one go: the same samples."""
    brief = Brief("trap vinyl", seed=5, bars=1, tempo=240.0, loop=False)
    memory = SynthEngine().generate(brief)
    monkeypatch.setattr(storage, "_IN_MEMORY", 0)
    monkeypatch.setattr(storage, "BLOCK", 1 << 15)
    monkeypatch.setattr(mixdown, "PIECE", 1 << 15)
    files = SynthEngine().generate(brief)
    assert np.array_equal(memory.mix.samples, files.mix.samples)
    assert list(files.stems) == list(memory.stems)
    assert len(files.stems) == len(memory.stems)
    for stem, audio in files.stems.items():
        assert audio.samples.dtype == np.float32
        assert np.array_equal(audio.samples, memory.stems[stem].samples), stem


def test_a_shelf_keeps_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (10**9, 0):
        monkeypatch.setattr(storage, "_IN_MEMORY", limit)
        shelf = Shelf(1000)
        sides = np.arange(2000, dtype=np.float32).reshape(2, 1000)
        shelf.store("a", sides)
        assert np.array_equal(shelf.read("a", 990, 50), sides[:, 990:].T)
        heard = shelf.audio("a").samples
        heard[0] = -1.0  # changes in somebody's copy of a file stay theirs
        if limit == 0:
            assert shelf.read("a", 0, 1)[0, 0] == 0.0
        shelf.drop("a")
        shelf.drop("a")


def test_the_compressor_takes_from_all_stems_alike() -> None:
    """Between two stems the ratio stays what the balance made it, while the loud bars come down against the soft."""
    frames = 44100 * 6
    shelf = Shelf(frames)
    stream = Stream("noise")
    tone = stream.noise(frames).astype(np.float32) * 0.1
    tone[: frames // 2] *= np.float32(0.25)
    other = stream.noise(frames).astype(np.float32) * 0.05
    other[: frames // 2] *= np.float32(0.25)
    shelf.store("a", np.stack((tone, tone)))
    shelf.store("b", np.stack((other, other)))
    levels = {"a": 0.0, "b": -6.0}
    done = mixdown.master(shelf, ("a", "b"), levels, -16.0, False, nothing)
    stems = done.stems_of(("a", "b"))
    a, b = (stems[name].samples.astype(np.float64) for name in ("a", "b"))
    rms = [np.sqrt(np.mean(x[part] ** 2)) for x in (a, b) for part in (slice(0, 120000), slice(140000, None))]
    assert rms[1] / rms[3] == pytest.approx(rms[0] / rms[2], rel=0.01)
    assert 1.5 < rms[1] / rms[0] < 3.8
    assert 0.5 < done.glue_db <= 5.0
    assert measure_loudness(done.mix_of(("a", "b"))).integrated_lufs == pytest.approx(-16.0, abs=0.1)


def test_silence_is_mastered_to_silence() -> None:
    shelf = Shelf(20000)
    shelf.store("a", np.zeros((2, 20000), np.float32))
    done = mixdown.master(shelf, ("a",), {"a": 0.0}, -14.0, True, nothing)
    assert done.loudness_lufs == -200.0
    assert not done.mix_of(("a",)).samples.any()


def test_work_side_by_side_keeps_its_order_and_stops() -> None:
    def square(number: int) -> Callable[[threads.Check], int]:
        return lambda check: number * number

    assert together([square(n) for n in range(7)], lambda done: None) == [n * n for n in range(7)]

    class Stop(Exception):
        pass

    went_on = threading.Event()

    def endless(check: threads.Check) -> None:
        while True:
            check()
            went_on.wait(0.005)

    def report(done: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        together([endless, endless, endless], report)

    def fails(check: threads.Check) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        together([endless, fails], lambda done: None)


def test_hits_off_the_end_are_cut_and_early_ones_too() -> None:
    grid = Grid(240, "4/4", 1)
    bus = Bus(grid, False)
    render_drums(bus, [Event(0, 10, 36, 100, -500), Event(3900, 10, 49, 100)], "pop", nothing)
    assert np.isfinite(bus.samples).all()
    bus.fade_out()
    assert np.abs(bus.samples[:, -1]).max() == 0.0
