"""Words and where they occur: FTS5 on SQLite, ``tsvector`` on PostgreSQL, the same answers from both.

Both get words that were taken apart here, so that neither's idea of a word, of case or of accents has a say. A query
finds what holds all of its words, each as the beginning of one.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.orm import Session

from beatflow.library.schema import escape

MAX_LETTERS = 60
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Without spaces between words each letter of Chinese and Japanese counts as one; so does an emoji.
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|[\u2600-\u27bf\U0001f300-\U0001faff]")

_CREATE = {
    "sqlite": ["CREATE VIRTUAL TABLE IF NOT EXISTS beatflow_words USING fts5(words, tokenize = 'ascii')"],
    "postgresql": [
        "CREATE TABLE IF NOT EXISTS beatflow_words (id INTEGER PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX IF NOT EXISTS beatflow_beatflow_words_index ON beatflow_words USING GIN (words)",
    ],
}
_ADD = {
    "sqlite": "INSERT INTO beatflow_words (rowid, words) VALUES (:id, :words)",
    "postgresql": "INSERT INTO beatflow_words (id, words)"
    " VALUES (:id, array_to_tsvector(string_to_array(:words, ' ')))",
}
_FIND = {
    "sqlite": "beatflow_documents.id IN (SELECT rowid FROM beatflow_words WHERE beatflow_words MATCH :query)",
    "postgresql": "beatflow_documents.id IN (SELECT id FROM beatflow_words WHERE words @@ CAST(:query AS TSQUERY))",
}
_DROP = {
    "sqlite": "DELETE FROM beatflow_words WHERE rowid = :id",
    "postgresql": "DELETE FROM beatflow_words WHERE id = :id",
}
_DROP_ORPHANS = {
    "sqlite": "DELETE FROM beatflow_words WHERE rowid NOT IN (SELECT id FROM beatflow_documents)",
    "postgresql": "DELETE FROM beatflow_words WHERE id NOT IN (SELECT id FROM beatflow_documents)",
}


def tokenize(text: str) -> list[str]:
    """Take text apart into words: without case and accents, nothing but letters and digits in them."""
    plain = unicodedata.normalize("NFKD", escape(text).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word[:MAX_LETTERS] for word in _TOKEN.findall(unicodedata.normalize("NFC", bare))]


def create_index(connection: Connection) -> None:
    """Make the table of words, where it is not there."""
    for statement in _CREATE[connection.dialect.name]:
        connection.execute(text(statement))


def drop_index(connection: Connection) -> None:
    """Remove the table of words."""
    connection.execute(text("DROP TABLE IF EXISTS beatflow_words"))


def add_words(session: Session, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Say which words documents have, by their ids; those without any are left out."""
    values = [{"id": number, "words": " ".join(dict.fromkeys(words))} for number, words in rows if words]
    if values:
        session.execute(text(_ADD[_dialect(session)]), values)


def drop_words(session: Session, documents: Sequence[int]) -> None:
    """Forget the words of some documents."""
    if documents:
        session.execute(text(_DROP[_dialect(session)]), [{"id": number} for number in documents])


def drop_orphans(session: Session) -> None:
    """Forget the words of documents that are gone."""
    session.execute(text(_DROP_ORPHANS[_dialect(session)]))


def matches(session: Session, query: str) -> TextClause | None:
    """Return the condition on a document that it holds all words of a query; None for a query without words."""
    words = list(dict.fromkeys(tokenize(query)))
    if not words:
        return None
    dialect = _dialect(session)
    # Words hold neither quotes nor backslashes, so nothing needs escaping.
    terms = [f'"{word}"*' if dialect == "sqlite" else f"'{word}':*" for word in words]
    asked = (" " if dialect == "sqlite" else " & ").join(terms)
    return text(_FIND[dialect]).bindparams(query=asked)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
