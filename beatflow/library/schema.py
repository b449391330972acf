"""The tables of the library, the same for SQLite and PostgreSQL. Values only: nothing here reads or writes one.

All of it can be built anew from the repositories and journals, so no table is ever migrated: where `VERSION` does not
match, everything is dropped and read again.
"""

from typing import Any

from sqlalchemy import BigInteger, Dialect, ForeignKey, Index, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

VERSION = 1

_ESCAPES = 0xF700
"""Where bytes of names that are not UTF-8 go: U+DC80 … U+DCFF, which no database holds, to U+F780 … U+F7FF."""


class AnyText(TypeDecorator[str]):
    """Text of any kind: also names that are not UTF-8, and what a database cannot hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make text that every database can hold."""
        return None if value is None else escape(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Give back what was bound."""
        return None if value is None else unescape(value)


def escape(text: str) -> str:
    """Write text without lone surrogates and without NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return "".join(map(_escape, text))


def unescape(text: str) -> str:
    """Read what `escape` wrote."""
    if text.isascii():
        return text
    return "".join(
        chr(ord(letter) - _ESCAPES + 0xDC00) if "\uf780" <= letter <= "\uf7ff" else letter for letter in text
    )


def _escape(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return chr(ord(letter) - 0xDC00 + _ESCAPES)
    return "\ufffd" if letter == "\0" or "\ud800" <= letter <= "\udfff" else letter


class Base(DeclarativeBase):
    """All tables of the library; their names begin with ``beatflow_``, so that others may have theirs beside them."""


class Setting(Base):
    """A figure about the library itself: the version of its tables."""

    __tablename__ = "beatflow_settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(AnyText)


class Track(Base):
    """A track, or (``is_track`` false) what a user made outside of any."""

    __tablename__ = "beatflow_tracks"
    __table_args__ = (UniqueConstraint("host", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(AnyText)
    """The machine that it is on."""
    path: Mapped[str] = mapped_column(AnyText)
    identity: Mapped[str | None] = mapped_column(String(40))
    """Goes with the folder when it is moved; None where it could not be written."""
    is_track: Mapped[bool] = mapped_column(default=True)
    title: Mapped[str] = mapped_column(AnyText, default="")
    missing: Mapped[bool] = mapped_column(default=False)
    """It was not there when the library looked last."""
    problem: Mapped[str | None] = mapped_column(AnyText)
    """Why it could not be read when the library looked last."""
    stamp: Mapped[str] = mapped_column(AnyText, default="")
    """How its files stood when it was read; the same stamp means that nothing happened."""
    tips: Mapped[str] = mapped_column(AnyText, default="[]")
    """The commits behind which everything is in the library; JSON."""
    journal_end: Mapped[int] = mapped_column(BigInteger, default=0)
    """Up to which byte its journal is in the library."""
    learned_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    """The modification time of the newest fact about a sound that is in the library."""
    stored_bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class Commit(Base):
    """A commit of a track."""

    __tablename__ = "beatflow_commits"
    __table_args__ = (UniqueConstraint("track_id", "oid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey(Track.id, ondelete="CASCADE"))
    oid: Mapped[str] = mapped_column(String(64))
    at_s: Mapped[float]
    offset_min: Mapped[int]
    author: Mapped[str] = mapped_column(AnyText)
    message: Mapped[str] = mapped_column(AnyText)


class Generation(Base):
    """One run of an engine: noted when it happened, or (``noted`` false) read from the record of what it made."""

    __tablename__ = "beatflow_generations"
    __table_args__ = (
        Index("beatflow_generations_by_time", "at_s"),
        Index("beatflow_generations_by_run", "run"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey(Track.id, ondelete="CASCADE"))
    noted: Mapped[bool]
    run: Mapped[str | None] = mapped_column(String(64))
    """What the records of its sounds have in common, where it was read from them."""
    at_s: Mapped[float]
    offset_min: Mapped[int]
    command: Mapped[str] = mapped_column(AnyText)
    ok: Mapped[bool]
    error: Mapped[str | None] = mapped_column(AnyText)
    exit_code: Mapped[int | None]
    oid: Mapped[str | None] = mapped_column(String(64))
    """The chief sound that came of it."""
    path: Mapped[str | None] = mapped_column(AnyText)
    prompt: Mapped[str | None] = mapped_column(AnyText)
    engine: Mapped[str | None] = mapped_column(AnyText)
    engine_version: Mapped[str | None] = mapped_column(AnyText)
    seed: Mapped[str | None] = mapped_column(AnyText)
    """As text, since a seed may be longer than a database's numbers."""
    tempo: Mapped[float | None]
    key: Mapped[str | None] = mapped_column(AnyText)
    duration_s: Mapped[float | None]
    seconds: Mapped[float | None]
    real_time_factor: Mapped[float | None]
    device: Mapped[str | None] = mapped_column(AnyText)
    dtype: Mapped[str | None] = mapped_column(AnyText)
    runtime: Mapped[str | None] = mapped_column(AnyText)
    parameters: Mapped[str] = mapped_column(AnyText, default="{}")
    """All the rest; JSON."""


class Sound(Base):
    """A sound of a track: made by an engine, kept in a commit, or only played."""

    __tablename__ = "beatflow_sounds"
    __table_args__ = (
        UniqueConstraint("track_id", "oid"),
        Index("beatflow_sounds_by_time", "at_s"),
        Index("beatflow_sounds_by_oid", "oid"),
        Index("beatflow_sounds_by_generation", "generation_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey(Track.id, ondelete="CASCADE"))
    oid: Mapped[str] = mapped_column(String(64))
    at_s: Mapped[float]
    offset_min: Mapped[int]
    path: Mapped[str] = mapped_column(AnyText)
    kind: Mapped[str] = mapped_column(AnyText)
    """The command that made it, ``recording`` where nothing is known of that, ``file`` where it was only played."""
    stem: Mapped[str | None] = mapped_column(AnyText)
    """Which part of a mix it is."""
    generation_id: Mapped[int | None] = mapped_column(ForeignKey(Generation.id, ondelete="SET NULL"))
    generation: Mapped[Generation | None] = relationship()
    commit: Mapped[str | None] = mapped_column(String(64))
    """The first commit that has it; None where none does."""
    message: Mapped[str | None] = mapped_column(AnyText)
    prompt: Mapped[str | None] = mapped_column(AnyText)
    engine: Mapped[str | None] = mapped_column(AnyText)
    tempo: Mapped[float | None]
    key: Mapped[str | None] = mapped_column(AnyText)
    duration_s: Mapped[float | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)


class Event(Base):
    """Something that happened to a sound: it was played, taken out, made a favourite, or one no more."""

    __tablename__ = "beatflow_events"
    __table_args__ = (Index("beatflow_events_by_sound", "oid", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey(Track.id, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    oid: Mapped[str] = mapped_column(String(64))
    at_s: Mapped[float]


class Document(Base):
    """What can be found by its words: a sound, or a commit that brought none. The words lie in `fulltext`'s table."""

    __tablename__ = "beatflow_documents"

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey(Track.id, ondelete="CASCADE"))
    sound_id: Mapped[int | None] = mapped_column(ForeignKey(Sound.id, ondelete="CASCADE"), index=True)
    commit_id: Mapped[int | None] = mapped_column(ForeignKey(Commit.id, ondelete="CASCADE"), index=True)
