"""Sets of commits as a walk: where it begins, where it ends, and which of the commits on the way are meant.

A name stands for its commit and everything behind it, as in a log; a function for the commits that it is true of, on
every branch and tag. Knows how to read neither; the grammar is ``revset``'s, the functions are ``matching``'s.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from beatflow.errors import NotFoundError
from beatflow.history import find_branch_tips
from beatflow.objects.git.value import Commit
from beatflow.repository import Repository
from beatflow.revision.revset import And, Between, Call, Node, Not, Or, Way, Word

Test = Callable[[Commit], bool]

Resolve = Callable[[str], str]
"""Returns the commit that a name stands for, or raises."""


@dataclass(frozen=True, slots=True)
class Range:
    """Commits reachable from ``include`` but not from ``exclude``, and of these the ones that ``keep`` is true of."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    keep: Test | None = None


@dataclass(slots=True)
class Selector:
    """Turns expressions into ranges.

    Parameters
    ----------
    repository : Repository
    resolve : callable
        Knows names.
    """

    repository: Repository
    resolve: Resolve
    _behind: dict[str, set[str]] = field(default_factory=dict)

    def select(self, node: Node) -> Range:
        """Return the range of an expression; begins at every branch and tag unless a name bounds it."""
        found = self._plan(node)
        if found:
            return found
        named = [self._get(word) for word in _find_words(node)]
        tips = dict.fromkeys([*find_branch_tips(self.repository), *named])
        return Range(tuple(tips), (), self._test(node))

    def between(self, old: str, new: str, symmetric: bool) -> Range:
        """Return the range between two commits."""
        if not symmetric:
            return Range((new,), (old,))
        base = self.repository.git.merge_base(old, new)
        return Range((old, new), (base,) if base else ())

    def newest(self, wanted: Range) -> str | None:
        """Return the newest commit of a range."""
        commits = self.repository.git.iter_history(wanted.include, wanted.exclude)
        return next((commit.oid for commit in commits if wanted.keep is None or wanted.keep(commit)), None)

    def _plan(self, node: Node) -> Range | None:
        """Return a range whose ends are names, so that no walk goes further; None where none bounds it."""
        match node:
            case Word() | Way():
                return Range((self._get(node),))
            case Between(old, new, symmetric):
                one, two = self._get(old), self._get(new)
                return self.between(one, two, symmetric)
            case And(left, right):
                for bound, other in ((left, right), (right, left)):
                    plan = self._plan(bound)
                    if plan and isinstance(other, Not) and isinstance(other.node, Word | Way):
                        return Range(plan.include, (*plan.exclude, self._get(other.node)), plan.keep)
                    if plan:
                        return Range(plan.include, plan.exclude, _both(plan.keep, self._test(other)))
            case Or(left, right):
                one_plan, two_plan = self._plan(left), self._plan(right)
                if one_plan and two_plan:
                    if not (one_plan.exclude or two_plan.exclude or one_plan.keep or two_plan.keep):
                        return Range((*one_plan.include, *two_plan.include))
                    return Range((*one_plan.include, *two_plan.include), (), self._test(node))
        return None

    def _test(self, node: Node) -> Test:
        match node:
            case Word() | Way():
                behind = self._find_behind(self._get(node))
                return lambda commit: commit.oid in behind
            case Between(old, new, symmetric):
                one, two = self._find_behind(self._get(old)), self._find_behind(self._get(new))
                found = one ^ two if symmetric else two - one
                return lambda commit: commit.oid in found
            case Not(inner):
                test = self._test(inner)
                return lambda commit: not test(commit)
            case And(left, right):
                return _both(self._test(left), self._test(right))
            case Or(left, right):
                one_test, two_test = self._test(left), self._test(right)
                return lambda commit: one_test(commit) or two_test(commit)
            case Call(function, argument):
                # Knows the log and what it stands on: only for who asks such a thing.
                from beatflow.revision.matching import make_test

                return make_test(self.repository, function, argument)

    def _get(self, node: Node) -> str:
        """Return the one commit that part of an expression stands for, the newest where there are several."""
        match node:
            case Word(text):
                return self.resolve(text)
            case Way(start, steps):
                return self.resolve(self._get(start) + steps)
        found = self.newest(self.select(node))
        if found is None:
            what = f"{node.function}({node.argument})" if isinstance(node, Call) else "what is in parentheses"
            raise no_match(what)
        return found

    def _find_behind(self, oid: str) -> set[str]:
        if oid not in self._behind:
            self._behind[oid] = {commit.oid for commit in self.repository.git.iter_history([oid])}
        return self._behind[oid]


def _both(one: Test | None, two: Test) -> Test:
    if one is None:
        return two
    return lambda commit: one(commit) and two(commit)


def no_match(text: str) -> NotFoundError:
    """Return the error of a set that has no commit."""
    measured = re.search(r"\b(tempo|key|loudness)\(", text)
    hint = "bf log --format '{short} {tempo} {key} {message}' shows what is known"
    return NotFoundError(f"no commit matches {text}", hint=hint if measured else "bf log --oneline --all")


def _find_words(node: Node) -> list[Node]:
    """Return the parts of an expression that are each one commit."""
    match node:
        case Word() | Way():
            return [node]
        case Between(old, new, _):
            return [old, new]
        case Not(inner):
            return _find_words(inner)
        case And(left, right) | Or(left, right):
            return [*_find_words(left), *_find_words(right)]
    return []
