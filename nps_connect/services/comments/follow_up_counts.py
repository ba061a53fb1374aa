"""How often each choice of the follow-up questions was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.contacts.store import confirmed_clause
from nps_connect.settings.model import Settings

_ROWS_AT_ONCE = 1000


class ChoiceCount(NamedTuple):
    """A choice of a follow-up question.

    Attributes:
        question: its text in the company's language.
        choice: as stored: in the company's language.
        responses: with this choice.
        answered: responses that answered the question.
    """

    question: str
    choice: str
    responses: int
    answered: int


def count_choices(session: Session, settings: Settings, conditions: Sequence[ColumnElement[bool]]) -> list[ChoiceCount]:
    """Return the choices of the questions that have choices, by question, the most frequent first.

    Free texts are not counted.

    Args:
        session: for reading.
        settings: with the surveys and their questions.
        conditions: on `responses`.
    """
    with_choices = {
        (name, question.name)
        for name, survey in settings.surveys.items()
        for question in survey.follow_ups
        if question.choices
    }
    if not with_choices:
        return []
    query = select(col(ResponseRow.survey), col(ResponseRow.follow_up)).where(
        confirmed_clause(), col(ResponseRow.survey).in_({survey for survey, _ in with_choices}), *conditions
    )
    counts: Counter[tuple[str, str]] = Counter()
    for survey, answers in session.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        for answer in answers:
            if (survey, answer["name"]) in with_choices:
                counts[answer["question"], answer["answer"]] += 1
    answered = Counter[str]()
    for (question, _), count in counts.items():
        answered[question] += count
    order = sorted(counts, key=lambda key: (-answered[key[0]], key[0], -counts[key], key[1]))
    return [ChoiceCount(question, choice, counts[question, choice], answered[question]) for question, choice in order]
