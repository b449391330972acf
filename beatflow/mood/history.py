"""The mood of one file over history: each version of it, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beatflow.ai.engine import Progress, no_progress
from beatflow.blame.lineage import find_version
from beatflow.errors import AudioError, DamagedError, NotFoundError, UsageError
from beatflow.history import iter_commits
from beatflow.mood.judge import Judge
from beatflow.mood.rating import Rating, rate_sound
from beatflow.mood.remembering import find_memory
from beatflow.objects.git.value import Commit
from beatflow.repository import Repository
from beatflow.soundword import open_stored
from beatflow.wording import format_iso_time


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a file and how it was rated; ``problem`` says why it could not be heard."""

    commit: Commit
    oid: str
    rating: Rating
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, ready for JSON."""
        return {
            "commit": self.commit.oid,
            "time": format_iso_time(self.commit.author),
            "message": self.commit.message.strip(),
            "oid": self.oid,
            **self.rating.to_json(),
            "problem": self.problem,
        }


def rate_history(
    repository: Repository,
    path: str,
    commit: str,
    judge: Judge,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Iterator[Version]:
    """Rate each version of a file, from a commit on back; what cannot be read is told, and stops nobody.

    Raises
    ------
    UsageError
        The limit is no count.
    NotFoundError
        No commit has a sound there.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"{limit} versions", hint="--limit 10")
    found = [
        (one, version.oid)
        for one in iter_commits(repository, [commit], path=path)
        if (version := find_version(repository, one.oid, path))
    ][:limit]
    if not found:
        raise NotFoundError(f"no commit has a sound {path!r}", hint=f"bf log {path}")
    memory = find_memory(repository)
    for number, (one, oid) in enumerate(found):

        def report(fraction: float, what: str, number: int = number) -> None:
            progress((number + fraction) / len(found), what)

        try:
            subject = open_stored(repository, f"{one.oid[:7]}:{path}", oid)
            yield Version(one, oid, rate_sound(subject, judge, memory, progress=report).rating)
        except (AudioError, DamagedError, NotFoundError) as error:
            yield Version(one, oid, Rating(None), error.message)
