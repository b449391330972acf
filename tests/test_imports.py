"""Starting up loads nothing heavy."""

import subprocess
import sys

import pytest

from tests.conftest import Bf

HEAVY = {
    "numpy",
    "scipy",
    "librosa",
    "soundfile",
    "soxr",
    "torch",
    "pygit2",
    "rich",
    "zstandard",
    "mido",
    "tomlkit",
}


def loaded(code: str, bf: Bf) -> set[str]:
    """Packages loaded by a program."""
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=bf.directory
    )
    return {line.split(".")[0] for line in done.stderr.splitlines()}


def test_importing_the_command_line(bf: Bf) -> None:
    assert not loaded("import beatflow.cli", bf) & HEAVY


@pytest.mark.parametrize(
    "argv", [["--help"], ["--version"], ["config"], ["generate", "--help"], ["split", "--help"]]
)
def test_light_commands(argv: list[str], bf: Bf) -> None:
    assert not loaded(f"from beatflow.cli import main\nmain({argv!r})", bf) & HEAVY


def test_help_loads_no_command(bf: Bf) -> None:
    check = "assert not [name for name in sys.modules if name.startswith('beatflow.commands')]"
    loaded(f"from beatflow.cli import main\nmain(['--help'])\n{check}", bf)
