"""Looking over what comes from elsewhere, before any ref moves and before any file is written.

Git's own machinery proves that objects are what their ids say; it does not ask what they are good for. Here every new
commit, tree, link and pointer is looked at once, and what could leave the track's folder, touch the repository, hit the
same file twice on some disk, or unpack without end is refused, whoever made it. Knows no network and changes nothing.

What the sounds are is proven where they are taken in; packs of git's where they are indexed
(`objects.gitindex`).
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from beatflow.errors import DamagedError
from beatflow.filename import fold_name, is_private, is_writable_name
from beatflow.objects.git.files import BLOB, COMMIT, decode_tree
from beatflow.objects.git.files import TREE as TREE_KIND
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import EXECUTABLE, FILE, SYMLINK, TREE, decode_path, encode_path
from beatflow.objects.ids import is_oid
from beatflow.objects.pointer import MAX_SIZE, Pointer, decode_pointer
from beatflow.sharing.remote import RemoteError, RemoteRefs
from beatflow.wording import format_size

if TYPE_CHECKING:
    from beatflow.objects.store import AudioStore

MAX_COMMIT_BYTES = 4 << 20
MAX_TREE_BYTES = 64 << 20
MAX_BLOB_BYTES = 512 << 20
MAX_RECORD_BYTES = 4 << 20
"""Of a record of provenance."""
MAX_LINK_BYTES = 4096
MAX_PATHS = 1_000_000
"""Files in one commit: a few trees that hold each other many times over name billions."""
MAX_DEPTH = 100
MAX_PATH_BYTES = 4096
MAX_NAME_BYTES = 255
MAX_SOUND_BYTES = 1 << 48
MAX_REFS = 100_000
MAX_REF_BYTES = 240

_SUBMODULE = 0o160000
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_RECORDS = ".provenance"
_OPERATIONS = "refs/beatflow/operations"
_LAST_YEAR_S = 253_402_214_400  # 9999-12-31: what a calendar can still write
_TAKE = "to take it all the same, this once: BF_ACCEPT={0}; for good: bf config --user accept {0}"
_DISTRUST = "nothing was taken; ask who made it, or look at it with git in a place of its own"


class UnsafeError(RemoteError):
    """Something that is offered and must not be taken, harmful on some disk or on every one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is taken although it could do harm on other disks.

    Parameters
    ----------
    links : bool
        Symbolic links that lead out of the track.
    clashes : bool
        Names in one folder that differ in nothing but case, or in how their accents are written.
    """

    links: bool = False
    clashes: bool = False

    @classmethod
    def parse(cls, text: str) -> "Rules":
        """Read the setting ``accept``: ``nothing``, ``links``, ``clashes`` or ``all``."""
        return cls(links=text in ("links", "all"), clashes=text in ("clashes", "all"))


NO_RULES = Rules()


# Refs ----------------------------------------------------------------------------------------------------


def check_refs(refs: RemoteRefs, rules: Rules = NO_RULES) -> None:
    """Refuse refs that cannot all be kept here under names of their own.

    Parameters
    ----------
    refs : RemoteRefs
    rules : Rules

    Raises
    ------
    UnsafeError
        A name is odd, two may be one file on some disk, or there are too many.
    """
    if len(refs.refs) > MAX_REFS:
        raise UnsafeError(f"it has {len(refs.refs)} branches and tags; {MAX_REFS} is the most", _DISTRUST)
    for name in [*refs.refs, *([refs.head] if refs.head else [])]:
        if not _is_plain_ref(name):
            raise UnsafeError(f"it has a branch or tag of an impossible name: {name[:200]!r}", _DISTRUST)
    folded: dict[str, str] = {}
    for name in refs.refs:
        other = folded.setdefault("/".join(map(fold_name, name.split("/"))), name)
        if other != name and not rules.clashes:
            raise UnsafeError(
                f"{_short(other)} and {_short(name)} differ in case only: many disks cannot hold both",
                f"have one of them renamed there, or deleted; {_TAKE.format('clashes')}",
            )
    for name in folded:
        parts = name.split("/")
        above = next(
            (folded[up] for n in range(1, len(parts)) if (up := "/".join(parts[:n])) in folded), None
        )
        if above:
            raise UnsafeError(
                f"{_short(above)} and {_short(folded[name])} cannot both be: one is a folder of the other",
                "have one of them renamed or deleted there",
            )


def _is_plain_ref(name: str) -> bool:
    parts = name.split("/")
    if len(parts) < 3 or parts[0] != "refs" or name.lower().startswith(_OPERATIONS):
        return False
    if parts[1] in ("heads", "tags") and (parts[2].startswith("-") or parts[2:] == ["HEAD"]):
        return False
    try:
        raw = name.encode()
    except UnicodeEncodeError:
        return False
    long = len(raw) > MAX_REF_BYTES
    return not long and name.isprintable() and "\\" not in name and GitStore.is_valid_ref(name)


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


# History -------------------------------------------------------------------------------------------------


def inspect_history(
    git: GitStore,
    tips: Iterable[str],
    known: Iterable[str] = (),
    rules: Rules = NO_RULES,
    audio: "AudioStore | None" = None,
    progress: Callable[[int], None] | None = None,
) -> list[Pointer]:
    """Look over all commits that came, and return the sounds that they name, each once.

    Parameters
    ----------
    git : GitStore
        Where they are by now; no ref names them yet.
    tips : iterable of str
        The commits that came.
    known : iterable of str
        Commits that are ours: they, and what is behind them, are not looked at again.
    rules : Rules
    audio : AudioStore, optional
        Where some of the sounds may be: their sizes are compared with what is said of them.
    progress : callable, optional
        Called with the number of commits looked at since the last call; raising in it interrupts the work.

    Raises
    ------
    UnsafeError
        Something in them must not be taken.
    DamagedError
        An object is missing, or not what it has to be.
    """
    inspector = _Inspector(git, rules)
    for oid in git.iter_new_commits(tips, known):
        inspector.inspect_commit(oid)
        if progress:
            progress(1)
    sounds = [Pointer(oid, size) for oid, size in inspector.sounds.items()]
    for sound in sounds if audio else ():
        if audio and sound.oid in audio and audio.size(sound.oid) != sound.size:
            raise UnsafeError(
                f"it says that the sound {sound.oid[:12]} has {sound.size} bytes;"
                f" it has {audio.size(sound.oid)}",
                _DISTRUST,
            )
    return sounds


class _Summary(NamedTuple):
    """What a tree holds, wherever it stands: files, folders below each other, bytes of the longest path."""

    paths: int
    depth: int
    length: int
    climb: int
    """How many folders above itself its links lead to."""
    climber: str
    """The link that does so."""


class _Name(NamedTuple):
    """What is known of a name, wherever it stands."""

    fits: bool
    private: bool
    folded: str
    length: int


@lru_cache(maxsize=1 << 14)
def _judge(name: str) -> _Name:
    # The names of a track hardly change from one commit to the next.
    length = len(encode_path(name))
    return _Name(
        is_writable_name(name) and length <= MAX_NAME_BYTES, is_private(name), fold_name(name), length
    )


class _Inspector:
    """Looks at commits, and at each tree and blob once."""

    def __init__(self, git: GitStore, rules: Rules) -> None:
        self._git = git
        self._rules = rules
        self._trees: dict[tuple[str, bool], _Summary] = {}
        self._blobs: set[str] = set()
        self._records: set[str] = set()
        self.sounds: dict[str, int] = {}

    def inspect_commit(self, oid: str) -> None:
        self._check_size(oid, COMMIT, MAX_COMMIT_BYTES, f"commit {oid[:12]}")
        commit = self._git.read_commit(oid)
        who = f"commit {oid[:12]}"
        if not all(map(self._git.has, commit.parents)):
            raise DamagedError(
                f"history ends in the middle: what is before {who} is missing",
                hint="have it made whole there: git fetch --unshallow",
            )
        if not (0 <= commit.time_s <= _LAST_YEAR_S and 0 <= commit.author.time_s <= _LAST_YEAR_S):
            raise UnsafeError(f"{who} is of a time that no calendar has", _DISTRUST)
        if abs(commit.author.offset_min) >= 24 * 60:
            raise UnsafeError(f"{who} is of a time zone that is not on earth", _DISTRUST)
        found = self._inspect_tree(commit.tree, "", 0, who)
        if found.climb > 0:
            raise _leads_out(found.climber, who)

    def _inspect_tree(self, oid: str, prefix: str, depth: int, who: str) -> _Summary:
        known = self._trees.get((oid, not prefix))
        if known:
            return known
        if depth > MAX_DEPTH:
            raise UnsafeError(f"{who} has folders in folders, more than {MAX_DEPTH} deep", _DISTRUST)
        self._check_size(oid, TREE_KIND, MAX_TREE_BYTES, f"{who}: {prefix or 'its tree'}")
        rows = decode_tree(oid, self._git.read_object(oid)[1])
        self._check_names(rows, prefix, who)
        paths, deepest, longest, climb, climber = 0, 0, 0, 0, ""
        for name, mode, child in rows:
            path = prefix + name
            length = _judge(name).length
            if mode == TREE and not prefix and name == _RECORDS:
                paths += self._inspect_records(child, who)
            elif mode == TREE:
                below = self._inspect_tree(child, path + "/", depth + 1, who)
                paths, deepest = paths + below.paths, max(deepest, below.depth + 1)
                length += 1 + below.length
                if below.climb - 1 > climb:
                    climb, climber = below.climb - 1, f"{name}/{below.climber}"
            else:
                paths += 1
                up = self._inspect_file(mode, child, path, who)
                if up > climb:
                    climb, climber = up, name
            longest = max(longest, length)
        summary = _Summary(paths, deepest, longest, climb, climber)
        self._check_summary(summary, len(encode_path(prefix)), depth, who)
        self._trees[oid, not prefix] = summary
        return summary

    def _check_summary(self, found: _Summary, above: int, depth: int, who: str) -> None:
        if found.paths > MAX_PATHS:
            raise UnsafeError(f"{who} has {found.paths} files; {MAX_PATHS} is the most", _DISTRUST)
        if found.depth + depth > MAX_DEPTH or found.length + above > MAX_PATH_BYTES:
            raise UnsafeError(f"{who} has paths of more than {MAX_PATH_BYTES} bytes", _DISTRUST)

    def _check_names(self, rows: Iterable[tuple[str, int, str]], prefix: str, who: str) -> None:
        folded: dict[str, tuple[str, int]] = {}
        for name, mode, _ in rows:
            ours = not prefix and name == _RECORDS and mode == TREE
            known = _judge(name)
            if not known.fits:
                raise UnsafeError(
                    f"{who} has the path {prefix + name[:300]!r}, which no folder may hold", _DISTRUST
                )
            if known.private and not ours:
                raise UnsafeError(
                    f"{who} has the path {prefix + name!r}, which is private to BeatFlow or git", _DISTRUST
                )
            other, its_mode = folded.setdefault(known.folded, (name, mode))
            if other != name and not (self._rules.clashes and SYMLINK not in (mode, its_mode)):
                raise UnsafeError(
                    f"{who} has both {prefix + other!r} and {prefix + name!r}: many disks take them for one",
                    f"have one renamed there; {_TAKE.format('clashes')}",
                )

    def _inspect_file(self, mode: int, oid: str, path: str, who: str) -> int:
        """Look at one entry; return, for a link, how many folders above its own it leads."""
        if mode == _SUBMODULE:
            raise UnsafeError(
                f"{who} has {path!r}, another git repository in it (a submodule): tracks hold files only",
                "clone it with git, then: bf import FOLDER",
            )
        if mode == SYMLINK:
            return self._inspect_link(oid, path, who)
        if mode not in (FILE, EXECUTABLE):
            raise UnsafeError(f"{who} has {path!r} of a kind that no file is ({mode:o})", _DISTRUST)
        if oid not in self._blobs:
            size = self._check_size(oid, BLOB, MAX_BLOB_BYTES, f"{who}: {path}")
            if size < MAX_SIZE and (pointer := decode_pointer(self._git.read_blob(oid))):
                self._note_sound(pointer, path, who)
            self._blobs.add(oid)
        return 0

    def _note_sound(self, pointer: Pointer, path: str, who: str) -> None:
        former = self.sounds.setdefault(pointer.oid, pointer.size)
        if (
            pointer.size > MAX_SOUND_BYTES
            or former != pointer.size
            or (pointer.oid == _EMPTY) != (not pointer.size)
        ):
            raise UnsafeError(
                f"{who}: {path!r} stands for a sound of {pointer.size} bytes, which cannot be its size",
                _DISTRUST,
            )

    def _inspect_link(self, oid: str, path: str, who: str) -> int:
        self._check_size(oid, BLOB, MAX_LINK_BYTES, f"{who}: the link {path}")
        target = decode_path(self._git.read_blob(oid))
        parts = target.replace("\\", "/").split("/")
        names = [part for part in parts if part not in ("", ".")]
        if not names and parts[0] != ".":
            raise UnsafeError(f"{who} has the link {path!r}, which leads nowhere", _DISTRUST)
        if any(is_private(part) for part in names):
            raise UnsafeError(f"{who} has the link {path!r}, which leads into a private folder", _DISTRUST)
        if self._rules.links:
            return 0
        up = next((number for number, part in enumerate(names) if part != ".."), len(names))
        # Behind a name, which may be a link itself, `..` leads anywhere.
        if parts[0] == "" or ":" in parts[0] or ".." in names[up:] or "\0" in target:
            raise _leads_out(path, who)
        return up

    def _inspect_records(self, oid: str, who: str) -> int:
        """Look at the folder of provenance, which is never written to the worktree; return how many it holds."""
        self._check_size(oid, TREE_KIND, MAX_TREE_BYTES, f"{who}: {_RECORDS}")
        rows = decode_tree(oid, self._git.read_object(oid)[1])
        for name, mode, blob in rows:
            if mode != FILE or not name.endswith(".json") or not is_oid(name[:-5]):
                raise UnsafeError(f"{who} has '{_RECORDS}/{name[:300]}', which is no record", _DISTRUST)
            if blob not in self._records:
                self._check_size(blob, BLOB, MAX_RECORD_BYTES, f"{who}: {_RECORDS}/{name}")
                self._records.add(blob)
        return len(rows)

    def _check_size(self, oid: str, kind: bytes, limit: int, what: str) -> int:
        found, size = self._git.read_header(oid)
        if found != kind:
            raise DamagedError(f"{what} should be a {kind.decode()} and is a {found.decode()}", _DISTRUST)
        if size > limit:
            raise UnsafeError(
                f"{what} has {format_size(size)}; {format_size(limit)} is the most that git may keep of it",
                "large files belong to git-lfs: git lfs migrate import there",
            )
        return size


def _leads_out(path: str, who: str) -> UnsafeError:
    return UnsafeError(
        f"{who} has the link {path!r}, which leads out of the track",
        f"have it taken out there; {_TAKE.format('links')}",
    )


# Room ----------------------------------------------------------------------------------------------------


def check_room(sizes: Iterable[int], folder: Path) -> None:
    """Refuse to begin to write what the disk cannot hold: some lines can stand for more than any disk has.

    Parameters
    ----------
    sizes : iterable of int
        Bytes of the files that are going to be written.
    folder : Path
        Where; it, or a folder above it, is there.

    Raises
    ------
    UnsafeError
    """
    needed = sum(sizes)
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise UnsafeError(
            f"the files would take {format_size(needed)}, and {folder} has room for {format_size(free)}",
            "free some space, or take less: bf clone --no-audio",
        )
