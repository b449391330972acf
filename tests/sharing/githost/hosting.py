"""What the tests of git hosts share: tracks, remotes, and what a plain git client makes of them."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from beatflow.objects.git.value import Signature
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.sharing.access import Access
from beatflow.sharing.githost.remote import GitRemote
from beatflow.sharing.remote import RefUpdate
from beatflow.sharing.sounds.listing import list_sounds
from beatflow.transaction import Transaction
from tests.servers import GitHost, SshHost
from tests.world import tone, wav_bytes

ADA = Signature("Ada", "ada@example.com", 1_700_000_000, 0)
MAIN = "refs/heads/main"


def make_track(root: Path, **files: bytes) -> Repository:
    """Make a track with one version of these files; ``kick`` means ``kick.wav``."""
    repository = Repository.create(root, lambda: ADA)
    if files:
        commit(repository, **files)
    return repository


def commit(repository: Repository, **files: bytes) -> str:
    """Commit files, beside those of the version before, and the attributes that a git client needs."""
    with Transaction(repository, "keep", "keep") as transaction:
        entries = dict(repository.tree_of(repository.head))
        source = repository.scratch / "new"
        named = {f"{name}.wav": data for name, data in files.items() if data.startswith(b"RIFF")}
        named |= {
            name.replace("_", "."): data for name, data in files.items() if not data.startswith(b"RIFF")
        }
        for path, data in {".gitattributes": b"*.wav filter=lfs diff=lfs merge=lfs -text\n", **named}.items():
            source.write_bytes(data)
            entries[path] = transaction.repository.worktree.keep_file(source, transaction.batch)
        parents = [repository.head] if repository.head else []
        made = repository.git.write_commit(repository.git.write_tree(entries), parents, "a version", ADA)
        transaction.set_ref(MAIN, made)
        transaction.publish()
    return made


def song(seconds: float = 0.2, hz: float = 220.0) -> bytes:
    """Make a sound."""
    return wav_bytes(tone(seconds, hz))


def pointer_of(data: bytes) -> Pointer:
    """Name a file by its content."""
    return Pointer(hashlib.sha256(data).hexdigest(), len(data))


def open_host(
    host: GitHost,
    repository: str,
    port: int | None = None,
    cache: Path | None = None,
    password: str | None = None,
) -> GitRemote:
    """Open a repository of the git host with its password."""
    access = Access(lambda: ADA, host.folder)
    url = host.url(repository, login=False, port=port).replace("://", f"://{host.user}@")
    return GitRemote(url, access, cache, password or host.password)


def open_ssh(
    host: SshHost, repository: Path, environment: Mapping[str, str] | None = None, port: int | None = None
) -> GitRemote:
    """Open a repository of the ssh host as its key's owner."""
    access = Access(
        lambda: ADA, host.folder, environment={"GIT_SSH_COMMAND": host.command, **(environment or {})}
    )
    return GitRemote(host.url(repository, port), access)


def send_all(remote: GitRemote, repository: Repository, before: str | None = None) -> None:
    """Push main: sounds, then history and the ref."""
    head = repository.head
    assert head
    remote.plan_send(repository, list_sounds(repository.git, [head])).run()
    remote.publish(repository, [RefUpdate(MAIN, before, head)])


def fetch_all(remote: GitRemote, repository: Repository) -> str:
    """Bring main with all its sounds; no ref moves. Returns its commit."""
    refs = remote.read_refs().refs
    remote.fetch_history(repository.git, [MAIN])
    remote.plan_fetch(repository, list_sounds(repository.git, [refs[MAIN]])).run()
    return refs[MAIN]


def git(*argv: object, cwd: Path | None = None, **environment: str) -> str:
    """Run the real git, with git-lfs as its filter and as Ada."""
    lfs = ("-c", "filter.lfs.process=git-lfs filter-process", "-c", "filter.lfs.required=true")
    filters = (
        *lfs,
        "-c",
        "filter.lfs.clean=git-lfs clean -- %f",
        "-c",
        "filter.lfs.smudge=git-lfs smudge -- %f",
    )
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *filters, *who, *map(str, argv)],
        cwd=cwd,
        env=os.environ | {"GIT_TERMINAL_PROMPT": "0"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout
