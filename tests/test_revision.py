"""What a user writes to name commits: names, the past, sets; on a small history whose every commit is known."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beatflow.errors import NotFoundError, UsageError
from beatflow.history import iter_commits, record_commit, write_commit
from beatflow.naming import create_tag, delete_branch, switch_to
from beatflow.objects.git.value import Signature
from beatflow.objects.pointer import decode_pointer
from beatflow.repository import Repository
from beatflow.revision.revision import (
    find_commit,
    get_commit,
    get_entry,
    get_range,
    list_commits,
    parse_log_arguments,
)
from beatflow.transaction import Transaction
from beatflow.undo import undo
from tests.conftest import Bf
from tests.world import write_tone

DAY = 86_400
NOON = int(datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp())


class Studio:
    """A repository and its clock."""

    def __init__(self, root: Path) -> None:
        self.now_s = NOON
        self.author = "Ada"
        self.repository = Repository.create(root, self._sign)
        self.names: dict[str, str] = {}

    def _sign(self) -> Signature:
        return Signature(self.author, f"{self.author.lower()}@example.com", self.now_s)

    def commit(self, name: str, message: str, engine: str | None = None) -> None:
        with Transaction(self.repository, "commit", "") as transaction:
            oid = record_commit(transaction, message)
            if engine:
                entry = self.repository.tree_of(oid)["mix.wav"]
                pointer = decode_pointer(self.repository.git.read_blob(entry.oid))
                assert pointer
                record = {
                    "engine": engine,
                    "measured": {"tempo": 100.2, "key": "A:min", "loudness_lufs": -14.0},
                }
                transaction.put_provenance(pointer.oid, record)
                oid = record_commit(transaction, message)
            transaction.publish()
        self.names[name] = oid
        self.now_s += DAY

    def named(self, oids: list[str]) -> str:
        """The names of commits, joined."""
        back = {oid: name for name, oid in self.names.items()}
        return " ".join(back[oid] for oid in oids)

    def log(self, *words: str) -> str:
        wanted, path = parse_log_arguments(self.repository, list(words))
        found = iter_commits(self.repository, wanted.include, wanted.exclude, path, keep=wanted.keep)
        return self.named([commit.oid for commit in found])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Nov 1: a; 2: b, tag v1; 3: c on take2; 4: d on main; 5: m merges take2 into main."""
    root = tmp_path_factory.mktemp("built") / "track"
    root.mkdir()
    studio = Studio(root)
    repository = studio.repository
    write_tone(root / "mix.wav", 0.1, hz=220)
    studio.commit("a", "first take (rough)", engine="musicgen-small")
    (root / "track.toml").write_text('tempo = 120.0\nkey = "C:maj"\n')
    write_tone(root / "stems" / "drums.wav", 0.1, hz=330)
    studio.author = "Grace"
    studio.commit("b", "drums, louder")
    create_tag(repository, "v1")
    switch_to(repository, "take2", start="HEAD")
    (root / "stems" / "drums.wav").rename(root / "stems" / "kit.wav")
    studio.commit("c", "rename")
    switch_to(repository, "main")
    studio.author = "Ada"
    (root / "track.toml").write_text('tempo = 126.5\nkey = "C:maj"\n')
    studio.commit("d", "faster")
    with Transaction(repository, "merge", "take2") as transaction:
        tree = repository.tree_of(studio.names["d"])
        m = write_commit(repository, tree, [studio.names["d"], studio.names["c"]], "Merge take2", {})
        transaction.set_ref("refs/heads/main", m)
        transaction.publish()
    studio.names["m"] = m
    studio.now_s += DAY // 2
    return studio


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HEAD", "m"),
        ("@", "m"),
        ("HEAD~2", "b"),
        ("HEAD^2", "c"),
        ("v1~1", "a"),
        ("@{0}", "m"),
        ("@{1}", "d"),
        ("main@{2}", "b"),
        ("main@{2}~1", "a"),
        ("HEAD@{2}", "b"),
        ("HEAD@{3}", "c"),
        ("@{-1}", "c"),
        ("@{2026-11-02}", "b"),
        ("@{2026-11-04 11:59}", "b"),
        ("@{2026-11-04 12:00}", "d"),
        ("take2@{yesterday}", "c"),
        ("@{1 day ago}", "d"),
        (":/LOUD", "b"),
        (":/take", "m"),
        (":/(rough", "a"),
        ("tempo(100)", "a"),
        ("tempo(118..124)", "c"),
        ("tempo(118..124)~1", "b"),
        ("tempo(118..124)~1^", "a"),
        ("key(Am)", "a"),
        ("loudness(-20..)", "m"),
        ("engine(MusicGen)", "a"),
        ("touches(stems/drums.wav)", "c"),
        ("touches(kit)", "c"),
        ("author(grace) & ~take2", "m"),
        ("main & take2", "c"),
        ("take2 ~main | v1", None),
        ("d", None),
    ],
)
def test_one_commit(built: Studio, text: str, name: str | None) -> None:
    if name is None:
        with pytest.raises((NotFoundError, UsageError)):
            get_commit(built.repository, text)
    elif text.startswith("author"):
        with pytest.raises(NotFoundError, match="no commit matches"):
            get_commit(built.repository, text)
    else:
        assert built.named([get_commit(built.repository, text)]) == name


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], "m d c b a"),
        (["main"], "m d c b a"),
        (["v1..take2"], "c"),
        (["main^...take2"], "d c"),
        (["take2", "^v1"], "c"),
        (["^v1"], "m d c"),
        (["v1", "take2"], "c b a"),
        (["tempo(126.5)"], "m d"),
        (["tempo(127)"], "m d"),
        (["tempo(..125)"], "c b a"),
        (["key(C) & not merges()"], "d c b"),
        (["tempo(100) | merges()"], "m a"),
        (["v1.. & ~merges()"], "d c"),
        (["engine(synth) | touches(stems/*.wav)"], "c b"),
        (["touches(stems)", "^v1"], "c"),
        (["author(grace@example)"], "c b"),
        (["message(^drums)"], "b"),
        (["before(2026-11-02)"], "a"),
        (["after(2026-11-02) & take2"], "c"),
        (["on(2026-11-02..2026-11-03)"], "c b"),
        (["branches()"], "m c"),
        (["branches(take*)"], "c"),
        (["tags(v*)"], "b"),
        (["all() & ~(take2 | merges())"], "d"),
        (["stems/drums.wav"], "c b"),
        (["take2", "track.toml"], "b"),
        (["take2", "stems/kit.wav"], "c"),
        (["tempo(120)", "stems"], "c b"),
    ],
)
def test_sets(built: Studio, words: list[str], names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.repository.root)
    assert built.log(*words) == names


def test_lists_one_for_a_name_and_all_for_a_set(built: Studio) -> None:
    repository = built.repository
    assert built.named(list_commits(repository, "main")) == "m"
    assert built.named(list_commits(repository, "v1..main")) == "m d c"
    assert built.named(list_commits(repository, "key(C)")) == "m d c b"
    assert list_commits(repository, "main..main") == []
    with pytest.raises(NotFoundError):
        list_commits(repository, "key(Bb)")


def test_topological_sets_keep_the_nearest_parents(built: Studio) -> None:
    wanted = get_range(built.repository, "tempo(100) | merges()")
    commits = iter_commits(
        built.repository, wanted.include, wanted.exclude, topological=True, keep=wanted.keep
    )
    assert [commit.parents for commit in commits] == [(built.names["a"],), ()]


@pytest.mark.parametrize(
    ("text", "error", "message", "hint"),
    [
        ("mian", NotFoundError, "no revision 'mian'", "did you mean main?"),
        ("HEAD^3", NotFoundError, r"HEAD has no \^3", "bf log --oneline --graph"),
        ("main@{9}", NotFoundError, "nothing is known", "bf op log"),
        ("@{1999}", NotFoundError, "nothing is known", "bf op log"),
        ("nobody@{1}", NotFoundError, "nothing is known", "bf op log"),
        (":/nothing of it", NotFoundError, "no message has", "bf log"),
        ("@{soon}", UsageError, "is no date", "yesterday"),
        ("@{-0}", UsageError, "is no branch", "@{-1}"),
        ("temop(120)", UsageError, "no function temop.*did you mean tempo", "there are tempo"),
        ("zzzz()", UsageError, r"no function zzzz\(\)$", "there are tempo"),
        ("tempo(fast)", UsageError, "wants a number", "118..124"),
        ("tempo(..)", UsageError, "wants a number", "118..124"),
        ("tempo(124..118)", UsageError, "ends before it begins", r"tempo\(118..124\)"),
        ("on(2026-11..2026-10)", UsageError, "ends before it begins", "on"),
        ("tempo()", UsageError, "wants a tempo", "revisions.md"),
        ("key(H)", UsageError, "is not a key", "Am"),
        ("tempo(200)", NotFoundError, "no commit matches", "what is known"),
        ("main & nope", NotFoundError, "no revision 'nope'", "bf log"),
        ("author(nobody)~1", NotFoundError, r"no commit matches author\(nobody\)", "bf log"),
        ("-x", NotFoundError, "no revision", "bf log"),
        ("", NotFoundError, "no revision", "bf log"),
    ],
)
def test_says_what_is_wrong(
    built: Studio, text: str, error: type[Exception], message: str, hint: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        get_commit(built.repository, text)
    assert re.search(hint, str(getattr(caught.value, "hint", "")))
    if error is NotFoundError:
        assert find_commit(built.repository, text) is None


def test_what_cannot_be_read_is_no_revision(built: Studio) -> None:
    for text in ("song (1).wav", "a & b.wav", "drums | bass", "it's", "(", "beat(2).wav"):
        assert find_commit(built.repository, text) is None
    with pytest.raises(UsageError, match="no function"):
        find_commit(built.repository, "temop(120)")


def test_paths_may_follow_any_revision(built: Studio) -> None:
    repository = built.repository
    assert get_entry(repository, "tempo(100):mix.wav")[0] == "mix.wav"
    assert get_entry(repository, "@{2026-11-02 12:00}:track.toml")[0] == "track.toml"
    assert get_entry(repository, "mix.wav") == get_entry(repository, "HEAD:mix.wav")


def test_a_branch_that_is_gone_is_found_in_the_past(built: Studio, tmp_path: Path) -> None:
    shutil.copytree(built.repository.root, tmp_path / "track")
    repository = Repository(tmp_path / "track", built.repository.signer)
    delete_branch(repository, "take2", force=True)
    assert get_commit(repository, "take2@{1}") == built.names["c"]
    undo(repository)
    assert get_commit(repository, "take2") == get_commit(repository, "take2@{2}") == built.names["c"]


def test_names_with_signs_in_them_stay_whole(built: Studio, tmp_path: Path) -> None:
    shutil.copytree(built.repository.root, tmp_path / "track")
    repository = Repository(tmp_path / "track", built.repository.signer)
    create_tag(repository, "drums(2)&more", "v1")
    assert get_commit(repository, "drums(2)&more") == built.names["b"]
    assert built.named(list_commits(repository, '"drums(2)&more" & touches(drums)')) == "b"


def test_commands_take_them(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "track.toml").write_text("tempo = 90\n")
    bf.ok("commit", "-m", "slow")
    (bf.directory / "track.toml").write_text("tempo = 140\n")
    (bf.directory / "song (1).txt").write_text("la\n")
    bf.ok("commit", "-m", "fast")
    assert bf.ok("log", "--format", "{message}", "tempo(80..100)").stdout == "slow\n"
    assert bf.ok("log", "--format", "{message}", "song (1).txt").stdout == "fast\n"
    assert bf.ok("cat", "tempo(90):track.toml").stdout == "tempo = 90\n"
    assert bf.ok("show", "--json", "@{5 minutes ago}").json["message"] == "slow"
    assert bf.ok("show", "--json", ":/slow").json["message"] == "slow"
    bf.ok("branch", "slow", "tempo(90)")
    bf.ok("restore", "--source", "tempo(90)", "track.toml")
    assert bf.fails(3, "show", "tempo(60)").startswith("error: no commit matches tempo(60)\n")
    assert "did you mean tempo()" in bf.fails(2, "log", "temp(60)")
    assert bf.fails(2, "du", "tempo(90)").startswith("error: bf du wants")
    bf.ok("check", "tempo(90)")
