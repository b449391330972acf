"""Opening a library: where there is none, a damaged one, another version's, none that can be written."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update

from beatflow.errors import EngineError, UsageError
from beatflow.library.database import FILE, LibraryError, open_database
from beatflow.library.schema import VERSION, Setting, escape, unescape


def test_made_where_there_is_none_and_kept(tmp_path: Path) -> None:
    state = tmp_path / "a" / "b"
    database = open_database(None, state)
    assert (database.where, database.remark) == (str(state / FILE), None)
    with database.writing() as session:
        session.add(Setting(name="mine", value="1"))
    database.close()
    again = open_database(None, state)
    with again.reading() as session:
        assert session.get_one(Setting, "mine").value == "1"
    again.close()


@pytest.mark.parametrize("content", [b"no database", b"", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    database = open_database(None, tmp_path)
    assert (database.remark is None) == (content == b"")
    with database.reading() as session:
        assert session.scalars(select(Setting.name)).all() == ["version"]
    database.close()


def test_somebody_elses_file_is_never_removed(tmp_path: Path) -> None:
    precious = tmp_path / "song.wav"
    precious.write_bytes(b"RIFF....WAVE" * 50)
    with pytest.raises(LibraryError, match="not a database"):
        open_database(str(precious), tmp_path)
    assert precious.read_bytes() == b"RIFF....WAVE" * 50


def test_somebody_elses_tables_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE tracks (title TEXT)")
    theirs.execute("INSERT INTO tracks VALUES ('Aurora')")
    theirs.commit()
    theirs.close()
    open_database(str(path), None).close()
    theirs = sqlite3.connect(path)
    assert theirs.execute("SELECT title FROM tracks").fetchall() == [("Aurora",)]
    theirs.close()


def test_an_older_version_is_made_anew_and_a_newer_one_left_alone(tmp_path: Path) -> None:
    for version, kept in ((VERSION - 1, False), (VERSION, True)):
        database = open_database(None, tmp_path)
        with database.writing() as session:
            session.merge(Setting(name="mine", value="1"))
            session.execute(update(Setting).where(Setting.name == "version").values(value=str(version)))
        database.close()
        again = open_database(None, tmp_path)
        with again.reading() as session:
            assert (session.get(Setting, "mine") is not None) == kept
        again.close()
    database = open_database(None, tmp_path)
    with database.writing() as session:
        session.execute(update(Setting).where(Setting.name == "version").values(value=str(VERSION + 1)))
    database.close()
    with pytest.raises(UsageError, match="newer"):
        open_database(None, tmp_path)


def test_where_no_file_can_be_written_memory_does(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    database = open_database(None, tmp_path / "file" / "state")
    assert database.where == "memory"
    assert "cannot be written" in (database.remark or "")
    with database.writing() as session:
        session.add(Setting(name="mine", value="1"))
    with database.reading() as session:
        assert session.get_one(Setting, "mine").value == "1"
    database.close()
    with pytest.raises(OSError, match="Not a directory"):
        open_database(str(tmp_path / "file" / "state" / "x.db"), None)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    database = open_database(None, tmp_path)

    def fill() -> None:
        with database.writing() as session:
            session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
            session.add_all(Setting(name=f"n{number}", value="x" * 4000) for number in range(200))

    with pytest.raises(LibraryError, match="cannot be used") as told:
        fill()
    assert "bf library rebuild" in (told.value.hint or "")
    with database.reading() as session:
        assert session.scalars(select(Setting.name)).all() == ["version"]
    database.close()


@pytest.mark.parametrize(
    ("address", "error", "told"),
    [
        ("mysql://root@host/x", UsageError, "mysql"),
        ("://", UsageError, "cannot be read"),
        ("postgresql://user:hush@127.0.0.1:1/x", LibraryError, "127.0.0.1:1"),
    ],
)
def test_addresses_that_lead_nowhere(address: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error) as raised:
        open_database(address, None)
    assert told in str(raised.value)
    assert "hush" not in str(raised.value)


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(EngineError) as raised:
        open_database("postgresql://user@127.0.0.1:1/x", None)
    assert raised.value.hint == "pip install 'beatflow[server]'"


@pytest.mark.parametrize("text", ["plain", "Ünïcode 夜 🎧", os.fsdecode(b"not \xff\xfe UTF-8")])
def test_text_comes_back(text: str) -> None:
    escape(text).encode()
    assert unescape(escape(text)) == text


def test_what_no_database_holds() -> None:
    assert escape("a\0b\ud83d") == "a\ufffdb\ufffd"
