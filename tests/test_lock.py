"""Who only reads can wait for a writer, and is told whether there was one."""

import subprocess
import sys
import threading
from pathlib import Path

from beatflow.lock import Lock, wait_while_held


def test_nobody_is_waited_for(tmp_path: Path) -> None:
    assert not wait_while_held(tmp_path / "lock")
    with Lock(tmp_path / "lock", "bf commit"):
        pass
    assert not wait_while_held(tmp_path / "lock")


HOLD = """
import sys
from pathlib import Path
from beatflow.lock import Lock
with Lock(Path(sys.argv[1]), "bf commit"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin
        assert writer.stdout
        writer.stdout.readline()
        assert wait_while_held(path, 0.0)
        waiter = threading.Thread(target=wait_while_held, args=(path,))
        waiter.start()
        waiter.join(0.1)
        assert waiter.is_alive()
        writer.stdin.close()
        waiter.join(5)
        assert not waiter.is_alive()
    # It holds nothing itself afterwards.
    with Lock(path, "bf commit", timeout_s=0.0) as lock:
        assert lock.path.read_bytes()


def test_its_own_lock_is_not_waited_for(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", "bf check --repair"):
        assert not wait_while_held(tmp_path / "lock")
