"""What the files of stems are called: a template such as ``{title}/{stem}``, filled in and kept inside its folder.

Knows names only; looks at no disk.
"""

import string
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from beatflow.errors import UsageError

FIELDS = ("folder", "title", "name", "stem")
"""``folder`` in which the mix lies below the one that is split, its ``title`` (the name without suffix) and its whole
``name``, and the ``stem``."""
ONE = "{stem}"
MANY = "{folder}/{title}/{stem}"
_SUFFIX = ".wav"
_OTHER_SUFFIXES = (".flac", ".aiff", ".aif", ".mp3", ".ogg", ".opus", ".w64", ".caf", ".m4a")


def check_template(template: str) -> None:
    """Refuse a template that could not work.

    Raises
    ------
    UsageError
        It cannot be read, has unknown fields, lacks ``{stem}``, leaves its folder or asks for another format than WAV.
    """
    known = " ".join(f"{{{field}}}" for field in FIELDS)
    try:
        fields = [
            (field, spec, conversion)
            for _, field, spec, conversion in string.Formatter().parse(template)
            if field is not None
        ]
    except ValueError as error:
        raise UsageError(f"the template {template!r} cannot be read: {error}", hint=f"use {known}") from None
    for field, spec, conversion in fields:
        if field not in FIELDS or spec or conversion:
            raise UsageError(f"the template {template!r} has an unknown {{{field}}}", hint=f"use {known}")
    if "stem" not in (field for field, _, _ in fields):
        raise UsageError(f"the template {template!r} gives all stems one name", hint='"{title}/{stem}"')
    if template.lower().endswith(_OTHER_SUFFIXES):
        raise UsageError("stems are WAV files, so that they can sum to any mix", hint="leave out the suffix")
    if template.startswith(("/", "\\")) or ".." in _parts(template):
        raise UsageError(f"the template {template!r} leads out of its folder", hint="say where with -o DIR")


def fill_template(template: str, path: PurePosixPath, stems: Sequence[str]) -> dict[str, str]:
    """The file of each stem, below the output folder.

    Parameters
    ----------
    template : str
        Checked.
    path : PurePosixPath
        The mix, below the folder that is split.
    stems : sequence of str

    Raises
    ------
    UsageError
        A name, filled in, would lead out of the folder.
    """
    parent = path.parent.as_posix()
    values = {"folder": "" if parent == "." else parent, "title": path.stem, "name": path.name}
    files = {}
    for stem in stems:
        filled = template.format(**values, stem=stem)
        parts = [part for part in _parts(filled) if part not in ("", ".")]
        if ".." in parts or not parts:
            raise UsageError(f"{filled!r} leads out of its folder", hint="choose another --template")
        name = "/".join(parts)
        files[stem] = name if name.lower().endswith(_SUFFIX) else name + _SUFFIX
    return files


def check_clashes(files: Iterable[tuple[str, str]]) -> None:
    """Refuse names that two mixes or two stems would share; capitals do not tell names apart everywhere.

    Parameters
    ----------
    files : iterable of (mix, file)

    Raises
    ------
    UsageError
        Two share one.
    """
    taken: dict[str, str] = {}
    for mix, file in files:
        other = taken.setdefault(file.casefold(), mix)
        if other != mix:
            hint = '--template "{folder}/{name}/{stem}" keeps them apart'
            raise UsageError(f"{other} and {mix} would both become {file}", hint=hint)


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").split("/")
