"""Opens the library's database: a file of SQLite, or a PostgreSQL server. Knows its tables, and not what is in them.

The database is a cache over repositories and journals. The user's own file is begun anew when it is damaged; where no
file can be written, the library lives in memory for as long as the command runs.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from beatflow.errors import BeatFlowError, EngineError, UsageError
from beatflow.library.fulltext import create_index, drop_index
from beatflow.library.schema import VERSION, Base, Setting

FILE = "library.sqlite3"
_PATIENCE_S = 60
_LOCK = 0x62666C69
"""The number of PostgreSQL's advisory lock: ``bfli``."""


class Database:
    """An opened library.

    Parameters
    ----------
    engine : Engine
    where : str
        What to call it; no password in it.
    remark : str, optional
        What the user should know of it.
    """

    def __init__(self, engine: Engine, where: str, remark: str | None = None) -> None:
        self.engine = engine
        self.where = where
        self.remark = remark
        self._writer = engine.execution_options(beatflow_writes=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read from it."""
        with self._explained(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Change it, alone among all processes; everything is kept at the end, or nothing."""
        with self._explained(), Session(self._writer) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            yield session

    def close(self) -> None:
        """Let go of it."""
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise LibraryError(self.where, error) from error


class LibraryError(BeatFlowError):
    """A database that does not do what it should: full, locked, not there."""

    def __init__(self, where: str, error: Exception) -> None:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        super().__init__(
            f"the library in {where} cannot be used: {reason}",
            hint="bf library rebuild makes it anew; --database FILE takes another one",
        )


def open_database(address: str | None, state: Path | None) -> Database:
    """Open the library, its tables made where they are not there.

    Parameters
    ----------
    address : str or None
        A file, or the URL of a database; None for the file in the user's state folder.
    state : Path or None
        The user's state folder.

    Raises
    ------
    EngineError
        The package for that kind of database is not installed.
    LibraryError
        It cannot be reached.
    UsageError
        The address is none, or a newer BeatFlow wrote what is there.
    """
    url = _parse(address, state)
    where = url.render_as_string(hide_password=True) if url.host or not url.database else url.database
    try:
        engine = create_engine(url, **_options(url))
    except NoSuchModuleError as error:
        raise UsageError(f"no library can be kept in {where}", hint=_HINT) from error
    except ModuleNotFoundError as error:
        raise EngineError(
            f"a library on PostgreSQL needs {error.name}", hint="pip install 'beatflow[server]'"
        ) from error
    if engine.dialect.name == "sqlite":
        return _open_file(engine, Path(url.database) if url.database else None, where, address is not None)
    database = Database(engine, where)
    _prepare(database)
    return database


_HINT = "a file, or postgresql://user@host/database"


def _parse(address: str | None, state: Path | None) -> URL:
    if address and "://" in address:
        try:
            url = make_url(address)
        except (ArgumentError, ValueError) as error:
            raise UsageError("the library's address cannot be read", hint=_HINT) from error
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise UsageError(f"no library can be kept in {url.get_backend_name()}", hint=_HINT)
        return url
    path = Path(address) if address else state / FILE if state else None
    return URL.create("sqlite", database=str(path) if path else None)


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": _PATIENCE_S}}
    return {"connect_args": {"connect_timeout": 10}}


def _open_file(engine: Engine, path: Path | None, where: str, named: bool) -> Database:
    """Open a file of SQLite; the usual one is begun anew when damaged, and done without where it cannot be had."""
    _teach(engine)
    database = Database(engine, where)
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        _prepare(database)
    except (LibraryError, OSError) as error:
        engine.dispose()
        cause = error.__cause__
        broken = isinstance(cause, DBAPIError) and not isinstance(cause.orig, sqlite3.OperationalError)
        if broken and path and not named:
            path.unlink()
            database = Database(engine, where, f"{where} was damaged: the library is made anew")
            _prepare(database)
            return database
        if named or broken:
            raise
        memory = create_engine("sqlite://")
        _teach(memory)
        database = Database(memory, "memory", f"{where} cannot be written: the library is made in memory")
        _prepare(database)
    return database


def _teach(engine: Engine) -> None:
    """Have SQLite keep its references, and begin a change by taking the lock: two writers wait for each other."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        # The driver begins transactions too late by itself.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("beatflow_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare(database: Database) -> None:
    """Make the tables where they are not there, or are those of another version."""
    with database.reading() as session:
        if _read_version(session.connection()) == VERSION:
            return
    with database.writing() as session:
        connection = session.connection()
        version = _read_version(connection)
        if version == VERSION:
            return
        if version is not None and version > VERSION:
            raise UsageError(
                f"the library in {database.where} is a newer BeatFlow's",
                hint="--database FILE takes another one",
            )
        drop_tables(connection)
        create_tables(connection)


def create_tables(connection: Connection) -> None:
    """Make empty tables."""
    Base.metadata.create_all(connection)
    create_index(connection)
    connection.execute(insert(Setting).values(name="version", value=str(VERSION)))


def drop_tables(connection: Connection) -> None:
    """Remove all that is the library's, whatever its version."""
    drop_index(connection)
    Base.metadata.drop_all(connection)


def _read_version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(Setting.__tablename__):
        return None
    value = connection.execute(select(Setting.value).where(Setting.name == "version")).scalar()
    return int(value) if value and str(value).isdigit() else 0
