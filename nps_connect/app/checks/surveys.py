"""Check surveys: a channel for the mail, supported languages, texts in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nps_connect.app.checks.context import CheckContext
from nps_connect.rendering.catalogs import translation_problem
from nps_connect.settings.key_paths import KeyPath, nearest


def check_surveys(context: CheckContext, languages: Sequence[str]) -> None:
    """Check channels and languages.

    Args:
        context: the configuration.
        languages: into which mails and pages are translated.
    """
    for index, language in enumerate(context.settings.core.languages):
        if problem := translation_problem(language, languages):
            key_path = ("core", "languages", index)
            context.add_mistake(key_path, problem, allowed=languages, nearest=nearest(language, languages))
    for name, survey in context.settings.surveys.items():
        context.connection(
            survey.channel,
            ("surveys", name, "channel"),
            is_supported=lambda info: info.channel,
            problem_text="cannot send messages to customers",
        )
        _check_texts(context, ("surveys", name, "question"), survey.question)
        if isinstance(survey.signed_by, dict):
            _check_texts(context, ("surveys", name, "signed_by"), survey.signed_by)
        for index, follow_up in enumerate(survey.follow_ups):
            _check_texts(context, ("surveys", name, "follow_ups", index, "question"), follow_up.question)


def _check_texts(context: CheckContext, key_path: KeyPath, texts: Mapping[str, str]) -> None:
    """Check that a configured text exists in every language of the company."""
    languages = context.settings.core.languages
    for language in texts:
        if language not in languages:
            context.add_mistake(
                (*key_path, language), "is not one of the languages of core.languages", allowed=languages
            )
    for language in languages:
        if texts and language not in texts:
            context.add_mistake(
                key_path,
                f"there is no text in {language!r}, which is in core.languages",
                fix=f'add {language} = "..." to it, or remove {language!r} from core.languages',
            )
