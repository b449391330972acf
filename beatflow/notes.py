"""Notes on commits, as git keeps them: text in ``refs/notes/commits``, which ``git log`` shows as well.

A note changes no commit. Notes stay in their track: push, pull and clone carry branches and tags.
"""

from beatflow.objects.git.value import FILE, Entry
from beatflow.repository import Repository

REF = "refs/notes/commits"


def read_note(repository: Repository, commit: str) -> str | None:
    """Return the note on a commit; None where there is none."""
    git = repository.git
    tip = git.read_ref(REF)
    if tip is None:
        return None
    tree = git.read_commit(tip).tree
    # git puts them into folders once there are many.
    for path in (commit, f"{commit[:2]}/{commit[2:]}", f"{commit[:2]}/{commit[2:4]}/{commit[4:]}"):
        entry = git.find_entry(tree, path)
        if entry:
            return git.read_blob(entry.oid).decode("utf-8", "replace").strip()
    return None


def add_note(repository: Repository, commit: str, text: str) -> None:
    """Add a paragraph to the note on a commit, as one operation that can be undone.

    Raises
    ------
    LockedError
        Another process is changing the repository.
    """
    # The log reads notes, and is quick.
    from beatflow.transaction import Transaction

    git = repository.git
    with Transaction(repository, "note", f"note on {commit[:7]}") as transaction:
        tip = git.read_ref(REF)
        tree = git.read_tree(git.read_commit(tip).tree) if tip else {}
        path = next((name for name in tree if name.replace("/", "") == commit), commit)
        before = git.read_blob(tree[path].oid).rstrip(b"\n") + b"\n\n" if path in tree else b""
        data = before + text.strip().encode("utf-8", "replace") + b"\n"
        tree[path] = Entry(FILE, git.write_blob(data))
        parents = [tip] if tip else []
        who = repository.signer()
        made = git.write_commit(git.write_tree(tree), parents, "Notes added by 'bf ab'", who)
        transaction.set_ref(REF, made)
        transaction.publish()
