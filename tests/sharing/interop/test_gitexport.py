"""What `bf export --git` writes, as the real git and git-lfs see it."""

from pathlib import Path

import pytest

from beatflow.errors import BeatFlowError, ConflictError, NotFoundError, UsageError
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.sharing.interop.gitexport import export_git
from beatflow.sharing.watch import Unwatched
from tests.conftest import Bf
from tests.servers import git, has
from tests.world import write_tone


@pytest.fixture
def song(bf: Bf) -> Bf:
    """A track of three commits on two branches, with a link, a script and a sound of an odd name."""
    bf.ok("init")
    root = bf.directory
    write_tone(root / "stems" / "b\u00e4ss 1.wav", hz=110)
    write_tone(root / "mix.wav")
    (root / "render.sh").write_text("#!/bin/sh\n")
    (root / "render.sh").chmod(0o755)
    (root / "latest.wav").symlink_to("mix.wav")
    (root / "words.wav").write_text("no sound\n")
    bf.ok("commit", "-m", "first")
    bf.ok("tag", "v1")
    bf.ok("switch", "-c", "take2")
    write_tone(root / "mix.wav", hz=300)
    bf.ok("commit", "-m", "second")
    bf.ok("switch", "main")
    return bf


def repository(bf: Bf) -> Repository:
    return Repository(bf.directory, lambda: Signature("Ada", "ada@example.com", 1))


def files(root: Path) -> dict[str, bytes]:
    found = (
        path for path in root.rglob("*") if path.is_file() and not {".git", ".beatflow"} & set(path.parts)
    )
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


if has("git", "git-lfs"):

    def test_git_finds_all_in_order(song: Bf, tmp_path: Path) -> None:
        done = export_git(repository(song), tmp_path / "out", Unwatched())
        out = tmp_path / "out"
        assert (done.path, done.commits, done.sounds) == (out, 2, 3)
        assert git("status", "--porcelain", cwd=out) == ""
        assert git("branch", "--show-current", cwd=out).strip() == "main"
        assert "OK" in git("lfs", "fsck", cwd=out)
        git("fsck", "--strict", cwd=out)
        assert (
            git("log", "--all", "--format=%H", cwd=out).split()
            == song.ok("log", "--all", "--format", "{oid}").stdout.split()
        )
        written = files(out)
        written.pop(".gitattributes")
        assert written == files(song.directory)
        assert (out / "latest.wav").is_symlink()
        assert (out / "render.sh").stat().st_mode & 0o111
        git("checkout", "-q", "take2", cwd=out)
        song.ok("switch", "take2")
        assert (out / "mix.wav").read_bytes() == (song.directory / "mix.wav").read_bytes()

    def test_it_can_be_cloned_and_pushed(song: Bf, tmp_path: Path) -> None:
        out = export_git(repository(song), tmp_path / "out", Unwatched()).path
        git("init", "-q", "--bare", tmp_path / "host.git")
        git("push", "-q", "--all", f"file://{tmp_path}/host.git", cwd=out)
        stored = [path for path in (tmp_path / "host.git" / "lfs").rglob("*") if path.is_file()]
        assert len(stored) == 3
        lfs = ("-c", "filter.lfs.smudge=git-lfs smudge -- %f", "-c", "filter.lfs.required=true")
        git(*lfs, "clone", "-q", "-b", "take2", f"file://{tmp_path}/host.git", tmp_path / "copy")
        git("checkout", "-q", "take2", cwd=out)
        assert files(tmp_path / "copy") == files(out)

    def test_and_back_again(song: Bf, tmp_path: Path) -> None:
        out = export_git(repository(song), tmp_path / "out", Unwatched()).path
        back = Bf(out, dict(song.environment), song.now)
        back.ok("import", "--git")
        assert back.ok("status", "--porcelain").stdout == ""
        assert (
            back.ok("log", "--all", "--format", "{oid}").stdout
            == song.ok("log", "--all", "--format", "{oid}").stdout
        )

    def test_a_detached_head(song: Bf, tmp_path: Path) -> None:
        song.ok("switch", "--detach", "v1")
        out = export_git(repository(song), tmp_path / "out", Unwatched()).path
        assert git("status", "--porcelain", cwd=out) == ""
        assert git("rev-parse", "HEAD", cwd=out) == git("rev-parse", "v1", cwd=out)


def test_a_dry_run_writes_nothing(song: Bf, tmp_path: Path) -> None:
    done = export_git(repository(song), tmp_path / "out", Unwatched(), dry_run=True)
    assert (done.commits, done.sounds) == (2, 3)
    assert done.bytes > 200_000
    assert not (tmp_path / "out").exists()


def test_places_where_it_cannot_be(song: Bf, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(ConflictError):
        export_git(repository(song), tmp_path / "full", Unwatched())
    with pytest.raises(UsageError):
        export_git(repository(song), song.directory / "inside", Unwatched())


def test_a_track_without_commits(bf: Bf, tmp_path: Path) -> None:
    bf.ok("init")
    with pytest.raises(NotFoundError):
        export_git(repository(bf), tmp_path / "out", Unwatched())


def test_what_breaks_off_leaves_nothing(song: Bf, tmp_path: Path) -> None:
    class Broken(Unwatched):
        def advance(self, amount: float = 1.0, what: str = "") -> None:
            if amount > 1000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_git(repository(song), tmp_path / "out", Broken())
    assert [path.name for path in tmp_path.iterdir()] == ["track"]


def test_a_damaged_sound_is_not_written(song: Bf, tmp_path: Path) -> None:
    for pack in (song.directory / ".beatflow" / "audio" / "packs").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(data)
    with pytest.raises(BeatFlowError):
        export_git(repository(song), tmp_path / "out", Unwatched())
    assert not (tmp_path / "out").exists()


def test_from_the_command_line(song: Bf, tmp_path: Path) -> None:
    assert "would write 2 commits, 3 sounds" in song.ok("export", "--git", tmp_path / "out", "-n").stderr
    told = song.ok("export", "--git", tmp_path / "out", "--json").json
    assert (told["commits"], told["sounds"], told["dry_run"]) == (2, 3, False)
    assert (tmp_path / "out" / ".git").is_dir()
    assert "nothing else" in song.fails(2, "export", "v1", "--git", tmp_path / "other")
    assert "nothing else" in song.fails(2, "export", "--wav", tmp_path / "wav", "--git", tmp_path / "other")
    assert "is there already" in song.fails(4, "export", "--git", tmp_path / "out")
