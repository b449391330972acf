"""Text merged by lines, three ways: what lies between two lines that all three share is taken from who changed it."""

from collections.abc import Sequence
from difflib import SequenceMatcher

MAX_TEXT = 1 << 20
"""Bytes; what is longer is not merged by lines."""


def is_text(data: bytes) -> bool:
    """Say whether these bytes can be merged by lines: not too many, and none of them NUL."""
    return len(data) <= MAX_TEXT and b"\0" not in data


def merge_lines(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Merge texts, or return None where both sides changed the same lines, or lines next to each other."""
    old, one, two = (data.splitlines(keepends=True) for data in (base, ours, theirs))
    in_one, in_two = _match(old, one), _match(old, two)
    shared = [at for at in range(len(old)) if at in in_one and at in in_two]
    result: list[bytes] = []
    i = j = k = 0
    for at in [*shared, None]:
        ends = (len(old), len(one), len(two)) if at is None else (at, in_one[at], in_two[at])
        before, left, right = old[i : ends[0]], one[j : ends[1]], two[k : ends[2]]
        if left == right or right == before:
            result += left
        elif left == before:
            result += right
        else:
            return None
        if at is not None:
            result.append(old[at])
        i, j, k = (end + 1 for end in ends)
    return b"".join(result)


def _match(old: Sequence[bytes], new: Sequence[bytes]) -> dict[int, int]:
    """Return which line of the new text each line of the old one became, for those that stayed."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}
