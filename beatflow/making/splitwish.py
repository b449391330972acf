"""What somebody wants of a split: how many stems, which, by what names; checked before any work.

Knows no files.
"""

from dataclasses import dataclass

from beatflow.ai.engine import DEFAULT_SEPARATION, Separation
from beatflow.ai.table import Choice
from beatflow.errors import UsageError

COUNTS = (2, 4, 6)
BEAT = {
    "drums": "drums",
    "bass": "bass",
    "vocals": "melody",
    "other": "chords",
    "guitar": "chords",
    "piano": "chords",
}
"""A separator's stems by the names of a beat's: whoever sings leads, and what accompanies are the chords."""
_SIX = "htdemucs_6s"
_SUNG = "vocals"


@dataclass(frozen=True, slots=True)
class SplitWish:
    """What is wanted of a split.

    Parameters
    ----------
    separation : Separation
    count : int or None
        How many stems.
    beat : bool
        As the stems of a beat, with a score.
    """

    separation: Separation = DEFAULT_SEPARATION
    count: int | None = None
    beat: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """Options that the engine has to heed."""
        given = (name for name in ("shifts", "overlap") if getattr(self.separation, name) is not None)
        return frozenset(given)

    @property
    def any_stems(self) -> bool:
        """Whether the stems that a mix was made from will do, whichever they are."""
        return not self.needs and self.count is None and self.separation.two_stems is None

    def name_engine(self, named: str | None) -> str | None:
        """The engine to take: only one of BeatFlow's makes six stems."""
        return _SIX if self.count == 6 and named in (None, "auto") else named

    def check(self, choice: Choice) -> None:
        """Refuse what the engine does not heed.

        Raises
        ------
        UsageError
            An option that it has not, a stem that it does not make, or another number of them.
        """
        info, stems, wanted = choice.info, choice.engine.stems, self.separation
        for option in ("shifts", "overlap"):
            if getattr(wanted, option) is not None and option not in info.options:
                raise UsageError(f"engine {info.name} has no --{option}", hint="--engine htdemucs has it")
        made = f"it makes {', '.join(stems)}"
        if wanted.two_stems is not None and wanted.two_stems not in stems:
            raise UsageError(f"engine {info.name} makes no stem {wanted.two_stems!r}", hint=made)
        if self.count not in (None, 2, len(stems)):
            way = f"bf models pull {_SIX}, then --engine {_SIX}" if self.count == 6 else made
            raise UsageError(f"engine {info.name} makes {len(stems)} stems, not {self.count}", hint=way)


def make_wish(
    stems: int | None = None,
    two_stems: str | None = None,
    shifts: int | None = None,
    overlap: float | None = None,
    seed: int = 0,
    to: str | None = None,
) -> SplitWish:
    """Read the options of a split.

    Raises
    ------
    UsageError
        Values that there are not, or that contradict each other.
    """
    if stems is not None and stems not in COUNTS:
        raise UsageError(f"a mix is split into 2, 4 or 6 stems, not {stems}", hint="--stems 4")
    if stems not in (None, 2) and two_stems is not None:
        raise UsageError(f"--stems {stems} and --two-stems contradict each other", hint="leave one out")
    if to not in (None, "beat"):
        raise UsageError(f"--to {to} is nothing that a mix is split to", hint="--to beat")
    if to == "beat" and (two_stems is not None or stems == 2):
        raise UsageError("a beat is more than two stems", hint="leave out --two-stems, or --to beat")
    if stems == 2:
        two_stems = two_stems or _SUNG
    names = tuple(BEAT.items()) if to == "beat" else ()
    return SplitWish(Separation(shifts, seed, overlap, two_stems, names), stems, to == "beat")
