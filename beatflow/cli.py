"""The command line: which commands there are, the global options, and the one place where errors are shown.

Loads a command's module only when that command is asked for; ``bf --help`` prints from `commandtable` alone.
Holds no logic of any command.
"""

import copy
import errno
import os
import sys
import traceback
from contextlib import chdir, suppress
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from beatflow import __version__
from beatflow.commandtable import COMMANDS, CONTENT_WITH_LESS, GROUPS, READERS
from beatflow.config import completing
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation
from beatflow.library.registry import remember_track

if TYPE_CHECKING:
    from beatflow.objects.store import Supply
    from beatflow.repository import Repository

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
    for original in root_command(completion=True).params:
        if original.name not in ("version", "install_completion", "show_completion"):
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
    command = ctx.invoked_subcommand
    if command is None:
        raise UsageError("which command?", hint="bf --help lists them")
    reads = COMMANDS.get(command, ("",))[0] in ("make", "listen") or command in READERS
    if reads and command not in CONTENT_WITH_LESS:
        from beatflow.commands.supplying import bring_files

        invocation = Invocation.of(ctx)
        bring_files(invocation, invocation.words)


@cache
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
    invocation.supplier = lambda repository: _make_supply(invocation, repository)
    invocation.announcer = lambda root: remember_track(invocation.settings.state, root)
    try:
        code = _run(sys.argv[1:] if argv is None else argv, invocation)
        invocation.ui.flush()
        return code
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except BaseException as error:
        return _report(error, invocation)


def _make_supply(invocation: Invocation, repository: "Repository") -> "Supply":
    """What brings the sounds that a partial clone has left elsewhere; loaded when a track is opened, and not before."""
    from beatflow.commands.supplying import make_supply

    return make_supply(invocation, repository)


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
