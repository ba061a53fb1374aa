"""Tags: labels that people give to responses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, case, cast, exists, func, literal, null, select, true
from sqlalchemy.ext.compiler import compiles
from sqlmodel import JSON, Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.sanitization import one_line

MAX_TAG_LENGTH = 40
MAX_TAGS = 20
_MAX_LISTED_TAGS = 200


def add_tag(session: Session, response: ResponseRow, tag: str, *, actor: Actor, now: datetime) -> bool:
    """Add a tag to a response, in the transaction; return whether it is new there.

    Raises:
        NpsConnectError: the tag is empty or too long, or the response has too many.
    """
    label = one_line(tag, MAX_TAG_LENGTH + 1).strip()
    if not label or len(label) > MAX_TAG_LENGTH:
        raise NpsConnectError(f"a tag has 1 to {MAX_TAG_LENGTH} characters")
    tags = _lock_tags(session, response)
    if label.casefold() in map(str.casefold, tags):
        return False
    if len(tags) >= MAX_TAGS:
        raise NpsConnectError(f"the response has {MAX_TAGS} tags already; remove one first")
    response.tags = [*tags, label]
    record_audit(session, actor, "comments tag", f"response:{response.public_id}", now=now)
    return True


def remove_tag(session: Session, response: ResponseRow, tag: str, *, actor: Actor, now: datetime) -> bool:
    """Remove a tag from a response, in the transaction; return whether it was there."""
    tags = _lock_tags(session, response)
    kept = [label for label in tags if label.casefold() != tag.strip().casefold()]
    if len(kept) == len(tags):
        return False
    response.tags = kept or null()  # type: ignore[assignment]  # None would be the null of JSON
    record_audit(session, actor, "comments untag", f"response:{response.public_id}", now=now)
    return True


def _lock_tags(session: Session, response: ResponseRow) -> list[str]:
    session.refresh(response, with_for_update=True)
    return list(response.tags or [])


class TagMatch(ColumnElement[bool]):
    """The condition that a response has a tag."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, tag: str) -> None:
        self.tag = tag


def has_tag(tag: str) -> ColumnElement[bool]:
    """Return the condition on `responses` that it has a tag, on either database."""
    return TagMatch(tag)


@compiles(TagMatch)
def _match_tag(element: TagMatch, compiler: Any, **options: Any) -> str:  # noqa: ANN401  # SQLAlchemy's own
    elements = _tag_elements(is_sqlite=compiler.dialect.name == "sqlite")
    of_tag = exists(select(1).select_from(elements).where(elements.c.value == element.tag).correlate(ResponseRow))
    return f"({compiler.process(col(ResponseRow.tags).is_not(None) & of_tag, **options)})"


def has_theme(theme: str) -> ColumnElement[bool]:
    """Return the condition on `responses` that its comment has a theme."""
    of_theme = select(col(CommentThemeRow.response_id)).where(col(CommentThemeRow.theme) == theme)
    return col(ResponseRow.id).in_(of_theme)


def load_tags(session: Session, *conditions: ColumnElement[bool]) -> list[tuple[str, int]]:
    """Return the tags of the responses with these properties and how many have each, the most frequent first."""
    elements = _tag_elements(is_sqlite=session.get_bind().dialect.name == "sqlite")
    query = select(elements.c.value, func.count()).select_from(ResponseRow).join(elements, true())
    query = query.where(col(ResponseRow.tags).is_not(None), elements.c.value.is_not(None), *conditions)
    query = query.group_by(elements.c.value)
    order = func.count().desc(), elements.c.value
    return [(row[0], row[1]) for row in session.execute(query.order_by(*order).limit(_MAX_LISTED_TAGS))]


def _tag_elements(*, is_sqlite: bool) -> Any:  # noqa: ANN401  # a table-valued function of either database
    tags = col(ResponseRow.tags)
    if is_sqlite:
        return func.json_each(tags).table_valued("value")
    listed = case((func.json_typeof(tags) == "array", tags), else_=cast(literal("[]"), JSON))
    return func.json_array_elements_text(listed).table_valued("value", name="tag_elements")


class CommentLabels(NamedTuple):
    """What a comment is about, and how people tagged it."""

    themes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def load_labels(session: Session, public_ids: Sequence[str]) -> dict[str, CommentLabels]:
    """Return themes and tags by the public id of the response."""
    query = select(col(ResponseRow.id), col(ResponseRow.public_id), col(ResponseRow.tags))
    rows = session.execute(query.where(col(ResponseRow.public_id).in_(public_ids))).all()
    themes: dict[int, list[str]] = {row.id: [] for row in rows}
    of_these = select(CommentThemeRow).where(col(CommentThemeRow.response_id).in_(list(themes)))
    for theme in session.execute(of_these).scalars():
        themes[theme.response_id].append(theme.theme)
    return {row.public_id: CommentLabels(tuple(sorted(themes[row.id])), tuple(row.tags or ())) for row in rows}
