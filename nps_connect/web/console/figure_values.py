"""`FigureValues`: figures as a page shows them, in its language; templates know it as ``figures``."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, load_translations
from nps_connect.rendering.figure_texts import (
    format_count,
    format_duration,
    format_percent,
    format_score,
    format_short_day,
)


class FigureValues:
    """Formats figures, days and ages.

    Args:
        language: of the page.
        zone: the company's.
        now: the present moment.
    """

    def __init__(self, language: str, zone: tzinfo, now: datetime) -> None:
        self._language, self._zone, self._now = language, zone, now

    def score(self, value: float | None) -> str:
        """Return a score with its sign."""
        return format_score(value)

    def count(self, value: int) -> str:
        """Return a count."""
        return format_count(value, self._language)

    def percent(self, share: float) -> str:
        """Return a share (0 to 1) in percent."""
        return format_percent(share, self._language)

    def duration(self, value: timedelta) -> str:
        """Return a duration in its largest sensible unit."""
        return format_duration(value, self._language)

    def near_day(self, at: datetime | date) -> str:
        """Return a day of the company's zone: near ones by name, such as `today`."""
        day = at.astimezone(self._zone).date() if isinstance(at, datetime) else at
        return format_short_day(day, self._language, today=self._now.astimezone(self._zone).date())

    def due(self, deadline: datetime) -> str:
        """Return when something is due, or how late it is, in few words."""
        translations = load_translations(self._language, CONSOLE_DOMAIN)
        _, ngettext = translations.gettext, translations.ngettext
        local, now = deadline.astimezone(self._zone), self._now.astimezone(self._zone)
        days = (local.date() - now.date()).days
        if deadline <= self._now:
            if days == 0:
                return _("late since %(time)s") % {"time": f"{local:%H:%M}"}
            return ngettext("%(num)s day late", "%(num)s days late", -days) % {"num": -days}
        if days == 0:
            return _("due %(time)s") % {"time": f"{local:%H:%M}"}
        return format_short_day(local.date(), self._language, today=now.date())

    def is_today(self, at: datetime) -> bool:
        """Return whether a moment lies in today, in the company's zone."""
        return at.astimezone(self._zone).date() == self._now.astimezone(self._zone).date()
