"""What a licence says of selling what it covers: SPDX expressions, judged.

Knows licences by their SPDX names, no sounds. What it does not know it does not judge. No legal advice.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from beatflow.errors import UsageError

OWN = "own"
"""What a musician writes for what is theirs."""

ATTRIBUTION = "name who made it"
SHARE_ALIKE = "under the same licence"

_FREE = {
    "0bsd", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-pddc", "cc0-1.0", "isc", "mit", "mit-0",
    "unlicense", "wtfpl", "zlib", OWN,
}  # fmt: skip
_CREATIVE = re.compile(r"cc-by(-nc)?(-nd|-sa)?-\d\.\d(-[a-z]+)?")
_COPYLEFT = re.compile(r"(a|l)?gpl-\d\.\d(-only|-or-later|\+)?|mpl-2\.0")
_WORD = re.compile(r"\s*([()]|[A-Za-z0-9][A-Za-z0-9.+:-]*)")
_MAX_LENGTH, _MAX_DEPTH = 500, 20


class Verdict(IntEnum):
    """Whether a sound may be sold; of several the greatest holds for what is made of them."""

    FREE = 0
    UNKNOWN = 1
    BARRED = 2

    @property
    def word(self) -> str:
        """As ``--json`` says it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a licence says: whether what it covers may be sold, why not, and on which conditions it may."""

    verdict: Verdict
    reason: str = ""
    conditions: frozenset[str] = frozenset()


def judge_licence(expression: str) -> Judgement:
    """Judge an SPDX expression: ``CC-BY-NC-4.0``, ``MIT OR Apache-2.0``; ``own`` is the musician's own.

    Of what is joined by ``AND`` all must allow it, of what is joined by ``OR`` one is enough. What cannot be read is
    unknown.
    """
    try:
        return _judge(check_expression(expression))
    except UsageError:
        return Judgement(Verdict.UNKNOWN, "a licence that cannot be read")


def check_expression(expression: str) -> list[str]:
    """Return the words of an SPDX expression.

    Raises
    ------
    UsageError
        It is none.
    """
    words: list[str] = []
    at = 0
    text = expression.strip()
    while at < len(text) and len(text) <= _MAX_LENGTH:
        match = _WORD.match(text, at)
        if not match:
            break
        words.append(match[1])
        at = match.end()
    if not words or at < len(text) or not _is_whole(words):
        raise UsageError(
            f"{expression[:60]!r} is no licence",
            hint=f"{OWN}, or a name from spdx.org/licenses: CC0-1.0, CC-BY-4.0, CC-BY-NC-4.0",
        )
    return words


def _is_whole(words: list[str]) -> bool:
    """Say whether names and operators take turns, and parentheses are closed."""
    depth, name_next, exception = 0, True, False
    for word in words:
        if word == "(" and name_next and not exception:
            depth += 1
        elif word == ")" and not name_next and depth:
            depth -= 1
        elif word.upper() in ("AND", "OR", "WITH") and not name_next:
            name_next, exception = True, word.upper() == "WITH"
        elif name_next and word not in "()":
            name_next = exception = False
        else:
            return False
        if depth > _MAX_DEPTH:
            return False
    return not depth and not name_next


def _judge(words: list[str]) -> Judgement:
    """Judge words that `check_expression` gave: ``OR`` binds least, then ``AND``, then ``WITH``."""
    for operator, choose in (("OR", _best), ("AND", _worst)):
        parts = _split(words, operator)
        if len(parts) > 1:
            return choose([_judge(part) for part in parts])
    if words[0] == "(" and words[-1] == ")":
        return _judge(words[1:-1])
    # An exception only ever allows more.
    return _judge_name(words[0])


def _split(words: list[str], operator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if not depth and word.upper() == operator:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _best(found: list[Judgement]) -> Judgement:
    return min(found, key=lambda one: (one.verdict, len(one.conditions)))


def _worst(found: list[Judgement]) -> Judgement:
    worst = max(found, key=lambda one: one.verdict)
    return Judgement(worst.verdict, worst.reason, frozenset().union(*(one.conditions for one in found)))


def _judge_name(name: str) -> Judgement:
    known = name.lower()
    if known in _FREE:
        return Judgement(Verdict.FREE)
    creative = _CREATIVE.fullmatch(known)
    if creative and creative[1]:
        return Judgement(Verdict.BARRED, "not for sale")
    if creative and creative[2] == "-nd":
        return Judgement(Verdict.BARRED, "not to be changed or mixed with anything")
    if creative:
        share = {SHARE_ALIKE} if creative[2] else set()
        return Judgement(Verdict.FREE, conditions=frozenset({ATTRIBUTION, *share}))
    if _COPYLEFT.fullmatch(known):
        return Judgement(Verdict.FREE, conditions=frozenset({SHARE_ALIKE}))
    if "-nc-" in f"{known}-" or "noncommercial" in known:
        return Judgement(Verdict.BARRED, "not for sale")
    if known == "none":
        return Judgement(Verdict.BARRED, "all rights reserved")
    return Judgement(Verdict.UNKNOWN, "read its terms: BeatFlow does not know them")
