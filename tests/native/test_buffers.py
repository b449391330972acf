"""Bytes for kernels: made without being written, and their memory kept for the next."""

import platform
import subprocess
import sys

import pytest

from beatflow.native.buffers import copy_bytes, find_address, keep_memory, new_bytes

# Prints how many pages the system had to provide while buffers of 2 MB were made, filled and freed.
FAULTS = """
import resource, sys
from beatflow.native.buffers import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
data = [b"x" * 2_000_000 for _ in range(4)]
del data
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    data = [b"x" * 2_000_000 for _ in range(4)]
    del data
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(word: str) -> int:
    run = subprocess.run((sys.executable, "-c", FAULTS, word), check=True, capture_output=True, text=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries keep what they like")
def test_memory_is_used_again() -> None:
    assert 10 * count_faults("keep") < count_faults("leave")


def test_keeping_memory_is_harmless_anywhere() -> None:
    keep_memory()
    made, address = new_bytes(5)
    assert (len(made), find_address(made)) == (5, address)
    assert copy_bytes(bytearray(b"0123456789"), 2, 7) == b"23456"
