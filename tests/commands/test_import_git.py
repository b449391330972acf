"""Taking over git repositories that BeatFlow never touched, made by the real git and git-lfs."""

import os
from pathlib import Path

import pytest

from beatflow.importing.gitfolder import find_git_folder
from tests.conftest import Bf
from tests.servers import git, has
from tests.world import write_tone

WHO = {
    "GIT_AUTHOR_NAME": "Git",
    "GIT_AUTHOR_EMAIL": "g@x",
    "GIT_COMMITTER_NAME": "Git",
    "GIT_COMMITTER_EMAIL": "g@x",
}


@pytest.fixture
def song(bf: Bf) -> Bf:
    """A git repository: mix.wav a plain blob, FLAC and MIDI by git-lfs, two branches, a tag, a link, clutter."""
    root = bf.directory
    git("init", "-q", "-b", "master", ".", cwd=root)
    git("lfs", "install", "--local", cwd=root)
    (root / ".gitattributes").write_text(
        "*.flac filter=lfs diff=lfs merge=lfs -text\n*.mid filter=lfs -text\n"
    )
    (root / "stems").mkdir()
    (root / "stems" / "dr\u00fcms 1.flac").write_bytes(b"fLaC" + os.urandom(3000))
    (root / "riff.mid").write_bytes(b"MThd\0\0\0\6")
    write_tone(root / "mix.wav")
    (root / "latest.wav").symlink_to("mix.wav")
    (root / ".gitignore").write_text("*.tmp\n")
    git("add", ".", cwd=root)
    git("commit", "-q", "-m", "first", cwd=root, **WHO)
    git("tag", "v1", cwd=root)
    git("checkout", "-q", "-b", "take2", cwd=root)
    (root / "stems" / "dr\u00fcms 1.flac").write_bytes(b"fLaC" + os.urandom(3000))
    git("commit", "-q", "-a", "-m", "other drums", cwd=root, **WHO)
    git("checkout", "-q", "master", cwd=root)
    return bf


def files(root: Path) -> dict[str, bytes]:
    found = (
        path for path in root.rglob("*") if path.is_file() and not {".git", ".beatflow"} & set(path.parts)
    )
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


if has("git", "git-lfs"):

    def test_in_place(song: Bf) -> None:
        before = files(song.directory)
        oids = git("log", "--all", "--format=%H", cwd=song.directory).split()
        said = song.ok("import", "--git").stderr
        assert "2 commits on 2 branches, 3 sounds" in said
        assert "cp .gitignore .bfignore" in said
        assert files(song.directory) == before
        assert song.ok("log", "--all", "--format", "{oid}").stdout.split() == oids
        assert song.ok("status", "--porcelain").stdout == ""
        assert git("status", "--short", cwd=song.directory) == ""
        assert "imp" in song.ok("op", "log").stdout
        assert song.ok("check", "--data").code == 0

    def test_what_is_kept_otherwise_is_unchanged_even_without_a_cache(song: Bf) -> None:
        song.ok("import", "--git")
        (song.directory / ".beatflow" / "state" / "files").unlink(missing_ok=True)
        assert song.ok("status", "--porcelain").stdout == ""
        (song.directory / ".beatflow" / "state" / "files").unlink(missing_ok=True)
        (song.directory / "notes.txt").write_text("new")
        song.ok("commit", "-m", "notes")
        assert song.ok("show", "--json").json["changes"][0]["path"] == "notes.txt"
        assert len(song.ok("show", "--json").json["changes"]) == 1

    def test_switching_there_and_back(song: Bf) -> None:
        song.ok("import", "--git")
        before = files(song.directory)
        song.ok("switch", "take2")
        assert files(song.directory).keys() == before.keys()
        assert files(song.directory) != before
        assert song.ok("status", "--porcelain").stdout == ""
        song.ok("switch", "master")
        assert files(song.directory) == before

    def test_a_changed_sound_is_changed_and_comes_back(song: Bf) -> None:
        song.ok("import", "--git")
        before = files(song.directory)
        write_tone(song.directory / "mix.wav", hz=300)
        (song.directory / "riff.mid").write_bytes(b"MThd\0\0\0\7")
        assert song.ok("status", "--porcelain").stdout.split() == ["M", "mix.wav", "M", "riff.mid"]
        song.ok("restore", ".")
        assert files(song.directory) == before
        assert song.ok("status", "--porcelain").stdout == ""

    def test_a_new_sound_is_one_for_git_as_well(song: Bf, tmp_path: Path) -> None:
        """The repository has attributes that name no WAV: whoever clones it with git must not get pointers."""
        song.ok("import", "--git")
        write_tone(song.directory / "mix.wav", hz=300)
        write_tone(song.directory / "stems" / 'b\u00e4ss "1".wav', hz=90)
        song.ok("commit", "-m", "louder")
        assert song.ok("status", "--porcelain").stdout == ""
        text = (song.directory / ".gitattributes").read_text()
        assert text.startswith("*.flac filter=lfs diff=lfs merge=lfs -text\n*.mid filter=lfs -text\n")
        assert text.count("mix.wav") == 1
        write_tone(song.directory / "mix.wav", hz=310)
        song.ok("commit", "-m", "higher")
        assert (song.directory / ".gitattributes").read_text() == text
        song.ok("export", "--git", tmp_path / "out")
        assert git("status", "--porcelain", cwd=tmp_path / "out") == ""
        assert git("check-attr", "filter", "mix.wav", cwd=tmp_path / "out").strip().endswith("lfs")
        lfs = ("-c", "filter.lfs.smudge=git-lfs smudge -- %f", "-c", "filter.lfs.required=true")
        git(*lfs, "clone", "-q", f"file://{tmp_path}/out", tmp_path / "copy")
        assert files(tmp_path / "copy") == files(song.directory)
        song.ok("undo")
        song.ok("undo")
        assert "mix.wav" not in (song.directory / ".gitattributes").read_text()

    def test_attributes_that_are_being_changed_stay_the_musicians(song: Bf) -> None:
        song.ok("import", "--git")
        mine = (song.directory / ".gitattributes").read_text() + "*.txt text\n"
        (song.directory / ".gitattributes").write_text(mine)
        write_tone(song.directory / "mix.wav", hz=300)
        song.ok("commit", "-m", "louder", "mix.wav")
        assert (song.directory / ".gitattributes").read_text() == mine
        assert b"/mix.wav" in song.ok("cat", "HEAD:.gitattributes").out_bytes

    def test_elsewhere(song: Bf, tmp_path: Path) -> None:
        song.ok("import", "--git", "--to", tmp_path / "new")
        new = Bf(tmp_path / "new", dict(song.environment), song.now)
        assert files(new.directory) == files(song.directory)
        assert (new.directory / "latest.wav").is_symlink()
        assert new.ok("status", "--porcelain").stdout == ""
        assert not (song.directory / ".beatflow").exists()

    def test_a_bare_repository_wants_a_place(song: Bf, tmp_path: Path) -> None:
        git("clone", "-q", "--bare", song.directory, tmp_path / "song.git")
        assert "--to" in song.fails(2, "import", "--git", tmp_path / "song.git")
        # Of a bare clone git-lfs has nothing, and its origin is a folder that BeatFlow can read.
        git("--git-dir", tmp_path / "song.git", "remote", "remove", "origin")
        assert "git lfs fetch --all" in song.fails(
            3, "import", "--git", tmp_path / "song.git", "--to", tmp_path / "new"
        )
        assert not (tmp_path / "new").exists()

    def test_linked_worktrees_and_packed_refs(song: Bf, tmp_path: Path) -> None:
        git("worktree", "add", "-q", tmp_path / "linked", "take2", cwd=song.directory)
        git("pack-refs", "--all", cwd=song.directory)
        git("gc", "-q", cwd=song.directory)
        linked = Bf(tmp_path / "linked", dict(song.environment), song.now)
        linked.ok("import", "--git")
        assert linked.ok("status", "--json").json["branch"] == "take2"
        assert linked.ok("status", "--porcelain").stdout == ""

    def test_a_dry_run_and_json(song: Bf) -> None:
        found = song.ok("import", "--git", "-n", "--json").json
        assert (found["commits"], found["branches"], found["sounds"], found["dry_run"]) == (2, 2, 3, True)
        assert not (song.directory / ".beatflow").exists()
        assert "would become" in song.ok("import", "--git", "-n").stderr

    def test_sounds_that_are_at_a_remote_only(song: Bf, tmp_path: Path) -> None:
        git("clone", "-q", song.directory, tmp_path / "bare", "--bare")
        git("remote", "add", "origin", "https://bob:sesame@localhost:1/x.git", cwd=song.directory)
        drums = git("rev-parse", "take2:stems/dr\u00fcms 1.flac", cwd=song.directory).strip()
        oid = git("cat-file", "blob", drums, cwd=song.directory).split("sha256:")[1][:64]
        (song.directory / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid).unlink()
        assert "1 sound left at origin" in song.ok("import", "--git").stderr
        assert song.ok("status", "--porcelain").stdout == ""
        everything = b"".join(
            path.read_bytes() for path in (song.directory / ".beatflow").rglob("*") if path.is_file()
        )
        assert b"sesame" not in everything

    def test_sounds_that_are_checked_out_only(song: Bf) -> None:
        import shutil

        git("branch", "-q", "-D", "take2", cwd=song.directory)
        shutil.rmtree(song.directory / ".git" / "lfs")
        song.ok("import", "--git")
        assert song.ok("check", "--data").code == 0

    def test_damage_in_what_git_lfs_keeps(song: Bf) -> None:
        path = next(
            path for path in (song.directory / ".git" / "lfs" / "objects").rglob("*") if path.is_file()
        )
        path.write_bytes(b"\0" * path.stat().st_size)
        assert "git lfs fsck" in song.fails(7, "import", "--git")
        assert not (song.directory / ".beatflow").exists()

    def test_submodules_are_refused(song: Bf) -> None:
        git("update-index", "--add", "--cacheinfo", "160000," + "12" * 20 + ",lib", cwd=song.directory)
        git("commit", "-q", "-m", "lib", cwd=song.directory, **WHO)
        assert "submodule" in song.fails(1, "import", "--git")
        assert not (song.directory / ".beatflow").exists()

    def test_a_history_that_is_cut_short(song: Bf, tmp_path: Path) -> None:
        git(
            "clone",
            "-q",
            "--depth",
            "1",
            "--branch",
            "take2",
            f"file://{song.directory}",
            tmp_path / "shallow",
        )
        shallow = Bf(tmp_path / "shallow", dict(song.environment), song.now)
        assert "--unshallow" in shallow.fails(7, "import", "--git")

    def test_what_git_writes_otherwise_than_it_keeps(song: Bf, tmp_path: Path) -> None:
        """Sounds that git-lfs has not brought, and lines that end as Windows has it, are no changes."""
        root = song.directory
        (root / ".gitattributes").write_text(
            (root / ".gitattributes").read_text() + "*.txt text eol=crlf\n", newline=""
        )
        (root / "words.txt").write_bytes(b"one\r\ntwo\r\n")
        git("add", ".", cwd=root)
        git("commit", "-q", "-m", "words", cwd=root, **WHO)
        host = tmp_path / "host.git"
        git("init", "-q", "--bare", "-b", "master", host)
        git("remote", "add", "origin", f"file://{host}", cwd=root)
        git("push", "-q", "--all", "origin", cwd=root)
        git("clone", "-q", f"file://{host}", tmp_path / "copy")
        copy = Bf(tmp_path / "copy", dict(song.environment), song.now)
        assert (copy.directory / "words.txt").read_bytes() == b"one\r\ntwo\r\n"
        assert (copy.directory / "riff.mid").read_bytes().startswith(b"version https://git-lfs")
        assert "pointers of git-lfs in place of sounds: 2 files" in copy.ok("import", "--git").stderr
        assert copy.ok("status", "--porcelain").stdout == ""
        git("-c", "filter.lfs.smudge=git-lfs smudge -- %f", "lfs", "pull", cwd=copy.directory)
        assert copy.ok("status", "--porcelain").stdout == ""
        (copy.directory / "words.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
        (copy.directory / "riff.mid").write_bytes(b"MThd\0\0\0\6new")
        assert copy.ok("status", "--porcelain").stdout.split() == ["M", "riff.mid", "M", "words.txt"]

    def test_odd_encodings_and_tags(song: Bf, tmp_path: Path) -> None:
        (tmp_path / "message").write_bytes(b"caf\xe9")
        latin = (
            "-c",
            "i18n.commitEncoding=latin1",
            "commit",
            "-q",
            "--allow-empty",
            "-F",
            tmp_path / "message",
        )
        git(*latin, cwd=song.directory, **WHO)
        git("tag", "-a", "-m", "noted", "v2", cwd=song.directory, **WHO)
        song.ok("import", "--git")
        assert song.ok("log", "-n", "1", "--format", "{message}", "v2").stdout.strip() == "caf\u00e9"

    def test_a_track_without_commits_takes_it_in_and_one_with_a_history_does_not(song: Bf) -> None:
        assert "bf import --git takes it over" in song.ok("init").stderr
        song.ok("import", "--git")
        assert "history already" in song.fails(4, "import", "--git")

    def test_undo_takes_it_back(song: Bf) -> None:
        song.ok("import", "--git")
        song.ok("undo")
        assert "no commit yet" in song.fails(3, "log")
        song.ok("redo")
        assert len(song.ok("log", "--all", "--json").json["commits"]) == 2

    def test_init_asks_where_somebody_can_answer(song: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
        from beatflow.ui import Ui

        monkeypatch.setattr(Ui, "can_ask", True)
        monkeypatch.setattr(Ui, "confirm", lambda self, question, default: "git repository" in question)
        assert "became the track" in song.ok("init").stderr
        assert song.ok("status", "--porcelain").stdout == ""


def test_what_is_no_git_repository(bf: Bf) -> None:
    assert "no git repository" in bf.fails(3, "import", "--git")
    assert "which folder" in bf.fails(2, "import")
    (bf.directory / ".git").write_text("gitdir: ../nowhere\n")
    assert find_git_folder(bf.directory) is None
    (bf.directory / ".git").write_bytes(b"\xff")
    assert find_git_folder(bf.directory) is None


def test_a_git_repository_without_commits_or_of_another_format(bf: Bf) -> None:
    git("init", "-q", ".", cwd=bf.directory)
    assert "no commit yet" in bf.fails(3, "import", "--git")
    assert bf.ok("init").stderr.startswith("new track")
    config = bf.directory / ".git" / "config"
    config.write_text(config.read_text() + "[extensions]\n\tobjectFormat = sha256\n")
    assert "sha256" in bf.fails(7, "import", "--git")
