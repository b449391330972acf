"""Clips of people and instruments with one line of known notes: what `bf hum` is measured on.

Of every kind there are clips to tune by and clips to measure on; three kinds are never tuned by. Needs fluidsynth with
FluidR3_GM and espeak-ng for the kinds that they play.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np
import soundfile

from beatflow.sound.audio import Audio
from beatflow.sound.midi import write_midi
from beatflow.sound.note import Note
from benchmarks.hum_tunes import Tune, make_tune
from benchmarks.hummer import RATE, Float, Singer, at_rate, clipped, in_room, sing, with_noise
from benchmarks.syllables import RATE as SYLLABLE_RATE
from benchmarks.syllables import sing_syllables

FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
EACH = 5
"""Clips of a kind in each half."""
UNSEEN = frozenset(("trumpet", "syllables, woman", "telephone", "amateur, du du"))
"""Kinds that nothing is tuned by."""


@dataclass(frozen=True)
class Clip:
    """A recording, and the truth about it."""

    kind: str
    audio: Audio
    tune: Tune


def _mono(sound: Float, rate: int = RATE) -> Audio:
    return Audio((0.5 * sound / np.max(np.abs(sound))).astype(np.float32)[:, None], rate)


Maker = Callable[[int], tuple[Tune, Audio]]


def _sung(singer: Singer, low: int, high: int, snr_db: float = 40.0, **tune: object) -> Maker:
    def make(seed: int) -> tuple[Tune, Audio]:
        made = make_tune(seed, low, high, **tune)  # type: ignore[arg-type]  # options of make_tune
        return made, _mono(with_noise(sing(made.notes, singer, seed), snr_db, seed))

    return make


def _played(program: int, low: int, high: int, wet: bool = False, **tune: object) -> Maker:
    def make(seed: int) -> tuple[Tune, Audio]:
        made = make_tune(seed, low, high, **tune)  # type: ignore[arg-type]  # options of make_tune
        return made, play(made.notes, program, wet)

    return make


def play(notes: tuple[Note, ...], program: int, wet: bool) -> Audio:
    """Notes on a General MIDI instrument (from 0); stereo, 44.1 kHz."""
    with tempfile.TemporaryDirectory() as name:
        midi, wav = Path(name, "tune.mid"), Path(name, "tune.wav")
        write_midi(midi, {"melody": notes}, 120.0)
        score = mido.MidiFile(midi)
        for track in score.tracks:
            for message in track:
                if message.type == "program_change":
                    message.program = program
        score.save(midi)
        room = "1" if wet else "0"
        argv = [
            "fluidsynth",
            "-ni",
            "-g",
            "0.6",
            "-r",
            "44100",
            "-R",
            room,
            "-C",
            "0",
            "-F",
            str(wav),
            FONT,
            str(midi),
        ]
        subprocess.run(argv, check=True, capture_output=True)
        samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    return Audio(samples, rate)


def _telephone(seed: int) -> tuple[Tune, Audio]:
    tune, audio = _sung(Singer(vowels="ao", consonant="d"), 48, 64, 25.0)(seed)
    sound = at_rate(clipped(audio.samples[:, 0].astype(float), 6.0), 8000)
    coded = np.sign(sound) * np.log1p(255.0 * np.abs(sound)) / np.log(256.0)
    coded = np.round(np.clip(coded, -1, 1) * 127.0) / 127.0
    return tune, _mono(np.sign(coded) * (256.0 ** np.abs(coded) - 1.0) / 255.0, 8000)


def _room(seed: int) -> tuple[Tune, Audio]:
    tune, audio = _sung(Singer(vowels="mu"), 50, 66)(seed)
    return tune, _mono(in_room(audio.samples[:, 0].astype(float), seed))


def _hot(seed: int) -> tuple[Tune, Audio]:
    tune, audio = _sung(Singer(vowels="aeo", consonant="n"), 55, 72, 30.0)(seed)
    sound = clipped(at_rate(audio.samples[:, 0].astype(float), 48000), 12.0)
    return tune, Audio(np.stack([sound, 0.7 * sound], axis=1).astype(np.float32), 48000)


def _syllables(voice: str, low: int, high: int) -> Maker:
    def make(seed: int) -> tuple[Tune, Audio]:
        tune = make_tune(seed, low, high, held=0.85)
        return tune, _mono(sing_syllables(tune.notes, seed, voice), SYLLABLE_RATE)

    return make


_HUM = Singer()
_AMATEUR = Singer(
    off_cents=16.0, scoop_cents=140.0, drift_cents=18.0, jitter_cents=9.0, shimmer_db=1.2, creak=0.15, dip_db=7.0,
    sliding_cents=-35.0, breath=0.05, attack_s=0.05, release_s=0.07,
)  # fmt: skip
KINDS: dict[str, Maker] = {
    "hum, man": _sung(_HUM, 41, 57),
    "hum, woman": _sung(replace(_HUM, tract=1.15), 55, 71),
    "hum, slurred": _sung(replace(_HUM, slur=0.8, glide_s=0.08, scoop_cents=30.0), 48, 64, held=1.0),
    "hum, soft repeats": _sung(replace(_HUM, dip_db=8.0), 48, 64, held=1.0, repeats=0.4),
    "hum, noisy": _sung(replace(_HUM, breath=0.08), 48, 64, 20.0),
    "hum, in a room": _room,
    "la la": _sung(Singer(vowels="a", consonant="l", dip_db=8.0), 52, 69, held=1.0),
    "da ba du": _sung(Singer(vowels="aou", consonant="d", scoop_cents=120.0), 48, 66),
    "ta ta, fast": _sung(Singer(vowels="a", consonant="t"), 52, 69, pace="fast", tempi=(90.0, 130.0)),
    "na na, fast": _sung(Singer(vowels="ae", consonant="n", attack_s=0.025), 50, 67, pace="fast", held=1.0),
    "opera": _sung(Singer(vowels="ao", vibrato_cents=75.0, slur=0.4, glide_s=0.1), 57, 76, 35.0, pace="calm"),
    "child, drifting": _sung(Singer(vowels="ie", tract=1.3, tuning_cents=30.0, sliding_cents=-70.0), 62, 79),
    "whistle": _sung(Singer(vowels="", breath=0.05, vibrato_cents=15.0), 77, 93),
    "whistle, gliding": _sung(
        Singer(vowels="", breath=0.05, slur=0.7, glide_s=0.09, scoop_cents=150.0), 81, 98, 25.0
    ),
    "too hot, stereo": _hot,
    "telephone": _telephone,
    "syllables, man": _syllables("en-gb", 45, 60),
    "syllables, woman": _syllables("en-us+f3", 55, 70),
    "amateur, hum": _sung(_AMATEUR, 43, 59, 28.0, held=1.0),
    "amateur, slurred hum": _sung(
        replace(_AMATEUR, slur=0.6, glide_s=0.1), 48, 64, 28.0, held=1.0, repeats=0.3
    ),
    "amateur, la la": _sung(
        replace(_AMATEUR, vowels="ao", consonant="l", tract=1.15), 55, 72, 24.0, held=1.0
    ),
    "amateur, du du": _sung(replace(_AMATEUR, vowels="uo", consonant="d"), 45, 62, 20.0),
    "amateur, fast": _sung(
        replace(_AMATEUR, vowels="ae", consonant="t", attack_s=0.03), 52, 68, 24.0, pace="fast"
    ),
    "amateur, whistle": _sung(replace(_AMATEUR, vowels="", shimmer_db=2.0), 76, 92, 24.0, held=1.0),
    "flute": _played(73, 72, 88),
    "violin": _played(40, 62, 81, held=0.97),
    "trumpet": _played(56, 60, 76),
    "clarinet, reverb": _played(71, 57, 76, wet=True),
    "guitar": _played(24, 50, 69),
    "piano": _played(0, 52, 74),
}


def make_clips(held_out: bool, kinds: tuple[str, ...] = (), each: int = EACH) -> Iterator[Clip]:
    """Make the clips to measure on, or those to tune by."""
    for number, (kind, make) in enumerate(KINDS.items()):
        if (kinds and kind not in kinds) or (kind in UNSEEN and not held_out):
            continue
        for turn in range(each):
            tune, audio = make(1000 * number + 2 * turn + held_out)
            yield Clip(kind, audio, tune)
