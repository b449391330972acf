"""What is known of an effect before it is at work: its name, parameters and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from beatflow.sound.effects.effect import Effect
from beatflow.sound.effects.parameter import Band, Parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """A step's values, all of them resolved: note values are seconds or Hz, what was left out has its default."""

    numbers: Mapping[str, float]
    words: Mapping[str, str]
    bands: tuple[Band, ...] = ()

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]

    def says(self, name: str, word: str) -> bool:
        """Whether a parameter is this word."""
        return self.words.get(name) == word


@dataclass(frozen=True, slots=True)
class Setting:
    """Where an effect is put to work: Hz, and how many channels come in."""

    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class EffectKind:
    """One kind of effect.

    Parameters
    ----------
    name, meaning : str
    parameters : tuple of Parameter
        In the order in which they may be given without their names.
    make : callable
        From `Settings` and a `Setting` to an effect at work.
    aliases : tuple of str
    tail : bool
        Whether it sounds on after the last frame.
    channels_in, channels_out : int or None
        How many channels it needs and gives; None where any number goes through.
    """

    name: str
    meaning: str
    parameters: tuple[Parameter, ...]
    make: Callable[[Settings, Setting], Effect]
    aliases: tuple[str, ...] = ()
    tail: bool = False
    channels_in: int | None = None
    channels_out: int | None = None

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, if there is one."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def to_json(self) -> dict[str, object]:
        """Under the names that BeatFlow's JSON uses."""
        return {
            "name": self.name,
            "meaning": self.meaning,
            "aliases": list(self.aliases),
            "tail": self.tail,
            "parameters": [parameter.to_json() for parameter in self.parameters],
        }
