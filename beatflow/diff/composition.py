"""What a mix is made of on both sides of a diff: its stems, their faders, and which of those moved.

Joins sides, the store and ``sound.faders``. Where a mix is not the sum of its stems, nothing is said of faders.
"""

import json
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from beatflow.delivery import digest
from beatflow.diff.comparison import SOUND, find_content
from beatflow.diff.sides import File, Pair, Side, read_score
from beatflow.errors import AudioError, DamagedError, NotFoundError
from beatflow.history import MODIFIED
from beatflow.objects.durable import write_cache
from beatflow.repository import Repository
from beatflow.wording import short_name

if TYPE_CHECKING:
    from beatflow.sound.faders import Faders

FITTER = 1
"""Raised whenever the same mix and stems may be told otherwise than before."""

_MAX_STEMS = 32
_LEAST_MOVE_DB = 0.05
_LEAST_PAN = 0.02
_STEMS = "stems/"


@dataclass(frozen=True, slots=True)
class Fader:
    """Where a stem's fader stands; ``gain_db`` is None where it is muted. See ``sound.faders.Level``."""

    gain_db: float | None
    pan: float
    muted: bool
    inverted: bool
    error_db: float


@dataclass(frozen=True, slots=True)
class Desk:
    """One side of a mix.

    Parameters
    ----------
    faders : mapping of stem to Fader
        Only those that the mix tells.
    stems : tuple of str
        All that were tried.
    fits : bool
        Whether the mix is the sum of its stems.
    unexplained_db : float
        What the stems do not explain, relative to the mix; -200 is nothing.
    worst_s : float or None
        Where most of it is.
    """

    faders: Mapping[str, Fader]
    stems: tuple[str, ...]
    fits: bool
    unexplained_db: float
    worst_s: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """A stem whose fader moved; a side is None where the stem is not in the mix there."""

    stem: str
    before: Fader | None
    after: Fader | None

    @property
    def gain_db(self) -> float | None:
        """How much higher it stands now; None where that is no number."""
        one, two = self.before, self.after
        if one is None or two is None or one.gain_db is None or two.gain_db is None:
            return None
        return round(two.gain_db - one.gain_db, 3) + 0.0

    @property
    def panned(self) -> bool:
        """Whether it stands elsewhere between left and right."""
        one, two = self.before, self.after
        return one is not None and two is not None and abs(two.pan - one.pan) >= _LEAST_PAN


@dataclass(frozen=True, slots=True)
class Composition:
    """A mix as the sum of its stems, on both sides; ``changed`` names the stems whose own sound differs."""

    path: str
    before: Desk | None
    after: Desk | None
    moves: tuple[Move, ...] = field(default=())
    changed: tuple[str, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether the mix is the sum of its stems on both sides."""
        return bool(self.before and self.before.fits and self.after and self.after.fits)


def compare_mix(
    repository: Repository | None, old: Side, new: Side, pairs: list[Pair], changed: Collection[str] = ()
) -> Composition | None:
    """Say what the changed mix is made of; None where it did not change, or either side names no stems.

    ``changed`` are the paths of the sounds that differ themselves.
    A mix or a stem that cannot be read is told where it is compared; here it means that nothing is known.
    """
    path = read_score(new).mix_file
    pair = next((pair for pair in pairs if pair.path == path and pair.kind == MODIFIED), None)
    if pair is None or pair.before is None or pair.after is None:
        return None
    try:
        if find_content(pair) != SOUND:
            return None
        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(_measure, repository, side, file, path)
                for side, file in ((old, pair.before), (new, pair.after))
            ]
            before, after = (job.result() for job in jobs)
    except (AudioError, DamagedError, NotFoundError, OSError):
        return None
    if before is None or after is None:
        return None
    moves = tuple(_find_moves(before, after)) if before.fits and after.fits else ()
    others = tuple(name for name, (file, _) in find_stems(new, path).items() if file.path in changed)
    return Composition(path, before, after, moves, others)


def find_stems(side: Side, mix: str) -> dict[str, tuple[File, int]]:
    """Return a side's stems by name, each with how many frames later it starts in the mix.

    They are those that ``track.toml`` names, else the files of ``stems/``, else what lies beside the mix.
    """
    score = read_score(side)
    if score.stems:
        named = {name: (side.find(stem.file), stem.offset) for name, stem in score.stems.items()}
        return {name: (file, offset) for name, (file, offset) in named.items() if file}
    paths = [path for path in side.paths() if path.startswith(_STEMS)]
    if not paths:
        folder = mix.rpartition("/")[0]
        paths = [path for path in side.paths() if path != mix and path.rpartition("/")[0] == folder]
    files = {short_name(path): side.find(path) for path in paths if short_name(path) != path}
    if len(files) > _MAX_STEMS:
        return {}
    return {name: (file, 0) for name, file in files.items() if file}


def _find_moves(before: Desk, after: Desk) -> list[Move]:
    moves = []
    for stem in dict.fromkeys([*before.stems, *after.stems]):
        one, two = before.faders.get(stem), after.faders.get(stem)
        if stem in before.stems and stem in after.stems:
            if one and two and _moved(one, two):
                moves.append(Move(stem, one, two))
        elif stem in before.stems and one and not one.muted:
            moves.append(Move(stem, one, None))
        elif stem in after.stems and two and not two.muted:
            moves.append(Move(stem, None, two))
    return moves


def _moved(one: Fader, two: Fader) -> bool:
    if one.gain_db is None or two.gain_db is None:
        return one.muted != two.muted
    # A fader that is not known better than this has not moved.
    least = max(_LEAST_MOVE_DB, 3 * (one.error_db + two.error_db))
    return (
        abs(two.gain_db - one.gain_db) >= least
        or abs(two.pan - one.pan) >= _LEAST_PAN
        or one.inverted != two.inverted
    )


# Measuring -----------------------------------------------------------------------------------------------


def _measure(repository: Repository | None, side: Side, mix: File, path: str) -> Desk | None:
    stems = find_stems(side, path)
    if not stems:
        return None
    if repository is None:
        found = _fit(mix, stems)
        return _to_desk(found) if found else None
    cache = repository.state / "faders" / f"{_key(mix, stems)}.json"
    try:
        return _to_desk(json.loads(cache.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        found = _fit(mix, stems)
    if found is None:
        return None
    with suppress(OSError):
        cache.parent.mkdir(exist_ok=True)
        write_cache(cache, json.dumps(found).encode())
    return _to_desk(found)


def _key(mix: File, stems: Mapping[str, tuple[File, int]]) -> str:
    """Return what a fit is remembered by: everything that it depends on."""
    rows = [[name, _identify(file), offset] for name, (file, offset) in stems.items()]
    return sha256(json.dumps([FITTER, _identify(mix), rows]).encode("utf-8", "surrogatepass")).hexdigest()


def _identify(file: File) -> str:
    return file.oid or (digest(file.place) if file.place else "")


def _fit(mix: File, stems: Mapping[str, tuple[File, int]]) -> dict[str, Any] | None:
    from beatflow.sound.faders import Part, fit_faders

    with ExitStack() as stack:
        parts = {
            name: Part(stack.enter_context(file.open()), offset) for name, (file, offset) in stems.items()
        }
        found: Faders | None = fit_faders(stack.enter_context(mix.open()), parts)
    return {**asdict(found), "stems": list(parts), "fits": found.fits} if found else None


def _to_desk(document: Mapping[str, Any]) -> Desk:
    faders = {name: Fader(**level) for name, level in document["levels"].items()}
    return Desk(
        faders,
        tuple(document["stems"]),
        document["fits"],
        document["unexplained_db"],
        document["worst_s"],
    )
