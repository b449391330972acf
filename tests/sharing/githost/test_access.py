"""Who we are for a host, where its sounds are, and what a track may say about that."""

import json
import stat
from pathlib import Path

import pytest

from beatflow.errors import UsageError
from beatflow.sharing.access import Access
from beatflow.sharing.githost.credentials import Keyring, Login, find_token
from beatflow.sharing.githost.remote import GitRemote
from beatflow.sharing.githost.url import GitUrl, parse_git_url
from beatflow.sharing.githost.words import explain, refuse, tidy
from beatflow.sharing.remote import RemoteError
from tests.conftest import Bf
from tests.servers import PASSWORD, GitHost, SshHost, has
from tests.servers import git as plain_git
from tests.sharing.githost.hosting import (
    ADA,
    commit,
    fetch_all,
    make_track,
    open_host,
    open_ssh,
    pointer_of,
    send_all,
    song,
)

KICK, SNARE = song(0.3, 220.0), song(0.2, 330.0)


@pytest.mark.parametrize(
    ("text", "found", "lfs"),
    [
        ("https://h/a.git", GitUrl("https", "h", "/a.git"), "https://h/a.git/info/lfs"),
        ("https://ada@h:81/a/b", GitUrl("https", "h", "/a/b", "ada", 81), "https://h:81/a/b.git/info/lfs"),
        ("git@ho:a/b.git", GitUrl("ssh", "ho", "a/b.git", "git"), "https://ho/a/b.git/info/lfs"),
        ("[::1]:a", GitUrl("ssh", "::1", "a"), "https://[::1]/a.git/info/lfs"),
        (
            "ssh://git@h:22/~ada/b%20c",
            GitUrl("ssh", "h", "~ada/b c", "git", 22),
            "https://h/~ada/b c.git/info/lfs",
        ),
        ("git://h/a", GitUrl("git", "h", "/a"), "https://h/a.git/info/lfs"),
    ],
)
def test_urls_are_read_as_git_reads_them(text: str, found: GitUrl, lfs: str) -> None:
    assert parse_git_url(text) == found
    assert found.lfs == lfs


def test_folders_are_urls_too(tmp_path: Path) -> None:
    assert parse_git_url(str(tmp_path)).folder == tmp_path
    assert parse_git_url(f"file://{tmp_path}/a%20b").folder == tmp_path / "a b"


def test_a_token_is_for_its_own_host(tmp_path: Path) -> None:
    access = Access(
        lambda: ADA, tmp_path, environment={"BF_TOKEN_git_example_com": "t0ken", "BF_TOKEN_A": ""}
    )
    assert find_token(access, "git.example.com") == "t0ken"
    assert find_token(access, "example.com") is None
    assert Keyring("https://git.example.com/a", access).login() == Login("x-access-token", "t0ken")
    assert Keyring("https://ada@git.example.com/a", access).login() == Login("ada", "t0ken")
    assert "t0ken" not in repr(Keyring("https://ada@git.example.com/a", access).login())


def test_logins_are_tried_one_after_the_other(git_host: GitHost, tmp_path: Path) -> None:
    """A wrong password, a wrong token, then netrc, which is right."""
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {git_host.user} password {PASSWORD}\n")
    environment = {"BF_TOKEN_127_0_0_1": "old"}
    name = git_host.repository()
    access = Access(lambda: ADA, tmp_path, tmp_path, environment)
    remote = GitRemote(git_host.url(name), access, None, "wrong")
    assert remote.read_refs().refs == {}
    assert remote.find_missing([pointer_of(KICK)]) == {pointer_of(KICK).oid}
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login")  # cut short: passed over
    with pytest.raises(RemoteError, match="none of those known opens it"):
        GitRemote(git_host.url(name), access).find_missing([pointer_of(KICK)])


if has("git"):

    def test_gits_helpers_are_asked_and_told(
        git_host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        helper = tmp_path / "helper"
        helper.write_text(
            f'#!/bin/sh\necho "$1" >> {tmp_path}/asked\ntest "$1" = get || exit 0\n'
            f"test -f {tmp_path}/right || {{ echo username=ada; echo password=wrong; exit; }}\n"
            f"echo username={git_host.user}\necho password={PASSWORD}\n"
        )
        helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
        config = tmp_path / "gitconfig"
        config.write_text(f"[credential]\n\thelper = {helper}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
        name = git_host.repository()
        access = Access(lambda: ADA, tmp_path)
        with pytest.raises(RemoteError, match="wants a login"):
            GitRemote(git_host.url(name), access).read_refs()
        assert (tmp_path / "asked").read_text().split() == ["get", "erase"]
        (tmp_path / "right").touch()
        (tmp_path / "asked").unlink()
        remote = GitRemote(git_host.url(name), access)
        remote.read_refs()
        remote.find_missing([pointer_of(KICK)])
        assert (tmp_path / "asked").read_text().split() == ["get", "store"]

    def test_the_header_that_ci_gives_git_is_a_login(
        git_host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = git_host.repository()
        monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"AUTHORIZATION: {git_host.authorization}")
        for host, opens in (("127.0.0.2", False), ("127.0.0.1", True)):
            monkeypatch.setenv("GIT_CONFIG_KEY_0", f"http.http://{host}:{git_host.port}/.extraheader")
            remote = GitRemote(git_host.url(name), Access(lambda: ADA, tmp_path))
            if opens:
                assert remote.read_refs().refs == {}
                assert remote.find_missing([pointer_of(KICK)]) == {pointer_of(KICK).oid}
            else:
                with pytest.raises(RemoteError, match="wants a login"):
                    remote.read_refs()


def test_an_lfsconfig_sends_sounds_elsewhere(git_host: GitHost, tmp_path: Path) -> None:
    """History lies in a folder, sounds at a host that the track itself names."""
    url = f"http://127.0.0.1:{git_host.port}/{git_host.repository()}/info/lfs"
    bare = tmp_path / "bare"
    plain_git("init", "-q", "--bare", "-b", "main", bare)
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {git_host.user} password {PASSWORD}\n")
    told: list[str] = []
    access = Access(lambda: ADA, tmp_path, tmp_path, tell=told.append)
    track = make_track(tmp_path / "track", kick=KICK, _lfsconfig=f"[lfs]\n\turl = {url}/\n".encode())
    assert ".lfsconfig" in track.tree_of(track.head)
    cache = tmp_path / "cache"
    send_all(GitRemote(str(bare), access, cache), track)
    assert not (bare / "lfs").exists()
    assert told == [f"sounds of this track lie at 127.0.0.1:{git_host.port} (.lfsconfig)"]
    other = make_track(tmp_path / "other")
    fetch_all(GitRemote(str(bare), access), other)
    assert other.audio.read(pointer_of(KICK).oid) == KICK
    # What was learnt is remembered, so that locks are asked for where they are.
    assert GitRemote(str(bare), access, cache).locks() is not None
    commit(track, _lfsconfig=b"[lfs]\n")
    GitRemote(str(bare), access, cache).plan_send(track, [])
    assert GitRemote(str(bare), access, cache).locks() is None


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/lfs", "file:///etc", "ssh://evil/x", "https://ada:pw@h/x", "../x", "https://"],
)
def test_an_lfsconfig_leads_nowhere_harmful(url: str, git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(tmp_path / "track", kick=KICK, _lfsconfig=f"[lfs]\n\turl = {url}\n".encode())
    with pytest.raises(RemoteError, match="lfsconfig") as refused:
        open_host(git_host, git_host.repository()).plan_send(track, [pointer_of(KICK)])
    assert ":pw@" not in refused.value.message


def test_the_musicians_own_word_goes_before_the_tracks(git_host: GitHost, tmp_path: Path) -> None:
    name = git_host.repository()
    track = make_track(tmp_path / "track", kick=KICK, _lfsconfig=b"[lfs]\n\turl = https://nowhere.invalid/\n")
    track.git.write_config("lfs.url", f"{git_host.url(name)}/info/lfs")
    send_all(open_host(git_host, name), track)
    assert set(git_host.sounds(name)) == {pointer_of(KICK).oid}


if has("ssh", "sshd"):

    def test_a_host_without_lfs_over_ssh_is_told_from_a_broken_one(ssh_host: SshHost, tmp_path: Path) -> None:
        bare = ssh_host.repository()
        track = make_track(tmp_path / "track", kick=KICK)
        ssh_host.lfs.write_text("surprise")
        with pytest.raises(RemoteError, match="something else than JSON"):
            open_ssh(ssh_host, bare).plan_send(track, [pointer_of(KICK)])
        ssh_host.lfs.write_text(json.dumps({"href": "file:///etc"}))
        with pytest.raises(RemoteError, match="names 'file:///etc' as the place of the sounds"):
            open_ssh(ssh_host, bare).plan_send(track, [pointer_of(KICK)])
        program = ssh_host.folder / "bin/git-lfs-authenticate"
        program.rename(program.with_name("gone"))
        try:
            with pytest.raises(RemoteError, match="has no LFS over ssh"):
                open_ssh(ssh_host, bare).plan_send(track, [pointer_of(KICK)])
        finally:
            program.with_name("gone").rename(program)


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_host: GitHost, tmp_path: Path) -> None:
    name = tls_host.repository()
    with pytest.raises(RemoteError, match="no certificate that this machine trusts"):
        open_host(tls_host, name).read_refs()
    with pytest.raises(RemoteError, match="no certificate that this machine trusts"):
        open_host(tls_host, name).find_missing([pointer_of(KICK)])


def test_over_a_certificate_that_is_trusted_all_goes(tls_host: GitHost, tmp_path: Path) -> None:
    """In processes of their own: which certificates are trusted is read when libgit2 is loaded."""
    tls_host.netrc(tmp_path)
    make_track(tmp_path / "track", kick=KICK)
    url = tls_host.url(tls_host.repository())
    bf = Bf(tmp_path / "track", {"HOME": str(tmp_path), "SSL_CERT_FILE": str(tls_host.certificate)})
    for argv in (["push", url], ["clone", url, "../clone"]):
        done = bf.spawn(*argv)
        assert done.code == 0, done.stderr
    assert (tmp_path / "clone/kick.wav").read_bytes() == KICK


def test_words_are_plain_and_hold_no_secret() -> None:
    assert tidy("a\x1b[31m\n//ada:pw@host b") == "a [31m //…@host b"
    assert "12 files" in refuse(413, b'{"message": "12 files"}', "h", "PUT").message
    assert "status 418" in refuse(418, b"<html>", "h").message
    assert refuse(401, b"[]", "git.example.com:81").hint == (
        "have git ask for one and keep it (git ls-remote https://git.example.com:81/…), or ~/.netrc, "
        "or a token in BF_TOKEN_GIT_EXAMPLE_COM"
    )
    for text, words in {
        "Host key verification failed.": "ssh does not know it yet",
        "unexpected http status code: 403": "does not allow that",
        "Could not resolve hostname h": "no such host is known",
        "early EOF": "cannot be reached",
        "odd": "h: odd",
    }.items():
        assert words in explain(RemoteError(text), "h").message


def test_what_is_no_url_is_refused() -> None:
    for text in ("https://host", "ssh://-x/a", "gopher://h/a", "plain"):
        with pytest.raises(UsageError):
            parse_git_url(text)
