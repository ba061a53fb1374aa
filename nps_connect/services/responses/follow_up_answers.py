"""Follow-up questions: what the page asks besides, and what of the answers is kept."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.records.pages import FollowUpQuestion
from nps_connect.records.responses import FollowUpAnswer, segment_of
from nps_connect.rendering.languages import choose_language
from nps_connect.rendering.sanitization import one_line
from nps_connect.services.context import Context
from nps_connect.settings.surveys import FollowUp

MAX_ANSWER_LENGTH = 1000


def follow_up_questions(ctx: Context, survey: str, language: str) -> tuple[FollowUpQuestion, ...]:
    """The further questions of a survey in a language, else in the next best."""
    shown = []
    for question in _configured_questions(ctx, survey):
        tongue = _question_language(ctx, question, language)
        shown.append(
            FollowUpQuestion(
                name=question.name,
                question=question.question[tongue],
                choices=question.choices.get(tongue, ()),
                segments=question.on,
            )
        )
    return tuple(shown)


def merge_follow_up_answers(
    ctx: Context, survey: str, score: int, given: Mapping[str, str], before: list[dict[str, str]]
) -> list[dict[str, str]]:
    """The answers to keep: to questions that this segment is asked; an empty one keeps what was answered before.

    Choices are kept in the company's own language, so that they can be counted.
    """
    known = {one["name"]: one for one in before}
    kept = []
    for question in _configured_questions(ctx, survey):
        if segment_of(score) not in question.on:
            continue
        answer = _normalize_answer(ctx, question, given.get(question.name, ""))
        if answer:
            told = question.question[_question_language(ctx, question, ctx.settings.core.language)]
            kept.append(FollowUpAnswer(name=question.name, question=told, answer=answer).model_dump())
        elif question.name in known:
            kept.append(known[question.name])
    return kept


def _normalize_answer(ctx: Context, question: FollowUp, given: str) -> str:
    if not question.choices:
        return one_line(given, MAX_ANSWER_LENGTH)
    for choices in question.choices.values():
        if given in choices:
            return question.choices[_question_language(ctx, question, ctx.settings.core.language)][choices.index(given)]
    return ""


def _configured_questions(ctx: Context, survey: str) -> tuple[FollowUp, ...]:
    definition = ctx.settings.surveys.get(survey)
    return definition.follow_ups if definition else ()


def _question_language(ctx: Context, question: FollowUp, language: str) -> str:
    return choose_language([language, ctx.settings.core.language], list(question.question))
