"""Any sequence of changes, followed by as many undos, passes back through the same states, and redo forward again."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatflow.errors import BeatFlowError
from beatflow.history import record_commit
from beatflow.naming import create_branch, create_tag, delete_branch, delete_tag, rename_branch, switch_to
from beatflow.objects.git.value import Signature
from beatflow.objects.operation import OPERATIONS
from beatflow.repository import Repository
from beatflow.restoring import restore_worktree
from beatflow.transaction import Transaction
from beatflow.undo import redo, undo
from tests.walking import walk

PATHS = ("mix.wav", "stems/bass.wav", "stems/drums.wav", "notes.txt", "fx", "fx/reverb.txt")
NAMES = ("main", "take2", "club/mix")
State = tuple[str, dict[str, str], dict[str, bytes]]


def signer() -> Signature:
    return Signature("Ada", "ada@example.com", 1_700_000_000)


def read_state(repository: Repository) -> State:
    refs = {name: oid for name, oid in repository.git.read_refs().items() if name != OPERATIONS}
    files = {
        path.relative_to(repository.root).as_posix(): path.read_bytes()
        for path in repository.root.rglob("*")
        if path.is_file() and ".beatflow" not in path.parts
    }
    return repository.git.read_head(), refs, files


def put(repository: Repository, path: str, number: int) -> None:
    """Write a file as a maker does; the content says so little that packs stay small."""
    with Transaction(repository, "generate", path) as transaction:
        source = repository.scratch / "source"
        magic = b"RIFF\0\0\0\0WAVE" if path.endswith(".wav") else b"text "
        source.write_bytes(magic + bytes([65 + number]) * (number + 1))
        transaction.put_file(path, source)
        transaction.publish()


def remove(repository: Repository, path: str) -> None:
    with Transaction(repository, "remove", path) as transaction:
        transaction.put_entries({path: None})
        transaction.publish()


def commit(repository: Repository) -> None:
    with Transaction(repository, "commit", "") as transaction:
        record_commit(transaction, "take")
        transaction.publish()


def restore(repository: Repository, back: int) -> None:
    revision = repository.git.resolve(f"HEAD~{back}")
    if revision:
        restore_worktree(repository, revision, [""], False, lambda *_: None)


Step = Callable[[Repository], object]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda path, number: lambda r: put(r, path, number), st.sampled_from(PATHS), st.integers(0, 3)),
    st.builds(lambda path: lambda r: remove(r, path), st.sampled_from(PATHS)),
    st.just(commit),
    st.just(commit),
    st.builds(lambda back: lambda r: restore(r, back), st.integers(0, 2)),
    st.builds(lambda name: lambda r: create_branch(r, name), st.sampled_from(NAMES)),
    st.builds(lambda name: lambda r: create_tag(r, name), st.sampled_from(NAMES)),
    st.builds(lambda name: lambda r: delete_branch(r, name, force=True), st.sampled_from(NAMES)),
    st.builds(lambda name: lambda r: delete_tag(r, name), st.sampled_from(NAMES)),
    st.builds(
        lambda old, new: lambda r: rename_branch(r, old, new), st.sampled_from(NAMES), st.sampled_from(NAMES)
    ),
    st.builds(lambda name: lambda r: switch_to(r, name), st.sampled_from(NAMES)),
    st.builds(lambda name: lambda r: switch_to(r, name, start="HEAD"), st.sampled_from(NAMES)),
    st.builds(lambda back: lambda r: switch_to(r, f"HEAD~{back}", detach=True), st.integers(0, 2)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_undo_passes_back_through_every_state(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.create(Path(folder), signer)
        states = [read_state(repository)]
        for step in steps:
            operations = repository.git.read_ref(OPERATIONS)
            try:
                step(repository)
            except BeatFlowError:
                # Refused, so nothing may have changed.
                assert read_state(repository) == states[-1]
            if repository.git.read_ref(OPERATIONS) != operations:
                states.append(read_state(repository))
        for state in reversed(states[:-1]):
            undo(repository)
            assert read_state(repository) == state
        for state in states[1:]:
            redo(repository)
            assert read_state(repository) == state


@pytest.mark.parametrize("seed", [3, 8])
def test_random_commands_are_undone_and_done_again(seed: int) -> None:
    """A few of the walks of ``tests.walking``, which takes as many as one has time for."""
    walk(seed, steps=6)
