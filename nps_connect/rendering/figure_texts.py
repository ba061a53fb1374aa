"""Figures in words: scores, shares, counts, and whether a score moved and how sure that is."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from nps_connect.rendering.catalogs import load_translations
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure

if TYPE_CHECKING:  # commands that only read show no label
    from babel import Locale

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"


class MovementText(NamedTuple):
    """Whether a score moved: two parts of one sentence.

    Attributes:
        lead: what stands out, such as `Up 6 points`.
        detail: the rest, such as `since the 3 months before: within the margin of error.`
        direction: `up`, `down` or `flat`; None if the figures say nothing about it.
        is_sure: the movement is larger than the margin of error.
    """

    lead: str
    detail: str
    direction: str | None = None
    is_sure: bool = False


def format_score(score: float | None) -> str:
    """Return a score as a whole number with its sign, such as `+46`, `0` or `−12`; a dash without one."""
    if score is None:
        return "–"
    rounded = round_half_away(score)
    return f"+{rounded}" if rounded > 0 else f"{MINUS}{-rounded}" if rounded < 0 else "0"


def round_half_away(value: float) -> int:
    """Round to a whole number, halves away from zero, so that a mirrored score has the mirrored text."""
    return int(abs(value) + 0.5) * (1 if value >= 0 else -1)


def format_count(count: int, language: str) -> str:
    """Return a count with the language's separators, which never break the line."""
    from babel.numbers import format_decimal

    return format_decimal(count, locale=_locale(language)).replace(" ", NO_BREAK)


def format_percent(share: float, language: str) -> str:
    """Return a share (0 to 1) in whole percent; what is neither nothing nor all is never shown as 0 or 100."""
    from babel.numbers import format_percent as babel_percent

    percent = round_half_away(share * 100)
    sign = ""
    if percent == 0 and share > 0:
        percent, sign = 1, "<"
    elif percent == 100 and share < 1:
        percent, sign = 99, ">"
    text = babel_percent(percent / 100, locale=_locale(language))
    return f"{sign}{NO_BREAK if sign and language.startswith('fr') else ''}{text}"


def format_short_day(day: date, language: str, *, today: date | None = None) -> str:
    """Return a day such as `3 Mar`, with its year if that is not today's; given `today`, near days by name."""
    from babel.dates import format_date, format_skeleton

    _ = load_translations(language).gettext
    if today is not None:
        near = {0: _("today"), -1: _("yesterday"), 1: _("tomorrow")}.get((day - today).days)
        if near is not None:
            return near
        if timedelta(0) < today - day < timedelta(days=7):
            return format_date(day, "EEEE", locale=_locale(language))
    if today is None or day.year == today.year:
        return format_skeleton("MMMd", datetime(day.year, day.month, day.day), locale=_locale(language))  # noqa: DTZ001
    return format_date(day, "d MMM y", locale=_locale(language))


def format_month(day: date, language: str) -> str:
    """Return the short name of a month."""
    from babel.dates import format_date

    return format_date(day, "LLL", locale=_locale(language))


def format_duration(duration: timedelta, language: str) -> str:
    """Return a duration in its largest sensible unit: minutes below two hours, hours below two days, else days."""
    ngettext = load_translations(language).ngettext
    minutes = round(duration.total_seconds() / 60)
    if minutes < 120:
        return ngettext("%(num)s minute", "%(num)s minutes", minutes) % {"num": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    days = round(hours / 24)
    return ngettext("%(num)s day", "%(num)s days", days) % {"num": days}


def movement_text(
    language: str,
    figure: NpsFigure,
    earlier: NpsFigure | None,
    difference: Difference | None,
    earlier_name: str,
) -> MovementText:
    """Return whether a score moved, in words that claim no more than the figures do.

    Args:
        language: of the reader.
        figure: the present one.
        earlier: the one before it; None if there is no earlier period.
        difference: between the two; None if one of them has no score.
        earlier_name: the earlier period, such as `the 3 months before`, from `earlier_period_name`.
    """
    translations = load_translations(language)
    _, ngettext = translations.gettext, translations.ngettext
    names = {"earlier": earlier_name}
    if figure.responses == 0:
        return MovementText(_("No responses yet."), _("The score appears with the first confirmed response."))
    if figure.too_small:
        lead = ngettext("%(num)s response: too few to judge.", "%(num)s responses: too few to judge.", figure.responses)
        detail = _("Each new response can still change the score a lot. Read the comments first.")
        return MovementText(lead % {"num": figure.responses}, detail)
    if earlier is None or earlier.responses == 0 or difference is None or difference.points is None:
        detail = _("there are no responses from %(earlier)s.") % names
        return MovementText(_("Nothing to compare with yet:"), _contract(detail, language))
    points = round_half_away(difference.points)
    if earlier.too_small:
        detail = ngettext(
            "only %(num)s response in %(earlier)s, too few to compare.",
            "only %(num)s responses in %(earlier)s, too few to compare.",
            earlier.responses,
        )
        return MovementText(_("No comparison yet:"), detail % {**names, "num": earlier.responses})
    is_sure = difference.is_beyond_noise
    if points == 0:
        return MovementText(_("Unchanged"), _contract(_("compared with %(earlier)s.") % names, language), "flat")
    values = {"num": abs(points)}
    if points > 0:
        lead = ngettext("Up %(num)s point", "Up %(num)s points", points) % values
    else:
        lead = ngettext("Down %(num)s point", "Down %(num)s points", -points) % values
    if is_sure:
        detail = _("compared with %(earlier)s: more than chance explains.") % names
    else:
        detail = _("compared with %(earlier)s: within the margin of error.") % names
    return MovementText(lead, _contract(detail, language), "up" if points > 0 else "down", is_sure)


def earlier_period_name(language: str, period: str | None) -> str:
    """Return the name of the period before, such as `the 3 months before`, for use inside a sentence.

    Args:
        language: of the reader.
        period: `4-weeks`, `3-months` or `12-months`; anything else is called the period before.
    """
    _ = load_translations(language).gettext
    names = {
        "4-weeks": _("the 4 weeks before"),
        "3-months": _("the 3 months before"),
        "12-months": _("the 12 months before"),
    }
    return names.get(period or "") or _("the period before")


def interval_text(language: str, figure: NpsFigure) -> str | None:
    """Return the sentence about the band of a score; None without a score."""
    if figure.low is None or figure.high is None:
        return None
    _ = load_translations(language).gettext
    text = _("The true score is probably between %(low)s and %(high)s.")
    return text % {"low": format_score(figure.low), "high": format_score(figure.high)}


def difference_text(language: str, first_name: str, second_name: str, difference: Difference) -> str:
    """Return how the scores of two groups differ, in one sentence.

    Args:
        language: of the reader.
        first_name: of the group whose score is the minuend.
        second_name: of the other group.
        difference: first minus second.
    """
    translations = load_translations(language)
    _, ngettext = translations.gettext, translations.ngettext
    points = abs(round_half_away(difference.points or 0))
    names = {"first": first_name, "second": second_name, "num": points}
    if difference.too_small or difference.points is None:
        return _("Too few responses to compare %(first)s with %(second)s: each needs 30.") % names
    if points == 0:
        return _("%(first)s and %(second)s have the same score.") % names
    if difference.points < 0:
        names |= {"first": second_name, "second": first_name}
    if difference.is_beyond_noise:
        text = ngettext(
            "%(first)s is %(num)s point above %(second)s: more than chance explains.",
            "%(first)s is %(num)s points above %(second)s: more than chance explains.",
            points,
        )
    else:
        text = ngettext(
            "%(first)s is %(num)s point above %(second)s: within the margin of error, so this may be chance.",
            "%(first)s is %(num)s points above %(second)s: within the margin of error, so this may be chance.",
            points,
        )
    return text % names


def _contract(text: str, language: str) -> str:
    """Contract a French preposition with the article that a name begins with: `à les` becomes `aux`."""
    if language.partition("-")[0] != "fr":
        return text
    return re.sub(r"\b(à|de) les\b", lambda match: {"à": "aux", "de": "des"}[match[1]], text)


def _locale(language: str) -> Locale:
    from babel import Locale

    # British English: day before month, unambiguous outside America.
    return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
