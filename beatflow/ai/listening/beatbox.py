"""A beat made with mouth, hands or sticks to hits: where each is, and whether kick, snare or hi-hat. Knows no pitch.

Onsets are peaks of the spectral flux in bands as wide as the ear's. What was hit is told by where the sound's energy
lies in its first moments, from what kicks, snares and hats are like in general, moved towards this performer's own: a
hat lisped into a telephone is a hat because it is the brightest thing there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from beatflow.ai.listening.yin import to_mono
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

Float = NDArray[np.float64]

KICK, SNARE, CLOSED_HAT, OPEN_HAT = 36, 38, 42, 46
NAMES = {KICK: "kick", SNARE: "snare", CLOSED_HAT: "hat", OPEN_HAT: "open hat"}
"""General MIDI drum numbers."""

_HOP_S = 0.005
_WINDOW_S = 0.02
_BANDS = 24
_FEW = 6
_BAND_HZ = (60.0, 15000.0)
_CLOSEST = 11  # hops: two hits are 55 ms apart or more
_QUIET_DB = 32.0
_RISE_DB = 7.0
_OPEN_S = 0.13
_BODY = 10  # hops: 50 ms in which a hit shows what it is
_CHUNK = 4096

# What hits are like: log2 of the centroid in Hz; what lies below 250 Hz and above 4 kHz over what does not, in dB; and
# how much each of these varies. Plosive thumps, bursts of noise and hisses as mouths, kits and drum machines make them.
_LIKE = {KICK: (9.3, 2.0, -20.0), SNARE: (11.5, -12.0, -5.0), CLOSED_HAT: (13.0, -19.0, 14.0)}
_SPREAD = (0.9, 8.0, 6.0)
_MOST_DB = 20.0
_FAITH = 3.0
"""How many hits of one's own count as much as what is known of hits in general."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Hits in order, and how clearly they stand out: the median rise of the level at a hit, in dB."""

    notes: tuple[Note, ...]
    clarity_db: float


def find_hits(audio: Audio) -> Beat:
    """Find the hits of a beat and what each was played on; none where nothing stands out."""
    bands, level_db = _analyse(audio)
    onsets = _find_onsets(bands, level_db)
    if not onsets:
        return Beat((), 0.0)
    ends = [*onsets[1:], len(level_db)]
    rises = [_rise(level_db, onset) for onset in onsets]
    features = np.array([_describe(bands, onset, end) for onset, end in zip(onsets, ends, strict=True)])
    drums = _classify(features)
    loudest = max(float(level_db[onset : onset + _BODY].max()) for onset in onsets)
    notes = []
    for onset, end, drum in zip(onsets, ends, drums, strict=True):
        peak = float(level_db[onset : onset + _BODY].max())
        length = _length(level_db, onset, end)
        if drum == CLOSED_HAT and length * _HOP_S > _OPEN_S:
            drum = OPEN_HAT
        velocity = int(np.clip(round(112 + 2.0 * (peak - loudest)), 20, 112))
        notes.append(Note(onset * _HOP_S, max(0.03, length * _HOP_S), drum, velocity))
    return Beat(tuple(notes), float(np.median(rises)))


def _analyse(audio: Audio) -> tuple[Float, Float]:
    """Power in bands, shape (hops, bands), and the level in dB, 0 at the loudest; the k-th hop is at ``k * _HOP_S``."""
    mono = to_mono(audio).astype(np.float64)
    rate = audio.sample_rate
    size = max(16, int(_WINDOW_S * rate))
    hops = max(1, int(mono.size / rate / _HOP_S))
    edges = np.geomspace(_BAND_HZ[0], _BAND_HZ[1], _BANDS)
    frequencies = np.arange(size // 2 + 1) * rate / size
    place = np.digitize(frequencies, edges)
    matrix = np.zeros((frequencies.size, _BANDS))
    inside = (place > 0) & (place < _BANDS)
    matrix[np.flatnonzero(inside), place[inside]] = 1.0
    matrix[(place == 0) & (frequencies > 20.0), 0] = 1.0
    window = np.hanning(size)
    padded = np.pad(mono, (size // 2, size))
    starts = np.minimum((np.arange(hops) * _HOP_S * rate).astype(int), padded.size - size)
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    bands = np.empty((hops, _BANDS))
    for first in range(0, hops, _CHUNK):
        part = slice(first, first + _CHUNK)
        bands[part] = np.abs(rfft(views[starts[part]] * window, axis=1)) ** 2 @ matrix
    total = bands.sum(axis=1)
    bands /= total.max() or 1.0
    return bands, 10.0 * np.log10(np.maximum(bands.sum(axis=1), 1e-9))


def _find_onsets(bands: Float, level_db: Float) -> list[int]:
    """Hops at which hits begin."""
    floor = np.median(bands, axis=0) + 1e-7
    loud = np.log10(1.0 + bands / np.maximum(floor, 1e-5))
    flux = np.zeros(len(bands))
    # A hat is in a few bands only, fewer still in a telephone: the six in which most begins.
    flux[3:] = np.sort(np.maximum(loud[3:] - loud[:-3], 0.0), axis=1)[:, -_FEW:].mean(axis=1)
    if flux.max() < 0.15:
        return []
    threshold = 0.22 * float(np.percentile(flux, 99.5)) + 0.03
    onsets: list[int] = []
    for hop in np.flatnonzero((flux >= threshold) & (flux >= np.roll(flux, 1)) & (flux > np.roll(flux, -1))):
        around = flux[max(0, hop - _CLOSEST) : hop + _CLOSEST + 1]
        if flux[hop] < around.max() or level_db[hop : hop + _BODY].max() < -_QUIET_DB:
            continue
        start = _start_of_rise(level_db, int(hop))
        if _rise(level_db, start) < _RISE_DB or (onsets and start - onsets[-1] < _CLOSEST):
            continue
        onsets.append(start)
    return onsets


def _start_of_rise(level_db: Float, hop: int) -> int:
    """Where the level has come within 10 dB of the peak of a hit found at ``hop``."""
    last = min(len(level_db), hop + 6)
    first = max(0, hop - 6)
    peak = float(level_db[first:last].max())
    loud = np.flatnonzero(level_db[first:last] >= peak - 10.0)
    return first + int(loud[0]) if loud.size else hop


def _rise(level_db: Float, onset: int) -> float:
    """By how much a hit is louder than what was there before it, dB."""
    before = level_db[max(0, onset - 10) : max(1, onset - 2)]
    return float(level_db[onset : onset + 8].max() - (before.min() if before.size else -60.0))


def _describe(bands: Float, onset: int, end: int) -> tuple[float, float, float]:
    """Centroid (log2 Hz) and the odds of lows and highs (dB) of a hit's first moments."""
    body = bands[onset : min(end, onset + _BODY)].sum(axis=0)
    before = bands[max(0, onset - 6) : onset - 2].mean(axis=0) if onset > 3 else 0.0
    body = np.maximum(body - before * min(end - onset, _BODY), 0.0) + 1e-12
    middles = np.geomspace(_BAND_HZ[0], _BAND_HZ[1], _BANDS)
    total = body.sum()
    low, high = body[middles < 250.0].sum() / total, body[middles > 4000.0].sum() / total
    centroid = float(np.log2((middles * np.sqrt(body)).sum() / np.sqrt(body).sum()))
    return centroid, _odds_db(low), _odds_db(high)


def _odds_db(share: float) -> float:
    """A share over the rest, in dB, at most ``_MOST_DB`` either way."""
    return float(np.clip(10.0 * np.log10((share + 1e-9) / (1.0 - share + 1e-9)), -_MOST_DB, _MOST_DB))


def _classify(features: Float) -> list[int]:
    """Kick, snare or hat for each hit: k-means from what they are like in general, never far from it."""
    spread = np.array(_SPREAD)
    general = np.array(list(_LIKE.values())) / spread
    points = features / spread
    centres = general.copy()
    for _ in range(12):
        nearest = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        for index in range(len(centres)):
            own = points[nearest == index]
            centres[index] = (_FAITH * general[index] + own.sum(axis=0)) / (_FAITH + len(own))
    numbers = list(_LIKE)
    return [numbers[index] for index in nearest]


def _length(level_db: Float, onset: int, end: int) -> int:
    """Hops until a hit has fallen by 18 dB, or the next one comes."""
    peak_at = onset + int(level_db[onset : min(end, onset + _BODY)].argmax())
    fallen = np.flatnonzero(level_db[peak_at:end] < level_db[peak_at] - 18.0)
    return (peak_at + int(fallen[0]) if fallen.size else end) - onset
