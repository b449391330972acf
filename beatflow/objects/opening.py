"""Opens files in a folder where others work: something else may stand in a file's place by then.

Knows nothing of what files hold.
"""

import os
import stat
from io import FileIO
from pathlib import Path

from beatflow.errors import AudioError

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: Path) -> FileIO:
    """Open a file to read, unbuffered. A pipe in its place is not waited for, though nobody may ever write to it.

    Raises
    ------
    AudioError
        It is no regular file.
    OSError
        It cannot be opened.
    """
    file = FileIO(path, opener=_open)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise AudioError(f"{path} is not a regular file")
    return file


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _AT_ONCE)
