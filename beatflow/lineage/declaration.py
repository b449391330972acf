"""What the musician says of sounds that BeatFlow cannot know: ``[licences]`` in ``track.toml``, path to licence.

It lies in the score so that it is committed, merged, undone and read by people like the rest of it.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath

from beatflow.delivery import Delivery, Handover
from beatflow.errors import NotFoundError
from beatflow.lineage.licence import check_expression
from beatflow.lineage.state import read_folder
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE, edit_track

TABLE = "licences"


def read_declarations(score: bytes) -> dict[str, str]:
    """Return path to licence, as a score says; what is malformed says nothing."""
    try:
        table = tomllib.loads(score.decode("utf-8")).get(TABLE)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(table, dict):
        return {}
    return {_plain(path): text for path, text in table.items() if isinstance(text, str)}


def find_declaration(declarations: Mapping[str, str], path: str) -> str | None:
    """Return what is declared of a path, or of the nearest folder around it; ``.`` is the whole track."""
    # A path of another machine may be anything; only its own words count.
    pure = PurePosixPath(path)
    return next((declarations[str(one)] for one in (pure, *pure.parents) if str(one) in declarations), None)


def declare(
    repository: Repository,
    expression: str | None,
    paths: Sequence[str],
    known: Collection[str] = (),
    dry_run: bool = False,
) -> list[str]:
    """Write into ``track.toml`` under which licence sounds are, None for no word of it; return the paths.

    Parameters
    ----------
    paths : sequence of str
        Of sounds or folders, below the root.
    known : collection of str
        Names of sounds that are not here, but in something that is.

    Raises
    ------
    NotFoundError
        There is no sound at a path.
    UsageError
        The expression is no licence, or ``track.toml`` cannot be read.
    """
    if expression is not None:
        check_expression(expression)
    names = [_plain(path) for path in paths]
    file = repository.root / TRACK_FILE
    before = file.read_bytes() if file.is_file() else None
    former = read_declarations(before or b"")
    if expression is None:
        _check_declared(names, former)
    else:
        _check_there(repository, [name for name in names if name not in known])
    changes: dict[tuple[str, ...], str | None] = {(TABLE, name): expression for name in names}
    if not (former.keys() - set(names) or expression):
        changes = {(TABLE,): None}
    handover = Handover(repository.root, repository, dry_run=dry_run)
    with Delivery(handover, "license", f"{expression or 'nothing'}: {', '.join(names)}") as delivery:
        if before is not None:
            delivery.expect(file, sha256(before).hexdigest())
        written = delivery.new_file(TRACK_FILE)
        written.write_bytes(edit_track(before, changes))
        delivery.add(TRACK_FILE, written)
        delivery.publish()
    return names


def _check_there(repository: Repository, names: Sequence[str]) -> None:
    sounds = read_folder(repository).sounds
    for name in names:
        if name != "." and not any(path == name or path.startswith(f"{name}/") for path in sounds):
            raise NotFoundError(f"there is no sound at {name}", hint="bf license lists them")


def _check_declared(names: Sequence[str], known: Mapping[str, str]) -> None:
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"nothing is declared of {name}", hint=f"[{TABLE}] in {TRACK_FILE} has it all"
            )


def _plain(path: str) -> str:
    return str(PurePosixPath(path))
