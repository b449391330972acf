"""A list of wishes for music: one prompt a line, or a JSON object with figures of its own.

Pure text to requests; every line stands by itself, so that one that makes no sense costs only itself.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from beatflow.errors import BeatFlowError, UsageError
from beatflow.making.request import Request, folder_name
from beatflow.making.structure import parse_structure

_DRAWN = ("temperature", "top_k", "top_p", "guidance")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "prompt": str, "name": str, "seed": int, "tempo": (int, float), "key": str, "bars": int,
    "duration_s": (int, float), "meter": str, "loop": bool, "loudness_lufs": (int, float), "swing": (int, float),
    "humanize": (int, float), "structure": str, "tries": int, "tolerance": (int, float),
    "temperature": (int, float), "top_k": int, "top_p": (int, float), "guidance": (int, float),
}  # fmt: skip
_WORDS = {str: "text", int: "a whole number", bool: "true or false", (int, float): "a number"}
_NAME = re.compile(r"(?!\.)[^/\\\x00-\x1f:*?\"<>|]{1,100}(?<![. ])")


@dataclass(frozen=True, slots=True)
class Wish:
    """One line: its number from 1, what is asked for, and the folder that the result goes to."""

    line: int
    request: Request
    name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of which nothing comes, and why: it makes no sense, or it was ``tried`` in vain."""

    line: int
    text: str
    error: BeatFlowError
    tried: bool = False


def read_wishes(text: str, usual: Request) -> Iterator[Wish | Refused]:
    """Read a list.

    Parameters
    ----------
    text : str
        Empty lines and those that begin with ``#`` are left out; one that begins with ``{`` is a JSON object with a
        ``prompt`` and any of the figures of `Request`, by the glossary's names; any other is a prompt.
    usual : Request
        What holds for every line that does not say otherwise. Lines without a seed take its seed (0 where it has
        none); lines that are the same count it up, so that the same list always gives the same music.
    """
    repeated: Counter[Request] = Counter()
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip().removeprefix("\ufeff")
        if not line or line.startswith("#"):
            continue
        try:
            request, name = _read_line(line, usual)
            first = usual.seed or 0
            if request.seed is None:
                repeated[request] += 1
                request = replace(request, seed=first + repeated[request] - 1)
            request.check()
            yield Wish(number, request, _find_name(name, request, names))
        except BeatFlowError as error:
            yield Refused(number, line, error)


def _read_line(line: str, usual: Request) -> tuple[Request, str | None]:
    usual = replace(usual, seed=None)
    if not line.startswith("{"):
        return replace(usual, prompt=line), None
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"this is no JSON object: {error}", hint='like {"prompt": "lofi", "tempo": 84}'
        ) from error
    for key, value in values.items():
        _check(key, value)
    if not values.get("prompt", usual.prompt):
        raise UsageError("there is no prompt", hint='like {"prompt": "lofi", "tempo": 84}')
    name = values.pop("name", None)
    drawn = {key: values.pop(key) for key in _DRAWN if key in values}
    if drawn:
        values["sampling"] = replace(usual.sampling, **drawn)
    if "structure" in values:
        values["structure"] = parse_structure(values["structure"])
    return replace(usual, **values), name


def _check(key: str, value: Any) -> None:
    kind = _KINDS.get(key)
    if kind is None:
        near = get_close_matches(key, _KINDS, 1)
        raise UsageError(
            f"nothing is called {key!r}",
            hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(_KINDS)}",
        )
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{key} must be {_WORDS[kind]}, not {json.dumps(value, ensure_ascii=False)[:40]}")


def _find_name(name: str | None, request: Request, names: set[str]) -> str:
    """A folder's name that no other line has, on any disk."""
    if name is not None:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name for a folder", hint="leave out slashes and signs")
        if name.casefold() in names:
            raise UsageError(f"another line is called {name} already", hint="give it another name")
    assert request.seed is not None
    wanted = found = name or folder_name(request.prompt, request.seed)
    again = 2
    while found.casefold() in names:
        found = f"{wanted}-{again}"
        again += 1
    names.add(found.casefold())
    return found
