"""Commits and what they change: recording the worktree, comparing trees, walking history for ``log``.

Knows samples only by their ids; what a change sounds like is told elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from beatflow.attributes import ATTRIBUTES
from beatflow.errors import BeatFlowError, ConflictError, UsageError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Commit, Entry, Signature, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import FOLDER as PROVENANCE
from beatflow.provenance import Record, collect_records
from beatflow.repository import BRANCHES, Repository
from beatflow.worktree import Advance

if TYPE_CHECKING:
    from beatflow.track import Track
    from beatflow.transaction import Transaction

_ATTRIBUTES_HEAD = b"# Written by BeatFlow, so that git-lfs knows which files are sound.\n"
_LFS = "filter=lfs diff=lfs merge=lfs -text"

ADDED, MODIFIED, DELETED, RENAMED = "added", "modified", "deleted", "renamed"


class FileChange(NamedTuple):
    """What became of one path; ``source`` is the former path of a renamed file."""

    path: str
    kind: str
    before: Entry | None
    after: Entry | None
    source: str | None = None


class NothingToCommitError(BeatFlowError):
    """The worktree is what HEAD is."""


# Trees ---------------------------------------------------------------------------------------------------


def content_tree(git: GitStore, tree: Tree) -> Tree:
    """Return a tree without what BeatFlow put there itself: the files as the musician knows them."""
    result = {path: entry for path, entry in tree.items() if not path.startswith(PROVENANCE)}
    if _is_generated(git, result.get(ATTRIBUTES)):
        del result[ATTRIBUTES]
    return result


def _is_generated(git: GitStore, attributes: Entry | None) -> bool:
    """Say whether a ``.gitattributes`` is BeatFlow's own; one that is not stored is not."""
    if attributes is None or not git.has(attributes.oid):
        return False
    return git.read_blob(attributes.oid).startswith(_ATTRIBUTES_HEAD)


def read_content(repository: Repository, commit: str | None) -> Tree:
    """Return the files of a commit as the musician knows them; None is the empty tree."""
    return content_tree(repository.git, repository.tree_of(commit))


def read_track(repository: Repository, tree: Tree) -> "Track":
    """Return the score in a tree; an empty one where there is none or where it cannot be read."""
    from beatflow.track import TRACK_FILE, Track, parse_track

    entry = tree.get(TRACK_FILE)
    try:
        return parse_track(repository.git.read_blob(entry.oid)) if entry else Track()
    except UsageError:
        return Track()


def compare_trees(before: Tree, after: Tree) -> list[FileChange]:
    """Return what differs, by path; a file that moved unchanged is one rename."""
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return pair_renames({path: (before.get(path), after.get(path)) for path in paths})


def pair_renames(changes: Mapping[str, tuple[Entry | None, Entry | None]]) -> list[FileChange]:
    """Turn the entries on both sides of each path into changes, joining equal content that only moved."""
    gone: dict[str, list[str]] = {}
    for path in sorted(changes):
        old, new = changes[path]
        if old and not new:
            gone.setdefault(old.oid, []).append(path)
    result = []
    moved = set()
    for path in sorted(changes):
        old, new = changes[path]
        if new and not old and gone.get(new.oid):
            source = gone[new.oid].pop(0)
            moved.add(source)
            result.append(FileChange(path, RENAMED, changes[source][0], new, source))
        elif new:
            result.append(FileChange(path, MODIFIED if old else ADDED, old, new))
    deleted = [
        FileChange(path, DELETED, old, None)
        for path, (old, new) in changes.items()
        if not new and path not in moved
    ]
    return sorted([*result, *deleted], key=lambda change: change.path)


def changes_of(git: GitStore, commit: Commit) -> list[FileChange]:
    """Return what a commit changed against its first parent, BeatFlow's own entries left out."""
    parent = git.read_commit(commit.parents[0]).tree if commit.parents else None
    differences = git.diff_trees(parent, commit.tree)
    if all(side is None or _is_generated(git, side) for side in differences.get(ATTRIBUTES, ())):
        differences.pop(ATTRIBUTES, None)
    return pair_renames(
        {path: sides for path, sides in differences.items() if not path.startswith(PROVENANCE)}
    )


# Recording -----------------------------------------------------------------------------------------------


def record_commit(
    transaction: "Transaction", message: str, paths: Sequence[str] = (), advance: Advance | None = None
) -> str:
    """Stage a commit of the worktree as it will be, or of some paths of it, on the current branch; return its id.

    Parameters
    ----------
    transaction : Transaction
        What the commit becomes part of; it is there once that is published.
    paths : sequence of str
        Files or folders below the root; all others stay as HEAD has them. Empty for everything.

    Raises
    ------
    NothingToCommitError
        Nothing differs from HEAD.
    UsageError
        A path names nothing, neither here nor in HEAD.
    """
    repository = transaction.repository
    head = repository.head
    former = read_content(repository, head)
    tree = repository.worktree.snapshot(transaction.batch, advance, transaction.forecast)
    tree = content_tree(repository.git, _lay_over(tree, transaction.staged))
    if paths:
        tree = _overlay(former, tree, paths)
    if tree == former:
        why = "every file is as in the last commit" if head else "there is no file yet"
        raise NothingToCommitError(f"nothing to commit: {why}", hint="bf status")
    parents = [head] if head else []
    commit = write_commit(repository, tree, parents, message, transaction.provenance)
    if lines := _find_missing_attributes(repository.git, tree, commit, former):
        tree = tree | {ATTRIBUTES: _add_attributes(transaction, tree[ATTRIBUTES], lines)}
        commit = write_commit(repository, tree, parents, message, transaction.provenance)
    advance_head(transaction, commit)
    transaction.description = message.strip().split("\n", 1)[0]
    return commit


def write_commit(
    repository: Repository,
    tree: Tree,
    parents: Sequence[str],
    message: str,
    records: Mapping[str, Record],
    sources: Sequence[str] = (),
    author: Signature | None = None,
    committer: Signature | None = None,
) -> str:
    """Store a commit of these files with the provenance of their sounds, new ``records`` included; no ref moves.

    Records that lie in ``sources``, commits that are no parents, are known too; ``author`` is who wrote it first, where
    that is not who commits it, and ``committer`` who did, where that is not who does so now.
    """
    git = repository.git
    oids, plain = [], []
    for path, entry in tree.items():
        pointer = read_pointer(git, entry)
        if pointer:
            oids.append((path, pointer.oid))
        else:
            plain.append(path)
    full = dict(tree)
    if oids and ATTRIBUTES not in tree:
        full[ATTRIBUTES] = Entry(FILE, git.write_blob(_format_attributes([path for path, _ in oids], plain)))
    trees = [git.read_commit(commit).tree for commit in (*sources, *parents)]
    full |= collect_records(repository, [oid for _, oid in oids], trees, records)
    signature = committer or repository.signer()
    return git.write_commit(git.write_tree(full), parents, message, author or signature, signature)


def advance_head(transaction: "Transaction", commit: str) -> None:
    """Have the current branch, or a detached HEAD itself, name a commit."""
    head = transaction.repository.git.read_head()
    if head.startswith("refs/"):
        transaction.set_ref(head, commit)
    else:
        transaction.set_head(commit)


def _overlay(former: Tree, current: Tree, paths: Sequence[str]) -> Tree:
    def chosen(path: str, wanted: str) -> bool:
        return wanted == "" or path == wanted or path.startswith(wanted + "/")

    changes: dict[str, Entry | None] = {}
    for wanted in paths:
        names = [path for path in former.keys() | current.keys() if chosen(path, wanted)]
        if not names:
            raise UsageError(f"{wanted} is no file here or in the last commit", hint="bf status")
        changes |= {path: current.get(path) for path in names}
    return _lay_over(former, changes)


def _lay_over(tree: Tree, changes: Mapping[str, Entry | None]) -> Tree:
    """Return a tree with some paths changed; what stands in the way of a new file, above or below it, goes."""
    result = dict(tree)
    folders = {path[:at] for path in tree for at, letter in enumerate(path) if letter == "/"}
    for path, entry in changes.items():
        if entry is None:
            result.pop(path, None)
            continue
        parts = path.split("/")
        for depth in range(1, len(parts)):
            result.pop("/".join(parts[:depth]), None)
        if path in folders and path not in result:
            for below in [
                other for other in result if other.startswith(path + "/") and not changes.get(other)
            ]:
                del result[below]
        result[path] = entry
    return result


def _format_attributes(sounds: Iterable[str], others: Iterable[str]) -> bytes:
    """Write the attributes by which a git client with git-lfs finds the sounds: by extension where it can be."""
    suffixes = set()
    lines = []
    for path in sorted(sounds):
        name = path.rpartition("/")[2]
        stem, dot, suffix = name.rpartition(".")
        if stem and dot and suffix.isalnum() and suffix.isascii():
            suffixes.add(suffix)
        else:
            lines.append(f"{_quote('/' + path)} {_LFS}\n")
    exceptions = [path for path in sorted(others) if path.rpartition(".")[2] in suffixes]
    lines += [f"{_quote('/' + path)} !filter !diff !merge !text\n" for path in exceptions]
    text = "".join([*(f"*.{suffix} {_LFS}\n" for suffix in sorted(suffixes)), *lines])
    return _ATTRIBUTES_HEAD + text.encode("utf-8", "surrogateescape")


def _find_missing_attributes(git: GitStore, tree: Tree, commit: str, former: Tree) -> list[bytes]:
    """Return the lines that a musician's own attributes lack so that git-lfs knows the sounds which are new.

    Without them whoever clones with git gets pointers in place of sounds.
    """
    if ATTRIBUTES not in tree:
        return []
    present = git.read_blob(tree[ATTRIBUTES].oid).splitlines()
    lines = []
    for path, entry in sorted(tree.items()):
        if former.get(path) == entry or read_pointer(git, entry) is None:
            continue
        line = f"{_quote('/' + path)} {_LFS}".encode("utf-8", "surrogateescape")
        if line not in present and git.find_attribute(commit, path, "filter") != "lfs":
            lines.append(line)
    return lines


def _add_attributes(transaction: "Transaction", former: Entry, lines: Sequence[bytes]) -> Entry:
    """Have the musician's ``.gitattributes`` get further lines, in the worktree as well, as `git lfs track` does."""
    repository = transaction.repository
    text = repository.git.read_blob(former.oid)
    whole = text + (b"" if not text or text.endswith(b"\n") else b"\n") + b"\n".join(lines) + b"\n"
    if repository.worktree.identify(ATTRIBUTES) == former:
        return transaction.put_bytes(ATTRIBUTES, whole)
    # What is not committed yet of that file is the musician's.
    return Entry(former.mode, repository.git.write_blob(whole))


def _quote(path: str) -> str:
    """Write a path as a gitattributes pattern: C-quoted, with what would be a wildcard escaped."""
    escaped = "".join("\\" + letter if letter in "*?[\\" else letter for letter in path)
    quoted = escaped.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{quoted}"'


# Going elsewhere -----------------------------------------------------------------------------------------


def stage_files(transaction: "Transaction", target: Tree, paths: Iterable[str]) -> int:
    """Have paths of the worktree become what a tree has there; say how many differ."""
    worktree = transaction.repository.worktree
    differing = {
        path: target.get(path) for path in sorted(paths) if worktree.identify(path) != target.get(path)
    }
    transaction.put_entries(differing)
    return len(differing)


def stage_switch(transaction: "Transaction", commit: str) -> int:
    """Have the worktree become another commit's, uncommitted work carried along; say how many files change.

    Raises
    ------
    ConflictError
        A file with uncommitted changes differs between the two commits.
    """
    there = read_content(transaction.repository, commit)
    return stage_files(transaction, there, list_changing(transaction.repository, there))


def list_changing(repository: Repository, there: Tree) -> list[str]:
    """Return the paths at which HEAD and another tree differ, and uncommitted work does not stand in the way.

    Raises
    ------
    ConflictError
        A file with uncommitted changes differs between the two.
    """
    here = read_content(repository, repository.head)
    differing = [path for path in here.keys() | there.keys() if here.get(path) != there.get(path)]
    worktree = repository.worktree
    blocked = []
    for path in differing:
        now = worktree.identify(path)
        if now not in (here.get(path), there.get(path)):
            blocked.append(path)
    if blocked:
        names = ", ".join(sorted(blocked)[:3]) + (" …" if len(blocked) > 3 else "")
        raise ConflictError(
            f"uncommitted changes would be overwritten: {names}",
            hint='bf commit -m "..." first, or bf restore PATH',
        )
    return differing


# Walking -------------------------------------------------------------------------------------------------


def iter_commits(
    repository: Repository,
    include: Iterable[str],
    exclude: Iterable[str] = (),
    path: str | None = None,
    topological: bool = False,
    keep: Callable[[Commit], bool] | None = None,
) -> Iterator[Commit]:
    """Yield commits newest first; with a path only those that changed it or something below it.

    ``topological`` puts children before their parents whatever their clocks said, which a drawing needs;
    ``keep`` leaves out what it is not true of.
    """
    git = repository.git
    commits = git.iter_topological(include, exclude) if topological else git.iter_history(include, exclude)

    def kept(commit: Commit) -> bool:
        return (not path or _touches(git, commit, path)) and (keep is None or keep(commit))

    if not path and keep is None:
        yield from commits
    elif topological:
        yield from _simplify(list(commits), kept)
    else:
        yield from (commit for commit in commits if kept(commit))


def _touches(git: GitStore, commit: Commit, path: str) -> bool:
    here = git.find_entry(commit.tree, path)
    parents = [git.find_entry(git.read_commit(parent).tree, path) for parent in commit.parents]
    return all(here != there for there in parents) if parents else here is not None


def _simplify(commits: Sequence[Commit], kept: Callable[[Commit], bool]) -> Iterator[Commit]:
    """Leave out what is not kept, each kept commit's parents becoming the nearest ones that are."""
    parents: dict[str, tuple[str, ...]] = {}
    nearest: dict[str, tuple[str, ...]] = {}
    for commit in reversed(commits):
        nearest[commit.oid] = tuple(
            dict.fromkeys(oid for parent in commit.parents for oid in nearest.get(parent, ()))
        )
        if kept(commit):
            parents[commit.oid] = nearest[commit.oid]
            nearest[commit.oid] = (commit.oid,)
    yield from (commit._replace(parents=parents[commit.oid]) for commit in commits if commit.oid in parents)


def find_branch_tips(repository: Repository) -> list[str]:
    """Return the commits that branches (remote ones too), tags and HEAD name."""
    refs = repository.git.read_refs()
    names = [name for name in refs if name.startswith((BRANCHES, "refs/remotes/", "refs/tags/"))]
    head = repository.head
    return list(dict.fromkeys([*([head] if head else []), *(refs[name] for name in names)]))


class ListedFile(NamedTuple):
    """A file of a commit: ``oid`` is the sound's sha256, or git's blob id for what is no sound; ``size`` in bytes."""

    path: str
    size: int
    oid: str
    sound: bool


def list_files(repository: Repository, commit: str) -> list[ListedFile]:
    """Return the files of a commit by path."""
    git = repository.git
    result = []
    for path, entry in sorted(read_content(repository, commit).items()):
        pointer = read_pointer(git, entry)
        if pointer:
            result.append(ListedFile(path, pointer.size, pointer.oid, True))
        else:
            result.append(ListedFile(path, git.blob_size(entry.oid), entry.oid, False))
    return result
