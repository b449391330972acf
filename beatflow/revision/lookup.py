"""The commit that one name stands for: git's words, what stood there before (``main@{yesterday}``), ``:/message``.

The past is read from the operations, which know it by BeatFlow's clock, and whole. Knows no sets.
"""

import re
from collections.abc import Callable, Iterator

from beatflow.errors import UsageError
from beatflow.history import find_branch_tips
from beatflow.objects.operation import Operation, iter_operations
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository

_PAST = re.compile(r"([^{}]*?)@\{([^{}]*)\}((?:[~^].*)?)", re.DOTALL)


def find_named(repository: Repository, text: str) -> str | None:
    """Return the commit that a name stands for, None where there is none.

    ``HEAD~2``, ``@``, ``v1``, ``3f9a``, ``main@{1}`` (before its last move), ``@{-1}`` (the branch before this one),
    ``@{2 days ago}``, ``:/text`` (the newest commit whose message has it), ``draft~2`` (the third newest draft).

    Raises
    ------
    UsageError
        What stands in braces is neither a number nor a date.
    """
    if not text or text.startswith("-"):
        return None
    if text.startswith(":/"):
        fits = make_text_test(text[2:])
        commits = repository.git.iter_history(find_branch_tips(repository))
        return next((commit.oid for commit in commits if fits(commit.message)), None)
    match = _PAST.fullmatch(text)
    if not match:
        return repository.git.resolve(text) or _find_draft(repository, text)
    start = _find_past(repository, match[1], match[2].strip())
    return repository.git.resolve(start + match[3]) if start and match[3] else start


def _find_draft(repository: Repository, text: str) -> str | None:
    """Return a draft of `bf watch`, where no branch and no tag is called so."""
    if not text.startswith("draft"):
        return None
    from beatflow.watching.draft import find_draft

    return find_draft(repository, text)


def make_text_test(pattern: str) -> Callable[[str], bool]:
    """Return a test of whether a text has something in it: a regular expression, or else just text; in any case."""
    try:
        return lambda text, found=re.compile(pattern, re.IGNORECASE): bool(found.search(text))  # type: ignore[misc]
    except re.error:
        return lambda text: pattern.lower() in text.lower()


def _find_past(repository: Repository, name: str, when: str) -> str | None:
    """Return what a ref named some moves or some time ago; the current branch where no name is given."""
    if not name and re.fullmatch(r"-\d+", when):
        return _find_former_branch(repository, int(when[1:]))
    ref = _find_ref(repository, name)
    if ref is None:
        return None
    if when.isdecimal() and len(when) < 9 and not (len(when) == 4 and when.startswith("20")):
        return _find_moved(repository, ref, int(when))
    from beatflow.revision.moment import parse_moment

    time_s = parse_moment(when, repository.signer()).at_s
    for operation, value in _iter_values(repository, ref):
        if operation is None or operation.signature.time_s <= time_s:
            return value
    return None


def _find_moved(repository: Repository, ref: str, moves: int) -> str | None:
    values: list[str | None] = []
    for _, value in _iter_values(repository, ref):
        if not values or values[-1] != value:
            values.append(value)
        if len(values) > moves:
            return value
    return None


def _iter_values(repository: Repository, ref: str) -> Iterator[tuple[Operation | None, str | None]]:
    """Yield the operations, newest first, and what a ref named when each was done.

    The last comes without an operation: what the ref named before the first one.
    """
    git = repository.git
    head = git.read_head()
    moved: dict[str, str | None] = {}

    def read() -> str | None:
        name = head if ref == "HEAD" else ref
        if not name.startswith("refs/"):
            return name
        return moved[name] if name in moved else git.read_ref(name)

    for operation in iter_operations(git):
        yield operation, read()
        moved |= {name: change.before for name, change in operation.refs.items()}
        if operation.head and operation.head.before:
            head = operation.head.before
    yield None, read()


def _find_ref(repository: Repository, name: str) -> str | None:
    """Return the full name of a ref, ``HEAD`` for ``HEAD``; the current branch for an empty one."""
    if name in ("", "@"):
        head = repository.git.read_head()
        return head if head.startswith("refs/") else "HEAD"
    if name == "HEAD":
        return name
    known = repository.git.list_refs()
    found = next((full for p in ("", BRANCHES, TAGS, REMOTES) if (full := p + name) in known), None)
    if found:
        return found
    # A branch that is gone now may have been there then.
    gone = (ref for operation in iter_operations(repository.git) for ref in operation.refs)
    return next((ref for ref in gone if ref in (BRANCHES + name, TAGS + name)), None)


def find_former_branch(repository: Repository, count: int = 1) -> str | None:
    """Return the branch (its short name) that HEAD was on some switches ago, None where there was none."""
    for operation in iter_operations(repository.git):
        before = operation.head.before if operation.head else None
        if before and before.startswith(BRANCHES):
            count -= 1
            if not count:
                return before.removeprefix(BRANCHES)
    return None


def _find_former_branch(repository: Repository, count: int) -> str | None:
    if not count:
        raise UsageError("@{-0} is no branch", hint="@{-1} is the one before this")
    name = find_former_branch(repository, count)
    return repository.git.read_ref(BRANCHES + name) if name else None
