"""A diagnosis in lines of a terminal's width. Pure text; knows no terminal."""

import textwrap
from collections.abc import Callable, Iterator

from beatflow.readiness.diagnosis import BROKEN, GAP, NOTE, OK, Diagnosis

_STYLES = {OK: "added", NOTE: "dim", GAP: "warning", BROKEN: "error"}


def format_diagnosis(diagnosis: Diagnosis, width: int, style: Callable[[str, str], str]) -> Iterator[str]:
    """Write what was found, a part each, then what does which work here."""
    room = max(len(finding.part) for finding in diagnosis.findings)
    for finding in diagnosis.findings:
        head = f"{style(f'{finding.state:6}', _STYLES[finding.state])}  {finding.part:{room}}  "
        indent = 6 + 2 + room + 2
        fix = f"fix: {finding.fix}" if finding.fix else ""
        yield from _hang(head, indent, finding.words, width)
        if fix:
            yield " " * indent + style(fix, "hint")
    yield ""
    room = max(len(ability.task) for ability in diagnosis.abilities)
    names = max([len(ability.engine or "") for ability in diagnosis.abilities] + [len("nothing")])
    for ability in diagnosis.abilities:
        name = ability.engine or "nothing"
        head = f"{ability.task:{room}}  {style(f'{name:{names}}', 'strong')}  "
        indent = room + 2 + names + 2
        yield from _hang(head, indent, ability.reason, width)
        if (
            way := f"fix: {ability.fix}"
            if ability.fix
            else f"better: {ability.better}"
            if ability.better
            else ""
        ):
            yield " " * indent + style(way, "hint")


def _hang(head: str, indent: int, words: str, width: int) -> Iterator[str]:
    """Write words beside a head, and further lines of them below each other."""
    lines = textwrap.wrap(words, max(width - indent, 30), break_on_hyphens=False) or [""]
    yield (head + lines[0]).rstrip()
    for line in lines[1:]:
        yield " " * indent + line
