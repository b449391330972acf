"""Git remotes against the real thing: git's http-backend, giftless, sshd, a bare folder, and git with git-lfs."""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from beatflow.errors import DamagedError, NotFoundError, UsageError
from beatflow.objects.git.value import FILE, Entry
from beatflow.sharing.access import Access
from beatflow.sharing.githost.remote import GitRemote, is_git
from beatflow.sharing.remote import MovedError, RefUpdate, RemoteError
from beatflow.transaction import Transaction
from tests.servers import GitHost, SshHost, free_ports, has, running, wait_for
from tests.servers import git as plain_git
from tests.sharing.githost.hosting import (
    ADA,
    MAIN,
    commit,
    fetch_all,
    git,
    make_track,
    open_host,
    open_ssh,
    pointer_of,
    send_all,
    song,
)

KICK, SNARE = song(0.3, 220.0), song(0.2, 330.0)

if has("git", "git-lfs"):

    def test_what_is_pushed_over_http_is_what_git_clones(git_host: GitHost, tmp_path: Path) -> None:
        track = make_track(tmp_path / "track", kick=KICK, snare=SNARE, notes_txt=b"hello\n")
        name = git_host.repository()
        send_all(open_host(git_host, name), track)
        git("clone", "-q", git_host.url(name, login=True), tmp_path / "clone")
        assert (tmp_path / "clone/kick.wav").read_bytes() == KICK
        assert (tmp_path / "clone/snare.wav").read_bytes() == SNARE
        assert (tmp_path / "clone/notes.txt").read_bytes() == b"hello\n"
        assert git("status", "--porcelain", cwd=tmp_path / "clone") == ""

    def test_what_git_pushes_over_http_is_fetched(git_host: GitHost, tmp_path: Path) -> None:
        name = git_host.repository()
        git("clone", "-q", git_host.url(name, login=True), tmp_path / "clone")
        (tmp_path / "clone/.gitattributes").write_text("*.wav filter=lfs diff=lfs merge=lfs -text\n")
        (tmp_path / "clone/kick.wav").write_bytes(KICK)
        git("add", ".", cwd=tmp_path / "clone")
        git("commit", "-qm", "one", cwd=tmp_path / "clone")
        git("lfs", "push", "origin", "main", cwd=tmp_path / "clone")
        git("push", "-q", "origin", "HEAD:main", cwd=tmp_path / "clone")
        track = make_track(tmp_path / "track")
        head = fetch_all(open_host(git_host, name), track)
        assert track.tree_of(head).keys() == {".gitattributes", "kick.wav"}
        assert track.audio.read(pointer_of(KICK).oid) == KICK
        assert track.git.read_refs() == {}

    def test_a_bare_folder_is_what_git_clones(tmp_path: Path) -> None:
        bare = tmp_path / "some där" / "track.git"
        plain_git("init", "-q", "--bare", "-b", "trunk", bare)
        track = make_track(tmp_path / "track", kick=KICK)
        remote = GitRemote(str(bare), Access(lambda: ADA, tmp_path))
        send_all(remote, track)
        git("clone", "-q", bare.as_uri(), tmp_path / "clone")
        assert (tmp_path / "clone/kick.wav").read_bytes() == KICK
        assert remote.read_refs().head == MAIN  # trunk was never born

    def test_what_git_pushes_to_a_bare_folder_is_fetched(tmp_path: Path) -> None:
        bare = tmp_path / "track.git"
        plain_git("init", "-q", "--bare", "-b", "main", bare)
        git("clone", "-q", bare.as_uri(), tmp_path / "clone")
        (tmp_path / "clone/.gitattributes").write_text("*.wav filter=lfs diff=lfs merge=lfs -text\n")
        (tmp_path / "clone/kick.wav").write_bytes(KICK)
        git("add", ".", cwd=tmp_path / "clone")
        git("commit", "-qm", "one", cwd=tmp_path / "clone")
        git("lfs", "push", "origin", "main", cwd=tmp_path / "clone")
        git("push", "-q", "origin", "HEAD:main", cwd=tmp_path / "clone")
        track = make_track(tmp_path / "track")
        remote = GitRemote(str(bare), Access(lambda: ADA, tmp_path))
        fetch_all(remote, track)
        assert track.audio.read(pointer_of(KICK).oid) == KICK
        assert remote.find_missing([pointer_of(KICK), pointer_of(SNARE)]) == {pointer_of(SNARE).oid}

    if has("ssh", "sshd"):

        def test_over_ssh_sounds_go_where_the_host_says(
            ssh_host: SshHost, git_host: GitHost, tmp_path: Path
        ) -> None:
            bare = ssh_host.repository()
            ssh_host.offer_lfs(
                f"http://127.0.0.1:{git_host.port}/{git_host.repository()}/info/lfs", git_host.authorization
            )
            track = make_track(tmp_path / "track", kick=KICK)
            send_all(open_ssh(ssh_host, bare), track)
            git("clone", "-q", ssh_host.url(bare), tmp_path / "clone", GIT_SSH_COMMAND=ssh_host.command)
            assert (tmp_path / "clone/kick.wav").read_bytes() == KICK
            other = make_track(tmp_path / "other")
            fetch_all(open_ssh(ssh_host, bare), other)
            assert other.audio.read(pointer_of(KICK).oid) == KICK


def test_only_what_is_missing_goes(git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(tmp_path / "track", kick=KICK)
    name = git_host.repository()
    remote = open_host(git_host, name)
    send_all(remote, track)
    first = track.head
    commit(track, snare=SNARE)
    plan = remote.plan_send(track, [pointer_of(KICK), pointer_of(SNARE)])
    assert (plan.sounds, plan.bytes) == (1, len(SNARE))
    heard: list[int] = []
    assert plan.run(heard.append).bytes == len(SNARE) == sum(heard)
    remote.publish(track, [RefUpdate(MAIN, first, track.head)])
    assert remote.plan_send(track, [pointer_of(KICK), pointer_of(SNARE)]).sounds == 0
    assert set(git_host.sounds(name)) == {pointer_of(KICK).oid, pointer_of(SNARE).oid}
    assert remote.read_refs().refs == {MAIN: track.head}


@pytest.mark.parametrize("kind", ["http", "folder"])
def test_who_comes_second_is_told(kind: str, git_host: GitHost, tmp_path: Path) -> None:
    if kind == "http":
        name = git_host.repository()
        remotes = [open_host(git_host, name) for _ in range(2)]
    else:
        plain_git("init", "-q", "--bare", "-b", "main", tmp_path / "bare")
        remotes = [GitRemote(str(tmp_path / "bare"), Access(lambda: ADA, tmp_path)) for _ in range(2)]
    track = make_track(tmp_path / "track", kick=KICK)
    send_all(remotes[0], track)
    base = track.head
    assert base
    mine = commit(track, kick=SNARE)
    other = make_track(tmp_path / "other", kick=SNARE)
    assert other.head
    remotes[1].publish(
        other, [RefUpdate(MAIN, base, other.head), RefUpdate("refs/tags/v1", None, other.head)]
    )
    with pytest.raises(MovedError) as told:
        remotes[0].publish(track, [RefUpdate("refs/heads/take2", None, mine), RefUpdate(MAIN, base, mine)])
    assert told.value.hint == "bf pull"
    assert told.value.exit_code == 4
    assert remotes[0].read_refs().refs == {MAIN: other.head, "refs/tags/v1": other.head}
    # A lease that holds moves it anywhere, and away.
    remotes[0].publish(
        track, [RefUpdate(MAIN, other.head, mine), RefUpdate("refs/tags/v1", other.head, None)]
    )
    assert remotes[0].read_refs().refs == {MAIN: mine}
    remotes[0].publish(track, [RefUpdate(MAIN, base, mine)])  # already so


def test_tags_are_read_as_what_they_name(git_host: GitHost, tmp_path: Path) -> None:
    name = git_host.repository()
    remote = open_host(git_host, name)
    assert remote.read_refs().refs == {}
    track = make_track(tmp_path / "track", kick=KICK)
    send_all(remote, track)
    plain_git(
        "-c",
        "user.name=a",
        "-c",
        "user.email=b",
        "tag",
        "-a",
        "v1",
        "-m",
        "x",
        "main",
        cwd=git_host.path(name),
    )
    assert remote.read_refs().refs == {MAIN: track.head, "refs/tags/v1": track.head}
    other = make_track(tmp_path / "other")
    remote.fetch_history(other.git, ["refs/tags/v1"])
    assert track.head
    assert other.git.read_commit(track.head).message == "a version\n"
    assert other.git.read_refs() == {}
    assert not (other.directory / "FETCH_HEAD").exists()
    assert not list((other.directory / "tmp").iterdir())


def test_a_refused_ref_takes_the_others_back(git_host: GitHost, tmp_path: Path) -> None:
    name = git_host.repository()
    hook = git_host.path(name) / "hooks/update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/main || { echo "main is protected"; exit 1; }\n')
    hook.chmod(0o755)
    track = make_track(tmp_path / "track", kick=KICK)
    remote = open_host(git_host, name)
    with pytest.raises(RemoteError, match=r"refuses refs/heads/main: hook declined \(main is protected"):
        remote.publish(
            track, [RefUpdate(MAIN, None, track.head), RefUpdate("refs/heads/take2", None, track.head)]
        )
    assert remote.read_refs().refs == {}


@pytest.mark.parametrize("status", [0, 1])
def test_hooks_may_say_what_is_no_utf8(status: int, git_host: GitHost, tmp_path: Path) -> None:
    name = git_host.repository()
    hook = git_host.path(name) / "hooks/pre-receive"
    hook.write_bytes(b"#!/bin/sh\nprintf 'caf\\351 ferm\\351\\n'\nexit %d\n" % status)
    hook.chmod(0o755)
    track = make_track(tmp_path / "track")
    commit(track, notes_txt=b"hello\n")
    remote = open_host(git_host, name)
    updates = [RefUpdate(MAIN, None, track.head)]
    if status:
        with pytest.raises(RemoteError, match="refuses refs/heads/main: pre-receive hook declined"):
            remote.publish(track, updates)
    else:
        remote.publish(track, updates)
    assert remote.read_refs().refs == ({} if status else {MAIN: track.head})


def test_repositories_of_kinds_that_are_not_known_are_named(git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(tmp_path / "track")
    commit(track, notes_txt=b"hello\n")
    name = git_host.repository()
    other = git_host.path(name).with_name("sha256.git")
    plain_git("init", "-q", "--bare", "--object-format=sha256", other)
    plain_git("config", "http.receivepack", "true", cwd=other)
    update = [RefUpdate(MAIN, None, track.head)]
    with pytest.raises(RemoteError, match="of a kind that BeatFlow does not know"):
        open_host(git_host, "label/sha256.git").publish(track, update)
    with pytest.raises(RemoteError, match="of a kind that BeatFlow does not know"):
        GitRemote(str(other), Access(lambda: ADA, tmp_path)).read_refs()
    shallow = git_host.path(name).with_name("shallow.git")
    open_host(git_host, name).publish(track, update)
    commit(track, notes_txt=b"more\n")
    open_host(git_host, name).publish(track, [RefUpdate(MAIN, update[0].after, track.head)])
    plain_git("clone", "-q", "--bare", "--depth", "1", git_host.path(name).as_uri(), shallow)
    with pytest.raises(RemoteError, match="otherwise than a whole git repository") as refused:
        open_host(git_host, "label/shallow.git").read_refs()
    assert "--unshallow" in str(refused.value.hint)


def test_a_sound_that_has_rotted_on_a_disk_is_sent_anew(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    plain_git("init", "-q", "--bare", "-b", "main", bare)
    track = make_track(tmp_path / "track", kick=KICK)
    remote = GitRemote(str(bare), Access(lambda: ADA, tmp_path))
    send_all(remote, track)
    sounds = [pointer_of(KICK)]
    assert remote.find_damaged(sounds) == set()
    (stored,) = (path for path in (bare / "lfs/objects").rglob("*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(bytes(len(KICK)))
    assert remote.find_missing(sounds) == set()  # it only looks
    assert remote.find_damaged(sounds) == remote.find_missing(sounds) == {pointer_of(KICK).oid}
    remote.plan_send(track, sounds).run()
    assert stored.read_bytes() == KICK
    assert remote.find_damaged(sounds) == remote.find_missing(sounds) == set()


def test_a_checked_out_branch_is_left_alone(tmp_path: Path) -> None:
    plain_git("init", "-q", "-b", "main", tmp_path / "work")
    track = make_track(tmp_path / "track", kick=KICK)
    remote = GitRemote(str(tmp_path / "work"), Access(lambda: ADA, tmp_path))
    with pytest.raises(RemoteError, match="main is checked out in"):
        send_all(remote, track)
    remote.publish(track, [RefUpdate("refs/heads/ada", None, track.head)])
    assert remote.read_refs().refs == {"refs/heads/ada": track.head}
    assert remote.locks() is None


def test_refs_on_a_disk_move_as_git_moves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.sharing.githost.bare._PATIENCE_S", 0.05)
    bare = tmp_path / "bare"
    plain_git("init", "-q", "--bare", "-b", "main", bare)
    track = make_track(tmp_path / "track", kick=KICK)
    head = track.head
    assert head
    remote = GitRemote(str(bare), Access(lambda: ADA, tmp_path))
    remote.publish(track, [RefUpdate(MAIN, None, head), RefUpdate("refs/heads/a/b", None, head)])
    plain_git("pack-refs", "--all", cwd=bare)
    with pytest.raises(RemoteError, match="cannot have others below it"):
        remote.publish(track, [RefUpdate(f"{MAIN}/sub", None, head)])
    remote.publish(track, [RefUpdate("refs/heads/a/b", head, None)])
    remote.publish(track, [RefUpdate("refs/heads/a", None, head)])
    lock = bare / "refs/heads/main.lock"
    lock.touch()
    with pytest.raises(RemoteError, match="somebody else is changing main"):
        remote.publish(track, [RefUpdate(MAIN, head, None)])
    lock.unlink()
    assert plain_git("for-each-ref", "--format=%(refname)", cwd=bare).split() == ["refs/heads/a", MAIN]
    assert plain_git("fsck", cwd=bare) == ""


def test_a_shared_repository_on_a_disk_stays_open_to_the_others(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    plain_git("init", "-q", "--bare", "--shared=group", "-b", "main", bare)
    track = make_track(tmp_path / "track", kick=KICK)
    before = os.umask(0o022)
    try:
        remote = GitRemote(str(bare), Access(lambda: ADA, tmp_path))
        send_all(remote, track)
        remote.publish(track, [RefUpdate("refs/heads/mix/dub", None, track.head)])
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    for path in [*(bare / "objects").iterdir(), *(bare / "lfs").rglob("*"), bare / "refs/heads/mix"]:
        assert path.is_file() or path.stat().st_mode & 0o070 == 0o070, path


def test_what_is_wrong_with_an_address_is_said(
    git_host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beatflow.sharing.githost.remote._FIRST_WAIT_S", 0.001)
    track = make_track(tmp_path / "track", kick=KICK)
    with pytest.raises(RemoteError, match="no such repository"):
        open_host(git_host, "label/nothing.git").read_refs()
    with pytest.raises(RemoteError, match="wants a login") as wrong:
        open_host(git_host, git_host.repository(), password="wr0ng").read_refs()
    assert "BF_TOKEN_" in str(wrong.value.hint)
    with pytest.raises(RemoteError, match="wants a login"):
        open_host(git_host, git_host.repository(), password="wr0ng").plan_send(track, [pointer_of(KICK)])
    with pytest.raises(RemoteError, match="cannot be reached"):
        open_host(git_host, git_host.repository(), port=1).read_refs()
    with pytest.raises(NotFoundError, match="no git repository"):
        GitRemote(str(tmp_path), Access(lambda: ADA, tmp_path))
    assert not is_git(tmp_path)
    for url in ("https://", "ssh://-oProxyCommand=x/a", "ftp://host/a", "https://host/", "-x:a"):
        with pytest.raises(UsageError):
            GitRemote(url, Access(lambda: ADA, tmp_path))


def test_what_the_host_does_not_have_is_named_and_the_rest_comes(git_host: GitHost, tmp_path: Path) -> None:
    name = git_host.repository()
    remote = open_host(git_host, name)
    track = make_track(tmp_path / "track", kick=KICK, snare=SNARE)
    send_all(remote, track)
    git_host.sounds(name)[pointer_of(KICK).oid].unlink()
    assert remote.find_missing([pointer_of(KICK), pointer_of(SNARE)]) == {pointer_of(KICK).oid}
    other = make_track(tmp_path / "other")
    with pytest.raises(DamagedError, match=f"does not give sound {pointer_of(KICK).oid[:12]}"):
        fetch_all(remote, other)
    assert other.audio.read(pointer_of(SNARE).oid) == SNARE
    git_host.sounds(name)[pointer_of(SNARE).oid].unlink()
    assert len(remote.find_missing([pointer_of(KICK), pointer_of(SNARE)])) == 2


def test_what_the_host_has_spoilt_never_gets_in(git_host: GitHost, tmp_path: Path) -> None:
    name = git_host.repository()
    remote = open_host(git_host, name)
    track = make_track(tmp_path / "track", kick=KICK)
    send_all(remote, track)
    stored = git_host.sounds(name)[pointer_of(KICK).oid]
    stored.write_bytes(KICK[:-1] + b"!")
    other = make_track(tmp_path / "other")
    with pytest.raises(DamagedError, match="another content"):
        fetch_all(remote, other)
    assert pointer_of(KICK).oid not in other.audio
    assert not list((other.directory / "tmp").rglob("*.part"))


def test_only_new_history_comes(git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(
        tmp_path / "track", **{f"notes{number}_txt": random.randbytes(4000) for number in range(20)}
    )
    remote = open_host(git_host, git_host.repository())
    send_all(remote, track)
    first = track.head
    assert first
    other = make_track(tmp_path / "other")
    heard: list[int] = []
    remote.fetch_history(other.git, [MAIN], heard.append)
    assert sum(heard) > 80_000
    with Transaction(other, "fetch", "fetch") as transaction:
        transaction.set_ref("refs/remotes/origin/main", first)
        transaction.publish()
    second = commit(track, notes3_txt=b"changed\n")
    heard.clear()
    sent: list[int] = []
    remote.publish(track, [RefUpdate(MAIN, first, second)], sent.append)
    remote.fetch_history(other.git, [MAIN], heard.append)
    assert 0 < sum(heard) < 3000
    assert 0 < sum(sent) < 3000
    assert other.git.read_blob(other.tree_of(second)["notes3.txt"].oid) == b"changed\n"


def test_two_writers_at_once_lose_nothing(git_host: GitHost, tmp_path: Path) -> None:
    """Each pushes three commits, told to go on from where the other is whenever it comes second."""
    bare = tmp_path / "bare"
    plain_git("init", "-q", "--bare", "-b", "main", bare)
    name = git_host.repository()
    for where in ("http", "folder"):

        def connect(where: str = where) -> GitRemote:
            return (
                open_host(git_host, name)
                if where == "http"
                else GitRemote(str(bare), Access(lambda: ADA, tmp_path))
            )

        def write(who: str, connect: Callable[[], GitRemote] = connect, where: str = where) -> int:
            track = make_track(tmp_path / f"{where}-{who}")
            remote = connect()
            lost = 0
            for number in range(3):
                while True:
                    tip = remote.read_refs().refs.get(MAIN)
                    if tip:
                        remote.fetch_history(track.git, [MAIN])
                    tree = track.git.write_tree(dict(track.tree_of(tip)) | {
                        f"{who}{number}": Entry(FILE, track.git.write_blob(b"x"))
                    })  # fmt: skip
                    made = track.git.write_commit(tree, [tip] if tip else [], "one more", ADA)
                    try:
                        remote.publish(track, [RefUpdate(MAIN, tip, made)])
                        break
                    except MovedError:
                        lost += 1
            return lost

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, ["ada", "bob"]))
        track = make_track(tmp_path / f"{where}-all")
        remote = connect()
        tip = remote.read_refs().refs[MAIN]
        remote.fetch_history(track.git, [MAIN])
        assert track.tree_of(tip).keys() == {
            f"{who}{number}" for who in ("ada", "bob") for number in range(3)
        }


def test_git_daemons_are_remotes_too(tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()
    bare = tmp_path / "git/track.git"
    plain_git("init", "-q", "--bare", "-b", "main", bare)
    (port,) = free_ports(1)
    options = ("--export-all", "--enable=receive-pack", f"--base-path={tmp_path}/git", "--listen=127.0.0.1")
    log = tmp_path / "log"
    # Not by way of git, which would leave it running when it is killed.
    daemon = Path(plain_git("--exec-path").strip()) / "git-daemon"
    with running([daemon, *options, f"--port={port}"], log) as process:
        wait_for(port, process, log)
        remote = GitRemote(f"git://127.0.0.1:{port}/track.git", Access(lambda: ADA, tmp_path))
        track = make_track(tmp_path / "track", notes_txt=b"hello\n")
        remote.publish(track, [RefUpdate(MAIN, None, track.head)])
        other = make_track(tmp_path / "other")
        remote.fetch_history(other.git, [MAIN])
        assert track.head
        assert other.git.has(track.head)
        with pytest.raises(RemoteError, match="does not allow that"):
            GitRemote(f"git://127.0.0.1:{port}/nothing.git", Access(lambda: ADA, tmp_path)).read_refs()
