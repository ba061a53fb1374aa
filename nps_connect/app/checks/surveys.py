"""Surveys: somebody carries the mail, in languages that exist, and each of its texts is in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nps_connect.app.checks.context import CheckContext
from nps_connect.settings.key_paths import KeyPath, nearest


def check_surveys(subject: CheckContext, languages: Sequence[str]) -> None:
    """Check channels and languages.

    Args:
        languages: those that mails and pages are translated into.
    """
    for index, language in enumerate(subject.settings.core.languages):
        if language.partition("-")[0] not in {known.partition("-")[0] for known in languages}:
            subject.add_mistake(
                ("core", "languages", index),
                f"mails and pages are not translated into {language!r}",
                allowed=languages,
                nearest=nearest(language, languages),
            )
    for name, survey in subject.settings.surveys.items():
        subject.connection(
            survey.channel,
            ("surveys", name, "channel"),
            is_supported=lambda info: info.channel,
            problem_text="cannot carry messages to people",
        )
        _check_texts(subject, ("surveys", name, "question"), survey.question)
        if isinstance(survey.signed_by, dict):
            _check_texts(subject, ("surveys", name, "signed_by"), survey.signed_by)
        for index, follow_up in enumerate(survey.follow_ups):
            _check_texts(subject, ("surveys", name, "follow_ups", index, "question"), follow_up.question)


def _check_texts(subject: CheckContext, at: KeyPath, texts: Mapping[str, str]) -> None:
    """A text that is given at all is given in every language of the company: nobody gets another's, unnoticed."""
    languages = subject.settings.core.languages
    for language in texts:
        if language not in languages:
            subject.add_mistake((*at, language), "is not one of the languages of core.languages", allowed=languages)
    for language in languages:
        if texts and language not in texts:
            subject.add_mistake(
                at,
                f"there is no text in {language!r}, which core.languages holds",
                fix=f'add {language} = "..." to it, or take {language!r} out of core.languages',
            )
