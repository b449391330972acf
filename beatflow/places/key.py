"""What a key in a place may look like: one spelling that means the same on every disk and in every bucket.

Lower case only, since exFAT, macOS and Windows take ``A`` for ``a``; no part begins with a dot, so that a place may
keep unfinished things there.
"""

import re

_PART = r"[a-z0-9_-][a-z0-9._-]{0,199}(?<!\.)"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
_MAX_LENGTH = 800


def is_key(text: str) -> bool:
    """Say whether this can be a key."""
    return len(text) <= _MAX_LENGTH and _KEY.fullmatch(text) is not None


def check_key(text: str) -> str:
    """Return a key that may be used; keys are made by code, so that any other is a bug.

    Raises
    ------
    ValueError
        It cannot be a key.
    """
    if not is_key(text):
        raise ValueError(f"not a key: {text!r}")
    return text


def check_prefix(text: str) -> str:
    """Return a prefix of keys: empty, or a key and a ``/``.

    Raises
    ------
    ValueError
        It is neither.
    """
    if text:
        check_key(text[:-1] if text.endswith("/") else "/")
    return text
