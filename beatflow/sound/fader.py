"""How loud a stem goes into each channel of a mix, exactly, as its fader stands.

A stem's gain in each channel is ``10 ** ((gain_db + master_db) / 20)`` times its balance, worked out in decimal
arithmetic with 40 digits and rounded half to even to a multiple of ``2**-20``. Balance: 1 in both channels at the
centre; a pan of ``p > 0`` takes the left channel down to ``1 - p``, one of ``p < 0`` the right one to ``1 + p``. Knows
no samples.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from beatflow.errors import UsageError

GAIN_BITS = 20
"""Fraction bits of a gain."""

_MAX_GAIN_DB = 24.0
_DIGITS = Context(prec=40, rounding=ROUND_HALF_EVEN)


class Fader(NamedTuple):
    """How a stem goes into the mix.

    Parameters
    ----------
    gain_db : float
        Up to +24 dB together with the master; below -120 dB it is silence.
    pan : float
        -1 (left) to 1 (right); only in stereo mixes.
    mute, solo : bool
        Where any stem is solo, only those sound.
    offset : int
        Frames that the stem starts later; negative values cut its beginning.
    """

    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    offset: int = 0


def get_gains(fader: Fader, master_db: float, channels: int) -> tuple[int, ...]:
    """Return the gain of each channel in units of 2**-20, by the rule that the module states.

    Raises
    ------
    UsageError
        Beyond +24 dB, or a pan outside -1 to 1 or in a mix that is not stereo.
    """
    gain_db = _decimal(fader.gain_db) + _decimal(master_db)
    pan = _decimal(fader.pan)
    if not gain_db <= _decimal(_MAX_GAIN_DB):
        raise UsageError(f"a gain of {float(gain_db):g} dB is more than +{_MAX_GAIN_DB:g} dB")
    if not -1 <= pan <= 1:
        raise UsageError(f"a pan of {fader.pan:g} is outside -1 (left) to 1 (right)")
    if pan and channels != 2:
        raise UsageError(f"a stem cannot be panned in a mix of {channels} channels")
    linear = (
        _DIGITS.power(Decimal(10), _DIGITS.divide(gain_db, Decimal(20))) if gain_db >= -120 else Decimal(0)
    )
    balance = (
        [1 - max(pan, Decimal(0)), 1 + min(pan, Decimal(0))] if channels == 2 else [Decimal(1)] * channels
    )
    unit = Decimal(1 << GAIN_BITS)
    products = (_DIGITS.multiply(_DIGITS.multiply(linear, part), unit) for part in balance)
    return tuple(int(product.to_integral_value(ROUND_HALF_EVEN)) for product in products)


def _decimal(value: float) -> Decimal:
    """The number as it is written, not its nearest binary fraction: -1.1 is -1.1."""
    if value != value:
        raise UsageError("a gain or pan is not a number")
    return Decimal(repr(float(value)))
