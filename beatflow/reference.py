"""The command line described in Markdown and in man pages, from the commands themselves.

Loads every command, so nothing that runs for users imports it.
"""

from typing import Any

import typer

from beatflow import __version__
from beatflow.commandline.full import load_command, root_command
from beatflow.commandtable import COMMANDS, EXIT_CODES, GROUPS
from beatflow.config import OPTIONS

ENVIRONMENT = {
    "BF_AUTHOR_NAME, BF_AUTHOR_EMAIL": "Author of commits; then GIT_AUTHOR_*, then git's own files.",
    "BF_COLOR": "auto, always or never; then NO_COLOR and FORCE_COLOR.",
    "BF_PROGRESS": "auto, json or none.",
    "BF_PAGER, BF_EDITOR": "Programs; then PAGER, and VISUAL and EDITOR.",
    "BF_ENGINE, BF_DEVICE": "The engine for making music, and where it runs.",
    "BF_DTYPE, BF_RUNTIME, BF_MEMORY": "How neural engines compute, with which library, in how much memory.",
    "BF_MODELS, BF_OFFLINE": "The folder of weights, and whether the network is left alone; then HF_HUB_OFFLINE.",
    "BF_ACCEPT": "What is taken from remotes though other disks cannot hold it: nothing, links, clashes or all.",
    "BEATOVEN_API_KEY, HF_TOKEN": "Keys to services: read from here only, shown nowhere.",
    "BF_BEATOVEN_URL, HF_ENDPOINT": "Addresses that take the place of these services' own.",
    "BF_NOW, SOURCE_DATE_EPOCH": "A fixed time: seconds since 1970, and for BF_NOW a zone (1700000000 +0100).",
}


def markdown() -> str:
    """The whole reference as Markdown: ``docs/cli.md``."""
    lines = [
        "# Command line",
        "",
        "Made by `docs/build_cli.py` from the commands; edit them, not this file.",
        "",
    ]
    lines += ["## Global options", "", "Given before the command or after it.", "", *_options(_context("bf"))]
    for group, title in GROUPS.items():
        members = [name for name, (member, _, _) in COMMANDS.items() if member == group]
        if members:
            lines += [f"## {title}", ""]
        for name in members:
            lines += _command(_context(name, load_command(name)))
    lines += ["## Settings", "", "`bf config NAME VALUE` keeps them.", ""]
    for name, option in OPTIONS.items():
        choices = f" One of {', '.join(option.choices)}." if option.choices else ""
        default = f" Default: `{option.default}`." if option.default else ""
        lines.append(f"- `{name}`: {option.help}{choices}{default}")
    lines += ["", "## Environment", "", *(f"- `{name}`: {text}" for name, text in ENVIRONMENT.items())]
    lines += ["", "## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(lines) + "\n"


def man_pages() -> dict[str, str]:
    """File name to man page, for ``bf`` and each command."""
    pages = {"bf.1": _man_page("bf", _context("bf"), "version control for sound")}
    for name, (_, _, summary) in COMMANDS.items():
        pages[f"bf-{name}.1"] = _man_page(f"bf-{name}", _context(name, load_command(name)), summary)
    return pages


def _context(name: str, command: Any = None) -> typer.Context:
    if command is None:
        return typer.Context(root_command(), info_name="bf")
    return typer.Context(command, info_name=f"bf {name}")


def _command(context: typer.Context) -> list[str]:
    command: Any = context.command
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = [f"### {context.info_name}", "", f"    {' '.join(usage.split())}", "", command.help or "", ""]
    lines += _options(context)
    if command.epilog:
        examples = command.epilog.removeprefix("\b\nExamples:\n").splitlines()
        lines += [f"    {line.strip()}" for line in examples] + [""]
    for name, subcommand in getattr(command, "commands", {}).items():
        lines += _command(typer.Context(subcommand, info_name=f"{context.info_name} {name}"))
    return lines


def _options(context: typer.Context) -> list[str]:
    return [f"- `{name}` {text}".rstrip() for name, text in _records(context)] + [""]


def _records(context: typer.Context) -> list[tuple[str, str]]:
    """Name and help of each argument and option that is shown."""
    records = [param.get_help_record(context) for param in context.command.get_params(context)]
    return [(name, text) for name, text in filter(None, records) if "--help" not in name]


def _man_page(title: str, context: typer.Context, summary: str) -> str:
    command: Any = context.command
    usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
    lines = [f'.TH "{title.upper()}" "1" "" "BeatFlow {__version__}" "BeatFlow"']
    lines += [
        ".SH NAME",
        f"{_roff(title)} \\- {_roff(summary)}",
        ".SH SYNOPSIS",
        _roff(usage),
        ".SH DESCRIPTION",
    ]
    lines += [_roff(" ".join(part.split())) + "\n.PP" for part in (command.help or "").split("\n\n")]
    if title == "bf":
        lines += [".SH COMMANDS"]
        for name, (_, _, text) in COMMANDS.items():
            lines += [".TP", f".B {_roff(name)}", _roff(text)]
    for name, subcommand in getattr(command, "commands", {}).items() if title != "bf" else ():
        lines += [".SS " + _roff(f"{context.info_name} {name}"), _roff(subcommand.help or "")]
        lines += _man_records(typer.Context(subcommand, info_name=name))
    lines += [".SH OPTIONS", *_man_records(context)]
    if command.epilog and "Examples:" in command.epilog:
        examples = command.epilog.removeprefix("\b\nExamples:\n").splitlines()
        lines += [".SH EXAMPLES", ".nf", *(_roff(line.strip()) for line in examples), ".fi"]
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f".B {code}", _roff(meaning)]
    return "\n".join(lines) + "\n"


def _man_records(context: typer.Context) -> list[str]:
    lines = []
    for name, text in _records(context):
        lines += [".TP", f".B {_roff(name)}", _roff(text)]
    return lines


def _roff(text: str) -> str:
    """Escape what troff would read as a command."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
