"""Which branch here follows which branch at a remote, and how far apart the two are, as far as is known here.

Light, since `bf status` asks: no remote is opened, libgit2 is not loaded.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatflow.objects.git.apart import count_apart
from beatflow.repository import BRANCHES, REMOTES, Repository
from beatflow.trackconfig import read_settings

if TYPE_CHECKING:
    from beatflow.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Upstream:
    """The branch at a remote that a branch here follows; ``ref`` is its full name there."""

    remote: str
    ref: str

    @property
    def branch(self) -> str:
        """Its short name there."""
        return self.ref.removeprefix(BRANCHES)

    @property
    def tracking(self) -> str:
        """The full name of the ref that says here where it was."""
        return f"{REMOTES}{self.remote}/{self.branch}"


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a branch is from the one that it follows, where that was when this track last saw it.

    Parameters
    ----------
    name : str
        Such as ``origin/main``.
    ahead, behind : int or None
        Commits to push and to pull; None for both where they are too many to count in no time.
    """

    name: str
    ahead: int | None
    behind: int | None


def find_upstream(repository: Repository, branch: str | None) -> Upstream | None:
    """Return what a branch follows, None for nothing."""
    values = read_settings(repository.directory)
    remote, ref = values.get(f"branch.{branch}.remote"), values.get(f"branch.{branch}.merge")
    return Upstream(remote, ref) if remote and ref and ref.startswith(BRANCHES) else None


def stage_upstream(transaction: "Transaction", branch: str, upstream: Upstream | None) -> None:
    """Have a branch follow one of a remote; None has it follow nothing."""
    transaction.set_config(f"branch.{branch}.remote", upstream.remote if upstream else None)
    transaction.set_config(f"branch.{branch}.merge", upstream.ref if upstream else None)


def find_distance(repository: Repository, branch: str | None, commit: str | None) -> Distance | None:
    """Return how far a branch at ``commit`` is from what it follows; None where that is nothing that was seen."""
    upstream = find_upstream(repository, branch)
    there = repository.git.read_ref(upstream.tracking) if upstream and commit else None
    if upstream is None or there is None or commit is None:
        return None
    return Distance(f"{upstream.remote}/{upstream.branch}", *count_apart(repository.git, commit, there))
