"""Reads every command line: makes typer's commands of what BeatFlow's declare.

Explains mistakes, prints help, completes words. Loads a command's module only when that command is asked for;
``bf --help`` prints from `commandtable` alone.
"""

import copy
import inspect
from collections.abc import Callable
from contextlib import chdir
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from beatflow import __version__
from beatflow.commandline.beginning import begin, check_folder
from beatflow.commandline.declaring import Argument, Group, Option, global_options
from beatflow.commandtable import COMMANDS, GROUPS
from beatflow.config import completing
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def run(argv: list[str], invocation: Invocation) -> int:
    """Run a command line, or complete it where the shell asks for that; return its exit code.

    Raises
    ------
    UsageError
        It makes no sense.
    """
    root = root_command(completion=True)
    if completing():
        root.main(args=argv, prog_name="bf")
    try:
        with root.make_context("bf", list(argv), obj=invocation) as ctx:
            result = root.invoke(ctx)
    except typer.Exit as done:
        return int(done.exit_code)
    except typer.TyperException as error:
        raise _explain(error, argv) from error
    return result if isinstance(result, int) else 0


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
    app.callback()(_root())
    return typer.main.get_command(app)


def load_command(name: str) -> Any:
    """Import one command and build it; also `None` for a name that is not in the table."""
    if name not in COMMANDS:
        return None
    module, _, attribute = COMMANDS[name][1].partition(":")
    command = build_command(name, getattr(import_module(module), attribute))
    _finish(command)
    return command


def build_command(name: str, target: Callable[..., Any] | Group) -> Any:
    """Make a command of a function or a group."""
    app = typer.Typer(
        cls=_Group,
        add_completion=False,
        rich_markup_mode=None,
        help=target.help if isinstance(target, Group) else None,
        invoke_without_command=True,
    )
    if isinstance(target, Group):

        @app.callback()
        def group(ctx: typer.Context) -> None:
            if ctx.invoked_subcommand is not None:
                return
            if target.alone is None:
                raise _ask_for_command(ctx)
            target.alone(_invocation(ctx))

        for word, (function, passes_on) in target.commands.items():
            app.command(word, context_settings={"allow_interspersed_args": not passes_on})(_typed(function))
    else:
        app.command(name)(_typed(target))
    command = typer.main.get_command(app)
    command.name = name
    return command


def _invocation(ctx: typer.Context) -> Invocation:
    found = ctx.find_object(Invocation)
    assert found is not None
    return found


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare a function's parameters in typer's own words, with typer's context in the invocation's place."""

    def call(ctx: typer.Context, **values: Any) -> Any:
        return function(_invocation(ctx), **values)

    _, *parameters = inspect.signature(function).parameters.values()
    return _declare(call, [_typed_parameter(one) for one in parameters], function.__doc__)


def _declare(
    call: Callable[..., Any], parameters: list[inspect.Parameter], doc: str | None
) -> Callable[..., Any]:
    """Let typer see a function with these parameters after its context."""
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    # typer reads both.
    call.__dict__["__signature__"] = inspect.Signature([context, *named])
    call.__annotations__ = {one.name: one.annotation for one in (context, *named)}
    call.__doc__ = doc
    return call


def _typed_parameter(parameter: inspect.Parameter) -> inspect.Parameter:
    kind, declared = get_args(parameter.annotation)
    assert isinstance(declared, Option | Argument)
    details = {name: value for name, value in declared.details.items() if value is not None}
    info = (
        typer.Option(*declared.names, min=declared.min, max=declared.max, **details)
        if isinstance(declared, Option)
        else typer.Argument(**details)
    )
    return parameter.replace(annotation=Annotated[kind, info])


def _root() -> Callable[..., Any]:
    def root(ctx: typer.Context, **options: Any) -> None:
        _apply(ctx, **{name: value for name, value in options.items() if name != "version"})
        command = ctx.invoked_subcommand
        if command is None:
            raise _ask_for_command(ctx)
        begin(_invocation(ctx), command)

    version = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[
            bool,
            typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
        ],
    )
    own = [_typed_parameter(one) for one in inspect.signature(global_options).parameters.values()]
    return _declare(root, [*own, version], global_options.__doc__)


def _print_version(value: bool) -> None:
    if value:
        Invocation().ui.emit(f"bf {__version__}")
        raise typer.Exit


def _apply(ctx: Any, directory: Path | str | None = None, **flags: str | bool | None) -> None:
    if directory is not None:
        check_folder(Path(directory))
        ctx.with_resource(chdir(directory))
    _invocation(ctx).apply(**flags)


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


class _Group(TyperGroup):
    """A command with commands: for one that there is not, says which may have been meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            close = get_close_matches(args[0], known, 1)
            guess = f"; did you mean {close[0]}?" if close else ""
            raise _ask_for_command(ctx, f"no command {args[0]!r}{guess}")
        return super().resolve_command(ctx, args)


class _LazyGroup(_Group):
    """The root command: knows its commands by name and help, and loads one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load_command(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for group, title in GROUPS.items():
            rows = [(name, summary) for name, (member, _, summary) in COMMANDS.items() if member == group]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete a command's name from the table, its help included, without importing any command."""
        names = TyperGroup(
            commands={name: TyperCommand(name, help=summary) for name, (_, _, summary) in COMMANDS.items()}
        )
        names.params = self.params
        with typer.Context(names, info_name="bf", parent=None) as table:
            return names.shell_complete(table, incomplete)


def _ask_for_command(context: Any, why: str = "which command?") -> UsageError:
    return UsageError(why, hint=f"{' '.join(_path(context))} --help lists them")


_WORDS = {"a valid int": "a whole number", "a valid float": "a number"}


def _explain(error: Any, argv: list[str]) -> UsageError:
    """A complaint of the option parser, in our words."""
    context = getattr(error, "ctx", None)
    possibilities = getattr(error, "possibilities", None)
    if getattr(error, "option_name", None) and type(error).__name__ == "NoSuchOption":
        message = f"no option {error.option_name}"
        if possibilities:
            message += f"; did you mean {' or '.join(sorted(possibilities)[:3])}?"
    else:
        message = " ".join(error.format_message().split()).removesuffix(".").removesuffix(" range")
        message = message[:1].lower() + message[1:]
        for typed, plain in _WORDS.items():
            message = message.replace(typed, plain)
    # Where an option lacks its value, the parser does not say whose option it is.
    path = _path(context) if context else ["bf", *[word for word in argv if word in COMMANDS][:1]]
    return UsageError(message, f"{' '.join(path)} --help")


def _path(context: Any) -> list[str]:
    return [*(_path(context.parent) if context.parent else []), context.info_name or ""]
