"""Writes the list of effects into ``docs/effects.md``."""

from pathlib import Path

from beatflow.sound.effects.chain import describe_effects
from beatflow.sound.effects.kind import EffectKind
from beatflow.sound.effects.parameter import Parameter

_START, _END = "<!-- effects -->\n", "<!-- /effects -->"


def markdown() -> str:
    """Every effect with a table of its parameters."""
    return "\n".join(_write_effect(kind) for kind in describe_effects())


def _write_effect(kind: EffectKind) -> str:
    also = f" Also `{'`, `'.join(kind.aliases)}`." if kind.aliases else ""
    tail = " Sounds on after the end." if kind.tail else ""
    needs = " Stereo only." if kind.channels_in == 2 else ""
    lines = [f"### {kind.name}", "", f"{kind.meaning[0].upper()}{kind.meaning[1:]}.{tail}{needs}{also}", ""]
    if kind.parameters:
        lines += ["| parameter | default | range | what it does |", "|---|---|---|---|"]
        lines += [_write_parameter(parameter) for parameter in kind.parameters]
        lines.append("")
    return "\n".join(lines)


def _write_parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is None else parameter.format(parameter.default)
    return f"| {parameter.name} | {default} | {parameter.range_text} | {parameter.meaning} |"


def main() -> None:
    """Write the list."""
    page = Path(__file__).with_name("effects.md")
    before, _, rest = page.read_text(encoding="utf-8").partition(_START)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_START}\n{markdown()}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
