"""Notes on commits: ours are git's, and git's are ours."""

import os
import subprocess

import pytest

from beatflow.notes import REF, add_note, read_note
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from tests.conftest import Bf
from tests.servers import has

SIGNATURE = Signature("Ada", "ada@example.com", 1_700_000_000, 0)


@pytest.fixture
def repository(bf: Bf) -> Repository:
    bf.ok("init")
    for number in range(3):
        (bf.directory / "words.txt").write_text(str(number))
        bf.ok("commit", "-m", f"number {number}")
    return Repository(bf.directory, lambda: SIGNATURE)


def test_a_note_grows_by_paragraphs_and_can_be_taken_back(bf: Bf, repository: Repository) -> None:
    head = repository.head
    assert head
    assert read_note(repository, head) is None
    add_note(repository, head, "louder\n")
    add_note(repository, head, "too loud")
    assert read_note(repository, head) == "louder\n\ntoo loud"
    assert bf.ok("show", "--json").json["note"] == "louder\n\ntoo loud"
    bf.ok("undo")
    assert read_note(repository, head) == "louder"
    bf.ok("undo")
    assert read_note(repository, head) is None
    bf.ok("redo")
    assert read_note(repository, head) == "louder"
    assert "louder" in bf.ok("log").stdout
    assert "    note" in bf.ok("op", "log").stdout or "note: note on" in bf.ok("op", "log").stdout
    assert "no problem" in bf.ok("check").stderr


if has("git"):

    def git(repository: Repository, *words: str) -> str:
        environment = os.environ | {
            "GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_EMAIL": "b@example.com", "GIT_COMMITTER_NAME": "Bob",
            "GIT_COMMITTER_EMAIL": "b@example.com", "GIT_DIR": str(repository.directory),
        }  # fmt: skip
        done = subprocess.run(["git", *words], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def test_git_shows_ours(repository: Repository) -> None:
        assert repository.head
        add_note(repository, repository.head, "ABX: told apart")
        assert "Notes:\n    ABX: told apart" in git(repository, "log", "-1")
        assert git(repository, "fsck", "--strict") == ""

    def test_we_show_gits(bf: Bf, repository: Repository) -> None:
        assert repository.head
        git(repository, "notes", "add", "-m", "from git", repository.head)
        assert read_note(repository, repository.head) == "from git"
        add_note(repository, repository.head, "from bf")
        assert git(repository, "notes", "show", repository.head) == "from git\n\nfrom bf\n"
        assert "note: from git" in bf.ok("show").stdout

    def test_folders_of_many_notes_are_found(repository: Repository) -> None:
        """Git begins to spread notes over folders once there are some hundreds."""
        head = repository.head
        assert head
        for number in range(3):
            git(repository, "notes", "add", "-m", str(number), f"HEAD~{number}")
        tree = repository.git.read_tree(repository.git.read_commit(repository.git.read_ref(REF) or "").tree)
        for depth in (1, 2):
            spread = {
                "/".join([*(name[2 * at : 2 * at + 2] for at in range(depth)), name[2 * depth :]]): entry
                for name, entry in tree.items()
            }
            made = repository.git.write_commit(repository.git.write_tree(spread), [], "spread", SIGNATURE)
            repository.git.write_ref(REF, made)
            assert read_note(repository, head) == "0"
            add_note(repository, head, "more")
            assert git(repository, "notes", "show", head) == "0\n\nmore\n"
