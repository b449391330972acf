"""The link from a fork back to its parent: a ref of its own, so that it travels with every push and clone.

``refs/beatflow/parent`` names a commit without parents whose tree holds ``parent.json``: where the parent is, and the
commit that the fork began at. Addresses never hold secrets.
"""

import json
from dataclasses import dataclass

from beatflow.errors import BeatFlowError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry, Signature

PARENT_REF = "refs/beatflow/parent"
_FILE = "parent.json"
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a fork comes from: an address, and a commit there."""

    url: str
    commit: str


def write_parent(git: GitStore, parent: Parent, who: Signature) -> str:
    """Store the link and return the commit that holds it; no ref moves."""
    data = json.dumps({"version": 1, "url": parent.url, "commit": parent.commit}, sort_keys=True).encode()
    tree = git.write_tree({_FILE: Entry(FILE, git.write_blob(data))})
    return git.write_commit(tree, [], f"fork of {parent.url}", who)


def read_parent(git: GitStore, commit: str) -> Parent | None:
    """Read a link; None where it is none that this version knows."""
    try:
        entry = git.find_entry(git.read_commit(commit).tree, _FILE)
        if entry is None or git.blob_size(entry.oid) > _MAX_BYTES:
            return None
        document = json.loads(git.read_blob(entry.oid))
        url, commit = document["url"], document["commit"]
    except (BeatFlowError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Parent(url, commit) if isinstance(url, str) and isinstance(commit, str) else None
