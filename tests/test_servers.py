"""The servers that other tests stand on do what the real clients expect of them, and the faults are what they say."""

import http.client
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import faults
from tests.faults import FaultProxy, Wire
from tests.servers import S3, GitHost, SshHost, git, has

WHO = {f"GIT_{who}_{what}": "Ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def lfs_clone(url: str, target: Path, **environment: str) -> Path:
    """Clone with git and git-lfs, ready to commit sounds."""
    git("clone", "-q", url, target, **environment)
    git("lfs", "install", "--local", cwd=target)
    git("lfs", "track", "*.wav", cwd=target)
    return target


def commit(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", name, cwd=folder, **WHO)


def ask(
    port: int, method: str = "GET", path: str = "/", body: bytes = b"", **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


if has("weed"):

    def test_s3_has_conditional_writes_and_refuses_strangers(s3: S3) -> None:
        obstore = pytest.importorskip("obstore")
        from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, PreconditionError
        from obstore.store import S3Store

        def open_store(bucket: str, secret: str) -> S3Store:
            return S3Store(
                bucket,
                endpoint=s3.endpoint,
                access_key_id=s3.access_key,
                secret_access_key=secret,
                region="us-east-1",
                client_options={"allow_http": True},
            )

        bucket = s3.bucket()
        store = open_store(bucket, s3.secret_key)
        first = obstore.put(store, "refs.json", b"one", mode="create")
        with pytest.raises(AlreadyExistsError):
            obstore.put(store, "refs.json", b"two", mode="create")
        obstore.put(store, "refs.json", b"two", mode={"e_tag": first["e_tag"]})
        with pytest.raises(PreconditionError):
            obstore.put(store, "refs.json", b"three", mode={"e_tag": first["e_tag"]})
        s3.write(bucket, "audio/one.pack", b"pack")
        assert s3.keys(bucket) == ["audio/one.pack", "refs.json"]
        assert s3.read(bucket, "refs.json") == b"two"
        assert bytes(obstore.get(store, "audio/one.pack").bytes()) == b"pack"
        s3.remove(bucket, "refs.json")
        assert s3.keys(bucket) == ["audio/one.pack"]
        with pytest.raises(PermissionDeniedError):
            obstore.put(open_store(bucket, "wrong"), "x", b"1")
        with pytest.raises(FileNotFoundError):
            obstore.put(open_store("nobody-made-this", s3.secret_key), "x", b"1")


if has("git", "git-lfs"):

    def test_git_host_takes_and_gives_history_and_sounds(git_host: GitHost, tmp_path: Path) -> None:
        name = git_host.repository()
        one = lfs_clone(git_host.url(name, login=True), tmp_path / "one")
        sound = os.urandom(100_000)
        commit(one, "drums.wav", sound)
        git("push", "-q", "origin", "HEAD:main", cwd=one)
        assert [path.read_bytes() for path in git_host.sounds(name).values()] == [sound]
        two = lfs_clone(git_host.url(name, login=True), tmp_path / "two")
        git("lfs", "pull", cwd=two)
        assert (two / "drums.wav").read_bytes() == sound
        stranger = subprocess.run(
            ["git", "ls-remote", git_host.url(name).replace("//", "//eve:wrong@")],
            env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            check=False,
        )
        assert b"Authentication failed" in stranger.stderr

    def test_git_host_answers_ranges_where_it_may(git_host: GitHost) -> None:
        for organization, expected in (("label", (206, b"789")), ("whole", (200, b"0123456789"))):
            name = git_host.repository(organization=organization)
            path = f"/{name}/info/lfs/objects/storage/{'a' * 64}"
            assert ask(git_host.port, "PUT", path, b"0123456789")[0] in (401, 403)
            login = {"Authorization": git_host.authorization}
            assert ask(git_host.port, "PUT", path, b"0123456789", **login)[0] == 200
            assert ask(git_host.port, "GET", path, Range="bytes=7-", **login) == expected
        assert ask(git_host.port, "GET", f"/{git_host.repository()}/info/lfs/locks")[0] == 401

    def test_git_lfs_locks_and_unlocks(git_host: GitHost, tmp_path: Path) -> None:
        name = git_host.repository()
        ada = lfs_clone(git_host.url(name, login=True), tmp_path / "ada")
        commit(ada, "drums.wav", b"RIFF")
        git("push", "-q", "origin", "HEAD:main", cwd=ada)
        bob = lfs_clone(git_host.url(name, login=True).replace("ada:", "bob:"), tmp_path / "bob")
        git("lfs", "lock", "drums.wav", cwd=ada)
        listed = json.loads(git("lfs", "locks", "--json", cwd=bob))
        assert [(lock["path"], lock["owner"]["name"]) for lock in listed] == [("drums.wav", "ada")]
        refused = subprocess.run(
            ["git", "lfs", "unlock", "drums.wav"], cwd=bob, capture_output=True, check=False
        )
        assert refused.returncode != 0
        git("lfs", "unlock", "--force", "drums.wav", cwd=bob)
        assert json.loads(git("lfs", "locks", "--json", cwd=ada)) == []

    def test_tls_host_is_trusted_by_whoever_has_its_certificate(tls_host: GitHost, tmp_path: Path) -> None:
        name = tls_host.repository()
        url = tls_host.url(name, login=True)
        assert url.startswith("https://")
        stranger = subprocess.run(["git", "ls-remote", url], capture_output=True, check=False)
        assert b"certificate" in stranger.stderr
        trusting = {"GIT_SSL_CAINFO": str(tls_host.certificate)}
        one = lfs_clone(url, tmp_path / "one", **trusting)
        commit(one, "drums.wav", b"RIFF" * 1000)
        git("push", "-q", "origin", "HEAD:main", cwd=one, **trusting)
        assert len(tls_host.sounds(name)) == 1


if has("git", "git-lfs", "ssh", "sshd"):

    def test_ssh_host_lets_in_the_key_and_hands_on_to_lfs(
        ssh_host: SshHost, git_host: GitHost, tmp_path: Path
    ) -> None:
        sounds = git_host.repository()
        ssh_host.offer_lfs(git_host.url(sounds) + "/info/lfs", git_host.authorization)
        repository = ssh_host.repository()
        environment = {"GIT_SSH_COMMAND": ssh_host.command}
        one = lfs_clone(ssh_host.url(repository), tmp_path / "one", **environment)
        commit(one, "drums.wav", b"RIFF" * 1000)
        with Wire(ssh_host.port) as wire:
            git("push", "-q", ssh_host.url(repository, wire.port), "HEAD:main", cwd=one, **environment)
            assert wire.up > 1000
        assert git("rev-parse", "main", cwd=repository) == git("rev-parse", "HEAD", cwd=one)
        assert len(git_host.sounds(sounds)) == 1


if has("git", "git-lfs"):

    def test_what_goes_wrong_is_what_was_asked_for(git_host: GitHost) -> None:
        name = git_host.repository()
        path = f"/{name}/info/lfs/objects/storage/{'b' * 64}"
        login = {"Authorization": git_host.authorization}
        stored = git_host.folder / "lfs" / name.removesuffix(".git") / ("b" * 64)
        with FaultProxy(git_host.port) as proxy:
            for number, kind in enumerate((faults.REFUSE, faults.LOSE_ANSWER)):
                body = bytes([number]) * 1000
                proxy.rule = faults.once(kind, "PUT")
                with pytest.raises(ConnectionError):
                    ask(proxy.port, "PUT", path, body, **login)
                assert (stored.exists() and stored.read_bytes() == body) == (kind == faults.LOSE_ANSWER)
            proxy.rule = faults.once(faults.CUT_ANSWER, "GET")
            with pytest.raises((ConnectionError, http.client.IncompleteRead)):
                ask(proxy.port, "GET", path, **login)
            proxy.rule = faults.once(faults.CORRUPT_ANSWER, "GET")
            status, wrong = ask(proxy.port, "GET", path, **login)
            assert (status, len(wrong)) == (200, 1000)
            assert sum((a ^ b).bit_count() for a, b in zip(wrong, body, strict=True)) == 1
            proxy.rule = faults.once(faults.CORRUPT_REQUEST, "PUT")
            assert ask(proxy.port, "PUT", path, body, **login)[0] == 200
            assert stored.read_bytes() != body
            proxy.rule = faults.once(faults.BUSY)
            assert ask(proxy.port, "GET", path, **login)[0] == 503
            assert ask(proxy.port, "GET", path, **login) == (200, stored.read_bytes())
            kinds = [kind for kind, _, _ in proxy.faults]
            assert kinds == [
                "refuse",
                "lose-answer",
                "cut-answer",
                "corrupt-answer",
                "corrupt-request",
                "busy",
            ]
            assert proxy.counts.requests == 7

    def test_a_wire_is_cut_once_after_so_many_bytes(git_host: GitHost) -> None:
        login = {"Authorization": git_host.authorization}
        with Wire(git_host.port, cut_up=10) as wire:
            with pytest.raises((ConnectionError, http.client.BadStatusLine)):
                ask(wire.port, **login)
            assert ask(wire.port, **login)[0] == 404
            assert wire.cuts == 1

    def test_random_faults_are_those_of_their_seed() -> None:
        request = faults.Request(1, "GET", "/", {}, b"")
        drawn = [
            [rule(request) for _ in range(200)]
            for rule in (faults.at_random(7, 0.5), faults.at_random(7, 0.5))
        ]
        assert drawn[0] == drawn[1]
        kinds = {fault.kind for fault in drawn[0] if isinstance(fault, faults.Fault)}
        assert kinds == {faults.PASS, *faults.KINDS}
