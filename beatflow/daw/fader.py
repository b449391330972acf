"""Where the faders of somebody else's project stand. Plain values."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FaderSetting:
    """One track's.

    Parameters
    ----------
    name : str
        The track's.
    file : str or None
        Name of the sound file on it, without folders.
    gain_db, pan, mute, solo
        As in ``track.toml``.
    offset_s : float or None
        How much later than 0 its sound begins; None where it has none, or several.
    items : int
        Sounds on it.
    """

    name: str
    file: str | None
    gain_db: float
    pan: float
    mute: bool
    solo: bool
    offset_s: float | None
    items: int


@dataclass(slots=True)
class Console:
    """All of them; ``tempo`` is in quarter notes per minute, ``tempo_points`` counts its changes."""

    faders: list[FaderSetting] = field(default_factory=list)
    master_db: float = 0.0
    tempo: float | None = None
    tempo_points: int = 0
