"""What can be measured about an edit without believing anybody: a filter's response, and what the level did."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# A programme has energy where a third of an octave is this close to its loudest one, and this far above a 16-bit step.
_ENERGY_DB, _STEP_DB = -40.0, -90.0
_CLIFF_DB = 3.0  # in a sixth of an octave


@dataclass(frozen=True)
class Pair:
    """Both sounds as float arrays ``(frames, channels)``, and what becomes of an impulse, where that is asked."""

    before: np.ndarray
    after: np.ndarray
    sample_rate: int
    impulse: np.ndarray | None = None
    impulse_peak: float = 1.0

    @cached_property
    def response_db(self) -> tuple[np.ndarray, np.ndarray]:
        """Hz and dB where the programme has energy, before and after, by thirds of an octave, but not on a cliff."""
        assert self.impulse is not None
        size = 1 << (len(self.impulse) - 1).bit_length()
        hz = np.fft.rfftfreq(size, 1 / self.sample_rate)
        power = np.square(np.abs(np.fft.rfft(self.impulse, size)))
        powers = [_spectrum(sound, self.sample_rate) for sound in (self.before, self.after)]
        centres, found = [], []
        for centre in 1000.0 * 2.0 ** (np.arange(-16, 14) / 3):
            loud = [_band(power_hz, values, centre) for power_hz, values in powers]
            floor_db = [
                max(10 * np.log10(values.max() + 1e-30) + _ENERGY_DB, _STEP_DB) for _, values in powers
            ]
            at = [int(np.argmin(np.abs(hz - centre * 2.0 ** (step / 12)))) for step in (-1, 0, 1)]
            lower, middle, upper = 10 * np.log10(power[at] / self.impulse_peak**2 + 1e-30)
            heard = all(10 * np.log10(row + 1e-30) > floor for row, floor in zip(loud, floor_db, strict=True))
            if heard and abs(upper - lower) < _CLIFF_DB:
                centres.append(centre)
                found.append(middle)
        return np.array(centres), np.array(found)

    def level_db(self, second: float) -> tuple[float, float] | None:
        """The least and the most that the level did around a time; None where there is nothing to hear before.

        Within a tenth of a second both ways, over as much: a told curve may be drawn with steps as coarse.
        """
        found = []
        reach = self.sample_rate // 20
        for middle in round(second * self.sample_rate) + reach * np.arange(-2, 3):
            span = slice(max(0, middle - reach), max(0, middle + reach))
            old, new = self.before[span], self.after[span]
            before = float(np.square(old[: len(new)]).sum())
            if before < reach * 1e-6:
                return None
            found.append(float(10 * np.log10(float(np.square(new[: len(old)]).sum()) / before + 1e-12)))
        return min(found), max(found)


def _spectrum(sound: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    size = 8192
    mono = sound.mean(axis=1)
    mono = np.pad(mono, (0, max(0, size - len(mono))))
    hops = np.lib.stride_tricks.sliding_window_view(mono, size)[:: size // 2]
    power = np.square(np.abs(np.fft.rfft(hops * np.hanning(size), axis=1))).mean(axis=0)
    return np.fft.rfftfreq(size, 1 / sample_rate), power / (size**2 / 16)


def _band(hz: np.ndarray, power: np.ndarray, centre: float) -> float:
    inside = np.abs(np.log2(np.maximum(hz, 1.0) / centre)) < 1 / 6
    return float(power[inside].max()) if inside.any() else 0.0
