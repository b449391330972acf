"""The named sounds: what is played for a word, and what its box, amplifier or cabinet does to the whole part.

Data only. ``instrument_of`` and ``finish_of`` know every name that a genre or a prompt may give.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from beatflow.ai.synth.sounds.fm import Fm, Pair
from beatflow.ai.synth.sounds.touch import Instrument
from beatflow.ai.synth.sounds.voices import ElectricPiano, Struck, SubBass
from beatflow.ai.synth.sounds.waveguide import Blown, Plucked
from beatflow.ai.synth.sounds.wavetable import Subtractive

Points = tuple[tuple[float, float], ...]

_BELL = (1.0, 2.0, 2.76, 4.1, 5.4, 6.8, 8.93)
_BAR = (1.0, 3.98, 9.1)
_GLOCKENSPIEL = (1.0, 2.76, 5.4, 8.93)
_STEEL = (1.0, 2.0, 3.01, 4.07, 5.12)
_OOH = ((330.0, 110.0, 1.6), (870.0, 140.0, 0.7), (2300.0, 300.0, 0.3), (3300.0, 400.0, 0.25))
_AAH = ((720.0, 150.0, 1.5), (1200.0, 180.0, 1.1), (2700.0, 350.0, 0.55), (3500.0, 450.0, 0.4))
_VIOLIN = (
    (280.0, 60.0, 0.7), (460.0, 80.0, 0.9), (700.0, 120.0, 0.5), (1100.0, 200.0, 0.6), (2600.0, 700.0, 1.0),
    (4200.0, 900.0, 0.5),
)  # fmt: skip
_VIOLA = ((220.0, 60.0, 0.8), (380.0, 90.0, 0.9), (900.0, 250.0, 0.6), (2100.0, 700.0, 0.8))
_CELLO = (
    (105.0, 40.0, 0.6),
    (190.0, 50.0, 0.9),
    (400.0, 120.0, 0.7),
    (1000.0, 300.0, 0.6),
    (2200.0, 800.0, 0.6),
)
_OBOE = ((1100.0, 300.0, 1.4), (3000.0, 600.0, 0.8))
_HORN = ((350.0, 200.0, 1.0), (800.0, 400.0, 0.4))

_TRUMPET = Fm(
    (Pair(1.0, 1.0, 4.6, 3.4, 0.12), Pair(1.0, 1.0, 1.2, 1.2, 0.1, 0.25)), attack_s=0.03, swell_s=0.055,
    half_s=0.4, sustain=0.8, scoop_cents=45.0, vibrato_cents=7.0, noise=0.004, release_s=0.09,
)  # fmt: skip

_KEYS: Mapping[str, Instrument] = {
    "rhodes": ElectricPiano(),
    "wurlitzer": ElectricPiano(half_s=0.6, bark=0.75, bell=0.03, reed=0.42, release_s=0.12),
    "clavinet": Plucked(0.4, 0.16, 9000.0, 0.11, click=0.16, release_s=0.03),
    "piano": Struck(
        slope=1.05, half_s=0.5, damping=0.2, stretch=0.00035, knock=0.06, after=0.25, release_s=0.18
    ),
    "upright piano": Struck(
        slope=1.25, half_s=0.4, damping=0.24, stretch=0.0005, knock=0.12, after=0.2, width=0.2, release_s=0.14
    ),
    "felt piano": Struck(
        slope=1.9, half_s=0.5, damping=0.4, stretch=0.0003, knock=0.12, after=0.2, release_s=0.2
    ),
    "harpsichord": Plucked(0.55, 0.3, 11000.0, 0.09, click=0.12, width=0.25, release_s=0.06),
    "organ": Subtractive("organ", voices=2, detune_cents=3.0, attack_s=0.008, cutoff=14.0, release_s=0.05),
    "accordion": Subtractive(
        "reed", voices=3, detune_cents=9.0, attack_s=0.035, cutoff=9.0, noise=0.01, shake_hz=5.6, shake=0.08,
        release_s=0.07,
    ),
    "celesta": Struck(ratios=(1.0, 3.0, 6.8), slope=2.2, half_s=0.45, damping=1.4, knock=0.05, release_s=0.4),
    "music box": Struck(ratios=(1.0, 2.0, 5.8, 8.2), slope=1.7, half_s=0.4, damping=0.8, knock=0.08, release_s=0.5),
    "glockenspiel": Struck(ratios=_GLOCKENSPIEL, slope=1.6, half_s=0.7, damping=0.9, knock=0.03, release_s=0.5),
    "steel drum": Struck(ratios=_STEEL, slope=1.1, half_s=0.28, damping=0.5, knock=0.06, release_s=0.2),
    "bells": Struck(ratios=_BELL, slope=1.3, half_s=0.6, damping=0.3, knock=0.02, width=0.6, release_s=0.6),
    "kalimba": Struck(ratios=(1.0, 2.0, 5.8), slope=1.9, half_s=0.22, damping=1.2, knock=0.2, release_s=0.2),
    "marimba": Struck(ratios=_BAR, slope=2.0, half_s=0.16, damping=1.5, knock=0.12, release_s=0.2),
    "vibraphone": Struck(
        ratios=(1.0, 4.0, 10.2), slope=1.9, half_s=0.8, damping=1.0, knock=0.012, release_s=0.4
    ),
    "cowbell": Fm((Pair(1.0, 1.504, 1.6, 0.8, 0.05), Pair(1.48, 1.0, 0.6, 0.3, 0.05, 0.6)), half_s=0.09, sustain=0.0),
}  # fmt: skip

_PLUCKED: Mapping[str, Instrument] = {
    "nylon": Plucked(0.45, 0.09, 3600.0, 0.2, click=0.09, body=0.12, width=0.25, release_s=0.09),
    "steel guitar": Plucked(0.7, 0.22, 8500.0, 0.13, click=0.16, body=0.08, width=0.3, release_s=0.09),
    "clean guitar": Plucked(0.9, 0.2, 6000.0, 0.14, click=0.08, width=0.2, release_s=0.06),
    "muted guitar": Plucked(0.055, 0.03, 6500.0, 0.1, click=0.3, width=0.2, release_s=0.03),
    "wah guitar": Plucked(0.4, 0.2, 9000.0, 0.1, click=0.12, wah=0.85, release_s=0.04),
    "jazz guitar": Plucked(0.7, 0.07, 2600.0, 0.24, click=0.03, release_s=0.07),
    "distorted guitar": Plucked(2.5, 0.6, 5000.0, 0.12, click=0.1, release_s=0.05),
    "lead guitar": Plucked(3.0, 0.7, 5000.0, 0.15, click=0.06, vibrato_cents=22.0, release_s=0.08),
    "pluck": Struck(slope=1.1, half_s=0.14, damping=0.25, position=0.3, knock=0.02, release_s=0.08),
    "harp": Plucked(0.9, 0.12, 4200.0, 0.42, click=0.02, width=0.4, release_s=0.5),
    "koto": Plucked(0.6, 0.25, 8000.0, 0.07, click=0.18, width=0.15, vibrato_cents=6.0, release_s=0.2),
    "sitar": Plucked(1.0, 0.45, 9000.0, 0.1, click=0.12, buzz=0.35, vibrato_cents=9.0, release_s=0.2),
    "pizzicato": Plucked(0.1, 0.03, 3000.0, 0.2, click=0.05, body=0.1, width=0.3, release_s=0.1),
}

_BOWED: Mapping[str, Instrument] = {
    "strings": Subtractive(
        "bowed", voices=6, detune_cents=13.0, attack_s=0.16, cutoff=14.0, vibrato_cents=8.0, resonance=0.7,
        noise=0.012, formants=_VIOLIN, release_s=0.4,
    ),
    "string runs": Subtractive(
        "bowed", voices=5, detune_cents=12.0, attack_s=0.05, cutoff=14.0, vibrato_cents=5.0, resonance=0.7,
        noise=0.015, formants=_VIOLIN, release_s=0.2,
    ),
    "tremolo strings": Subtractive(
        "bowed", voices=5, detune_cents=14.0, attack_s=0.08, cutoff=12.0, resonance=0.7, noise=0.03,
        formants=_VIOLIN, shake_hz=12.5, shake=0.75, release_s=0.3,
    ),
    "spiccato": Subtractive(
        "bowed", voices=4, detune_cents=11.0, attack_s=0.012, half_s=0.09, sustain=0.0, cutoff=11.0, sweep=1.0,
        sweep_half_s=0.04, noise=0.04, formants=_VIOLIN, release_s=0.12,
    ),
    "violin": Subtractive(
        "bowed", attack_s=0.07, cutoff=18.0, vibrato_cents=17.0, noise=0.012, swell_s=0.15, formants=_VIOLIN,
        release_s=0.14,
    ),
    "viola": Subtractive(
        "bowed", attack_s=0.08, cutoff=15.0, vibrato_cents=15.0, noise=0.012, swell_s=0.18, formants=_VIOLA,
        release_s=0.15,
    ),
    "cello": Subtractive(
        "bowed", attack_s=0.09, cutoff=15.0, vibrato_cents=13.0, noise=0.015, swell_s=0.2, formants=_CELLO,
        release_s=0.18,
    ),
    "contrabass": Subtractive(
        "bowed", attack_s=0.1, cutoff=14.0, vibrato_cents=6.0, noise=0.02, formants=_CELLO, sub=0.2, release_s=0.2
    ),
}  # fmt: skip

_BLOWN: Mapping[str, Instrument] = {
    "trumpet": _TRUMPET,
    "muted trumpet": Fm(
        (Pair(1.0, 1.0, 5.5, 4.5, 0.1, 0.6), Pair(5.0, 1.0, 1.6, 1.2, 0.1, 0.35)), attack_s=0.03, swell_s=0.04,
        half_s=0.4, sustain=0.8, scoop_cents=30.0, vibrato_cents=10.0, noise=0.006, release_s=0.08,
    ),
    "brass": Fm(
        (Pair(1.0, 1.0, 4.2, 2.8, 0.15),), attack_s=0.035, swell_s=0.07, half_s=0.5, sustain=0.75,
        scoop_cents=30.0, voices=3, detune_cents=7.0, noise=0.006, release_s=0.1,
    ),
    "brass section": Fm(
        (Pair(1.0, 1.0, 5.2, 3.4, 0.12),), attack_s=0.02, swell_s=0.04, half_s=0.35, sustain=0.7,
        scoop_cents=40.0, voices=4, detune_cents=9.0, noise=0.01, release_s=0.08,
    ),
    "synth brass": Subtractive(
        voices=3, detune_cents=8.0, attack_s=0.03, half_s=0.5, sustain=0.75, cutoff=3.5, sweep=1.6,
        sweep_half_s=0.2, swell_s=0.07, resonance=1.0, release_s=0.14,
    ),
    "french horn": Subtractive(
        "saw", voices=3, detune_cents=5.0, attack_s=0.07, cutoff=4.5, swell_s=0.14, vibrato_cents=3.0,
        formants=_HORN, noise=0.004, release_s=0.2,
    ),
    "trombone": Fm(
        (Pair(1.0, 1.0, 3.6, 2.6, 0.15),), attack_s=0.045, swell_s=0.08, half_s=0.5, sustain=0.8,
        scoop_cents=60.0, vibrato_cents=5.0, noise=0.006, release_s=0.1,
    ),
    "low brass": Fm(
        (Pair(1.0, 1.0, 4.4, 3.2, 0.2),), attack_s=0.05, swell_s=0.12, half_s=0.8, sustain=0.85, voices=3,
        detune_cents=6.0, scoop_cents=20.0, noise=0.008, release_s=0.18,
    ),
    "tuba": Fm(
        (Pair(1.0, 1.0, 1.9, 1.3, 0.15),), attack_s=0.05, swell_s=0.07, half_s=0.6, sustain=0.7, noise=0.008,
        release_s=0.1,
    ),
    "saxophone": Blown("saxophone", breath=0.78, noise=0.06, attack_s=0.03, vibrato_cents=14.0),
    "clarinet": Blown("clarinet", breath=0.76, noise=0.03, attack_s=0.04, vibrato_cents=4.0),
    "oboe": Subtractive(
        "pulse", attack_s=0.045, cutoff=12.0, vibrato_cents=9.0, noise=0.01, formants=_OBOE, release_s=0.09
    ),
    "flute": Subtractive(
        "flute", attack_s=0.05, cutoff=12.0, vibrato_cents=14.0, noise=0.055, shake_hz=5.1, shake=0.12,
        noise_low_hz=1200.0, noise_high_hz=9000.0, release_s=0.1,
    ),
    "pan flute": Subtractive(
        "pan", attack_s=0.04, cutoff=12.0, vibrato_cents=10.0, noise=0.13, noise_low_hz=900.0,
        noise_high_hz=7000.0, release_s=0.12,
    ),
    "ocarina": Subtractive("sine", attack_s=0.03, cutoff=20.0, vibrato_cents=9.0, noise=0.03, release_s=0.1),
    "whistle": Subtractive("sine", attack_s=0.04, cutoff=20.0, vibrato_cents=18.0, noise=0.02, release_s=0.1),
    "harmonica": Subtractive(
        "reed", voices=2, detune_cents=4.0, attack_s=0.03, cutoff=9.0, vibrato_cents=8.0, noise=0.03,
        shake_hz=5.0, shake=0.2, formants=((900.0, 500.0, 0.8), (2400.0, 800.0, 0.8)), release_s=0.08,
    ),
    "melodica": Subtractive(
        "reed", attack_s=0.025, cutoff=8.0, noise=0.02, shake_hz=4.6, shake=0.1, release_s=0.06
    ),
}  # fmt: skip

_SUNG: Mapping[str, Instrument] = {
    "choir": Subtractive(
        "glottis", voices=6, detune_cents=16.0, attack_s=0.22, cutoff=30.0, vibrato_cents=14.0, noise=0.02,
        formants=_AAH, release_s=0.5,
    ),
    "voice": Subtractive(
        "glottis", voices=2, detune_cents=4.0, attack_s=0.09, cutoff=30.0, vibrato_cents=20.0, noise=0.015,
        formants=_OOH, release_s=0.2,
    ),
    "vocal chop": Subtractive(
        "glottis", voices=2, detune_cents=7.0, attack_s=0.008, half_s=0.12, sustain=0.2, cutoff=20.0, sweep=1.2,
        noise=0.02, formants=_AAH, release_s=0.08,
    ),
}  # fmt: skip

_SYNTHS: Mapping[str, Instrument] = {
    "pad": Subtractive(voices=4, detune_cents=11.0, attack_s=0.45, cutoff=6.0, swell_s=1.6, release_s=0.9),
    "warm pad": Subtractive(
        "hollow", voices=3, detune_cents=8.0, attack_s=0.6, cutoff=5.0, swell_s=2.2, sub=0.15, release_s=1.4
    ),
    "dark pad": Subtractive(
        voices=4, detune_cents=14.0, attack_s=0.5, cutoff=2.6, swell_s=2.0, resonance=1.2, release_s=1.2
    ),
    "glass pad": Fm(
        (Pair(1.0, 3.0, 0.7, 0.3, 1.2), Pair(2.0, 7.0, 0.4, 0.15, 0.8, 0.4), Pair(4.0, 1.0, 0.2, 0.1, 1.0, 0.15)),
        attack_s=0.35, vibrato_cents=3.0, voices=3, detune_cents=8.0, release_s=1.2,
    ),
    "stab": Subtractive(
        voices=3, detune_cents=9.0, half_s=0.12, sustain=0.12, cutoff=2.5, sweep=2.2, sweep_half_s=0.07,
        release_s=0.1,
    ),
    "deep stab": Subtractive(
        voices=3, detune_cents=10.0, half_s=0.16, sustain=0.05, cutoff=2.0, sweep=1.5, sweep_half_s=0.09,
        resonance=1.3, release_s=0.14,
    ),
    "supersaw": Subtractive(
        voices=5, detune_cents=17.0, attack_s=0.012, half_s=0.6, sustain=0.8, cutoff=15.0, sweep=0.7,
        sweep_half_s=0.25, release_s=0.25,
    ),
    "arp": Subtractive(
        "square", voices=2, detune_cents=6.0, half_s=0.1, sustain=0.15, cutoff=3.5, sweep=2.0, sweep_half_s=0.06,
        release_s=0.12,
    ),
    "lead": Subtractive(
        voices=2, detune_cents=7.0, attack_s=0.012, half_s=0.5, sustain=0.75, cutoff=5.0, sweep=1.3,
        sweep_half_s=0.2, vibrato_cents=12.0, release_s=0.16,
    ),
    "soft lead": Subtractive(
        "hollow", voices=2, detune_cents=5.0, attack_s=0.02, half_s=0.8, sustain=0.7, cutoff=6.0,
        vibrato_cents=10.0, release_s=0.2,
    ),
    "square lead": Subtractive(
        "square", attack_s=0.008, half_s=0.6, sustain=0.7, cutoff=7.0, sweep=1.0, vibrato_cents=12.0, release_s=0.1
    ),
    "sync lead": Subtractive(
        voices=2, detune_cents=5.0, attack_s=0.005, half_s=0.4, sustain=0.7, cutoff=5.0, sweep=2.2,
        sweep_half_s=0.3, resonance=4.0, vibrato_cents=10.0, release_s=0.1,
    ),
    "theremin": Subtractive("flute", attack_s=0.12, cutoff=5.0, vibrato_cents=34.0, release_s=0.25),
}  # fmt: skip

_BASSES: Mapping[str, Instrument] = {
    "soft sub": Subtractive("flute", attack_s=0.3, cutoff=6.0, sub=0.5, release_s=0.7),
    "sub": SubBass(half_s=2.5, drive=1.1),
    "808": SubBass(half_s=0.55, drop=1.1, drive=2.2, click=0.35, release_s=0.06),
    "donk": SubBass(half_s=0.16, drop=1.8, drop_s=0.02, drive=2.4, click=0.3, wood=0.3, release_s=0.05),
    "log drum": SubBass(half_s=0.24, drop=0.6, drop_s=0.02, drive=2.8, click=0.5, wood=0.5, even=0.2),
    "upright": Plucked(0.32, 0.02, 1500.0, 0.25, click=0.1, body=0.06, release_s=0.07),
    "electric bass": Plucked(0.8, 0.05, 2200.0, 0.18, click=0.06, release_s=0.05),
    "pick bass": Plucked(0.9, 0.14, 5000.0, 0.1, click=0.22, release_s=0.05),
    "slap bass": Plucked(0.7, 0.16, 8000.0, 0.08, click=0.3, buzz=0.45, release_s=0.04),
    "fretless bass": Plucked(1.1, 0.06, 1800.0, 0.2, click=0.02, vibrato_cents=9.0, release_s=0.08),
    "moog bass": Subtractive(
        "saw", half_s=0.2, sustain=0.4, cutoff=2.4, sweep=2.4, sweep_half_s=0.09, resonance=1.8, sub=0.4, release_s=0.04
    ),
    "dub bass": SubBass(half_s=1.2, drive=1.5, even=0.16, release_s=0.06),
    "organ bass": Fm(
        (Pair(1.0, 1.0, 0.9, 0.5, 0.06), Pair(2.0, 1.0, 0.6, 0.1, 0.05, 0.4)), half_s=0.25, sustain=0.5, release_s=0.04
    ),
    "reese": Subtractive(
        voices=3, detune_cents=19.0, attack_s=0.012, cutoff=5.0, resonance=1.1, sub=0.6, swell_s=0.25, wobble=2.0,
        width=0.35, release_s=0.07,
    ),
    "wobble": Subtractive(
        voices=2, detune_cents=9.0, attack_s=0.006, cutoff=2.0, resonance=2.4, sub=0.7, wobble=4.0, width=0.3,
        release_s=0.04,
    ),
    "growl": Fm(
        (Pair(1.0, 1.0, 5.0, 4.0, 0.4), Pair(1.0, 3.0, 2.6, 2.2, 0.3, 0.5)), attack_s=0.006, growl=0.9, sub=0.7,
        release_s=0.04,
    ),
    "acid": Subtractive(
        attack_s=0.003, half_s=0.25, sustain=0.35, cutoff=2.2, sweep=2.9, sweep_half_s=0.07, resonance=5.0,
        release_s=0.03,
    ),
    "synth bass": Subtractive(
        voices=2, detune_cents=8.0, half_s=0.16, sustain=0.35, cutoff=3.0, sweep=2.0, sweep_half_s=0.08, sub=0.4,
        width=0.3, release_s=0.04,
    ),
    "house bass": Subtractive(
        "square", half_s=0.14, sustain=0.3, cutoff=2.4, sweep=1.6, sweep_half_s=0.05, sub=0.5, release_s=0.04
    ),
    "rumble": Subtractive("saw", half_s=0.12, sustain=0.3, cutoff=1.8, sweep=1.2, sweep_half_s=0.05, sub=0.35),
}  # fmt: skip

SOUNDS: Mapping[str, Instrument] = {
    **_KEYS, **_PLUCKED, **_BOWED, **_BLOWN, **_SUNG, **_SYNTHS, **_BASSES,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finish:
    """What a part's own box does to all of it.

    Parameters
    ----------
    drive : float
        How hard the amplifier is driven; 0 is none.
    points : tuple of (Hz, dB)
        Body or cabinet.
    doubled : bool
        Played twice, once on either side.
    tremolo : float
        Depth of a slow pan.
    """

    drive: float = 0.0
    points: Points = ()
    doubled: bool = False
    tremolo: float = 0.0


_CABINET = (
    (60.0, -12.0),
    (110.0, 0.0),
    (400.0, -2.0),
    (2500.0, 4.0),
    (4200.0, 0.0),
    (6000.0, -18.0),
    (9000.0, -50.0),
)
_COMBO = (
    (80.0, -6.0),
    (160.0, 0.0),
    (700.0, -2.0),
    (2600.0, 3.0),
    (5000.0, 0.0),
    (8000.0, -14.0),
    (14000.0, -30.0),
)
_DARK_COMBO = ((90.0, -6.0), (180.0, 1.0), (1000.0, 0.0), (3000.0, -6.0), (6000.0, -24.0))
_WOOD = ((70.0, -8.0), (100.0, 2.0), (200.0, 2.0), (400.0, -1.0), (2500.0, 2.0), (8000.0, 0.0))

FINISHES: Mapping[str, Finish] = {
    "rhodes": Finish(tremolo=0.28),
    "vibraphone": Finish(tremolo=0.28),
    "wurlitzer": Finish(drive=1.3, tremolo=0.2, points=((100.0, 0.0), (1500.0, 2.0), (6000.0, -6.0))),
    "clavinet": Finish(drive=1.2, points=((100.0, -6.0), (700.0, 0.0), (2200.0, 4.0), (7000.0, -6.0))),
    "organ": Finish(drive=0.9, tremolo=0.12),
    "upright piano": Finish(points=((80.0, -2.0), (500.0, 2.0), (2000.0, 0.0), (8000.0, -6.0))),
    "nylon": Finish(points=_WOOD),
    "steel guitar": Finish(points=_WOOD),
    "clean guitar": Finish(drive=0.8, points=_COMBO),
    "muted guitar": Finish(drive=1.1, points=_COMBO),
    "wah guitar": Finish(drive=1.2, points=_COMBO),
    "jazz guitar": Finish(points=_DARK_COMBO),
    "distorted guitar": Finish(drive=14.0, points=_CABINET, doubled=True),
    "lead guitar": Finish(drive=9.0, points=_CABINET),
    "saxophone": Finish(
        drive=0.9, points=((120.0, -3.0), (600.0, 2.0), (1500.0, 1.0), (4000.0, 0.0), (9000.0, -8.0))
    ),
    "clarinet": Finish(points=((120.0, 0.0), (1500.0, 0.0), (4000.0, -4.0), (9000.0, -14.0))),
    "pick bass": Finish(drive=1.4),
    "slap bass": Finish(drive=1.1, points=((40.0, 0.0), (400.0, -4.0), (2500.0, 4.0), (6000.0, 2.0))),
    "wobble": Finish(drive=2.2),
    "growl": Finish(drive=2.6),
    "reese": Finish(drive=1.4),
    "acid": Finish(drive=1.8),
}


def instrument_of(name: str) -> Instrument:
    """The instrument of a name; a plain one for a name that nobody knows."""
    return SOUNDS.get(name, SOUNDS["soft lead"])


def finish_of(name: str) -> Finish:
    """What belongs to a name beside the instrument."""
    return FINISHES.get(name, Finish())
