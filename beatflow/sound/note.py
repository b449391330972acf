"""A note: what a tracker hears and a synthesiser plays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One sounding note.

    Parameters
    ----------
    start_s, duration_s : float
        Onset and length in seconds.
    midi : int
        MIDI note number, 0..127 (60 is middle C). For drums: the General MIDI drum note.
    velocity : int
        1..127.
    """

    start_s: float
    duration_s: float
    midi: int
    velocity: int = 96
