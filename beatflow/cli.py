"""The command line: which commands there are, the global options, and the one place where errors are shown.

Loads a command's module only when that command is asked for; ``bf --help`` prints from `COMMANDS` alone.
Holds no logic of any command.
"""

import copy
import errno
import os
import sys
import traceback
from contextlib import chdir, suppress
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from beatflow import __version__
from beatflow.commands.supplying import bring_files, make_supply
from beatflow.config import completing
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation

COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("start", "beatflow.commands.init:init", "Start a track: make a repository in a folder."),
    "clone": (
        "start",
        "beatflow.commands.clone:clone",
        "Make a track of what is somewhere else: a folder, another track, a bucket, a git host.",
    ),
    "fork": ("start", "beatflow.commands.fork:fork", "Start a new track from a commit of another one."),
    "import": ("start", "beatflow.commands.import_:import_", "Make a history of a folder of versions."),
    "config": ("start", "beatflow.commands.config:config", "Show or change settings."),
    "doctor": (
        "start",
        "beatflow.commands.doctor:doctor",
        "Look at this machine: what runs here, what falls back, and what mends each gap.",
    ),
    "status": ("keep", "beatflow.commands.status:status", "Show what changed since the last commit."),
    "commit": ("keep", "beatflow.commands.commit:commit", "Keep the folder as it is now."),
    "log": (
        "keep",
        "beatflow.commands.log:log",
        "Show the commits, newest first, how each sounds and what it changed.",
    ),
    "show": (
        "keep",
        "beatflow.commands.show:show",
        "Show one commit: how it sounds and what it changed; or one file as it was in a commit.",
    ),
    "diff": (
        "keep",
        "beatflow.commands.diff:diff",
        "Say what became of each sound, from nothing but its samples.",
    ),
    "branch": ("keep", "beatflow.commands.branch:branch", "List, make, rename or delete branches."),
    "switch": ("keep", "beatflow.commands.switch:switch", "Go to another branch."),
    "tag": (
        "keep",
        "beatflow.commands.tag:tag",
        "List, make or delete tags: names that stay where they are.",
    ),
    "blame": (
        "keep",
        "beatflow.commands.blame:blame",
        "Show which commit each stretch of a sound comes from.",
    ),
    "bisect": ("keep", "beatflow.commands.bisect:bisect", "Find the commit that a fault came in with."),
    "merge": ("keep", "beatflow.commands.merge:merge", "Put another line of work together with this one."),
    "resolve": (
        "keep",
        "beatflow.commands.resolve:resolve",
        "Decide what a merge left in conflict, or list it.",
    ),
    "cherry-pick": (
        "keep",
        "beatflow.commands.picking:cherry_pick",
        "Do here what commits of another line of work did.",
    ),
    "revert": (
        "keep",
        "beatflow.commands.picking:revert",
        "Take back what some earlier commits did, in new commits.",
    ),
    "restore": ("keep", "beatflow.commands.restore:restore", "Bring files back as they were in a commit."),
    "undo": ("keep", "beatflow.commands.undo:undo", "Take back the last change."),
    "redo": ("keep", "beatflow.commands.redo:redo", "Do again what bf undo took back."),
    "op": ("keep", "beatflow.commands.op:op", "Show what was done to the track, command by command."),
    "cat": (
        "keep",
        "beatflow.commands.cat:cat",
        "Write a file of any commit to standard output, byte for byte.",
    ),
    "ls": ("keep", "beatflow.commands.ls:ls", "List the files of a commit, with size and id."),
    "generate": ("make", "beatflow.commands.generate:generate", "Make music from words."),
    "hum": ("make", "beatflow.commands.hum:hum", "Turn a hum into notes, and into music around them."),
    "extend": (
        "make",
        "beatflow.commands.extend:extend",
        "Continue a piece: what is there stays as it is, and more follows.",
    ),
    "split": (
        "make",
        "beatflow.commands.split:split",
        "Split mixes into stems that sum to them, sample for sample.",
    ),
    "loop": (
        "make",
        "beatflow.commands.loop:loop",
        "Find seamless loops in any music, and cut them.",
    ),
    "models": (
        "make",
        "beatflow.commands.models:models",
        "Fetch, check and remove the weights of the neural engines.",
    ),
    "analyze": (
        "make",
        "beatflow.commands.analyze:analyze",
        "Measure tempo, bars, key, form, loudness, stereo and faults.",
    ),
    "reproduce": (
        "make",
        "beatflow.commands.reproduce:reproduce",
        "Make a sound again from its record, and prove that it is the same.",
    ),
    "license": (
        "find",
        "beatflow.commands.license:license",
        "Say what may be sold, what is in the way, and how to clear it.",
    ),
    "lock": (
        "share",
        "beatflow.commands.lock:lock",
        "Tell everybody that files are yours to change for now, or list who has which.",
    ),
    "unlock": (
        "share",
        "beatflow.commands.unlock:unlock",
        "Give up locks, so that others can push their changes to those files.",
    ),
    "export": (
        "share",
        "beatflow.commands.export:export",
        "Write a commit out for other programs: projects, tagged files, an archive.",
    ),
    "remote": (
        "share",
        "beatflow.commands.remote:remote",
        "List, add and remove the places that a track is shared with.",
    ),
    "push": (
        "share",
        "beatflow.commands.push:push",
        "Give a remote what is new here: sounds first, then history, then its branches.",
    ),
    "pull": (
        "share",
        "beatflow.commands.pull:pull",
        "Fetch what is new at a remote and merge it into this branch.",
    ),
    "fetch": (
        "share",
        "beatflow.commands.fetch:fetch",
        "Bring what is new at a remote, without touching any branch or file of yours.",
    ),
    "ls-remote": (
        "share",
        "beatflow.commands.ls_remote:ls_remote",
        "List the branches and tags that are at a remote now.",
    ),
    "lfs-agent": (
        "share",
        "beatflow.commands.lfs_agent:lfs_agent",
        "Let a plain git-lfs keep its files in this track's audio store.",
    ),
    "check": ("care", "beatflow.commands.check:check", "Check that all of a track can be read, and mend it."),
    "verify": (
        "care",
        "beatflow.commands.verify:verify",
        "Prove that sounds keep what was promised, or that stems sum to their mix.",
    ),
    "du": ("care", "beatflow.commands.du:du", "Show where the bytes of a track are, and what is saved."),
    "prune": (
        "care",
        "beatflow.commands.prune:prune",
        "Free space: drop older sounds here that a remote has.",
    ),
    "gc": ("care", "beatflow.commands.gc:gc", "Pack the audio store tightly and drop what nothing reaches."),
}
"""Command to its group, its function (or typer app with subcommands), and its one-line help.

The order is that of ``bf --help``. The help is the first line of the function's docstring."""

_READERS = ("verify",)
"""Commands of other groups that read sounds from the folder; those that make and play sound all do."""

GROUPS = {
    "start": "Start", "keep": "Keep", "make": "Make", "listen": "Listen", "find": "Find", "share": "Share",
    "care": "Care",
}  # fmt: skip

EXIT_CODES = {
    0: "done",
    1: "no, different, or some items failed",
    2: "the command line makes no sense",
    3: "not a repository, or no such revision or path",
    4: "conflict, or something would be overwritten",
    5: "an engine, model or optional package is missing",
    6: "out of memory",
    7: "damaged data",
    8: "a result does not keep what was promised",
    9: "another process is changing the repository",
    70: "a bug in BeatFlow",
    130: "interrupted",
}

_OS_HINTS = {
    errno.ENOSPC: "free some space and run it again; nothing was changed",
    errno.EDQUOT: "free some space and run it again; nothing was changed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "check who owns it and its permissions",
    errno.EPERM: "check who owns it and its permissions",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.EMFILE: "raise the limit on open files: ulimit -n 4096",
}


def load_command(name: str) -> Any:
    """Import one command and build it; also `None` for a name that is not in the table."""
    if name not in COMMANDS:
        return None
    module, _, attribute = COMMANDS[name][1].partition(":")
    target = getattr(import_module(module), attribute)
    app = target
    if not isinstance(target, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(target)
    command = typer.main.get_command(app)
    command.name = name
    _finish(command)
    return command


def _finish(command: Any) -> None:
    """Give a command the global options, and its examples as they are written."""
    command.rich_markup_mode = None
    head, _, examples = (command.help or "").partition("Examples:\n")
    command.help = head.strip()
    if examples:
        # \b keeps the line breaks of the paragraph.
        command.epilog = "\b\nExamples:\n" + examples.rstrip()
    subcommands = getattr(command, "commands", {})
    for subcommand in subcommands.values():
        _finish(subcommand)
    if not subcommands:
        taken = {word for param in command.params for word in param.opts}
        command.params += [param for param in _repeatable_options() if not taken & set(param.opts)]


def _repeatable_options() -> list[Any]:
    """The global options once more, for use after the command."""
    options = []
    for original in root_command().params:
        if original.name != "version" and "--install-completion" not in original.opts:
            option = copy.copy(original)
            # A command may have a parameter of the same name: init's DIR.
            option.name = _LATE + original.name
            option.expose_value = False
            option.hidden = True
            option.callback = _apply_late
            options.append(option)
    return options


_LATE = "late_"


def _apply_late(ctx: Any, param: Any, value: Any) -> Any:
    if value not in (None, False) and not ctx.resilient_parsing:
        _apply(ctx, **{param.name.removeprefix(_LATE): value})
    return value


def _apply(ctx: Any, directory: Path | str | None = None, **flags: str | bool | None) -> None:
    if directory is not None:
        if not Path(directory).is_dir():
            raise UsageError(f"no folder {str(directory)!r}", hint="-C wants a folder to run in")
        ctx.with_resource(chdir(directory))
    ctx.find_object(Invocation).apply(**flags)


class _LazyGroup(TyperGroup):
    """The root command: knows its commands by name and help, and loads one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS or ctx.resilient_parsing:
            return load_command(cmd_name)
        close = get_close_matches(cmd_name, COMMANDS, 1)
        guess = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"no command {cmd_name!r}{guess}", hint="bf --help lists them")

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for group, title in GROUPS.items():
            rows = [(name, summary) for name, (member, _, summary) in COMMANDS.items() if member == group]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete a command's name from the table, its help included, without importing any command."""
        names = TyperGroup(
            commands={
                name: typer.core.TyperCommand(name, help=summary)
                for name, (_, _, summary) in COMMANDS.items()
            }
        )
        names.params = self.params
        with typer.Context(names, info_name="bf", parent=None) as table:
            return names.shell_complete(table, incomplete)


def _print_version(value: bool) -> None:
    if value:
        Invocation().ui.emit(f"bf {__version__}")
        raise typer.Exit


def _root(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Option("-C", metavar="DIR", help="Run as if started in DIR.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")
    ] = False,
    color: Annotated[
        Literal["auto", "always", "never"] | None,
        typer.Option(metavar="WHEN", help="Colour: auto, always or never."),
    ] = None,
    progress: Annotated[
        Literal["auto", "json", "none"] | None,
        typer.Option(metavar="HOW", help="Progress on stderr: auto, json (one event a line) or none."),
    ] = None,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Never page long output.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """BeatFlow: version control for sound, with a studio's engines inside."""
    _apply(ctx, directory, quiet=quiet, color=color, progress=progress, no_pager=no_pager, debug=debug)
    if ctx.invoked_subcommand is None:
        raise UsageError("which command?", hint="bf --help lists them")
    if (
        COMMANDS.get(ctx.invoked_subcommand, ("",))[0] in ("make", "listen")
        or ctx.invoked_subcommand in _READERS
    ):
        invocation = Invocation.of(ctx)
        bring_files(invocation, invocation.words)


def root_command(completion: bool = False) -> Any:
    """Build the root command, with or without the options that install completion."""
    app = typer.Typer(
        cls=_LazyGroup,
        add_completion=completion,
        rich_markup_mode=None,
        invoke_without_command=True,
        context_settings={"help_option_names": ["--help", "-h"]},
        epilog="bf COMMAND --help tells more, with examples.",
    )
    app.callback()(_root)
    return typer.main.get_command(app)


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    invocation = Invocation()
    invocation.supplier = lambda repository: make_supply(invocation, repository)
    try:
        code = _run(sys.argv[1:] if argv is None else argv, invocation)
        invocation.ui.flush()
        return code
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except BaseException as error:
        return _report(error, invocation)


def _run(argv: list[str], invocation: Invocation) -> int:
    root = root_command(completion=True)
    invocation.words = argv
    if completing():
        root.main(args=argv, prog_name="bf")
    with root.make_context("bf", list(argv), obj=invocation) as ctx:
        result = root.invoke(ctx)
    return result if isinstance(result, int) else 0


def _report(error: BaseException, invocation: Invocation) -> int:
    """Show an error the way it wants to be shown; the exit code."""
    if isinstance(error, typer.Exit):
        return _flushed(error.exit_code, invocation)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    message, hint, label, code = _explain(error)
    with suppress(OSError):
        invocation.ui.flush()
    if invocation.settings.debug and label != "interrupted":
        traceback.print_exception(error)
    invocation.ui.error(message, hint, label, code)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    if isinstance(error, OSError):
        # What could not be written now cannot be written at exit either.
        _silence_stdout()
    return code


def _flushed(code: int, invocation: Invocation) -> int:
    try:
        invocation.ui.flush()
    except BrokenPipeError:
        _silence_stdout()
    except OSError as error:
        return _report(error, invocation)
    return code


def _explain(error: BaseException) -> tuple[str, str | None, str, int]:
    """An exception as message, hint, label and exit code."""
    if isinstance(error, BeatFlowError):
        return error.message, error.hint, "error", error.exit_code
    if isinstance(error, typer.TyperException):
        return _explain_usage(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return str(error) or "nothing was changed", None, "interrupted", 130
    if isinstance(error, MemoryError):
        return "out of memory", "close other programs, or work on a shorter piece", "error", 6
    if isinstance(error, OSError) and error.errno is not None:
        names = " -> ".join(
            os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)
        )
        reason = (error.strerror or os.strerror(error.errno)).lower()
        return (f"{names}: {reason}" if names else reason), _OS_HINTS.get(error.errno), "error", 1
    return _explain_bug(error)


def _explain_bug(error: BaseException) -> tuple[str, str | None, str, int]:
    """What nobody foresaw: a plug-in's fault, or ours."""
    from beatflow.ai.plugin import explain_failure

    # Whatever is wrong with a package, what went wrong first is told.
    with suppress(Exception):
        if failure := explain_failure(error):
            return (*failure, "error", 5)
    return f"{type(error).__name__}: {error}", "run again with --debug", "bug", 70


def _explain_usage(error: Any) -> tuple[str, str | None, str, int]:
    """A complaint of the option parser, in our words."""
    context = getattr(error, "ctx", None)
    possibilities = getattr(error, "possibilities", None)
    if getattr(error, "option_name", None) and type(error).__name__ == "NoSuchOption":
        message = f"no option {error.option_name}"
        if possibilities:
            message += f"; did you mean {' or '.join(sorted(possibilities)[:3])}?"
    else:
        message = " ".join(error.format_message().split()).removesuffix(".")
        message = message[:1].lower() + message[1:]
    hint = f"{' '.join(_names(context))} --help" if context else None
    return message, hint, "error", error.exit_code


def _names(context: Any) -> list[str]:
    return [*(_names(context.parent) if context.parent else []), context.info_name or ""]


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere: whoever read our output has left."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
