"""The parts of it alone: addresses, orders that are remembered, words."""

import json
from pathlib import Path

import pytest

from beatflow.ai.beatoven import errand as errands
from beatflow.ai.beatoven.address import check_base, find_origin, follow, show
from beatflow.ai.beatoven.errand import begin_errand
from beatflow.ai.beatoven.wording import make_prompt
from beatflow.ai.engine import Brief
from beatflow.errors import EngineError

ORDER = {"prompt": {"text": "lofi"}, "looping": True}


@pytest.mark.parametrize(
    ("url", "target", "expected"),
    [
        ("https://a.com/x/y", "z?q=1", "https://a.com/x/z?q=1"),
        ("https://a.com/x", "https://b.com:8443/z", "https://b.com:8443/z"),
        ("https://a.com/x", "//b.com/z", "https://b.com/z"),
        ("https://a.com/x", "http://a.com/z", None),
        ("https://a.com/x", "http://b.com/z", None),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:2/z", "http://127.0.0.1:2/z"),
        ("http://127.0.0.1:1/x", "http://127.0.0.2:1/z", None),
        ("http://127.0.0.1:1/x", "https://a.com/z", "https://a.com/z"),
        ("https://a.com/x", "https://me:pw@a.com/z", None),
        ("https://a.com/x", "https://a.com:port/z", None),
        ("https://a.com/x", "https://[::1/z", None),
        ("https://a.com/x", "javascript:alert(1)", None),
    ],
)
def test_where_redirections_may_lead(url: str, target: str, expected: str | None) -> None:
    assert follow(url, target) == expected


def test_addresses() -> None:
    assert find_origin("https://A.com/x") == find_origin("https://a.com:443/y?z")
    assert find_origin("https://a.com") != find_origin("http://a.com")
    assert find_origin("https://a.com") != find_origin("https://a.com:444")
    assert show("https://[::1/x") == "which is no URL"
    assert show("https://u:p@a.com/x/y.wav?signature=hush#z") == "a.com/x/y.wav"
    for url in ("http://[::1]:8000/", "http://localhost", "http://127.8.8.8/base/", "https://a.com"):
        assert check_base(url) == url.rstrip("/")
    for url in ("http://10.0.0.1", "http://localhost.evil.com", "http://127.0.0.1@evil.com/"):
        with pytest.raises(EngineError):
            check_base(url)


def test_an_order_is_taken_over_only_from_the_dead(tmp_path: Path) -> None:
    first = begin_errand(tmp_path, ORDER)
    assert first.fresh
    first.announce()
    first.remember("task-1")
    second = begin_errand(tmp_path, ORDER)
    assert second.fresh
    assert second.path != first.path
    second.announce()
    other = begin_errand(tmp_path, ORDER | {"looping": False})
    assert other.fresh
    other.close()
    first.close()
    second.close()
    found = [begin_errand(tmp_path, ORDER) for _ in range(3)]
    assert {(one.task, one.unanswered, one.fresh) for one in found} == {
        ("task-1", False, False),
        (None, True, False),
        (None, False, True),
    }
    for one in found:
        one.forget()
    assert list(tmp_path.iterdir()) == []


def test_an_order_that_was_never_sent_leaves_nothing(tmp_path: Path) -> None:
    begin_errand(tmp_path, ORDER).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"task": 3}', b"\xff", b"{}"])
def test_a_damaged_note_counts_as_unanswered(content: bytes, tmp_path: Path) -> None:
    noted = begin_errand(tmp_path, ORDER)
    noted.remember("task-1")
    noted.close()
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_bytes()) == {"task": "task-1"}
    path.write_bytes(content)
    found = begin_errand(tmp_path, ORDER)
    assert found.unanswered
    assert found.task is None
    found.close()
    assert path.exists()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "try_lock", lambda descriptor: False)
    noted = begin_errand(tmp_path, ORDER)
    noted.announce()
    noted.remember("task-1")
    assert noted.path is None
    noted.forget()
    noted.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("brief", "expected"),
    [
        (Brief(" calm lofi "), "calm lofi"),
        (Brief("lofi", duration_s=0.2), "1 second lofi"),
        (Brief("lofi", bars=8), "8 bars of lofi"),
        (Brief("lofi", bars=8, tempo=120.0, meter="3/4"), "12 seconds lofi, 120 BPM, in 3/4 time"),
        (Brief("lofi", key="F#:maj"), "lofi, in F# major"),
    ],
)
def test_words(brief: Brief, expected: str) -> None:
    assert make_prompt(brief) == expected
