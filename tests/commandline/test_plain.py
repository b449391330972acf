"""What the quick reader takes, the full one takes for the same; it takes what most command lines are, and no more."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow import commandtable
from beatflow.commandline import full, plain
from beatflow.commandline.declaring import Argument, Group, Option
from beatflow.errors import BeatFlowError
from beatflow.invocation import Invocation

HERE = "tests.commandline.test_plain"


def toy(
    invocation: Invocation,
    name: Annotated[str, Argument(help="One.")],
    place: Annotated[Path | None, Argument(help="Another.")] = None,
    rest: Annotated[list[str] | None, Argument(help="More.")] = None,
    flag: Annotated[bool, Option("--flag", "-f", help="A flag.")] = False,
    loop: Annotated[bool | None, Option("--loop/--no-loop", help="Yes or no.")] = None,
    word: Annotated[str | None, Option("--word", "-w", help="A word.")] = None,
    count: Annotated[int | None, Option("-n", min=1, max=9, help="How many.")] = None,
    some_gain: Annotated[float, Option(help="How much.")] = 1.5,
    kind: Annotated[Literal["a", "b"] | None, Option("--kind", help="Which.")] = None,
    files: Annotated[list[Path] | None, Option("--file", help="Several.")] = None,
    quick: Annotated[bool, Option("-q", help="Not what -q is elsewhere.")] = False,
) -> None:
    """A toy."""


group = Group("Toys.")
group.command("one")(toy)


@group.command("pass", passes_on=True)
def passing(invocation: Invocation, words: Annotated[list[str], Argument(help="Words.")]) -> None:
    """All that follows is the argument's."""


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(commandtable.COMMANDS, "toy", ("start", f"{HERE}:toy", "A toy."))
    monkeypatch.setitem(commandtable.COMMANDS, "toys", ("start", f"{HERE}:group", "Toys."))


def ask(function: Callable[..., Any], name: str, words: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that the full parser gives a function, and the global options behind the command."""
    seen: dict[str, Any] = {}
    options: dict[str, Any] = {}

    class Noting(Invocation):
        def apply(self, **flags: str | bool | None) -> None:
            options.update({name: value for name, value in flags.items() if value not in (None, False)})

    @functools.wraps(function)
    def note(_invocation: Invocation, **values: Any) -> None:
        seen.update(values)

    command = full.build_command(name, note)
    full._finish(command)
    with command.make_context(name, list(words), obj=Noting()) as ctx:
        command.invoke(ctx)
    return seen, options


def defaults(function: Any) -> dict[str, Any]:
    names = plain._names(function)
    values = function.__defaults__ or ()
    return dict(zip(names[len(names) - len(values) :], values, strict=True))


WORDS = [
    "--flag", "-f", "--loop", "--no-loop", "--word", "-w", "-n", "--some-gain", "--kind", "--file", "-q", "--",
    "--quiet", "--color", "always", "--debug", "--word=x", "--word=", "--some-gain=-2", "--flag=1", "-fq", "-wx",
    "--help", "--wor", "-x", "a", "b", "c", "-", "3", "0", "nan", "1e3", "12", "-1", "a=b", "ü", "", "\udce9",
]  # fmt: skip


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Also where there are numbers that are none."""
    return repr(sorted(one.items())) == repr(sorted(other.items()))


@given(st.lists(st.sampled_from(WORDS), max_size=7))
def test_what_is_plain_is_read_as_the_full_parser_reads_it(words: list[str]) -> None:
    call = plain.read(["toy", *words])
    if call is not None:
        values, options = ask(toy, "toy", words)
        assert same(defaults(toy) | call.values, values)
        assert call.options == options


@pytest.mark.parametrize("name", commandtable.COMMANDS)
def test_every_option_of_every_command(name: str) -> None:
    """Each by itself, and all with as many arguments as there are."""
    module, _, attribute = commandtable.COMMANDS[name][1].partition(":")
    target = getattr(__import__(module, fromlist=[attribute]), attribute)
    functions = (
        {name: target}
        if not isinstance(target, Group)
        else {f"{name} {word}": one.function for word, one in target.commands.items() if not one.passes_on}
    )
    samples = {str: "w", int: "3", float: "2.5", Path: "p"}
    for spelled, function in functions.items():
        needed = len(plain._names(function)) - len(function.__defaults__ or ())
        lines = [["w"] * count for count in range(needed, needed + 3)]
        for word, parameter in plain._options(function).items():
            choices = getattr(parameter.kind, "__args__", ("?",))
            value = [] if parameter.kind is bool else [samples.get(parameter.kind, choices[0])]
            lines.append([*["w"] * needed, word, *value])
            if parameter.kind is not bool:
                lines.append([f"{word}={value[0]}" if word.startswith("--") else "-", *["w"] * needed])
        taken = 0
        for line in lines:
            call = plain.read([*spelled.split(), *line])
            if call is not None:
                taken += 1
                assert call.function is function
                values, _ = ask(function, name, line)
                assert same(defaults(function) | call.values, values), line
        assert taken > len(plain._options(function)) // 2, spelled


@pytest.mark.parametrize(
    ("words", "values", "options"),
    [
        (["toy", "x"], {"name": "x"}, {}),
        (["-C", "sub", "toy", "x"], {"name": "x"}, {"directory": Path("sub")}),
        (["--color", "never", "toy", "--debug", "x"], {"name": "x"}, {"color": "never", "debug": True}),
        (["toy", "-q", "x"], {"name": "x", "quick": True}, {}),
        (["-q", "toy", "x"], {"name": "x"}, {"quiet": True}),
        (["toys", "one", "x", "y", "z", "-"], {"name": "x", "place": Path("y"), "rest": ["z", "-"]}, {}),
        (["toy", "--", "-x"], {"name": "-x"}, {}),
    ],
)
def test_plain(words: list[str], values: dict[str, Any], options: dict[str, Any]) -> None:
    call = plain.read(words)
    assert call is not None
    assert (call.values, call.options) == (values, options)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-q"],
        ["--version"],
        ["toy"],
        ["toy", "x", "--help"],
        ["toy", "x", "--word"],
        ["toy", "x", "-n", "10"],
        ["toy", "x", "-n", "many"],
        ["toy", "x", "--kind", "c"],
        ["toy", "x", "--flag=yes"],
        ["toy", "x", "-C", "sub"],
        ["--color", "purple", "toy", "x"],
        ["toys"],
        ["toys", "two"],
        ["toys", "pass", "x", "-q"],
        ["tyo", "x"],
    ],
)
def test_all_else_is_left_to_the_full_parser(words: list[str]) -> None:
    assert plain.read(words) is None


def test_the_full_parser_tells_what_is_wrong() -> None:
    with pytest.raises(BeatFlowError, match="is not in the range 1<=x<=9"):
        full.run(["toy", "x", "-n", "10"], Invocation())
