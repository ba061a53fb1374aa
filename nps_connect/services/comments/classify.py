"""Find the themes of new comments, and of all comments after the words have changed; a periodic job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import delete, select, text, update
from sqlmodel import Session, col

from nps_connect.errors import PluginError
from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.themes import CommentText, CommentThemes, ThemeName
from nps_connect.rules.theme_model import ThemeModel, theme_names
from nps_connect.services.context import Context
from nps_connect.settings.themes import SHIPPED_FILE, ThemeFile, load_theme_file

COMMENTS_PER_STEP = 200
STEP_INTERVAL = timedelta(seconds=1)
IDLE_INTERVAL = timedelta(minutes=1)
IS_NEW = "comment IS NOT NULL AND classified_by IS NULL"
"""With literals, so that the partial index serves it."""

ClassifierProgress = dict[str, Any]
Query = Any  # a select as SQLAlchemy types it


class LoadedThemes(NamedTuple):
    """A file of themes and its compiled words."""

    file: ThemeFile
    model: ThemeModel


class _Classifier(NamedTuple):
    fingerprint: str
    find_themes: Callable[[Sequence[CommentText]], Sequence[CommentThemes]]


class _Comment(NamedTuple):
    response_id: int
    revision: int
    content: CommentText


def load_themes(path: Path | None) -> LoadedThemes:
    """Return the themes of a file or the shipped ones, compiled once as long as the file stays the same.

    Raises:
        ConfigError: the file cannot be used.
    """
    file = path or SHIPPED_FILE
    status = file.stat() if file.exists() else None
    return _load_themes(path, (status.st_mtime_ns, status.st_size) if status else None)


@lru_cache(maxsize=2)
def _load_themes(path: Path | None, _version: tuple[int, int] | None) -> LoadedThemes:
    file = load_theme_file(path)
    return LoadedThemes(file, ThemeModel(file))


def classify_comments(ctx: Context, progress: ClassifierProgress) -> timedelta:
    """Classify one batch of comments; return how long to wait before the next.

    New comments come first. After a change of the classifier the older ones follow in the order of their ids.

    Args:
        ctx: the application context.
        progress: with which classifier, and up to which response; changed in place.

    Raises:
        ConfigError: the file of themes cannot be used.
        DeliveryError: the plugin could not classify; the batch comes again.
    """
    classifier = _load_classifier(ctx)
    with ctx.ledger.read() as session:
        comments = _load_comments(session, _select_comments().where(text(IS_NEW)))
        is_walk = not comments and progress.get("done") != classifier.fingerprint
        if is_walk:
            comments = _load_comments(session, _select_outdated(classifier.fingerprint, progress.get("after", 0)))
    if comments:
        results = classifier.find_themes([comment.content for comment in comments])
        with ctx.ledger.write() as session:
            _store_themes(session, comments, results, classifier.fingerprint)
    has_more = len(comments) == COMMENTS_PER_STEP
    if is_walk:
        progress["after"] = comments[-1].response_id if has_more else 0
        if not has_more:
            progress["done"] = classifier.fingerprint
    is_done = not has_more and progress.get("done") == classifier.fingerprint
    return IDLE_INTERVAL if is_done else STEP_INTERVAL


def _load_classifier(ctx: Context) -> _Classifier:
    loaded, connection = load_themes(ctx.settings.comments.themes), ctx.settings.comments.classifier
    if connection is None:
        return _Classifier(loaded.model.fingerprint, lambda comments: _find_by_words(loaded.model, comments))
    names = theme_names(loaded.file, ctx.settings.core.language)
    themes = [ThemeName(id=theme_id, name=name) for theme_id, name in names.items()]

    def ask_plugin(comments: Sequence[CommentText]) -> Sequence[CommentThemes]:
        plugin = ctx.connections[connection].settings.plugin
        results: Sequence[CommentThemes] = ctx.plugins.call(
            plugin, "nps_classify_comments", connection=ctx.connections[connection], comments=comments, themes=themes
        )
        if len(results) != len(comments):
            reason = f"nps_classify_comments returned {len(results)} results for {len(comments)} comments"
            raise PluginError(plugin, reason)
        return [CommentThemes(themes=[name for name in names if name in result.themes]) for result in results]

    return _Classifier(f"connection-{connection}"[:40], ask_plugin)


def _find_by_words(model: ThemeModel, comments: Sequence[CommentText]) -> list[CommentThemes]:
    matches = (model.classify(comment.text, comment.language) for comment in comments)
    return [CommentThemes(themes=[match.theme for match in of_comment]) for of_comment in matches]


def _select_comments() -> Query:
    columns = col(ResponseRow.id), col(ResponseRow.revision), col(ResponseRow.comment), col(ResponseRow.language)
    return select(*columns).order_by(col(ResponseRow.id)).limit(COMMENTS_PER_STEP)


def _select_outdated(fingerprint: str, after: int) -> Query:
    is_outdated = col(ResponseRow.comment).is_not(None), col(ResponseRow.classified_by) != fingerprint
    return _select_comments().where(col(ResponseRow.id) > after, *is_outdated)


def _load_comments(session: Session, query: Query) -> list[_Comment]:
    return [
        _Comment(row.id, row.revision, CommentText(text=row.comment, language=row.language))
        for row in session.execute(query)
    ]


def _store_themes(
    session: Session, comments: Sequence[_Comment], results: Sequence[CommentThemes], fingerprint: str
) -> None:
    """Store themes of the comments that are still the same: neither changed nor erased meanwhile."""
    ids = [comment.response_id for comment in comments]
    query = select(col(ResponseRow.id), col(ResponseRow.revision), col(ResponseRow.comment))
    is_there = col(ResponseRow.id).in_(ids), col(ResponseRow.comment).is_not(None)
    rows = session.execute(query.where(*is_there).order_by(col(ResponseRow.id)).with_for_update())
    current = {row.id: (row.revision, row.comment) for row in rows}
    themes_by_id = {
        comment.response_id: result.themes
        for comment, result in zip(comments, results, strict=True)
        if current.get(comment.response_id) == (comment.revision, comment.content.text)
    }
    no_sync = {"synchronize_session": False}
    of_these = col(CommentThemeRow.response_id).in_(list(themes_by_id))
    session.execute(delete(CommentThemeRow).where(of_these), execution_options=no_sync)
    rows_to_add = [{"response_id": key, "theme": theme} for key, themes in themes_by_id.items() for theme in themes]
    insert_many(session, CommentThemeRow, rows_to_add)
    marked = update(ResponseRow).where(col(ResponseRow.id).in_(list(themes_by_id)))
    session.execute(marked.values(classified_by=fingerprint), execution_options=no_sync)
