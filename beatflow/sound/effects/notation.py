"""Reads a chain of effects as it is typed: ``reverb(size=.6,wet=.2) | eq(3k:+2dB) | limiter``.

Knows the notation and the table of effects; what the effects do, others know.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from beatflow.errors import UsageError
from beatflow.sound.effects.kind import EffectKind
from beatflow.sound.effects.parameter import Value
from beatflow.sound.effects.table import EFFECTS, find_effect

MOST_EFFECTS = 64
_MOST_CHARACTERS = 10_000
_STEP = re.compile(r"\s*([^()|,=\s]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One effect of a chain with the values that were given; all others have their defaults."""

    kind: EffectKind
    given: tuple[tuple[str, Value], ...]

    def values(self) -> tuple[tuple[str, Value], ...]:
        """Every value, in the order of the parameters, defaults included; not those that have none."""
        every: list[tuple[str, Value]] = []
        for parameter in self.kind.parameters:
            own = [(name, value) for name, value in self.given if name == parameter.name]
            if not own and parameter.default is not None:
                own = [(parameter.name, parameter.default)]
            every += own
        return tuple(every)

    def write(self, values: tuple[tuple[str, Value], ...]) -> str:
        """The step with some of its values, as it can be read again."""
        words = []
        for name, value in values:
            parameter = self.kind.parameter(name)
            assert parameter is not None
            words.append(parameter.format(value) if parameter.many else f"{name}={parameter.format(value)}")
        return f"{self.kind.name}({', '.join(words)})" if words else self.kind.name


def parse_steps(text: str) -> tuple[Step, ...]:
    """Read the effects of a chain.

    Raises
    ------
    UsageError
        There is no such effect or parameter (the nearest is named), a value is out of range (the range is said), or
        the text is no chain.
    """
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"a chain of {len(text)} characters", hint=f"up to {_MOST_CHARACTERS} are read")
    parts = text.split("|")
    if not text.strip():
        raise UsageError("a chain of no effects", hint="for example: compressor(-18dB,4:1) | reverb(wet=.2)")
    if len(parts) > MOST_EFFECTS:
        raise UsageError(f"a chain of {len(parts)} effects", hint=f"it may have up to {MOST_EFFECTS}")
    return tuple(_parse_step(part) for part in parts)


def _parse_step(text: str) -> Step:
    match = _STEP.fullmatch(text)
    if match is None:
        shown = text.strip()
        raise UsageError(
            f"{shown!r} is no effect" if shown else "an effect is missing beside a |",
            hint="effects are written name or name(value, parameter=value), with | between them",
        )
    kind = get_kind(match[1])
    given: list[tuple[str, Value]] = []
    named = False
    arguments = [] if not (match[2] or "").strip() else match[2].split(",")
    for argument in arguments:
        name, equals, value = (part.strip() for part in argument.partition("="))
        if not equals:
            if named:
                raise UsageError(
                    f"{kind.name}: {name!r} has no name and stands behind one that has",
                    hint="values without names come first",
                )
            name, value = _next_name(kind, given), name
        named = named or bool(equals)
        _add(kind, given, name, value)
    _check_bands(kind, given)
    return Step(kind, tuple(given))


def get_kind(name: str) -> EffectKind:
    """The effect of a name or alias.

    Raises
    ------
    UsageError
        There is none; the nearest is named.
    """
    kind = find_effect(name)
    if kind is not None:
        return kind
    names = {word: kind.name for kind in EFFECTS for word in (kind.name, *kind.aliases)}
    near = get_close_matches(name.lower(), names, 1, 0.5)
    guess = f"; did you mean {names[near[0]]}?" if near else ""
    raise UsageError(
        f"there is no effect {name!r}{guess}", hint=f"there are {', '.join(kind.name for kind in EFFECTS)}"
    )


def _next_name(kind: EffectKind, given: list[tuple[str, Value]]) -> str:
    """The parameter that the next value without a name belongs to."""
    if kind.parameters and kind.parameters[0].many:
        return kind.parameters[0].name
    if len(given) >= len(kind.parameters):
        has = ", ".join(parameter.name for parameter in kind.parameters) or "no parameters"
        raise UsageError(f"{kind.name} has too many values", hint=f"it has {has}")
    return kind.parameters[len(given)].name


def _add(kind: EffectKind, given: list[tuple[str, Value]], name: str, text: str) -> None:
    parameter = kind.parameter(name.lower())
    if parameter is None:
        names = [parameter.name for parameter in kind.parameters]
        near = get_close_matches(name.lower(), names, 1, 0.5)
        guess = f"; did you mean {near[0]}?" if near else ""
        has = ", ".join(names) or "no parameters"
        raise UsageError(f"{kind.name} has no parameter {name!r}{guess}", hint=f"it has {has}")
    if not parameter.many and any(name == parameter.name for name, _ in given):
        raise UsageError(f"{kind.name}'s {parameter.name} is given twice", hint="give it once")
    given.append((parameter.name, parameter.parse(kind.name, text)))


def _check_bands(kind: EffectKind, given: list[tuple[str, Value]]) -> None:
    for parameter in kind.parameters:
        if parameter.many and not any(name == parameter.name for name, _ in given):
            raise UsageError(
                f"{kind.name} needs a {parameter.name}",
                hint=f"for example: {kind.name}(3k:+2dB, 80:+3dB:low)",
            )
