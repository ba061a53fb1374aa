"""How a page of the console is rendered: the Jinja environment, its filters, and the headers of every page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse

from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, build_environment, load_translations
from nps_connect.rendering.labels import find_locale, readable_name
from nps_connect.web.console.console_assets import asset_address
from nps_connect.web.console.navigation import ROLE_HINTS, ROLE_LABELS, visible_areas

if TYPE_CHECKING:
    from nps_connect.web.console.console_page import ConsolePage

MESSAGE_COOKIE = "console_message"
"""What the page after a redirect says once."""

CONSOLE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@lru_cache(maxsize=8)
def build_console_environment(language: str) -> Environment:
    """Return the Jinja environment of the console in a language."""
    environment = build_environment(PackageLoader("nps_connect.web"), language, CONSOLE_DOMAIN)
    environment.filters.update(segment=segment_of_score, readable_name=readable_name)
    gettext = load_translations(language, CONSOLE_DOMAIN).gettext
    environment.globals.update(
        asset_address=asset_address,
        role_label=lambda role: gettext(ROLE_LABELS[role]),
        role_hint=lambda role: gettext(ROLE_HINTS[role]),
    )
    return environment


def segment_of_score(score: int) -> str:
    """Return ``promoter``, ``passive`` or ``detractor``, which are also names of style classes."""
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


class Moments:
    """Formats times and days in the company's zone and the language of the page; templates know it as ``moments``.

    Args:
        language: of the page.
        zone: the company's.
        now: the present moment.
    """

    def __init__(self, language: str, zone: tzinfo, now: datetime) -> None:
        self._locale, self._zone, self._now = find_locale(language), zone, now

    def local(self, at: datetime) -> datetime:
        """Return a moment in the company's zone."""
        return at.astimezone(self._zone)

    def time(self, at: datetime) -> str:
        """Return day and time, such as ``3 Mar 2026, 10:42``; of today the time alone."""
        clock = format_time(self.local(at), "short", locale=self._locale)
        return clock if self.local(at).date() == self.local(self._now).date() else f"{self.day(at)}, {clock}"

    def day(self, day: datetime | date) -> str:
        """Return a day, such as ``3 Mar 2026``; of a moment the day in the company's zone."""
        return format_date(self.local(day) if isinstance(day, datetime) else day, "medium", locale=self._locale)


def render_console_template(page: ConsolePage, template: str, status: int, values: Mapping[str, Any]) -> HTMLResponse:
    """Render a page for a signed-in user."""
    settings = page.ctx.settings
    html = (
        build_console_environment(page.language)
        .get_template(f"console/{template}")
        .render(
            page=page,
            viewer=page.viewer,
            company=settings.core.company,
            colour=settings.core.colour,
            moments=Moments(page.language, settings.core.zone, page.now),
            areas=visible_areas(page.viewer),
            csrf_token=page.csrf_token,
            message=page.message,
            **values,
        )
    )
    response = HTMLResponse(html, status, {**CONSOLE_HEADERS, "Content-Language": page.language})
    if page.message is not None:
        response.delete_cookie(MESSAGE_COOKIE, path="/console")
    return response
