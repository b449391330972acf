"""The documents say what the program does."""

import inspect
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from beatflow import errors
from beatflow.commandline.full import load_command
from beatflow.commandtable import COMMANDS, EXIT_CODES, GROUPS
from beatflow.reference import man_pages, markdown

DOCS = Path(__file__).parents[1] / "docs"


def test_reference_is_up_to_date() -> None:
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == markdown(), "run python docs/build_cli.py"


def test_every_exit_code_is_documented() -> None:
    classes = [item for _, item in inspect.getmembers(errors, inspect.isclass)]
    assert {item.exit_code for item in classes} <= set(EXIT_CODES)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_explains_itself(name: str) -> None:
    group, _, summary = COMMANDS[name]
    command = load_command(name)
    assert group in GROUPS
    assert command.help.splitlines()[0] == summary
    assert re.fullmatch(r"[A-Z].*\.", summary)
    assert f"  bf {name}" in (command.epilog or ""), "an Examples: block at the end of the docstring"
    for param in command.params:
        assert getattr(param, "help", None), f"{param.name} has no help"


@pytest.mark.parametrize("page", man_pages())
def test_man_page_is_well_formed(page: str, tmp_path: Path) -> None:
    text = man_pages()[page]
    assert text.startswith(".TH ")
    assert ".SH EXIT STATUS" in text
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-K", "utf8", "-man", "-Tutf8", "-ww"],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
