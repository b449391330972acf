"""What reaches the terminal, and in which bytes."""

import io
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from beatflow import progressbar
from beatflow.columns import safe
from beatflow.ui import Flow, Look, Ui, plain_json


@dataclass
class Screen:
    out: io.BytesIO
    err: io.BytesIO
    ui: Ui

    @property
    def text(self) -> str:
        return self.out.getvalue().decode()

    @property
    def talk(self) -> str:
        self.ui.flush()
        return self.err.getvalue().decode()


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


MakeScreen = Callable[..., Screen]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> MakeScreen:
    def make(encoding: str = "utf-8", terminal: bool = False, answer: str = "", **look: object) -> Screen:
        out, err = io.BytesIO(), io.BytesIO()
        kind = _Terminal if terminal else io.TextIOWrapper
        monkeypatch.setattr(sys, "stdout", kind(out, encoding=encoding))
        monkeypatch.setattr(sys, "stderr", kind(err, encoding="utf-8"))
        monkeypatch.setattr(sys, "stdin", kind(io.BytesIO(answer.encode()), encoding="utf-8"))
        return Screen(out, err, Ui(Look(**look)))  # type: ignore[arg-type]

    return make


def test_names_come_out_byte_for_byte(screen: MakeScreen) -> None:
    s = screen()
    s.ui.emit("caf\udce9")
    assert s.out.getvalue() == b"caf\xe9\n"


def test_what_the_encoding_cannot_carry_is_replaced(screen: MakeScreen) -> None:
    s = screen("ascii")
    s.ui.emit("├─╮ ● é 音")
    assert s.text == "+-+ * ? ?\n"
    assert not s.ui.unicode


def test_json_is_one_unicode_document(screen: MakeScreen) -> None:
    s = screen("ascii")
    s.ui.emit_json("beatflow.test/1", {"name": "é\udce9", "path": Path("a/b"), "nan": float("nan")})
    document = json.loads(s.out.getvalue().decode("utf-8"))
    assert list(document) == ["schema", "name", "path", "nan"]
    assert document == {"schema": "beatflow.test/1", "name": "é\udce9", "path": "a/b", "nan": None}


def test_plain_json_knows_what_results_are_made_of() -> None:
    @dataclass
    class Point:
        x: np.float32
        tags: frozenset[str]

    assert plain_json([Point(np.float32(0.5), frozenset("ba")), np.arange(2), (1, True)]) == [
        {"x": 0.5, "tags": ["a", "b"]},
        [0, 1],
        [1, True],
    ]
    with pytest.raises(TypeError):
        plain_json(object())


def test_table_aligns_words_left_and_numbers_right(screen: MakeScreen) -> None:
    s = screen()
    s.ui.table(["name", "size"], [["drums", "9 KB"], ["b\x1b", "120 KB"], ["c", None]])
    assert s.text == "name     size\ndrums    9 KB\nb\\x1b  120 KB\nc           –\n"


def test_table_gives_wide_letters_two_columns(screen: MakeScreen) -> None:
    s = screen()
    s.ui.table(["name", "size"], [["夜", "9 KB"], ["e\u0301e", "120 KB"]])
    assert s.text == "name    size\n夜      9 KB\ne\u0301e    120 KB\n"


def test_empty_table(screen: MakeScreen) -> None:
    s = screen()
    s.ui.table(["name", "size"], [])
    assert s.text == "name  size\n"


def test_colour(screen: MakeScreen) -> None:
    assert screen().ui.style("x", "oid") == "x"
    assert screen(terminal=True).ui.style("x", "oid") == "\x1b[33mx\x1b[0m"
    assert screen(terminal=True, color="never").ui.style("x", "oid") == "x"
    assert screen(color="always").ui.style("x", 13) == "\x1b[32mx\x1b[0m"
    assert screen(color="always").ui.style("", "oid") == ""


def test_quiet_silences_talk_but_no_warning(screen: MakeScreen) -> None:
    s = screen(quiet=True)
    s.ui.say("hello")
    s.ui.warn("careful", hint="do")
    assert s.talk == "warning: careful\nhint: do\n"


def test_data_and_talk_keep_their_order(screen: MakeScreen) -> None:
    s = screen()
    s.ui.emit("data")
    s.ui.say("talk")
    assert s.out.getvalue() == b"data\n"
    assert s.talk == "talk\n"


def test_bytes_follow_text(screen: MakeScreen) -> None:
    s = screen()
    s.ui.emit("a")
    s.ui.emit_bytes([b"\x00\xff", b"b"])
    assert s.out.getvalue() == b"a\n\x00\xffb"


def test_progress_events(screen: MakeScreen) -> None:
    s = screen(progress="json")
    with s.ui.progress("render", total=4) as progress:
        progress.advance(1)
        progress(0.5, "mix")
        progress(1.5)
    events = [json.loads(line) for line in s.talk.splitlines()]
    assert [(event["fraction"], event["what"]) for event in events] == [
        (0.25, "render"),
        (0.5, "mix"),
        (1.0, "mix"),
    ]
    assert events[-1]["eta_s"] == 0.0
    assert all(event["event"] == "progress" for event in events)


def test_time_left_counts_from_where_loading_ended(
    screen: MakeScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("beatflow.ui.time.monotonic", lambda: clock[0])
    s = screen(progress="json")
    with s.ui.progress("play") as progress:
        for now_s, fraction in ((0.0, 0.0), (60.0, 0.04), (61.0, 0.05), (70.0, 0.5)):
            clock[0] = now_s
            progress(fraction)
    with s.ui.progress("copy") as progress:
        clock[0] = 80.0
        progress(0.5)
    left = [json.loads(line)["eta_s"] for line in s.talk.splitlines()]
    assert left == [None, None, 95.0, 10.9, 10.0]


def test_a_transfer_tells_its_bytes_and_their_pace(
    screen: MakeScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("beatflow.ui.time.monotonic", lambda: clock[0])
    s = screen(progress="json")
    with s.ui.progress("pushing") as progress:
        progress.begin("asking")
        progress.begin("sending sounds", 4_000_000)
        clock[0] = 2.0
        progress.advance(1_000_000)
        clock[0] = 4.0
        progress.advance(1_000_000)
    asked, begun, first, second = [json.loads(line) for line in s.talk.splitlines()]
    assert "bytes" not in asked
    assert (begun["bytes"], begun["total_bytes"], begun["bytes_per_s"]) == (0, 4_000_000, None)
    assert (first["bytes_per_s"], first["fraction"]) == (500_000, 0.25)
    assert (second["bytes"], second["fraction"], second["eta_s"]) == (2_000_000, 0.5, 4.0)


def await_bar() -> None:
    """Wait until the bar is there."""
    for thread in threading.enumerate():
        if thread.name == "beatflow-bar":
            thread.join()


def test_a_transfer_shows_its_pace_on_a_terminal(screen: MakeScreen, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(progressbar, "PATIENCE_S", 0.0)
    s = screen(terminal=True)
    with s.ui.progress("pushing") as progress:
        await_bar()
        monkeypatch.setattr("beatflow.ui.time.monotonic", lambda: clock[0])
        progress.begin("sending sounds", 12_300_000)
        clock[0] = 2.0
        progress.advance(950)
        progress.advance(3_000_000)
        monkeypatch.undo()
    assert str(Flow(3_000_950, 12_300_000, 1_500_475.0)) == "3.0 MB of 12.3 MB, 1.5 MB/s"
    assert str(Flow(2e10, None, None)) == "20.0 GB"
    assert "of 12.3 MB" in s.talk


def test_with_progress_json_all_talk_is_events(screen: MakeScreen) -> None:
    s = screen(progress="json")
    s.ui.say("hello")
    s.ui.warn("careful", hint="do")
    s.ui.error("no", exit_code=4)
    events = [json.loads(line) for line in s.talk.splitlines()]
    assert [(event["event"], event["message"]) for event in events] == [
        ("message", "hello"),
        ("warning", "careful"),
        ("error", "no"),
    ]


def test_progress_is_silent_without_a_terminal(screen: MakeScreen) -> None:
    s = screen()
    with s.ui.progress("render") as progress:
        progress(0.5, "x")
    assert s.talk == ""


def test_progress_bar_on_a_terminal(screen: MakeScreen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progressbar, "PATIENCE_S", 0.0)
    s = screen(terminal=True)
    with s.ui.progress("render") as progress:
        progress(0.5, "half [way]")
        await_bar()
    assert "half [way]" in s.talk
    assert s.text == ""


def test_what_is_quick_shows_no_bar(screen: MakeScreen) -> None:
    s = screen(terminal=True)
    with s.ui.progress("render") as progress:
        progress(0.5, "half way")
    assert s.talk == ""


@pytest.mark.parametrize(("answer", "expected"), [("y\n", True), ("no\n", False), ("\n", True), ("", True)])
def test_confirm(answer: str, expected: bool, screen: MakeScreen) -> None:
    s = screen(terminal=True, answer=answer)
    assert s.ui.confirm("Sure?", default=True) is expected
    assert s.talk == "Sure? [Y/n] "


def test_nobody_is_asked_without_a_terminal(screen: MakeScreen) -> None:
    s = screen(answer="y\n", editor="false")
    assert s.ui.confirm("Sure?") is False
    assert s.ui.edit("text") is None
    assert s.talk == ""


def test_editor(screen: MakeScreen, tmp_path: Path) -> None:
    script = tmp_path / "edit.py"
    script.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text() + 'more')\n"
    )
    assert screen(terminal=True, editor=f"{sys.executable} {script}").ui.edit("text ") == "text more"
    assert screen(terminal=True, editor="false").ui.edit("text") is None


def test_pager_gets_the_output(screen: MakeScreen, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    program = f"import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, open({str(copy)!r}, 'wb'))"
    s = screen(terminal=True, pager=f'{sys.executable} -c "{program}"')
    with s.ui.pager():
        s.ui.emit("é" * 3)
        assert s.ui.color
    s.ui.emit("after")
    assert copy.read_text() == "ééé\n"
    assert s.text == "after\n"


def test_leaving_the_pager_early_is_no_error(screen: MakeScreen) -> None:
    s = screen(terminal=True, pager="true")
    with s.ui.pager():
        for _ in range(20_000):
            s.ui.emit("line of text")
    assert s.text == ""


def test_no_pager_without_a_terminal(screen: MakeScreen) -> None:
    s = screen(pager="false")
    with s.ui.pager():
        s.ui.emit("here")
    s.ui.flush()
    assert s.text == "here\n"


def test_safe_shows_control_characters() -> None:
    assert safe("a\x1b[2J\x7f\x9b\n\tb") == "a\\x1b[2J\\x7f\\x9b\n\tb"
