"""Provenance records come from anybody's history: what is wrong in one neither stops a command nor reads a file."""

import json

import pytest

from beatflow.delivery import digest
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Commit, Entry, Signature
from beatflow.provenance import FOLDER, RecordFinder, decode_record
from tests.conftest import Bf
from tests.lineage.band import open_track
from tests.world import write_tone


def with_inputs(*inputs: object) -> bytes:
    return json.dumps({"engine": "evil", "inputs": inputs, "measured": {"tempo": [90]}}).encode()


RECORDS: dict[str, bytes] = {
    "a path for an id": with_inputs({"path": "x", "oid": "../../../../secret"}),
    "a number": with_inputs({"path": "x", "oid": 5}),
    "a list": with_inputs({"path": ["x"], "oid": ["a"]}),
    "a zero byte": with_inputs({"path": "x", "oid": "\0"}),
    "a long name": with_inputs({"path": "x", "oid": "a" * 5000}),
    "no object": with_inputs(5, None, "x"),
    "inputs of another kind": b'{"inputs": {"oid": 1}, "measured": [1]}',
    "figures of another kind": b'{"measured": {"tempo": "fast", "loudness_lufs": {}, "key": 5}}',
    "deep": b"[" * 100_000,
    "text": b"\xff\xfe",
}


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    (bf.directory / ".beatflow" / "state" / "provenance").mkdir()
    (bf.directory.parent / "secret.json").write_text('{"password": "hunter2"}')
    return bf


def add_evil_commit(track: Bf, record: bytes) -> None:
    """Bring a sound into history together with a record that means no good."""
    write_tone(track.directory / "mix.wav")
    track.ok("commit", "-m", "mix")
    git = GitStore(track.directory / ".beatflow")
    head = git.read_commit(git.resolve("HEAD") or "")
    tree = git.read_tree(head.tree)
    oid = git.read_blob(tree["mix.wav"].oid).split(b"sha256:")[1][:64].decode()
    tree[f"{FOLDER}{oid}.json"] = Entry(FILE, git.write_blob(record))
    evil = git.write_commit(git.write_tree(tree), [], "evil", Signature("E", "e@example.com", 1_700_000_000))
    git.write_ref("refs/heads/main", evil)


@pytest.mark.parametrize("name", RECORDS)
def test_a_hostile_record(track: Bf, name: str) -> None:
    add_evil_commit(track, RECORDS[name])
    for argv in (["show"], ["show", "--json"], ["log"], ["log", "--json"], ["ls"], ["status"]):
        track.ok(*argv)
    (track.directory / "notes.txt").write_text("words\n")
    track.ok("commit", "-m", "mine")
    git = GitStore(track.directory / ".beatflow")
    tree = git.read_tree(git.read_commit(git.resolve("HEAD") or "").tree)
    assert not [path for path in tree if "secret" in path]
    assert not [path for path in tree if b"hunter2" in git.read_blob(tree[path].oid)]


def test_what_is_sound_in_a_record_stays() -> None:
    sound = {"path": "mix.wav", "oid": "ab" * 32}
    record = {"engine": "x", "inputs": [sound, {"oid": ".."}], "measured": {"tempo": 90.0, "key": 5}}
    assert decode_record(json.dumps(record).encode()) == {
        "engine": "x",
        "inputs": [sound],
        "measured": {"tempo": 90.0},
        "incomplete": True,
    }
    assert decode_record(b"5") is None


def test_history_is_gone_through_once(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked, and for what is nowhere."""
    bf.ok("init")
    bf.ok("generate", "lofi", "--bars", "1", "--bpm", "180", "--seed", "1", "--commit", "-m", "one")
    for number in range(3):
        (bf.directory / "notes.txt").write_text(str(number))
        bf.ok("commit", "-m", "words")
    repository = open_track(bf)
    oid = digest(bf.directory / "mix.wav")
    (bf.directory / ".beatflow/state/provenance" / f"{oid}.json").unlink(missing_ok=True)
    reads: list[str] = []
    read_commit = GitStore.read_commit

    def count(git: GitStore, oid: str) -> Commit:
        reads.append(oid)
        return read_commit(git, oid)

    monkeypatch.setattr(GitStore, "read_commit", count)
    find = RecordFinder(repository)
    assert (find([oid])[oid]["kind"], find([])) == ("generate", {})
    for _ in range(3):
        assert find(["ab" * 32, oid]).keys() == {oid}
    assert len(reads) <= len(set(reads)) + 1  # HEAD comes first, and again in its place
    assert RecordFinder(repository, search=False)([oid]).keys() == {oid}
