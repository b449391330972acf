from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.ids import sha256
from beatflow.objects.pointer import Pointer
from beatflow.objects.store import AudioStore
from beatflow.sharing.inspection import (
    MAX_BLOB_BYTES,
    Rules,
    UnsafeError,
    check_refs,
    check_room,
    inspect_history,
)
from beatflow.sharing.remote import RemoteRefs
from tests.sharing.hostile import FILE, LINK, SUBMODULE, TREE, Forger


@pytest.fixture
def forger(tmp_path: Path) -> Forger:
    return Forger(tmp_path / "git")


def refuse(forger: Forger, commit: str, rules: Rules = Rules()) -> str:  # noqa: B008  Rules are frozen.
    with pytest.raises(UnsafeError) as found:
        inspect_history(forger.git, [commit], rules=rules)
    assert found.value.hint
    return found.value.message


# What is well ----------------------------------------------------------------------------------------------


def test_what_is_well_is_listed(forger: Forger) -> None:
    stems = forger.tree(
        (FILE, "bass.wav", forger.pointer("ab" * 32, 7)), (LINK, "up", forger.blob(b"../mix.wav"))
    )
    record = forger.tree((FILE, f"{'ab' * 32}.json", forger.blob(b"{}")))
    first = forger.commit(forger.tree((TREE, ".provenance", record), (FILE, "notes.txt", forger.blob(b"hi"))))
    tree = forger.tree(
        (FILE, "mix.wav", forger.pointer("cd" * 32, 9)),
        (LINK, "drums", forger.blob(b"./stems")),
        (TREE, "stems", stems),
    )
    second = forger.commit(tree, first)
    seen: list[int] = []
    sounds = inspect_history(forger.git, [second], progress=seen.append)
    assert {sound.oid[:2]: sound.size for sound in sounds} == {"ab": 7, "cd": 9}
    assert sum(seen) == 2


def test_what_is_known_is_not_looked_at_again(forger: Forger) -> None:
    bad = forger.one(FILE, "..", b"x")
    good = forger.commit(forger.tree((FILE, "a.wav", forger.pointer())), bad)
    assert len(inspect_history(forger.git, [good], [bad])) == 1
    refuse(forger, good)


# Paths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "a/b", "../x", "/etc/passwd", ".git", ".GIT", ".Git ", ".git.", ".git::$INDEX_ALLOCATION", "git~1",
     ".g\u200cit", ".beatflow", ".BeatFlow", "BEATFL~1", ".beatflow:x", ".beat\ufeffflow", ".Provenance",
     "x\\.git\\config", "n" * 256],
)  # fmt: skip
@pytest.mark.parametrize("below", [False, True])
def test_paths_that_may_not_be(forger: Forger, name: str, below: bool) -> None:
    tree = forger.tree((FILE, name, forger.blob(b"[core]\n")))
    commit = forger.commit(forger.tree((TREE, "stems", tree)) if below else tree)
    message = refuse(forger, commit)
    assert commit[:12] in message


def test_a_private_folder(forger: Forger) -> None:
    hooks = forger.tree((FILE, "post-checkout", forger.blob(b"#!/bin/sh\n")))
    assert "private" in refuse(forger, forger.one(TREE, ".git", hooks))
    below = forger.one(TREE, "a", forger.tree((TREE, ".provenance", forger.tree())))
    assert "private" in refuse(forger, below)


def test_records_that_are_none(forger: Forger) -> None:
    for rows in (
        [(FILE, "../x.json", forger.blob(b"{}"))],
        [(LINK, f"{'ab' * 32}.json", forger.blob(b"/etc"))],
    ):
        assert "no record" in refuse(forger, forger.one(TREE, ".provenance", forger.tree(*rows)))


@pytest.mark.parametrize(
    ("one", "other"),
    [("mix.wav", "MIX.wav"), ("caf\u00e9.wav", "cafe\u0301.wav"), ("stra\u00dfe", "STRASSE")],
)
def test_names_that_are_one_on_some_disk(forger: Forger, one: str, other: str) -> None:
    commit = forger.commit(forger.tree((FILE, one, forger.blob(b"1")), (FILE, other, forger.blob(b"2"))))
    assert "take them for one" in refuse(forger, commit)
    assert inspect_history(forger.git, [commit], rules=Rules.parse("clashes")) == []


def test_a_link_and_a_folder_of_one_name_are_never_taken(forger: Forger) -> None:
    below = forger.tree((FILE, "post-checkout", forger.blob(b"x")))
    commit = forger.commit(forger.tree((LINK, "A", forger.blob(b"stems")), (TREE, "a", below)))
    refuse(forger, commit, Rules.parse("all"))


# Links, submodules, odd kinds ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "..", "../x", "a/../../x", "stems/../..", "C:\\x", "..\\x", "\\\\host\\share", "./../x"],
)
def test_links_that_lead_out(forger: Forger, target: str) -> None:
    commit = forger.one(LINK, "sounds", target.encode())
    assert "leads out of the track" in refuse(forger, commit)
    assert inspect_history(forger.git, [commit], rules=Rules.parse("links")) == []


def test_a_link_is_judged_where_it_stands(forger: Forger) -> None:
    stems = forger.tree((LINK, "up", forger.blob(b"../../x")))
    takes = forger.tree((TREE, "stems", stems))
    assert inspect_history(forger.git, [forger.one(TREE, "takes", takes)]) == []
    message = refuse(forger, forger.commit(forger.tree((TREE, "a", takes), (TREE, "stems", stems))))
    assert "'stems/up'" in message


@pytest.mark.parametrize("target", [".git/config", "stems/.beatflow/lock", "", "../.GIT/hooks"])
def test_links_that_lead_where_nothing_may(forger: Forger, target: str) -> None:
    refuse(forger, forger.one(LINK, "x", target.encode()), Rules.parse("all"))


def test_submodules(forger: Forger) -> None:
    assert "submodule" in refuse(forger, forger.one(SUBMODULE, "lib", "12" * 20))


@pytest.mark.parametrize("mode", [0o100666, 0o140000, 0o060000, 0])
def test_kinds_that_no_file_is(forger: Forger, mode: int) -> None:
    assert "of a kind" in refuse(forger, forger.one(mode, "x", b"x"))


# Sizes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("oid", "size"), [("ab" * 32, 0), ("ab" * 32, 10**18), (sha256(b"").hex(), 5)])
def test_pointers_whose_sizes_cannot_be(forger: Forger, oid: str, size: int) -> None:
    assert "cannot be its size" in refuse(forger, forger.one(FILE, "a.wav", forger.pointer(oid, size)))


def test_two_sizes_of_one_sound(forger: Forger) -> None:
    first = forger.one(FILE, "a.wav", forger.pointer(size=5))
    second = forger.commit(forger.tree((FILE, "a.wav", forger.pointer(size=6))), first)
    assert "cannot be its size" in refuse(forger, second)


def test_another_size_than_that_of_the_sound_which_is_here(forger: Forger, tmp_path: Path) -> None:
    audio = AudioStore.create(tmp_path / "audio")
    with audio.batch() as batch, (tmp_path / "x").open("w+b") as file:
        file.write(b"RIFF")
        file.seek(0)
        stored = batch.add_stream(file)
        batch.publish()
    commit = forger.one(FILE, "a.wav", forger.pointer(stored.oid, 5))
    with pytest.raises(UnsafeError, match="has 5 bytes; it has 4"):
        inspect_history(forger.git, [commit], audio=audio)
    good = forger.one(FILE, "a.wav", forger.pointer(stored.oid, 4))
    assert inspect_history(forger.git, [good], audio=audio) == [Pointer(stored.oid, 4)]


def test_a_tree_that_names_billions(forger: Forger) -> None:
    oid = forger.blob(b"x")
    for depth in range(10):
        mode = TREE if depth else FILE
        oid = forger.tree(*((mode, f"{number}", oid) for number in range(10)))
    assert "the most" in refuse(forger, forger.commit(oid))


def test_folders_without_end(forger: Forger) -> None:
    oid = forger.tree()
    for _ in range(3000):
        oid = forger.tree((TREE, "a", oid))
    assert "deep" in refuse(forger, forger.commit(oid))


def test_paths_without_end(forger: Forger) -> None:
    oid = forger.tree((FILE, "x", forger.blob(b"")))
    for _ in range(40):
        oid = forger.tree((TREE, "a" * 200, oid))
    assert "4096" in refuse(forger, forger.commit(oid))


def test_large_objects(forger: Forger) -> None:
    assert "4.2 MB" in refuse(
        forger, forger.commit(forger.tree(), head=b"gpgsig " + b"x" * (5 << 20) + b"\n")
    )
    assert "4.2 MB" in refuse(
        forger,
        forger.one(
            TREE, ".provenance", forger.tree((FILE, f"{'ab' * 32}.json", forger.blob(bytes(5 << 20))))
        ),
    )
    assert "4.1 kB" in refuse(forger, forger.one(LINK, "a", b"b" * 5000))


def test_a_blob_is_not_unpacked_to_learn_its_size(forger: Forger) -> None:
    import zlib

    oid = forger.blob(b"bomb")
    packed = zlib.compress(b"blob %d\0" % (MAX_BLOB_BYTES + 1) + bytes(1000))
    (forger.git.path / "objects" / oid[:2] / oid[2:]).write_bytes(packed)
    with pytest.raises(UnsafeError) as found:
        inspect_history(forger.git, [forger.one(FILE, "a", oid)])
    assert "git lfs migrate" in str(found.value.hint)


# Broken objects --------------------------------------------------------------------------------------------


def test_times_that_no_calendar_has(forger: Forger) -> None:
    tree = forger.tree()
    for who in (b"Eve <e@x> 999999999999 +0000", b"Eve <e@x> 1 +9900"):
        refuse(forger, forger.commit(tree, who=who))


@pytest.mark.parametrize(
    "raw", [b"100644 a\0short", b"100644", b"9x a\0" + bytes(20), b"100644 a\0" + bytes(20) + b"1"]
)
def test_trees_that_are_none(forger: Forger, raw: bytes) -> None:
    with pytest.raises(DamagedError):
        inspect_history(forger.git, [forger.commit(forger.put(b"tree", raw))])


def test_what_is_missing_or_of_another_kind(forger: Forger) -> None:
    blob = forger.blob(b"x")
    for commit in (
        forger.one(FILE, "a", "12" * 20),
        forger.one(TREE, "a", blob),
        forger.one(FILE, "a", forger.tree()),
        forger.commit(blob),
        forger.commit(forger.tree(), "12" * 20),
        forger.put(b"commit", b"tree x\n\n"),
        forger.put(b"commit", b"tree " + forger.tree().encode() + b"\nauthor\ncommitter\n\nx"),
        "12" * 20,
    ):
        with pytest.raises(DamagedError):
            inspect_history(forger.git, [commit])


def test_two_entries_of_one_name(forger: Forger) -> None:
    tree = forger.tree((FILE, "a", forger.blob(b"1")), (FILE, "a", forger.blob(b"2")))
    with pytest.raises(DamagedError, match="two entries"):
        inspect_history(forger.git, [forger.commit(tree)])


# Refs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["refs/heads/../../config", "refs/heads/a..b", "refs/heads/a\nb", "refs/heads/-d", "refs/heads/x.lock", "HEAD",
     "refs/heads/HEAD", "refs/heads/", "heads/main", "refs/heads/\x1b[31m", "refs/heads/" + "a" * 300,
     "refs/beatflow/operations", "refs/BeatFlow/Operations", "refs/heads/a\udcff", "refs/heads/a\\b", "/etc/passwd"],
)  # fmt: skip
def test_refs_of_odd_names(name: str) -> None:
    with pytest.raises(UnsafeError, match="impossible name"):
        check_refs(RemoteRefs({name: "12" * 20}))
    with pytest.raises(UnsafeError, match="impossible name"):
        check_refs(RemoteRefs({"refs/heads/main": "12" * 20}, head=name))


def test_refs_that_cannot_both_be() -> None:
    oid = "12" * 20
    with pytest.raises(UnsafeError, match=r"Main and main|main and Main"):
        check_refs(RemoteRefs({"refs/heads/Main": oid, "refs/heads/main": oid}))
    with pytest.raises(UnsafeError, match="a folder of the other"):
        check_refs(RemoteRefs({"refs/heads/a": oid, "refs/heads/a/b/c": oid}))
    with pytest.raises(UnsafeError, match="the most"):
        check_refs(RemoteRefs({f"refs/tags/{number}": oid for number in range(100_001)}))


def test_ordinary_refs() -> None:
    names = [
        "refs/heads/main",
        "refs/heads/take/two",
        "refs/tags/v1.0",
        "refs/heads/\u00fcber",
        "refs/beatflow/parent",
    ]
    check_refs(RemoteRefs(dict.fromkeys(names, "12" * 20), head="refs/heads/main"))
    check_refs(RemoteRefs({}, head=None))


def test_more_than_the_disk_holds(tmp_path: Path) -> None:
    check_room([1, 2], tmp_path / "not" / "there")
    with pytest.raises(UnsafeError, match="has room for"):
        check_room([1, 1 << 60], tmp_path / "not" / "there")
