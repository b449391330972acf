"""Which effects there are. A new one is a module with its kinds, and a line here."""

from beatflow.sound.effects import (
    distortion,
    dynamics,
    echo,
    filters,
    levels,
    modulation,
    phaser,
    reverb,
    vinyl,
)
from beatflow.sound.effects.kind import EffectKind

EFFECTS: tuple[EffectKind, ...] = (
    *filters.KINDS,
    *dynamics.KINDS,
    *reverb.KINDS,
    *echo.KINDS,
    *modulation.KINDS,
    *phaser.KINDS,
    *distortion.KINDS,
    *levels.KINDS,
    *vinyl.KINDS,
)
_BY_NAME = {name: kind for kind in EFFECTS for name in (kind.name, *kind.aliases)}


def find_effect(name: str) -> EffectKind | None:
    """The effect of a name or alias, in any case of letters; None where there is none."""
    return _BY_NAME.get(name.lower())
