"""Names of stored things: SHA-256 digests, their hexadecimal form (oid) and its prefixes.

Knows no files and no stores. Inside the store an id is 32 raw bytes; an *oid*, the form that users and other
modules see, is the same digest as 64 lower-case hexadecimal digits.
"""

import hashlib

from beatflow.errors import UsageError

ID_BYTES = 32
OID_LENGTH = 2 * ID_BYTES
MIN_PREFIX = 4

_HEX = frozenset("0123456789abcdef")


def sha256(data: bytes | memoryview) -> bytes:
    """Return the 32-byte id of `data`."""
    return hashlib.sha256(data).digest()


def is_oid(text: str) -> bool:
    """Say whether `text` is a complete oid in its one canonical form."""
    return len(text) == OID_LENGTH and _HEX.issuperset(text)


def parse_oid(text: str) -> bytes:
    """Return the raw id of an oid.

    Raises
    ------
    UsageError
        `text` is not 64 lower-case hexadecimal digits.
    """
    if not is_oid(text):
        raise UsageError(
            f"not an object id: {text[:80]!r}", "an object id is 64 lower-case hexadecimal digits"
        )
    return bytes.fromhex(text)


def prefix_range(prefix: str) -> tuple[bytes, bytes]:
    """Return the lowest and the highest id that begin with the hexadecimal `prefix`.

    Raises
    ------
    UsageError
        Shorter than `MIN_PREFIX` digits, longer than an oid, or not hexadecimal. Upper case is accepted.
    """
    digits = prefix.lower()
    if not MIN_PREFIX <= len(digits) <= OID_LENGTH or not _HEX.issuperset(digits):
        raise UsageError(
            f"not a prefix of an object id: {prefix[:80]!r}",
            f"give {MIN_PREFIX} to {OID_LENGTH} hexadecimal digits",
        )
    return bytes.fromhex(digits.ljust(OID_LENGTH, "0")), bytes.fromhex(digits.ljust(OID_LENGTH, "f"))
