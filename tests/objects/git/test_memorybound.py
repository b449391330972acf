"""What a stranger's pack may take of memory: refused by the system, and said in words."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.git import libgittransport
from beatflow.objects.git.memorybound import bounded_memory
from beatflow.objects.git.packindex import write_index
from beatflow.objects.git.store import GitStore
from tests.sharing.hostile import BASE_DELTA, BLOB, FILE, Forger, entry, number, pack

SIZE = 96 << 20

if sys.platform == "linux":

    def test_memory_ends_where_it_is_said(tmp_path: Path) -> None:
        takes_more = pytest.raises(DamagedError, match=r"it unpacks to more than 67\.1 MB of memory")
        # Far more: threads of other tests that end meanwhile give their stacks back.
        with takes_more, bounded_memory("it", 64 << 20):
            bytearray(8 * SIZE)
        assert len(bytearray(8 * SIZE)) == 8 * SIZE

    def test_other_errors_pass() -> None:
        with pytest.raises(KeyError), bounded_memory("it"):
            raise KeyError

    def test_an_object_that_libgit2_unpacks_as_a_whole(tmp_path: Path) -> None:
        """An object that others lean on: a hundred megabytes of nothing, in a tenth of one."""
        base = bytes(SIZE)
        oid = hashlib.sha1(b"blob %d\0" % SIZE + base).digest()
        delta = number(SIZE) + number(5) + b"\x90\x05"
        made = pack(tmp_path / "evil.pack", entry(BLOB, base), entry(BASE_DELTA, delta, base=oid))
        assert made.stat().st_size < 1 << 20
        forger = Forger(tmp_path / "evil.git")
        folder = forger.git.path / "objects" / "pack"
        shutil.copy(made, folder / "pack-1.pack")
        shutil.copy(write_index(made), folder / "pack-1.idx")
        small = hashlib.sha1(b"blob 5\0" + bytes(5)).hexdigest()
        commit = forger.commit(forger.tree((FILE, "a", small), (FILE, "b", oid.hex())))
        (forger.git.path / "refs" / "heads" / "main").write_text(commit + "\n")
        ours = GitStore.create(tmp_path / "ours.git")
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with pytest.raises(DamagedError, match="the history over there"), bounded_memory("it", 48 << 20):
            libgittransport.fetch(str(forger.git.path), ours.path, scratch, ["refs/heads/main"], [])
        assert not ours.has(commit)
