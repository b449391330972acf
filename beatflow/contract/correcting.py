"""Putting right what an engine does not keep by itself: tempo and key, bars, length, the seam of a loop, level.

Stems are corrected each alike and their mix is summed anew, so that it stays their exact sum in integers. Judges
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, log2

import numpy as np

from beatflow.ai.engine import QUARTERS, Brief, Performance
from beatflow.contract.judging import KEY_FITS
from beatflow.contract.measuring import CONFIDENT, MOST_STRETCH, RELATIVES, Measurement
from beatflow.contract.terms import CEILING_DBTP, Correction, Terms
from beatflow.making.structure import bars_to_seconds
from beatflow.sound.audio import Audio
from beatflow.sound.exact import make_exact, quantize
from beatflow.sound.levelling import set_loudness
from beatflow.sound.looping import close_loop
from beatflow.sound.note import Note
from beatflow.sound.timestretch import stretch
from beatflow.sound.tonality import parse_key

MOST_SEMITONES = 4
_DRUMS = "drums"
"""The stem that is in no key."""
_MARGIN_BARS = 2
_SLOW_BPM = 80.0
"""What a margin of bars is counted at where no tempo is asked for."""
_BEFORE_S = 0.004
"""A cut lies this much before the downbeat, so that its attack stays whole."""
_FADE_IN_S, _FADE_OUT_S = 0.003, 0.03
_LEVEL_LU = 0.2
"""A loudness that is this near is not touched."""
_SAME_S = 0.003
"""A tempo at which the end comes only this much early or late needs no stretching."""


def widen(brief: Brief, terms: Terms) -> Brief:
    """What to ask an engine for, so that there is something to trim: as much longer as a stretch and a downbeat take.

    What the engine builds on, and a mere length, stay as they are.
    """
    if not _is_cut(terms):
        return brief
    bars, seconds, tempo = terms.number("bars"), terms.number("duration_s"), terms.number("tempo")
    margin = bars_to_seconds(_MARGIN_BARS, tempo or _SLOW_BPM, terms.meter)
    if bars is not None and tempo is None:
        return replace(brief, bars=_widen_bars(bars))
    if bars is not None and tempo is not None:
        seconds = bars_to_seconds(bars, tempo, terms.meter)
    if seconds is None:
        return brief
    return replace(brief, bars=None, duration_s=round(seconds * (1 + MOST_STRETCH) + margin, 3))


def _widen_bars(bars: float) -> int:
    return ceil(bars * (1 + MOST_STRETCH)) + _MARGIN_BARS


def _is_cut(terms: Terms) -> bool:
    """Whether the engine's music has to be cut to bars, to a downbeat or to a loop."""
    length = "bars" in terms.values or "duration_s" in terms.values
    return bool(terms.open("bars", "loop")) or (length and bool(terms.open("tempo")))


@dataclass(frozen=True, slots=True)
class _Work:
    """Music on its way: its sounds (stems, or the mix alone under the empty name), and what was done."""

    sounds: Mapping[str, Audio]
    notes: Mapping[str, tuple[Note, ...]]
    done: tuple[Correction, ...] = ()

    @property
    def frames(self) -> int:
        return next(iter(self.sounds.values())).frames

    @property
    def sample_rate(self) -> int:
        return next(iter(self.sounds.values())).sample_rate


def correct(
    performance: Performance, terms: Terms, measured: Measurement, tempo: float | None = None
) -> tuple[Performance, tuple[Correction, ...]]:
    """Bring music to its terms as far as that can be done.

    Parameters
    ----------
    performance : Performance
    terms : Terms
    measured : Measurement
        Of the performance's mix.
    tempo : float, optional
        What the music's tempo is, where that is known better than ``measured`` knows it.

    Returns
    -------
    performance : Performance
        The very one where there was nothing to do.
    corrections : tuple of Correction
        In the order in which they were done.
    """
    sounds = performance.stems or {"": performance.mix}
    work = _Work(sounds, {name: tuple(notes) for name, notes in performance.notes.items()})
    tempo = tempo if tempo is not None else _find_tempo(terms, measured)
    ratio = _find_ratio(terms, tempo, work)
    work = _stretch(work, ratio, _find_semitones(terms, measured), tempo)
    if _is_cut(terms) or terms.open("duration_s"):
        work = _cut(work, terms, measured, ratio, tempo)
    if not (work.done or _is_off_level(terms, measured)):
        return performance, ()
    return _finish(performance, terms, work)


def _find_tempo(terms: Terms, measured: Measurement) -> float | None:
    """The music's own tempo: the grid nearest to the one that is asked for, or the one that is found."""
    if "tempo" in terms.values:
        return measured.fit.tempo if measured.fit else None
    found = measured.tempo
    return found.tempo if found.confidence >= CONFIDENT else None


def _find_ratio(terms: Terms, tempo: float | None, work: _Work) -> float:
    """How many times as long the music has to become."""
    asked = terms.number("tempo")
    if not terms.open("tempo") or asked is None or tempo is None:
        return 1.0
    ratio = tempo / asked
    off_s = abs(ratio - 1) * work.frames / work.sample_rate
    return ratio if off_s > _SAME_S and abs(ratio - 1) <= MOST_STRETCH else 1.0


def _find_semitones(terms: Terms, measured: Measurement) -> int:
    """How far to transpose: only from a key of the same mode that is surely measured, and only a few semitones."""
    key = measured.key
    if not terms.open("key") or key.key is None or key.confidence < CONFIDENT:
        return 0
    asked = parse_key(str(terms.values["key"]))
    if key.fits and key.fits[key.key] - key.fits.get(str(asked), -1.0) <= KEY_FITS:
        return 0
    # Relative keys share their scale, so that a clear one tells the other, too.
    same = {name: fit for name, fit in key.fits.items() if parse_key(name).mode == asked.mode}
    best = max(same, key=lambda name: same[name])
    if key.fits[key.key] - same[best] > KEY_FITS:
        return 0
    steps = (asked.tonic - parse_key(best).tonic + 6) % 12 - 6
    return steps if abs(steps) <= MOST_SEMITONES else 0


def _stretch(work: _Work, ratio: float, semitones: int, tempo: float | None) -> _Work:
    if ratio == 1.0 and not semitones:
        return work
    frames = round(work.frames * ratio)
    sounds = {
        name: stretch(sound, frames, float(semitones if name != _DRUMS else 0))
        for name, sound in work.sounds.items()
    }
    moved = {
        name: tuple(
            replace(
                note,
                start_s=note.start_s * ratio,
                duration_s=note.duration_s * ratio,
                midi=note.midi if name == _DRUMS else min(127, max(0, note.midi + semitones)),
            )
            for note in notes
        )
        for name, notes in work.notes.items()
    }
    done: list[Correction] = []
    if ratio != 1.0 and tempo is not None:
        done.append({"kind": "stretch", "tempo": round(tempo, 4), "ratio": round(ratio, 8)})
    if semitones:
        done.append({"kind": "transpose", "semitones": semitones})
    return _Work(sounds, moved, (*work.done, *done))


def _cut(work: _Work, terms: Terms, measured: Measurement, ratio: float, tempo: float | None) -> _Work:
    """Trim to the downbeat and to whole bars or to the sample, and close the loop where one is wanted."""
    now = None if tempo is None else tempo / ratio
    frames = _find_length(work, terms, now)
    loop = bool(terms.open("loop"))
    if frames is None or frames > work.frames:
        return work
    start = _find_start(work, terms, measured, ratio, now, frames) if _is_cut(terms) else 0
    if not loop and (start, frames) == (0, work.frames):
        return work
    if loop:
        sounds = {name: close_loop(sound, start, frames) for name, sound in work.sounds.items()}
    else:
        sounds = {name: _cut_plain(sound, start, frames, work.frames) for name, sound in work.sounds.items()}
    rate = work.sample_rate
    begin_s, length_s = start / rate, frames / rate
    notes = {
        name: tuple(
            replace(
                note,
                start_s=max(0.0, note.start_s - begin_s),
                duration_s=min(note.duration_s, length_s - max(0.0, note.start_s - begin_s)),
            )
            for note in kept
            if -0.02 <= note.start_s - begin_s < length_s - 1e-3
        )
        for name, kept in work.notes.items()
    }
    cut = {"kind": "loop" if loop else "cut", "start_frame": start, "frames": frames}
    return _Work(sounds, notes, (*work.done, cut))


def _find_length(work: _Work, terms: Terms, tempo: float | None) -> int | None:
    """How many frames are to be kept; None where nothing says so."""
    rate, bars, seconds = work.sample_rate, terms.number("bars"), terms.number("duration_s")
    asked = terms.number("tempo")
    if bars is not None:
        at = asked if asked is not None else _nearest_relative(tempo, bars, work, terms.meter)
        return None if at is None else round(bars_to_seconds(bars, at, terms.meter) * rate)
    if seconds is not None:
        return round(seconds * rate)
    at = asked if asked is not None else tempo
    if at is None or not terms.open("loop"):
        # Without a beat, all of it loops but for what the seam takes.
        return max(1, work.frames - round(0.25 * rate)) if terms.open("loop") else None
    bar = bars_to_seconds(1, at, terms.meter)
    whole = floor((work.frames / rate - bar / 2) / bar)
    return round(max(1, whole - whole % 4 if whole >= 4 else whole) * bar * rate)


def _nearest_relative(tempo: float | None, bars: float, work: _Work, meter: str) -> float | None:
    """The metrical relative of a tempo at which the music has about as many bars as the engine was asked for."""
    if tempo is None:
        return None
    meant = bars_to_seconds(_widen_bars(bars), 1.0, meter) * work.sample_rate / work.frames
    return min((tempo * relative for relative in RELATIVES[:3]), key=lambda at: abs(log2(at / meant)))


def _find_start(
    work: _Work, terms: Terms, measured: Measurement, ratio: float, tempo: float | None, frames: int
) -> int:
    """The first downbeat, or beat where no downbeat is known, after which there is enough music."""
    rate = work.sample_rate
    times = [time * ratio for time in measured.tempo.downbeats]
    if not times and tempo is not None:
        phase = (measured.fit.phase_s if measured.fit else next(iter(measured.tempo.beats), 0.0)) * ratio
        times = [phase % (60 / tempo) + number * 60 / tempo for number in range(QUARTERS[terms.meter] * 2)]
    starts = [max(0, round((time - _BEFORE_S) * rate)) for time in times]
    return next((start for start in starts if start + frames <= work.frames), max(0, work.frames - frames))


def _cut_plain(sound: Audio, start: int, frames: int, whole: int) -> Audio:
    """A stretch of a sound, faded where it was cut off."""
    samples = sound.samples[start : start + frames].copy()
    ends = ((_FADE_IN_S, start > 0, False), (_FADE_OUT_S, start + frames < whole, True))
    for length_s, is_cut, backwards in ends:
        count = min(round(length_s * sound.sample_rate), frames)
        if is_cut and count:
            slope = np.sin(np.linspace(0, np.pi / 2, count, dtype=np.float64))[:, None] ** 2
            part = samples[::-1][:count] if backwards else samples[:count]
            part *= slope.astype(np.float32)
    return Audio(samples, sound.sample_rate)


def _finish(
    performance: Performance, terms: Terms, work: _Work
) -> tuple[Performance, tuple[Correction, ...]]:
    """Sum, level, and put everything on its grid of integers."""
    sounds, done = dict(work.sounds), list(work.done)
    mix = _sum(sounds)
    if terms.open("loudness_lufs"):
        levelled = set_loudness(mix, terms.number("loudness_lufs") or 0.0, CEILING_DBTP)
        gain = np.float32(10 ** (levelled.gain_db / 20))
        mix = levelled.audio
        sounds = {name: Audio(sound.samples * gain, sound.sample_rate) for name, sound in sounds.items()}
        done.append({"kind": "level", "gain_db": levelled.gain_db, "limited_db": levelled.limited_db})
    else:
        peak = float(np.abs(mix.samples).max(initial=0.0))
        if peak > 1.0:
            gain = np.float32(1 / peak)
            mix = Audio(mix.samples * gain, mix.sample_rate)
            sounds = {name: Audio(sound.samples * gain, sound.sample_rate) for name, sound in sounds.items()}
            done.append(
                {"kind": "level", "gain_db": round(-20 * float(np.log10(peak)), 2), "limited_db": 0.0}
            )
    mix = quantize(mix, performance.subtype)
    stems = make_exact(sounds, mix, performance.subtype) if performance.stems else {}
    return replace(performance, stems=stems, mix=mix, notes=work.notes), tuple(done)


def _is_off_level(terms: Terms, measured: Measurement) -> bool:
    """Whether the level has to be put right; what is as good as right stays as it came."""
    asked, found = terms.number("loudness_lufs"), measured.loudness
    if asked is None or not terms.open("loudness_lufs") or found.integrated_lufs is None:
        return False
    return abs(found.integrated_lufs - asked) > _LEVEL_LU or (found.true_peak_dbtp or 0.0) > CEILING_DBTP


def _sum(sounds: Mapping[str, Audio]) -> Audio:
    first = next(iter(sounds.values()))
    if len(sounds) == 1:
        return first
    total = np.zeros(first.samples.shape)
    for sound in sounds.values():
        total += sound.samples
    return Audio(total.astype(np.float32), first.sample_rate)
