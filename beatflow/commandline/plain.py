"""Reads command lines that are plain, as most are, without the full parser.

Plain is what has one meaning only: known options, written out, and as many arguments as there have to be. It never
complains: whatever is not plain (help, joined letters, mistakes) is left to `full`, which must read all that is plain
in the same way.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, NoneType
from typing import Any, Literal, NamedTuple, get_origin

from beatflow.commandline.declaring import Group, Option, global_options
from beatflow.commandtable import COMMANDS


class Call(NamedTuple):
    """What a command line asks for: a command's function and its values, and the global options."""

    name: str
    function: Callable[..., Any]
    values: dict[str, Any]
    options: dict[str, Any]


class _NotPlainError(Exception):
    """Only `full` can tell."""


class _Parameter(NamedTuple):
    """What is known of a parameter: of type `kind`, a list of such if `is_many`; `value` is what a flag stands for."""

    name: str
    kind: Any
    is_many: bool
    value: bool
    is_global: bool
    least: float | None = None
    most: float | None = None


def read(words: Sequence[str]) -> Call | None:
    """Read a command line, or return None where it is not plain."""
    try:
        return _read(words)
    except _NotPlainError:
        return None


def _read(words: Sequence[str]) -> Call:
    waiting = iter(words)
    shared = _options(global_options)
    options: dict[str, Any] = {}
    for word in waiting:
        if not word.startswith("-"):
            break
        _take(word, waiting, shared, options, options)
    else:
        raise _NotPlainError
    if word not in COMMANDS:
        raise _NotPlainError
    module, _, attribute = COMMANDS[word][1].partition(":")
    target = getattr(import_module(module), attribute)
    if isinstance(target, Group):
        found = target.commands.get(next(waiting, ""))
        if found is None or found.passes_on:
            raise _NotPlainError
        target = found.function
    if not isinstance(target, FunctionType):
        raise _NotPlainError
    return Call(word, target, _bind(target, waiting, shared, options), options)


def _bind(
    function: Any, waiting: Iterator[str], shared: dict[str, _Parameter], options: dict[str, Any]
) -> dict[str, Any]:
    """Return the values of a function's parameters, and add to the global options those that stand among them."""
    own = _options(function)
    hidden = {shared[word].name for word in own.keys() & shared.keys()}
    known = {word: one for word, one in shared.items() if one.name not in {*hidden, "directory"}} | own
    values: dict[str, Any] = {}
    arguments: list[str] = []
    for word in waiting:
        if word == "--":
            arguments += waiting
        elif word == "-" or not word.startswith("-"):
            arguments.append(word)
        else:
            _take(word, waiting, known, values, options)
    for parameter in _arguments(function):
        if parameter.is_many:
            if arguments:
                values[parameter.name] = [_convert(word, parameter) for word in arguments]
            arguments = []
        elif arguments:
            values[parameter.name] = _convert(arguments.pop(0), parameter)
    needed = _names(function)[: -len(function.__defaults__ or ()) or None]
    if arguments or any(name not in values for name in needed):
        raise _NotPlainError
    return values


def _take(
    word: str,
    waiting: Iterator[str],
    known: dict[str, _Parameter],
    values: dict[str, Any],
    options: dict[str, Any],
) -> None:
    """Take an option, and its value where it has one."""
    name, equals, text = word.partition("=") if word.startswith("--") else (word, "", "")
    parameter = known.get(name)
    if parameter is None:
        raise _NotPlainError
    into = options if parameter.is_global else values
    if parameter.kind is bool:
        if equals:
            raise _NotPlainError
        into[parameter.name] = parameter.value
        return
    if not equals:
        try:
            text = next(waiting)
        except StopIteration:
            raise _NotPlainError from None
    value = _convert(text, parameter)
    into[parameter.name] = [*into.get(parameter.name, ()), value] if parameter.is_many else value


def _convert(text: str, parameter: _Parameter) -> Any:
    if get_origin(parameter.kind) is Literal:
        if text not in parameter.kind.__args__:
            raise _NotPlainError
        return text
    if parameter.kind not in (str, int, float, Path):
        raise _NotPlainError
    try:
        value = parameter.kind(text)
    except ValueError:
        raise _NotPlainError from None
    if parameter.least is not None and not value >= parameter.least:
        raise _NotPlainError
    if parameter.most is not None and not value <= parameter.most:
        raise _NotPlainError
    return value


def _names(function: Any) -> tuple[str, ...]:
    """Return the names of a function's parameters; a command's first is the invocation."""
    code: CodeType = function.__code__
    return code.co_varnames[function is not global_options : code.co_argcount]


def _options(function: Any) -> dict[str, _Parameter]:
    """Return a function's options by all their names."""
    found = {}
    for name in _names(function):
        annotation = function.__annotations__[name]
        (declared,) = annotation.__metadata__
        if not isinstance(declared, Option):
            continue
        kind, is_many = _simplify(annotation.__origin__)
        for words in declared.names or (f"--{name.replace('_', '-')}",):
            for word, value in zip(words.split("/"), (True, False), strict=False):
                found[word] = _Parameter(
                    name, kind, is_many, value, function is global_options, declared.min, declared.max
                )
    return found


def _arguments(function: Any) -> list[_Parameter]:
    """Return what a function is given by place; one that takes many must be the last."""
    found = []
    for name in _names(function):
        annotation = function.__annotations__[name]
        if not isinstance(annotation.__metadata__[0], Option):
            found.append(_Parameter(name, *_simplify(annotation.__origin__), False, False))
    if any(parameter.is_many for parameter in found[:-1]):
        raise _NotPlainError
    return found


def _simplify(annotation: Any) -> tuple[Any, bool]:
    """Return of ``list[str] | None`` that it is `str`, and many."""
    kinds = [kind for kind in getattr(annotation, "__args__", ()) if kind is not NoneType]
    if NoneType in getattr(annotation, "__args__", ()) and len(kinds) == 1:
        annotation = kinds[0]
    if get_origin(annotation) is list:
        return annotation.__args__[0], True
    return annotation, False
