"""Who only reads can wait for a writer, and is told whether there was one."""

import threading
from pathlib import Path

from beatflow.lock import Lock, wait_while_held


def test_nobody_is_waited_for(tmp_path: Path) -> None:
    assert not wait_while_held(tmp_path / "lock")
    with Lock(tmp_path / "lock", "bf commit"):
        pass
    assert not wait_while_held(tmp_path / "lock")


def test_a_writer_is_waited_for(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", "bf commit"):
        assert wait_while_held(tmp_path / "lock", 0.0)
        waiter = threading.Thread(target=wait_while_held, args=(tmp_path / "lock",))
        waiter.start()
        waiter.join(0.1)
        assert waiter.is_alive()
    waiter.join(5)
    assert not waiter.is_alive()
    # It holds nothing itself afterwards.
    with Lock(tmp_path / "lock", "bf commit", timeout_s=0.0) as lock:
        assert lock.path.read_bytes()
