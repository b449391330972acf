"""Every named sound, drum and texture: it sounds, in tune, without clicks, and never twice the same."""

import numpy as np
import pytest

from beatflow.ai.synth.drums_midi import CLOSED_HAT, KICK, OPEN_HAT, SNARE
from beatflow.ai.synth.exactmath import pitch_hz
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.grid import TICKS, Event, Grid
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.bus import Bus
from beatflow.ai.synth.sounds.drumkit import DRUMS, LEVELS, PLACES, drum_hit
from beatflow.ai.synth.sounds.instruments import SOUNDS, finish_of, instrument_of
from beatflow.ai.synth.sounds.kits import KITS, kit_of
from beatflow.ai.synth.sounds.playing import render_drums, render_notes
from beatflow.ai.synth.sounds.texture import KINDS, render_texture
from beatflow.ai.synth.sounds.touch import Touch
from beatflow.ai.synth.sounds.voices import shaped
from beatflow.ai.synth.words.vocabulary import INSTRUMENTS, TEXTURES
from tests.ai.synth.clicks import roughness, stands_out

BASSES = {sound for genre in GENRES.values() for sound in genre.bass_sounds} | {"tuba", "contrabass", "donk"}
HELD = 13000


def nothing() -> None:
    """Nobody stops the work."""


def note(sound: str, midi: int | None = None, hardness: float = 0.6, take: int = 0) -> np.ndarray:
    """One note as it is played, shape (frames, channels)."""
    release = int(instrument_of(sound).release_s * 44100)
    return shaped(held_on(sound, midi, hardness, take), HELD, release)


def held_on(sound: str, midi: int | None = None, hardness: float = 0.6, take: int = 0) -> np.ndarray:
    """The same note, not let go."""
    instrument = instrument_of(sound)
    pitch = midi if midi is not None else 40 if sound in BASSES else 64
    release = int(instrument.release_s * 44100)
    tone = instrument.tone(Touch(pitch, hardness, take=take), HELD + release).astype(np.float32)
    return tone if tone.ndim == 2 else tone[:, None]


@pytest.mark.parametrize("sound", sorted(SOUNDS))
def test_a_note_begins_and_ends_without_a_click(sound: str) -> None:
    wave = note(sound)
    assert np.isfinite(wave).all()
    assert 0.02 < np.abs(wave).max() < 8.0
    assert np.abs(wave[0]).max() < 0.02 * np.abs(wave).max()
    assert np.abs(wave[-1]).max() < 1e-4
    # Letting go makes it nowhere rougher than if it had been held on.
    assert roughness(wave)[HELD - 5 :].max() <= 1.05 * roughness(held_on(sound))[HELD - 1000 :].max()
    assert stands_out(np.concatenate((wave, np.zeros_like(wave[:3000]))), len(wave)) < 1.0


@pytest.mark.parametrize("sound", sorted(SOUNDS))
def test_a_note_has_no_offset_and_survives_mono(sound: str) -> None:
    wave = note(sound)
    assert np.abs(wave.mean(axis=0)).max() < 0.06 * np.abs(wave).max()
    mono = np.mean(wave.astype(float).mean(axis=1) ** 2)
    # Two players out of tune beat; what a whole part loses is measured in test_studio.
    assert 10 * np.log10(mono / np.mean(wave.astype(float) ** 2)) > -4.0


@pytest.mark.parametrize(
    "sound", sorted(set(SOUNDS) - {"cowbell", "growl", "muted guitar", "bells", "donk", "reese"})
)
@pytest.mark.parametrize("higher", [0, 17])
def test_notes_are_in_tune(sound: str, higher: int) -> None:
    """Some harmonic of the note, found by its strongest spectral peak, is within a sixth of a semitone of its place."""
    midi = (40 if sound in BASSES else 62) + higher
    hz = pitch_hz(float(midi))
    wave = note(sound, midi).mean(axis=1)[2500:HELD]
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size), size))
    places = np.arange(spectrum.size) * 44100 / size
    offs = []
    for harmonic in (1, 2, 3, 4):
        near = np.abs(places - harmonic * hz) < 0.04 * hz * harmonic
        peak = places[near][np.argmax(spectrum[near])]
        offs.append((spectrum[near].max(), abs(1200 * np.log2(peak / (harmonic * hz)))))
    assert max(offs)[1] < 17, offs


@pytest.mark.parametrize("sound", sorted(SOUNDS))
def test_a_harder_touch_is_another_sound(sound: str) -> None:
    """Not only louder: the share of what lies above the third harmonic changes, or the onset does."""
    soft, hard = note(sound, hardness=0.2).mean(axis=1), note(sound, hardness=0.9).mean(axis=1)
    soft, hard = soft / np.abs(soft).max(), hard / np.abs(hard).max()
    assert np.abs(soft - hard).max() > 0.01


def test_a_longer_note_begins_like_a_shorter_one() -> None:
    for sound in SOUNDS:
        instrument, touch = instrument_of(sound), Touch(52, 0.6)
        short, long = instrument.tone(touch, 3000), instrument.tone(touch, 9000)[:3000]
        assert np.abs(short - long).max() < 2e-3 * np.abs(long).max(), sound


def test_a_glide_arrives() -> None:
    """A note that slides down a fifth begins above its place and is there after 0.2 s (looked for below 200 Hz)."""

    def fundamental(part: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), 1 << 17))
        return float(np.argmax(spectrum[150:595]) + 150) * 44100 / (1 << 17)

    for sound in ("808", "fretless bass", "trombone", "theremin"):
        wave = instrument_of(sound).tone(Touch(45, 0.6, glide=7), 22050)
        wave = wave if wave.ndim == 1 else wave.mean(axis=1)
        assert fundamental(wave[9000:]) == pytest.approx(110.0, rel=0.03), sound
        assert fundamental(wave[:2600]) > 115.0, sound


def test_a_wobble_turns_as_often_as_it_is_asked_to() -> None:
    for sound in ("wobble", "growl"):
        wave = instrument_of(sound).tone(Touch(33, 0.8, wobble=11025), 44100)
        wave = np.diff(wave if wave.ndim == 1 else wave.mean(axis=1), n=2)
        level = np.array([np.mean(wave[i : i + 735] ** 2) for i in range(0, 43000, 735)])
        beats = np.abs(np.fft.rfft(level - level.mean(), 600))  # 60 figures a second: 0.1 Hz a bin
        assert np.argmax(beats) / 10 == pytest.approx(4.0, abs=0.4), sound


def test_every_name_of_a_genre_or_a_prompt_has_a_sound() -> None:
    wanted = set()
    for genre in GENRES.values():
        wanted |= {*genre.bass_sounds, *genre.chord_sounds, *genre.melody_sounds}
        assert genre.kit in KITS
    wanted |= {sound for part, sound in INSTRUMENTS.values() if part != "drums"}
    assert wanted <= set(SOUNDS), wanted - set(SOUNDS)
    assert {sound for part, sound in INSTRUMENTS.values() if part == "drums"} <= set(KITS)
    assert set(TEXTURES.values()) <= set(KINDS)


def test_names_that_nobody_knows_still_sound() -> None:
    assert instrument_of("glass harmonica") is SOUNDS["soft lead"]
    assert finish_of("glass harmonica").drive == 0.0
    assert kit_of("saucepans") is KITS["909"]
    assert np.abs(drum_hit("909", 99, 0)).max() == 1.0
    bus = Bus(Grid(120, "4/4", 1), True)
    render_texture(bus, "fog", Stream(1), nothing)
    assert np.abs(bus.samples).max() > 0


@pytest.mark.parametrize("kit", sorted(KITS))
def test_every_kit_has_every_drum(kit: str) -> None:
    assert set(LEVELS) == DRUMS
    assert set(PLACES) <= DRUMS
    for midi in sorted(DRUMS):
        wave = drum_hit(kit, midi, 0, hard=(midi + len(kit)) % 2 == 0)  # soft in one kit, hard in another
        assert np.isfinite(wave).all(), midi
        assert np.abs(wave).max() == pytest.approx(1.0), midi
        assert abs(wave[0]) < 0.02, midi
        assert abs(wave[-1]) < 1e-3, midi
        assert abs(wave.mean()) < 0.03, midi


def test_repeated_hits_and_notes_are_never_the_same() -> None:
    grid = Grid(120, "4/4", 2)
    for midi in (KICK, SNARE, CLOSED_HAT):
        bus = Bus(grid, False)
        render_drums(bus, [Event(TICKS * i, 200, midi, 90) for i in range(8)], "rock", nothing)
        hits = [bus.samples[:, grid.frame(TICKS * i) :][:, :4000] for i in range(8)]
        assert all(np.abs(hits[i] - hits[k]).max() > 1e-3 for i in range(8) for k in range(i)), midi
    for sound in ("piano", "slap bass", "trumpet"):
        bus = Bus(grid, False)
        render_notes(bus, [Event(TICKS * i, 400, 50, 90) for i in range(8)], sound, nothing)
        notes = [bus.samples[:, grid.frame(TICKS * i) :][:, :4000] for i in range(8)]
        assert all(np.abs(notes[i] - notes[k]).max() > 1e-5 for i in range(8) for k in range(i)), sound


def test_a_closed_hat_chokes_an_open_one() -> None:
    grid = Grid(120, "4/4", 1)
    alone, choked = Bus(grid, False), Bus(grid, False)
    open_hat, closed = Event(0, TICKS, OPEN_HAT, 100), Event(TICKS // 4, 100, CLOSED_HAT, 1)
    render_drums(alone, [open_hat], "909", nothing)
    render_drums(choked, [open_hat, closed], "909", nothing)
    after = grid.frame(TICKS // 4) + 1000
    assert (
        np.abs(choked.samples[:, after : after + 2000]).max()
        < 0.2 * np.abs(alone.samples[:, after : after + 2000]).max()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_textures_flow_into_their_start(kind: str) -> None:
    bus = Bus(Grid(120, "4/4", 2), True)
    render_texture(bus, kind, Stream("texture"), nothing)
    samples = bus.samples.T
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() > 0.003
    assert np.abs(samples.mean(axis=0)).max() < 0.01
    assert stands_out(np.concatenate((samples, samples)), len(samples), 20000) < 1.6
    assert np.abs(np.corrcoef(samples.T)[0, 1]) < 0.98
