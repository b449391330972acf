"""How good separators are, in figures: what was measured of BeatFlow's own, what the authors of others published.

The two are not to be compared: another measure, other music. Pure values; docs/engines.md has the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of an engine.

    Parameters
    ----------
    measure : str
        ``SI-SDR`` or ``SDR``.
    figures_db : mapping of str to float
        By stem, or ``all stems``.
    material : str
        On what it was measured.
    published : bool
        By its authors; otherwise measured with benchmarks/separation.py.
    """

    measure: str
    figures_db: Mapping[str, float]
    material: str
    published: bool = False

    @property
    def words(self) -> str:
        """All of it in a line."""
        figures = ", ".join(f"{stem} {figure:.1f}" for stem, figure in self.figures_db.items())
        source = "published by its authors" if self.published else "measured"
        return f"{self.measure} in dB: {figures} ({source}, {self.material})"


QUALITY: Mapping[str, Quality] = MappingProxyType(
    {
        "dsp": Quality(
            "SI-SDR",
            {"drums": 6.2, "bass": 3.8, "vocals": 4.3, "other": 2.1},
            "12 songs that it was not fitted to",
        ),
        "htdemucs": Quality("SDR", {"all stems": 9.0}, "MUSDB18-HQ", published=True),
    }
)
"""Engine to its figures."""
