"""Git's configuration syntax: reading it, and changing one value while leaving the rest as it was written.

Knows no file but those it is given. Small on purpose: loading libgit2 only to learn a user's name would cost
more than most commands. ``include.path`` is followed, ``includeIf`` is not.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from beatflow.errors import UsageError

_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]\s*')
_VARIABLE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(=?)\s*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}
MAX_INCLUDES = 8


def read_config(path: Path, home: Path | None = None, depth: int = 0) -> dict[str, str]:
    """Read a file and what it includes: lower-case ``section.name`` (``section.sub.name``) to the last value.

    A file that is not there, or that this user may not read, has no values.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return {}
    values: dict[str, str] = {}
    for key, value, _, _ in _parse(text):
        if key == "include.path":
            target = home / value[2:] if home and value.startswith("~/") else path.parent / value
            values.update(read_config(target, home, depth + 1) if depth < MAX_INCLUDES else {})
        else:
            values[key] = value
    return values


def parse_config(text: str) -> dict[str, str]:
    """Read git-config text; a later value of the same name wins, and a name without a value is ``true``."""
    return {key: value for key, value, _, _ in _parse(text)}


def set_value(text: str, key: str, value: str) -> str:
    """Set ``section.name`` in git-config text: in place, or at the end of its section."""
    section, _, name = key.rpartition(".")
    line = f"\t{name} = {_quote(value)}"
    lines = text.splitlines()
    found = [(first, last) for known, _, first, last in _parse(text) if known == key.lower()]
    if found:
        first, last = found[-1]
        lines[first:last] = [line]
        return "\n".join(lines) + "\n"
    end = _section_end(lines, section)
    if end is None:
        return "\n".join([*lines, f"[{section}]", line]) + "\n"
    lines.insert(end, line)
    return "\n".join(lines) + "\n"


def unset_value(text: str, key: str) -> str:
    """Take every value of ``section.name`` out of git-config text."""
    lines = text.splitlines()
    found = [(first, last) for known, _, first, last in _parse(text) if known == key.lower()]
    for first, last in reversed(found):
        del lines[first:last]
    return "\n".join(lines) + "\n" if lines else ""


def _parse(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield key, value and the lines [first, last) that hold it. What is not git's syntax is passed over."""
    lines = text.splitlines()
    section = ""
    i = 0
    while i < len(lines):
        line = lines[i]
        first = i
        i += 1
        header = _SECTION.match(line)
        if header:
            section = header[1].lower()
            if header[2] is not None:
                section += "." + re.sub(r"\\(.)", r"\1", header[2])
            line = line[header.end() :]
        variable = _VARIABLE.match(line)
        if not variable or not section:
            continue
        rest = line[variable.end() :]
        value, more = _value(rest)
        while more and i < len(lines):
            rest = rest[:-1] + lines[i]
            i += 1
            value, more = _value(rest)
        if header is None:
            yield f"{section}.{variable[1].lower()}", value if variable[2] else "true", first, i
        else:  # a value on its section's own line: readable, but never rewritten by line
            yield f"{section}.{variable[1].lower()}", value if variable[2] else "true", i, i


def _value(text: str) -> tuple[str, bool]:
    """Decode a value; also whether it goes on in the next line."""
    kept: list[str] = []
    solid = 0  # length up to the last character that trailing blanks may not eat
    quoted = False
    i = 0
    while i < len(text):
        char = text[i]
        if char == "\\":
            if i + 1 == len(text):
                return "".join(kept), True
            i += 1
            kept.append(_ESCAPES.get(text[i], text[i]))
            solid = len(kept)
        elif char == '"':
            quoted = not quoted
            solid = len(kept)
        elif char in "#;" and not quoted:
            break
        else:
            kept.append(char)
            if quoted or not char.isspace():
                solid = len(kept)
        i += 1
    return "".join(kept[:solid]), False


def _quote(value: str) -> str:
    if "\0" in value:
        raise UsageError("a setting cannot hold a NUL character")
    escaped = (
        value.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\b", "\\b")
    )
    plain = value == value.strip() and not set(value) & set("#;") and value != ""
    return escaped if plain else f'"{escaped}"'


def _section_end(lines: list[str], section: str) -> int | None:
    """Where a line joins the last part of a section that has no subsection."""
    end = None
    inside = False
    for i, line in enumerate(lines):
        header = _SECTION.match(line)
        if header:
            inside = header[1].lower() == section.lower() and header[2] is None
        if inside and line.strip():
            end = i + 1
    return end
