"""A diagnosis in lines of a terminal's width, in the words of the commands. Pure text; knows no terminal."""

import textwrap
from collections.abc import Callable, Iterator

from beatflow.readiness.diagnosis import BROKEN, GAP, NOTE, OK, Diagnosis

_STYLES = {OK: "added", NOTE: "dim", GAP: "warning", BROKEN: "error"}
_COMMANDS = {
    "generate": "bf generate",
    "accompany": "bf hum",
    "extend": "bf extend",
    "separate": "bf split",
    "transcribe": "hum to notes",
    "mood": "bf mood",
}
"""Task of an engine to the command that a person knows it by."""


def format_diagnosis(diagnosis: Diagnosis, width: int, style: Callable[[str, str], str]) -> Iterator[str]:
    """Write what was found, a part each, then which engine each command would take here."""
    room = max(len(finding.part) for finding in diagnosis.findings)
    for finding in diagnosis.findings:
        head = f"{style(f'{finding.state:6}', _STYLES[finding.state])}  {finding.part:{room}}  "
        indent = 6 + 2 + room + 2
        yield from _hang(head, indent, finding.words, width)
        yield from _tell_way("fix", finding.fix, indent, width, style)
    if not diagnosis.abilities:
        return
    yield ""
    tasks = {ability.task: _COMMANDS.get(ability.task, ability.task) for ability in diagnosis.abilities}
    room = max(len(task) for task in tasks.values())
    names = max(len(ability.engine or "nothing") for ability in diagnosis.abilities)
    for ability in diagnosis.abilities:
        name = ability.engine or "nothing"
        head = f"{tasks[ability.task]:{room}}  {style(f'{name:{names}}', 'strong')}  "
        indent = room + 2 + names + 2
        yield from _hang(head, indent, ability.reason, width)
        for figures in ability.quality:
            yield from (" " * indent + style(line, "dim") for line in _wrap(figures, width - indent))
        yield from _tell_way("fix", ability.fix, indent, width, style)
        yield from _tell_way("better", ability.better, indent, width, style)


def _tell_way(
    what: str, way: str | None, indent: int, width: int, style: Callable[[str, str], str]
) -> Iterator[str]:
    """Write what mends something; a command stays on one line, to be copied."""
    if way is None:
        return
    command = way.startswith(("pip ", "bf ", "sudo ", "brew ", "winget ")) and ";" not in way
    lines = [f"{what}: {way}"] if command else _wrap(f"{what}: {way}", width - indent)
    for line in lines:
        yield " " * indent + style(line, "hint")


def _hang(head: str, indent: int, words: str, width: int) -> Iterator[str]:
    """Write words beside a head, and further lines of them below each other."""
    lines = _wrap(words, width - indent) or [""]
    yield (head + lines[0]).rstrip()
    for line in lines[1:]:
        yield " " * indent + line


def _wrap(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, max(width, 30), break_on_hyphens=False)
