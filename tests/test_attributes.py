"""Which files are git-lfs's, judged by git itself."""

import os
from pathlib import Path

import pytest

from beatflow.attributes import LfsPaths
from tests.servers import git, has

ROOT = r"""[attr]big filter=lfs -text
# a word
#*.c filter=lfs
*.mid filter=lfs diff=lfs -text
/art/*.png big
old/* filter=lfs
old/keep.mid -filter
"sp ace.bin" filter=lfs
takes filter=lfs
**/deep/x.txt filter=lfs
stems/** filter=lfs
*.[jJ]pg filter=lfs
!*.q filter=lfs
dir/ filter=lfs
"dr\303\274ms.mp" filter=lfs
"a\tb" filter=lfs
*.other filter=other
*.txt text=auto
\#a filter=lfs
*.bad
"""
SUB = "*.mid !filter\n*.txt filter=lfs\n/a.doc big\n"
PATHS = """a.mid art/p.png art/q/p.png old/x old/y/z old/keep.mid a.png takes/x takes b/takes q/deep/x.txt deep/x.txt
    stems/a stems/b/c.wav stems a.Jpg a.jpg a.c a.q !a.q dir/x dir sub/a.mid sub/b.txt sub/c/d.txt sub/a.doc sub/c/a.doc
    a.txt a.other drüms.mp x/drüms.mp #a a.bad sub/x.png"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".gitattributes").write_text(ROOT)
    (tmp_path / "sub" / ".gitattributes").write_text(SUB)
    return tmp_path


if has("git"):

    def test_git_says_the_same(root: Path) -> None:
        git("init", "-q", cwd=root)
        paths = [*PATHS.split(), "sp ace.bin", "x/sp ace.bin", "a\tb"]
        told = git("check-attr", "-z", "filter", "--", *paths, cwd=root).split("\0")
        lfs_paths = LfsPaths(root)
        ours = {path for path in paths if path in lfs_paths}
        assert ours == {path for path, value in zip(told[::3], told[2::3], strict=False) if value == "lfs"}
        assert len(ours) > 10


def test_our_own_files_stay_text(tmp_path: Path) -> None:
    (tmp_path / ".gitattributes").write_text("* filter=lfs\n")
    found = LfsPaths(tmp_path)
    assert "a.txt" in found
    assert "track.toml" not in found
    assert ".gitattributes" not in found
    assert "stems/.bfignore" not in found


@pytest.mark.parametrize(
    "text", [b"\xff\xfe \xff filter=lfs\n", b'"\\777 filter=lfs', b"[ filter=lfs\n", b"\0"]
)
def test_bytes_of_any_kind(tmp_path: Path, text: bytes) -> None:
    (tmp_path / ".gitattributes").write_bytes(text)
    assert "a.mid" not in LfsPaths(tmp_path)


def test_what_leads_elsewhere_and_what_fills_the_disk(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("* filter=lfs\n")
    (tmp_path / ".gitattributes").symlink_to(tmp_path / "rules")
    assert "a" not in LfsPaths(tmp_path)
    (tmp_path / ".gitattributes").unlink()
    (tmp_path / ".gitattributes").write_text("* filter=lfs\n")
    os.truncate(tmp_path / ".gitattributes", 2 << 20)
    assert "a" not in LfsPaths(tmp_path)
    (tmp_path / ".gitattributes").unlink()
    (tmp_path / ".gitattributes").mkdir()
    assert "a" not in LfsPaths(tmp_path)
