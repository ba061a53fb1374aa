"""Causes of problems: a group of customers, a theme of comments, or a choice of a follow-up question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.services.problems.refusals import ProblemRefused
from nps_connect.settings.model import Settings

CauseKind = Literal["group", "theme", "choice"]

CAUSE_KINDS: tuple[CauseKind, ...] = get_args(CauseKind)


class FollowUpChoice(NamedTuple):
    """A choice of a follow-up question, as responses store it: in the company's language."""

    question: str
    choice: str


def list_choices(settings: Settings) -> list[FollowUpChoice]:
    """Return the choices of all follow-up questions, each once."""
    language = settings.core.language
    choices = {
        FollowUpChoice(question.name, choice): None
        for survey in settings.surveys.values()
        for question in survey.follow_ups
        for choice in question.choices.get(language, next(iter(question.choices.values()), ()))
    }
    return list(choices)


def list_themes(session: Session) -> list[str]:
    """Return the themes that comments name."""
    return sorted(session.execute(select(col(CommentThemeRow.theme)).distinct()).scalars())


def check_cause(session: Session, settings: Settings, kind: CauseKind, cause: Mapping[str, str]) -> dict[str, str]:
    """Return what identifies the cause.

    Raises:
        ProblemRefused: there is no such theme or choice.
    """
    if kind == "group":
        return {}
    if kind == "theme":
        theme = cause.get("theme", "")
        if theme not in list_themes(session):
            raise ProblemRefused("unknown_theme")
        return {"theme": theme}
    choice = FollowUpChoice(cause.get("question", ""), cause.get("choice", ""))
    if choice not in list_choices(settings):
        raise ProblemRefused("unknown_choice")
    return choice._asdict()
