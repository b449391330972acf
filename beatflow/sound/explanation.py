"""What became of a sound, as values: a list of changes with their figures, and where each stretch comes from.

Light on purpose, so that a log can tell a remembered explanation without numpy. `beatflow.sound.explain` finds one.

The kinds of change, and their figures (times are the new sound's unless said; ``start_s`` and ``duration_s`` go with
each ``start_frame`` and ``frames``):

- ``identical``: none; the samples are the same.
- ``sample_rate``: ``before``, ``after`` in Hz. ``channels``: ``before``, ``after``.
- ``bit_depth``: ``before``, ``after`` (subtypes, ``PCM_16``), ``dither`` (bool).
- ``moved``: ``offset_frames`` (positive: later), ``offset_s``, ``fraction_frames`` (what is left beyond whole frames).
- ``polarity``: ``channels``, the inverted ones, or ``all``. ``channel_swap``: none.
- ``gain``: ``gain_db``. ``balance``: ``gains_db``, one per channel.
- ``width``: ``width``, side over mid relative to before (1 is unchanged, 0 is mono).
- ``eq``: ``bands``, a list of ``{type, hz, gain_db, q}`` with type ``peak``, ``low_shelf`` or ``high_shelf``, or
  ``{type, hz, gain_db, slope_db}`` with type ``low_pass`` or ``high_pass``, of gain 0 and a slope per octave;
  ``curve``, a list of ``[hz, gain_db]``, without the ``gain``.
- ``level``: ``range_db``, least and most gain over time; ``curve``, a list of ``[s, gain_db]``; ``start_frame`` and
  ``frames``, outside of which it is 0 dB.
- ``fade``: ``direction`` (``in`` or ``out``), ``start_frame``, ``frames``.
- ``region``: ``action`` (``replaced``, ``inserted``, ``deleted``, ``muted``), ``start_frame``, ``frames``. A deleted
  one was at ``source_frame`` of the old sound, ``frames`` long there, and is missing at ``start_frame``.
- ``tempo``: ``ratio``, new tempo over old. ``pitch``: ``semitones``, up is positive.
- ``lossy``: ``cutoff_hz``, nothing above it, or None; it went through a lossy codec.
- ``residual``: ``null_depth_db``, ``worst_s``; the same take, with something that none of the above explains.
- ``new_take``: none; nothing of the old one explains it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

EXPLAINER = 2
"""Raised whenever the same two sounds may be explained otherwise than before."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to a sound: a kind of the table above, and its figures."""

    kind: str
    figures: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.figures[name]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the new sound, and where it was in the old one.

    Parameters
    ----------
    start, frames : int
        In the new sound. Pieces follow each other without gaps from its first frame to its last.
    source : int or None
        First frame in the old sound, at the new sound's sample rate; None for what was not there before.
    """

    start: int
    frames: int
    source: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a sound became another.

    Parameters
    ----------
    changes : tuple of Change
        In the order in which they would be done; never empty.
    pieces : tuple of Piece
        Empty where the new sound has no frames. A new take is one piece without a source.
    sample_rate : int
        The new sound's, in Hz.
    frames_before, frames_after : int
        Lengths, each at its own sample rate.
    null_depth_db : float or None
        Energy of what the changes leave unexplained, relative to the new sound, within the pieces that have a source;
        -200 is exact; None for a new take, and where tempo or pitch changed.
    worst_s : float or None
        Where in the new sound what is left is loudest; None when nothing is left.
    compared_s : float or None
        How much of the beginning was compared, where that was not everything.
    """

    changes: tuple[Change, ...]
    pieces: tuple[Piece, ...]
    sample_rate: int
    frames_before: int
    frames_after: int
    null_depth_db: float | None
    worst_s: float | None
    compared_s: float | None = None

    @property
    def identical(self) -> bool:
        """Whether the samples are the same."""
        return self.changes[0].kind == "identical"

    @property
    def new_take(self) -> bool:
        """Whether nothing of the old sound explains the new one."""
        return self.changes[-1].kind == "new_take"

    def find(self, kind: str) -> tuple[Change, ...]:
        """Return the changes of a kind."""
        return tuple(change for change in self.changes if change.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Return it as a document; each change is an object of its ``kind`` and its figures."""
        document = asdict(self)
        document["changes"] = [{"kind": change.kind, **change.figures} for change in self.changes]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Explanation":
        """Read back what `to_json` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is not such a document.
        """
        fields = dict(document)
        fields["changes"] = tuple(
            Change(row["kind"], {name: value for name, value in row.items() if name != "kind"})
            for row in document["changes"]
        )
        fields["pieces"] = tuple(Piece(**row) for row in document["pieces"])
        return cls(**fields)
