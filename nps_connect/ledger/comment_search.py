"""The search index of comments, which the database itself keeps in the transaction that writes a comment.

SQLite has a table of FTS5 without content, filled by triggers; PostgreSQL an index on an expression. Both ignore case
and accents. What writes, empties or deletes a comment, in whatever way, changes the index too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, column, event, false, func, select, table, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import Boolean
from sqlmodel import Session, col

from nps_connect.ledger.columns import Base
from nps_connect.ledger.tables import ResponseRow
from nps_connect.rules.search_query import fts5_query, parse_search, tsquery

SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE comment_search USING fts5("
    "comment, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2', prefix='3')"
)

_FOLDED = "replace(replace(replace(replace({}.comment, 'œ', 'oe'), 'Œ', 'oe'), 'æ', 'ae'), 'Æ', 'ae')"
_ADD = f"INSERT INTO comment_search(rowid, comment) VALUES (new.id, {_FOLDED.format('new')});"  # noqa: S608
_REMOVE = (
    "INSERT INTO comment_search(comment_search, rowid, comment) "  # noqa: S608
    f"VALUES ('delete', old.id, {_FOLDED.format('old')});"
)

_CHANGED = "AFTER UPDATE OF comment ON responses WHEN old.comment IS NOT new.comment AND"

SQLITE_TRIGGERS = (
    f"CREATE TRIGGER comment_search_insert AFTER INSERT ON responses WHEN new.comment IS NOT NULL BEGIN {_ADD} END",
    f"CREATE TRIGGER comment_search_remove {_CHANGED} old.comment IS NOT NULL BEGIN {_REMOVE} END",
    f"CREATE TRIGGER comment_search_update {_CHANGED} new.comment IS NOT NULL BEGIN {_ADD} END",
    f"CREATE TRIGGER comment_search_delete AFTER DELETE ON responses WHEN old.comment IS NOT NULL BEGIN {_REMOVE} END",
)

FILL_SQLITE = (
    f"INSERT INTO comment_search(rowid, comment) SELECT id, {_FOLDED.format('responses')} "  # noqa: S608
    "FROM responses WHERE comment IS NOT NULL"
)

POSTGRES_WORDS = (
    "CREATE FUNCTION comment_words(comment text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ "
    "SELECT to_tsvector('simple', regexp_replace(regexp_replace(lower(normalize("
    "replace(replace(replace(replace(comment, 'œ', 'oe'), 'Œ', 'oe'), 'æ', 'ae'), 'Æ', 'ae'), NFD)), "
    r"U&'[\0300-\036F]', '', 'g'), '[^[:alnum:]]+', ' ', 'g')) $$"
)
POSTGRES_INDEX = "CREATE INDEX ix_responses_comment_search ON responses USING gin (comment_words(comment))"


@event.listens_for(Base.metadata, "after_create")
def _create_with_tables(_metadata: MetaData, connection: Connection, **_options: object) -> None:
    """Create the index where the tables are created without a migration."""
    create_comment_search(connection)


def create_comment_search(connection: Connection) -> None:
    """Create the index, with the comments that are stored already."""
    is_sqlite = connection.dialect.name == "sqlite"
    statements = (SQLITE_INDEX, *SQLITE_TRIGGERS, FILL_SQLITE) if is_sqlite else (POSTGRES_WORDS, POSTGRES_INDEX)
    for statement in statements:
        connection.exec_driver_sql(statement)


def forget_removed_words(session: Session) -> bool:
    """Overwrite the words of removed comments, which SQLite keeps in its index until parts of it are merged.

    Returns False: nothing is left to do. Quick if no comment was removed since the last time.
    """
    if session.connection().dialect.name == "sqlite":
        session.connection().execute(text("INSERT INTO comment_search(comment_search) VALUES ('optimize')"))
    return False


class CommentMatch(ColumnElement[bool]):
    """The condition that the comment of a response is found by a search."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, search: str) -> None:
        self.terms = parse_search(search)


def comment_matches(search: str) -> ColumnElement[bool]:
    """Return the condition on `responses` that a search finds the comment, on either database.

    A search without any word finds nothing; no search is an error.
    """
    return CommentMatch(search)


@compiles(CommentMatch, "sqlite")
def _match_sqlite(element: CommentMatch, compiler: Any, **options: Any) -> str:  # noqa: ANN401  # SQLAlchemy's own
    query, index = fts5_query(element.terms), table("comment_search", column("rowid"), column("comment_search"))
    matching_ids = select(index.c.rowid).where(index.c.comment_search.op("MATCH")(query))
    return _process(compiler, col(ResponseRow.id).in_(matching_ids) if query else false(), **options)


@compiles(CommentMatch, "postgresql")
def _match_postgres(element: CommentMatch, compiler: Any, **options: Any) -> str:  # noqa: ANN401
    query, words = tsquery(element.terms), func.comment_words(col(ResponseRow.comment))
    return _process(compiler, words.op("@@")(func.to_tsquery("simple", query)) if query else false(), **options)


def _process(compiler: Any, condition: ColumnElement[bool], **options: Any) -> str:  # noqa: ANN401
    return f"({compiler.process(condition, **options)})"
