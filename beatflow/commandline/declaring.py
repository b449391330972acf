"""How a command says what it takes: ``Annotated[str | None, Option("--message", "-m", help="...")]``.

The words are typer's, and `full` makes typer's own of them; but typer takes longer to load than most commands take to
run, so they are here, for `plain` to read without it. Knows no command.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from beatflow.invocation import Invocation

Function = TypeVar("Function", bound=Callable[..., Any])
Complete = Callable[[str], list[str]]
"""Gives what a word that was begun may become."""


class Argument:
    """A parameter that is told by its place."""

    def __init__(
        self, *, help: str, metavar: str | None = None, autocompletion: Complete | None = None
    ) -> None:
        self.details: dict[str, Any] = {"help": help, "metavar": metavar, "autocompletion": autocompletion}


class Option:
    """A parameter that is told by a name; without names here, by the parameter's own.

    Parameters
    ----------
    names : str
        ``--name``, ``-n``, and for what can be switched on and off ``--name/--no-name``.
    min, max : float, optional
        Of a number.
    """

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str | None = None,
        min: float | None = None,
        max: float | None = None,
        autocompletion: Complete | None = None,
    ) -> None:
        self.names = names
        self.min = min
        self.max = max
        self.details: dict[str, Any] = {"help": help, "metavar": metavar, "autocompletion": autocompletion}


class Subcommand(NamedTuple):
    """A command of a group; if `passes_on`, all from its first argument on is the argument's."""

    function: Callable[..., Any]
    passes_on: bool


class Group:
    """A command that has commands.

    Parameters
    ----------
    help : str
        As a command's docstring.
    alone : callable, optional
        What it does without a command; else it asks for one.
    """

    def __init__(self, help: str, alone: "Callable[[Invocation], object] | None" = None) -> None:
        self.help = help
        self.alone = alone
        self.commands: dict[str, Subcommand] = {}

    def command(self, name: str, passes_on: bool = False) -> Callable[[Function], Function]:
        """Make a function one of its commands."""

        def add(function: Function) -> Function:
            self.commands[name] = Subcommand(function, passes_on)
            return function

        return add


def global_options(
    directory: Annotated[Path | None, Option("-C", metavar="DIR", help="Run as if started in DIR.")] = None,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Say nothing but warnings and errors.")] = False,
    color: Annotated[
        Literal["auto", "always", "never"] | None,
        Option("--color", metavar="WHEN", help="Colour: auto, always or never."),
    ] = None,
    progress: Annotated[
        Literal["auto", "json", "none"] | None,
        Option(
            "--progress", metavar="HOW", help="Progress on stderr: auto, json (one event a line) or none."
        ),
    ] = None,
    no_pager: Annotated[bool, Option("--no-pager", help="Never page long output.")] = False,
    debug: Annotated[bool, Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """BeatFlow: version control for sound, with a studio's engines inside."""
