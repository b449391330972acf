"""Whether a measured sound bears out terms: a test of each claim, with a third answer where the sound does not tell.

Not "which tempo is this" but "does this sound bear out 90 BPM": half, double and other metrical relatives of a tempo
lie on one grid, and so do a key and its relative on one scale. Knows figures only.
"""

from dataclasses import replace

from beatflow.ai.engine import QUARTERS
from beatflow.contract.measuring import CONFIDENT, RELATIVES, Measurement
from beatflow.contract.terms import (
    CEILING_DBTP,
    HELD,
    LOUDNESS_TOLERANCE_LU,
    MISSED,
    UNCLEAR,
    Promise,
    Terms,
    Value,
)
from beatflow.making.structure import bars_to_seconds

KEY_FITS = 0.1
"""By how much another key may fit better than the one that is asked for: odds of exp(10 x), 2.7 to 1."""
KEY_CONTRADICTS = 0.35
"""By how much another key must fit better for the sound to speak against the one that is asked for: 33 to 1."""
_KEY_S = 12.0
"""A shorter sound may be one chord or two, which are in many keys: it speaks against none."""
_TIMING_S = 0.004
"""How exactly attacks are timed: what a short sound tells of its tempo is no better than this over its length."""
_PEAK_TOLERANCE_DB = 0.05


def judge(terms: Terms, measured: Measurement, before: Measurement | None = None) -> tuple[Promise, ...]:
    """Test every term against what was measured; ``before`` is the same before anything was corrected."""
    judges = {
        "tempo": _judge_tempo,
        "key": _judge_key,
        "meter": _judge_meter,
        "bars": _judge_bars,
        "duration_s": _judge_duration,
        "loop": _judge_loop,
        "loudness_lufs": _judge_loudness,
    }
    promises = []
    for name, judge_it in judges.items():
        if name not in terms.values:
            continue
        now = judge_it(terms, measured)
        then = judge_it(terms, before) if before else None
        if name == "tempo" and before and before.wanders:
            # What wanders does not stop wandering when it is stretched; over a few bars it only shows less.
            now = replace(now, verdict=UNCLEAR, measured=None, deviation=None)
        promises.append(replace(now, before=then.measured if then else None))
        if name == "loudness_lufs":
            promises.append(_judge_peak(terms, measured, before))
    return tuple(promises)


def _promise(
    terms: Terms,
    name: str,
    measured: Value | None,
    deviation: float | None,
    tolerance: float | None,
    verdict: str,
) -> Promise:
    rounded = None if deviation is None else round(deviation, 4) + 0.0
    return Promise(
        name, terms.values[name], None, measured, rounded, tolerance, verdict,
        name in terms.binding, name in terms.built,
    )  # fmt: skip


def _judge_tempo(terms: Terms, measured: Measurement) -> Promise:
    asked = terms.number("tempo") or 0.0
    # A sound of four beats cannot tell 90 BPM from 90.3.
    tolerance = round(terms.tolerance + asked * _TIMING_S / max(measured.duration_s, 0.1), 3)
    fit, found = measured.fit, measured.tempo
    if fit is not None and fit.tempo is not None:
        deviation = fit.tempo - asked
        verdict = HELD if abs(deviation) <= tolerance else MISSED
        return _promise(terms, "tempo", round(fit.tempo, 2), deviation, tolerance, verdict)
    if found.tempo is None or measured.wanders:
        return _promise(terms, "tempo", None, None, tolerance, UNCLEAR)
    related = any(abs(found.tempo / relative / asked - 1) < 0.01 for relative in RELATIVES)
    speaks = found.confidence >= CONFIDENT and not related
    verdict = MISSED if speaks else UNCLEAR
    return _promise(terms, "tempo", round(found.tempo, 2), found.tempo - asked, tolerance, verdict)


def _judge_key(terms: Terms, measured: Measurement) -> Promise:
    asked, fits = str(terms.values["key"]), measured.key.fits
    best = measured.key.key
    if best is None or asked not in fits:
        return _promise(terms, "key", None, None, KEY_FITS, UNCLEAR)
    behind = fits[best] - fits[asked]
    if behind <= KEY_FITS:
        # The sound bears out both; what it says is what was asked.
        return _promise(terms, "key", asked, behind, KEY_FITS, HELD)
    speaks = behind > KEY_CONTRADICTS and measured.duration_s >= _KEY_S
    return _promise(terms, "key", best, behind, KEY_FITS, MISSED if speaks else UNCLEAR)


def _judge_meter(terms: Terms, measured: Measurement) -> Promise:
    """Downbeats are heard less surely than beats: they can bear out a meter, but not speak against one."""
    found, sure = measured.tempo.meter, measured.tempo.downbeat_confidence
    borne_out = found == terms.values["meter"] and sure >= CONFIDENT
    return _promise(terms, "meter", found, None, None, HELD if borne_out else UNCLEAR)


def _judge_bars(terms: Terms, measured: Measurement) -> Promise:
    """Whole bars are a matter of frames: at the tempo that is a term itself, or else at the one that is measured."""
    bars, tempo = terms.number("bars") or 0.0, terms.number("tempo")
    if tempo is not None:
        wanted = round(bars_to_seconds(bars, tempo, terms.meter) * measured.sample_rate)
        off, tolerance = (measured.frames - wanted) / measured.sample_rate, 1 / measured.sample_rate
        counted = measured.duration_s / bars_to_seconds(1, tempo, terms.meter)
    elif measured.tempo.tempo is not None:
        counted = count_bars(measured, measured.tempo.tempo, bars, terms.meter)
        off = (counted - bars) * measured.duration_s / max(counted, 1e-9)
        tolerance = 0.02 * measured.duration_s / bars
    else:
        return _promise(terms, "bars", None, None, None, UNCLEAR)
    verdict = HELD if abs(off) <= tolerance + 1e-9 else MISSED
    return _promise(terms, "bars", round(counted, 3), off, round(tolerance, 6), verdict)


def count_bars(measured: Measurement, tempo: float, bars: float, meter: str) -> float:
    """How many bars a sound lasts at the metrical relative of its measured tempo that comes nearest to ``bars``."""
    counts = [measured.duration_s * tempo * relative / 60 / QUARTERS[meter] for relative in (1.0, 2.0, 0.5)]
    return min(counts, key=lambda count: abs(count / bars - 1))


def _judge_duration(terms: Terms, measured: Measurement) -> Promise:
    asked, tempo = terms.number("duration_s") or 0.0, terms.number("tempo")
    off = measured.frames / measured.sample_rate - asked
    exact = 1 / measured.sample_rate
    if "bars" in terms.built and tempo:
        # Whole bars, those nearest to it; one bar at least.
        bar_s = bars_to_seconds(1, tempo, terms.meter)
        exact = max(bar_s / 2, bar_s - asked) + exact
    verdict = HELD if abs(off) <= exact + 1e-9 else MISSED
    return _promise(terms, "duration_s", round(measured.duration_s, 6), off, round(exact, 6), verdict)


def _judge_loop(terms: Terms, measured: Measurement) -> Promise:
    seam = measured.seam
    if seam is None:
        return _promise(terms, "loop", None, None, None, UNCLEAR)
    promise = _promise(terms, "loop", not seam.audible, seam.level_db, None, MISSED if seam.audible else HELD)
    return replace(promise, deviation=round(seam.level_db, 1))


def _judge_loudness(terms: Terms, measured: Measurement) -> Promise:
    asked, found = terms.number("loudness_lufs") or 0.0, measured.loudness.integrated_lufs
    tolerance = LOUDNESS_TOLERANCE_LU
    if found is None:
        return _promise(terms, "loudness_lufs", None, None, tolerance, MISSED)
    verdict = HELD if abs(found - asked) <= tolerance + 1e-9 else MISSED
    return _promise(terms, "loudness_lufs", found, found - asked, tolerance, verdict)


def _judge_peak(terms: Terms, measured: Measurement, before: Measurement | None) -> Promise:
    found = measured.loudness.true_peak_dbtp
    then = before.loudness.true_peak_dbtp if before else None
    over = None if found is None else max(0.0, round(found - CEILING_DBTP, 2))
    verdict = HELD if over is None or over <= _PEAK_TOLERANCE_DB else MISSED
    return Promise(
        "true_peak_dbtp", CEILING_DBTP, then, found, over, _PEAK_TOLERANCE_DB, verdict,
        "loudness_lufs" in terms.binding, "loudness_lufs" in terms.built,
    )  # fmt: skip
