"""The frame around every command: options, errors and their exit codes, completion."""

import errno
import json
import os
import subprocess
import sys

import pytest

from beatflow import commandtable
from beatflow.commandline.declaring import Group
from beatflow.errors import BeatFlowError, ConflictError, DamagedError, LockedError
from beatflow.invocation import Invocation
from tests.conftest import Bf


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Let ``bf config`` raise what the test wants."""

    def install(error: BaseException) -> None:
        def config(invocation: Invocation) -> None:
            """Show or change settings."""
            raise error

        monkeypatch.setattr("beatflow.commands.config.config", config)

    return install


def test_help_lists_commands_by_group(bf: Bf) -> None:
    text = bf.ok("--help").stdout
    assert "Start:\n" in text
    assert "  config " in text
    assert text.index("Usage: bf") == 0
    assert bf.ok("-h").stdout == text


def test_version(bf: Bf) -> None:
    assert bf.ok("--version").stdout.startswith("bf ")


def test_help_of_a_command_has_examples(bf: Bf) -> None:
    assert "Examples:\n    bf config\n" in bf.ok("config", "--help").stdout


def test_no_command(bf: Bf) -> None:
    assert bf.fails(2) == "error: which command?\nhint: bf --help lists them\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["conifg"], "error: no command 'conifg'; did you mean config?\nhint: bf --help lists them\n"),
        (["xyzzy"], "error: no command 'xyzzy'\nhint: bf --help lists them\n"),
        (["config", "--jsn"], "error: no option --jsn; did you mean --json?\nhint: bf config --help\n"),
        (
            ["log", "-n", "x"],
            "error: invalid value for '-n': 'x' is not a whole number\nhint: bf log --help\n",
        ),
        (["-q", "log", "-n"], "error: option '-n' requires an argument\nhint: bf log --help\n"),
        (["--color"], "error: option '--color' requires an argument\nhint: bf --help\n"),
        (["--xyzzy"], "error: no option --xyzzy\nhint: bf --help\n"),
        (["config", "a", "b", "c"], "error: got unexpected extra argument(s) (c)\nhint: bf config --help\n"),
        (["-C", "nowhere", "config"], "error: no folder 'nowhere'\nhint: -C wants a folder to run in\n"),
        (["config", "colour"], "error: no setting 'colour'\nhint: there are "),
    ],
)
def test_usage_errors(argv: list[str], message: str, bf: Bf) -> None:
    assert bf.fails(2, *argv).startswith(message)


def test_bad_choice_of_a_global_option(bf: Bf) -> None:
    assert "'--color'" in bf.fails(2, "--color", "purple", "config")


def test_global_options_after_the_command(bf: Bf) -> None:
    (bf.directory / "sub").mkdir()
    assert "\x1b[" in bf.ok("config", "--color", "always").stdout
    assert bf.ok("config", "color", "--color", "never").stdout == "never\n"
    assert bf("config", "color", "never", "-q", "--user", "-C", "sub").stderr == ""


def test_directory_is_where_the_command_runs(bf: Bf) -> None:
    (bf.directory / "sub" / ".beatflow").mkdir(parents=True)
    (bf.directory / "sub" / ".beatflow" / "config").write_text("[beatflow]\n\tengine = there\n")
    before = os.getcwd()
    assert bf.ok("-C", "sub", "config", "engine").stdout == "there\n"
    assert bf.ok("config", "engine").stdout == "auto\n"
    assert os.getcwd() == before


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConflictError("both changed", hint="bf resolve"), 4, "error: both changed\nhint: bf resolve\n"),
        (DamagedError("chunk is gone"), 7, "error: chunk is gone\n"),
        (LockedError("locked by 12"), 9, "error: locked by 12\n"),
        (BeatFlowError("no"), 1, "error: no\n"),
        (KeyboardInterrupt(), 130, "interrupted: nothing was changed\n"),
        (MemoryError(), 6, "error: out of memory\nhint: close other programs, or work on a shorter piece\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "a.wav"),
            1,
            "error: a.wav: no space left on device\nhint: free some space and run it again; nothing was changed\n",
        ),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "aaa"),
            1,
            "error: aaa: file name too long\nhint: give it a shorter name\n",
        ),
        (OSError(errno.EIO, "Input/output error"), 1, "error: input/output error\n"),
        (ZeroDivisionError("x / 0"), 70, "bug: ZeroDivisionError: x / 0\nhint: run again with --debug\n"),
        (BeatFlowError("name \x1b[2J steers"), 1, "error: name \\x1b[2J steers\n"),
    ],
)
def test_errors_end_in_one_look(error: BaseException, code: int, said: str, bf: Bf, broken) -> None:  # type: ignore[no-untyped-def]
    broken(error)
    assert bf.fails(code, "config") == said


def test_debug_shows_the_traceback(bf: Bf, broken) -> None:  # type: ignore[no-untyped-def]
    broken(ZeroDivisionError("x"))
    said = bf.fails(70, "--debug", "config")
    assert "Traceback" in said
    assert "bug: ZeroDivisionError: x" in said


def test_errors_as_events(bf: Bf, broken) -> None:  # type: ignore[no-untyped-def]
    broken(ConflictError("both changed", hint="bf resolve"))
    event = json.loads(bf.fails(4, "--progress", "json", "config"))
    assert event == {"event": "error", "message": "both changed", "hint": "bf resolve", "exit_code": 4}


def test_a_command_may_choose_its_exit_code(bf: Bf) -> None:
    assert bf("config", "editor").code == 1


def test_subcommands(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group("Try things.\n\nExamples:\n  bf try one")

    @group.command("one")
    def one(invocation: Invocation) -> int:
        """Do one.

        Examples:
          bf try one
        """
        invocation.ui.emit("one")
        invocation.ui.say("said")
        return 5

    monkeypatch.setattr("beatflow.commands.config.config", group)
    result = bf("config", "one", "-q")
    assert (result.code, result.stdout, result.stderr) == (5, "one\n", "")
    assert "Examples:\n    bf try one" in bf.ok("config", "one", "--help").stdout
    assert "Do one." in bf.ok("config", "--help").stdout
    assert bf.fails(2, "config") == "error: which command?\nhint: bf config --help lists them\n"
    assert bf.fails(2, "config", "oen").startswith(
        "error: no command 'oen'; did you mean one?\nhint: bf config"
    )


def test_real_program_reads_names_that_are_not_unicode(bf: Bf) -> None:
    result = bf.spawn("config", b"caf\xe9")
    assert result.code == 2
    assert "no setting 'caf" in result.stderr


def test_closed_pipe_is_not_an_error(bf: Bf) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "beatflow", "config"],
            stdout=closed,
            stderr=subprocess.PIPE,
            cwd=bf.directory,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("argv", [["config"], ["--help"]])
def test_full_disk_is_told(argv: list[str], bf: Bf) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "beatflow", *argv],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=bf.directory,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: no space left on device\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [("bf conf", ["config"]), ("bf config --u", ["--unset", "--user"]), ("bf --vers", ["--version"])],
)
def test_completion(line: str, offered: list[str], bf: Bf) -> None:
    words = line.split()
    bf.environment = {"_BF_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = bf.spawn()
    assert result.stdout.split() == offered, result.stderr


def test_completing_names_loads_no_command(bf: Bf) -> None:
    bf.environment = {"_BF_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "bf "}
    result = bf.spawn()
    assert "Show or change settings." in result.stdout


def test_table_is_in_group_order() -> None:
    groups = [group for group, _, _ in commandtable.COMMANDS.values()]
    assert groups == sorted(groups, key=list(commandtable.GROUPS).index)
