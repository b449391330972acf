"""Repositories that BeatFlow never touched, made by git and git-lfs: cloned, worked in, and given back."""

import os
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.servers import PASSWORD, GitHost, git, has
from tests.world import write_tone

WHO = {
    "GIT_AUTHOR_NAME": "Git",
    "GIT_AUTHOR_EMAIL": "g@x",
    "GIT_COMMITTER_NAME": "Git",
    "GIT_COMMITTER_EMAIL": "g@x",
}
LFS = (
    "-c", "filter.lfs.smudge=git-lfs smudge -- %f", "-c", "filter.lfs.clean=git-lfs clean -- %f",
    "-c", "filter.lfs.required=true",
)  # fmt: skip


def files(root: Path) -> dict[str, bytes]:
    found = (
        path for path in root.rglob("*") if path.is_file() and not {".git", ".beatflow"} & set(path.parts)
    )
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A git repository: mix.wav a plain blob, FLAC and MIDI by git-lfs, two commits."""
    root = tmp_path / "song"
    git("init", "-q", "-b", "trunk", root)
    git("lfs", "install", "--local", cwd=root)
    (root / ".gitattributes").write_text(
        "*.flac filter=lfs diff=lfs merge=lfs -text\n*.mid filter=lfs -text\n"
    )
    (root / "stems").mkdir()
    for turn in range(2):
        (root / "stems" / "dr\u00fcms 1.flac").write_bytes(b"fLaC" + os.urandom(3000))
        (root / "riff.mid").write_bytes(b"MThd\0\0\0\6" + bytes([turn]))
        write_tone(root / "mix.wav", hz=200 + turn)
        git("add", ".", cwd=root)
        git("commit", "-q", "-m", f"turn {turn}", cwd=root, **WHO)
    return root


def look(root: Path) -> None:
    """See what came of it as git does, every file read anew: nothing is changed, and MIDI is git-lfs's still."""
    for path in files(root):
        (root / path).touch()
    assert git(*LFS, "status", "--porcelain", cwd=root) == ""
    assert b"oid sha256:" in git("show", "HEAD:riff.mid", cwd=root).encode()


def work_in_it(bf: Bf, url: str, song: Path, tmp_path: Path) -> None:
    """Clone, look at the past, change things, push, and see with git what came of it."""
    bf.ok("clone", url, tmp_path / "copy")
    copy = Bf(tmp_path / "copy", dict(bf.environment), bf.now)
    assert files(copy.directory) == files(song)
    assert copy.ok("status", "--porcelain").stdout == ""
    (copy.directory / ".beatflow" / "state" / "files").unlink(missing_ok=True)
    assert copy.ok("status", "--porcelain").stdout == ""
    assert copy.ok("status", "--json").json["branch"] == "trunk"
    copy.ok("switch", "--detach", "HEAD~1")
    git("checkout", "-q", "HEAD~1", cwd=song)
    assert files(copy.directory) == files(song)
    assert copy.ok("status", "--porcelain").stdout == ""
    copy.ok("switch", "trunk")
    git("checkout", "-q", "trunk", cwd=song)
    (copy.directory / "stems" / "dr\u00fcms 1.flac").write_bytes(b"fLaC" + os.urandom(3000))
    (copy.directory / "riff.mid").write_bytes(b"MThd\0\0\0\6new")
    (copy.directory / "notes.txt").write_text("new\n")
    copy.ok("commit", "-m", "from BeatFlow")
    assert {one["path"] for one in copy.ok("show", "--json").json["changes"]} == {
        "stems/dr\u00fcms 1.flac",
        "notes.txt",
        "riff.mid",
    }
    copy.ok("push")
    assert copy.ok("check", "--data").code == 0


if has("git", "git-lfs"):

    def test_on_a_host(bf: Bf, song: Path, git_host: GitHost, tmp_path: Path) -> None:
        url = git_host.url(git_host.repository())
        bf.environment |= {"GIT_TERMINAL_PROMPT": "0"}
        home = tmp_path / "home"
        home.mkdir()
        git_host.netrc(home)
        environment = {"HOME": str(home)}
        git("remote", "add", "origin", url, cwd=song)
        git("push", "-q", "origin", "trunk", cwd=song, **environment)
        bf.environment |= environment
        work_in_it(bf, url, song, tmp_path)
        git(*LFS, "clone", "-q", "-b", "trunk", url, tmp_path / "third", cwd=tmp_path, **environment)
        assert files(tmp_path / "third") == files(tmp_path / "copy")
        look(tmp_path / "third")
        assert PASSWORD not in (tmp_path / "copy" / ".beatflow" / "config").read_text()

    def test_in_a_folder(bf: Bf, song: Path, tmp_path: Path) -> None:
        host = tmp_path / "host.git"
        git("init", "-q", "--bare", "-b", "trunk", host)
        git("remote", "add", "origin", f"file://{host}", cwd=song)
        git("push", "-q", "origin", "trunk", cwd=song)
        work_in_it(bf, str(host), song, tmp_path)
        git(*LFS, "clone", "-q", f"file://{host}", tmp_path / "third")
        assert files(tmp_path / "third") == files(tmp_path / "copy")
        look(tmp_path / "third")
