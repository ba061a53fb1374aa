"""Surveys: somebody carries the mail, in languages that exist."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.settings.places import nearest
from nps_connect.wiring.checks.subject import Subject


def check_surveys(subject: Subject, languages: Sequence[str]) -> None:
    """Check channels and languages.

    Args:
        languages: those that mails and pages are translated into.
    """
    for index, language in enumerate(subject.settings.core.languages):
        if language.partition("-")[0] not in {known.partition("-")[0] for known in languages}:
            subject.mistake(
                ("core", "languages", index),
                f"mails and pages are not translated into {language!r}",
                allowed=languages,
                nearest=nearest(language, languages),
            )
    for name, survey in subject.settings.surveys.items():
        subject.connection(
            survey.channel,
            ("surveys", name, "channel"),
            able=lambda info: info.channel,
            lack="cannot carry messages to people",
        )
        for language in survey.question:
            if language not in subject.settings.core.languages:
                subject.mistake(
                    ("surveys", name, "question", language),
                    "is not one of the languages of core.languages",
                    allowed=subject.settings.core.languages,
                )
