"""A track as a digital audio workstation sees it: lanes with faders, a tempo map, markers and sections.

Plain values, in seconds and frames. Knows no repository and no file format; the writers of project files and of tags
read these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from beatflow.daw.tempomap import TempoMap


@dataclass(frozen=True, slots=True)
class Lane:
    """A sound on the time line.

    Parameters
    ----------
    name : str
        The stem's.
    path : str
        Where the sound is in the track.
    oid : str
        The sha256 of its file.
    size : int
        Of its file, in bytes.
    format : str
        libsndfile's word, ``WAV``, ``FLAC``, ``MP3``, ``OGG`` …
    frames, sample_rate, channels : int
    gain_db, pan, mute, solo, offset
        As in ``track.toml``: dB, -1 (left) to 1 (right), frames that it starts later.
    """

    name: str
    path: str
    oid: str
    size: int
    format: str
    frames: int
    sample_rate: int
    channels: int
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    offset: int = 0

    @property
    def start_s(self) -> float:
        """Where it begins on the time line; what would lie before 0 is cut off."""
        return max(self.offset, 0) / self.sample_rate

    @property
    def skipped_s(self) -> float:
        """How much of its beginning is cut off."""
        return min(max(-self.offset, 0), self.frames) / self.sample_rate

    @property
    def length_s(self) -> float:
        """How long it is on the time line."""
        return self.frames / self.sample_rate - self.skipped_s

    @property
    def duration_s(self) -> float:
        """How long its file is."""
        return self.frames / self.sample_rate


@dataclass(frozen=True, slots=True)
class Marker:
    """A name for a moment."""

    start_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """A name for a stretch: a section of the form."""

    start_s: float
    end_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that goes into a project file.

    Parameters
    ----------
    title, artist : str
    album : str or None
    commit, message : str
        Whose state this is.
    date, clock : str
        When that was, ``2026-11-21`` and ``07:10:30``, where it was.
    time_s : int
        The same in seconds since the epoch.
    key : str or None
        Like ``A:min``.
    master_db : float
    tempo_map : TempoMap
    lanes : sequence of Lane
    markers : sequence of Marker
        What changed, in order of time.
    parts : sequence of Part
        Sections, one after the other.
    """

    title: str
    artist: str
    album: str | None
    commit: str
    message: str
    date: str
    clock: str
    time_s: int
    key: str | None
    master_db: float
    tempo_map: TempoMap
    lanes: Sequence[Lane]
    markers: Sequence[Marker] = ()
    parts: Sequence[Part] = ()

    @property
    def sample_rate(self) -> int:
        """The lanes' most frequent one, 44100 where there are none."""
        rates = [lane.sample_rate for lane in self.lanes]
        return max(rates, key=rates.count) if rates else 44_100


def gain_of(gain_db: float) -> float:
    """Return the factor that a gain in dB stands for; -120 dB and less is silence, as in a mix."""
    return 10 ** (gain_db / 20) if gain_db >= -120 else 0.0
