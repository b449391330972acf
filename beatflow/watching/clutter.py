"""Files that programs have only while they work: drafts leave them out, and they wake nobody.

Knows names alone. What `.bfignore` names is left out as everywhere.
"""

import re

_PASSING = re.compile(
    r"""
      .*\.(?:tmp|temp|part|partial|crdownload|download|swp|swx|lock|lck|reapeaks|reapindex|asd|pkf|sfk|peak|ovw|wfm)
    | \.~.* | ~.* | .*~ | \.\#.* | \#.*\#
    | \.goutputstream-.* | \.fuse_hidden.* | \.nfs[0-9a-f]+ | \.syncthing\..* | .*\.sb-[0-9a-f]+-\w+
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_FOLDERS = ("peaks", ".backup", "autosave")


def is_passing(path: str) -> bool:
    """Say whether a path, below the root, is one of another program's own: unfinished, a lock, a drawing of peaks."""
    *folders, name = path.split("/")
    return bool(_PASSING.fullmatch(name)) or any(folder.lower() in _FOLDERS for folder in folders)
