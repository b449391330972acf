"""The operating system's lock on an open file, which it drops when the process dies, however that does.

Imports nothing of BeatFlow, and knows not what is locked.
"""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    # On Windows a locked byte cannot be read, so it lies far behind the content.
    _FAR_BYTE = 1 << 30

    def try_lock(descriptor: int) -> bool:
        """Lock a file, and say whether that was possible; closing it lets go."""
        os.lseek(descriptor, _FAR_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock a file, and say whether that was possible; closing it lets go."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
