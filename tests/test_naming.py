"""Going back to where one was."""

from tests.conftest import Bf


def test_switch_back(bf: Bf) -> None:
    bf.ok("init")
    assert "no other branch" in bf.fails(3, "switch", "-")
    (bf.directory / "notes.txt").write_text("x")
    bf.ok("commit", "-m", "first")
    bf.ok("switch", "-c", "take2")
    assert bf.ok("switch", "-").stderr == "on main, 0 files rewritten\n"
    assert bf.ok("switch", "@{-1}").stderr == "on take2, 0 files rewritten\n"
    bf.ok("switch", "--detach", "HEAD")
    assert bf.ok("switch", "-").stderr == "on take2, 0 files rewritten\n"
