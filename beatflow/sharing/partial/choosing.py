"""Decides which of the sounds that history mentions are fetched with it, by what is wanted in a partial clone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from beatflow.errors import NotFoundError, UsageError
from beatflow.history import find_branch_tips, read_track
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.repository import BRANCHES, TAGS, Repository
from beatflow.revision.revision import find_commit
from beatflow.sharing.partial.mentions import Mentions
from beatflow.sharing.partial.selection import Selection, read_selection


class SoundChooser:
    """Chooses the sounds of what has come.

    Parameters
    ----------
    repository : Repository
    selection : Selection
        As the user gave it: stems by name, ``since`` as a revision over there.
    refs : mapping of str to str, optional
        Full names of the remote's refs to commits, for a revision that is not known here yet.
    resolved : bool
        The selection is one that was chosen and written down before.

    Attributes
    ----------
    selection : Selection
        From the first choice on: with the stems' files among its paths, and a commit's id as ``since``.
    """

    def __init__(
        self,
        repository: Repository,
        selection: Selection,
        refs: Mapping[str, str] | None = None,
        resolved: bool = False,
    ) -> None:
        self.selection = selection
        self._repository = repository
        self._refs = refs or {}
        self._resolved = resolved

    def choose(self, git: GitStore, tips: Sequence[str], sounds: Sequence[Pointer]) -> list[Pointer]:
        """Return those of the sounds behind ``tips`` that are wanted.

        Raises
        ------
        NotFoundError
            There is no such revision as the one since which sounds are wanted.
        UsageError
            No tip has stems of the names that are wanted.
        """
        if not self._resolved:
            self.selection = self._resolve(tips)
            self._resolved = True
        selection = self.selection
        if selection.wants_all_paths and selection.since is None:
            return list(sounds)
        # What was here before has been chosen from before.
        hidden = find_branch_tips(self._repository)
        if selection.since and git.has(selection.since):
            hidden += git.read_commit(selection.since).parents
        wanted = {
            pointer.oid
            for _, path, pointer in Mentions(git).iter_new(git.iter_history(tips, hidden))
            if selection.wants(path)
        }
        # A tip is wanted whole, whenever it was made.
        for tip in tips if selection.since else ():
            found = Mentions(git).list_all(git.read_commit(tip).tree)
            wanted |= {pointer.oid for path, pointer in found if selection.wants(path)}
        return [pointer for pointer in sounds if pointer.oid in wanted]

    def _resolve(self, tips: Sequence[str]) -> Selection:
        selection = self.selection
        if selection.since is not None:
            selection = replace(selection, since=self._find_commit(selection.since))
        return self._find_stems(selection, tips) if selection.stems and tips else selection

    def _find_commit(self, text: str) -> str:
        name, steps = re.fullmatch(r"(.*?)((?:[~^]\d*)*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        found = (self._refs.get(prefix + name) for prefix in (TAGS, BRANCHES, ""))
        named = next((oid for oid in found if oid), name)
        oid = find_commit(self._repository, named + steps)
        if oid is None:
            raise NotFoundError(f"--since {text}: there is no such revision", hint="bf ls-remote lists them")
        return oid

    def _find_stems(self, selection: Selection, tips: Sequence[str]) -> Selection:
        """Add the files that scores name for the stems; refuse names that nothing has."""
        git = self._repository.git
        names = {name.lower() for name in selection.stems}
        files: list[str] = []
        known: set[str] = set()
        matched: set[str] = set()
        for tip in tips:
            tree = git.read_commit(tip).tree
            entry = git.find_entry(tree, "track.toml")
            score = read_track(self._repository, {"track.toml": entry}) if entry else None
            for name, stem in score.stems.items() if score else ():
                known.add(name)
                if name.lower() in names:
                    files.append(stem.file)
                    matched.add(name.lower())
            for path, _ in Mentions(git).list_all(tree):
                pure = PurePosixPath(path)
                parts = {part.lower() for part in (pure.stem, *pure.parts[:-1])}
                known.add(pure.stem)
                matched |= names & parts
        missing = [name for name in selection.stems if name.lower() not in matched]
        if missing:
            raise UsageError(
                f"there is no stem {missing[0]!r} in this track",
                hint=f"there are {', '.join(sorted(known)[:12]) or 'no sounds'}",
            )
        return selection.with_paths(tuple(files))


def find_chooser(repository: Repository) -> SoundChooser | None:
    """Return who chooses what a fetch into this track brings; None for a whole clone, which wants everything."""
    selection = read_selection(repository.directory)
    if selection.wants_all_paths and selection.since is None:
        return None
    return SoundChooser(repository, selection, resolved=True)
