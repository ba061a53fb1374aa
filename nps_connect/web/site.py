"""`Site`: what every route shares, and how a template becomes a response."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from babel import Locale
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from nps_connect.connection import Clock, system_clock
from nps_connect.records.api_results import ApiResult, ApiWrite
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import SurveyPage, SurveyPageRequest, VisitOutcome
from nps_connect.rendering.catalogs import (
    build_environment,
    choose_language,
    elide_company,
    parse_accept_language,
    supported_language,
)
from nps_connect.rendering.colours import build_palette
from nps_connect.web.backend import WebBackend
from nps_connect.web.batcher import Batcher
from nps_connect.web.forms import parse_query
from nps_connect.web.web_request import WebRequest

# Stand for the personal tokens in cached pages. NUL occurs in no template and is removed from all other text.
TOKEN_PLACEHOLDER = "\0token\0"  # noqa: S105
UNSUBSCRIBE_TOKEN_PLACEHOLDER = "\0unsubscribe\0"  # noqa: S105
_PRIVACY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
)
ASSETS = Path(__file__).with_name("assets")


def _load_asset(name: str) -> str:
    """Read an asset and strip comments and indentation."""
    text = re.sub(r"/\*.*?\*/", "", (ASSETS / name).read_text("utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _build_style(colour: str) -> str:
    """Return the style sheet in the company's colour."""
    colours = build_palette(colour)
    style = _load_asset("page.css")
    for name in ("on_dark_main", "dark_main", "on_main", "main"):
        style = style.replace(f": {name.upper()};", f": {getattr(colours, name)};")
    return style


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(maxsize=16)
def _inline_assets(colour: str) -> tuple[Markup, Markup, dict[str, str]]:
    """Return the style, the script and the security headers; the policy allows exactly these two by hash."""
    style, script = _build_style(colour), _load_asset("page.js")
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    return Markup(style), Markup(script), headers  # noqa: S704  # our own files, no user input


@lru_cache(maxsize=32)
def _environment(language: str, colour: str) -> Environment:
    environment = build_environment(PackageLoader("nps_connect.web"), language)
    style, script, _headers = _inline_assets(colour)
    environment.globals.update(style=style, script=script)
    return environment


def _render_template(template: str, language: str, colour: str, values: tuple[tuple[str, Any], ...]) -> str:
    texts = dict(values)
    html = _environment(language, colour).get_template(f"{template}.html.j2").render(texts)
    return elide_company(html, texts["company"], language)


def _split_at_tokens(html: str) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
    """Split a page at its token placeholders; returns the pieces, and per gap whether it is the page's own token."""
    parts = re.split(f"({TOKEN_PLACEHOLDER}|{UNSUBSCRIBE_TOKEN_PLACEHOLDER})", html)
    return tuple(piece.encode() for piece in parts[::2]), tuple(gap == TOKEN_PLACEHOLDER for gap in parts[1::2])


@lru_cache(maxsize=256)
def _cached_page(
    template: str, language: str, colour: str, values: tuple[tuple[str, Any], ...]
) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
    return _split_at_tokens(_render_template(template, language, colour, values))


@lru_cache(maxsize=256)
def _raw_headers(colour: str, language: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of a page in ASGI form."""
    headers = {"Content-Type": "text/html; charset=utf-8", **_inline_assets(colour)[2], "Content-Language": language}
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())


@lru_cache(maxsize=32)
def native_language_name(language: str) -> str:
    """Return the name of a language in that language, such as `Français`."""
    try:
        name = Locale.parse(language.replace("-", "_")).get_display_name()
    except ValueError:
        name = None
    return name[:1].upper() + name[1:] if name else language


class Site:
    """What every route shares.

    Attributes:
        backend: the application services.
        clock: returns the current time.
        page_batcher: reads survey pages.
        visit_batcher: stores page views and submissions.
        webhook_batcher: stores webhooks.
        api_event_batcher: stores events of the API.
    """

    def __init__(self, backend: WebBackend, clock: Clock = system_clock) -> None:
        self.backend, self.clock = backend, clock
        self.page_batcher: Batcher[SurveyPageRequest, SurveyPage] = Batcher(backend.build_survey_pages, "pages")
        self.visit_batcher: Batcher[SurveyPageRequest, VisitOutcome] = Batcher(backend.record_visits, "visits")
        self.webhook_batcher: Batcher[tuple[str, WebhookRequest], None] = Batcher(backend.accept_webhooks, "webhooks")
        self.api_event_batcher: Batcher[ApiWrite, ApiResult] = Batcher(backend.api.write, "api-events")

    async def close(self) -> None:
        """Store what is pending. Call after the last request."""
        await self.page_batcher.close()
        await self.visit_batcher.close()
        await self.webhook_batcher.close()
        await self.api_event_batcher.close()

    def requested_language(self, tag: str | None) -> str | None:
        """Return the offered language with this tag, in our spelling, or None."""
        if not tag:
            return None
        return next((offered for offered in self.backend.languages if offered.casefold() == tag.casefold()), None)

    def visitor_language(self, request: WebRequest) -> str:
        """Choose the language of an unknown visitor: the query parameter, else the browser's preferences."""
        requested = self.requested_language(parse_query(request.scope["query_string"]).language)
        preferences = parse_accept_language(request.header("accept-language") or "")
        return requested or choose_language(preferences, self.backend.languages)

    def page(
        self,
        template: str,
        language: str,
        status: int = 200,
        *,
        token: str = "",
        unsubscribe_token: str = "",
        cacheable: bool = False,
        **values: Any,  # noqa: ANN401
    ) -> Response:
        """Render a page.

        Args:
            template: its name, without the ending.
            language: one of those on offer.
            status: HTTP status.
            token: of the page itself, for its forms and language links.
            unsubscribe_token: for the link to ``/u/``.
            cacheable: the values are hashable and not personal; the rendered page is cached without its tokens.
            values: for the template.
        """
        catalogue = supported_language(language)
        template_values = {
            "company": self.backend.company,
            "privacy_notice_url": self.backend.privacy_notice_url,
            "language_options": tuple((tag, native_language_name(tag)) for tag in self.backend.languages)
            if token
            else (),
            "current_language": language,
            "help_address": None,
            "token": token and TOKEN_PLACEHOLDER,
            "unsubscribe_token": unsubscribe_token and UNSUBSCRIBE_TOKEN_PLACEHOLDER,
            **values,
        }
        key = (template, catalogue, self.backend.colour, tuple(template_values.items()))
        pieces, gaps = _cached_page(*key) if cacheable else _split_at_tokens(_render_template(*key))
        own_token, other_token = quote(token, safe="").encode(), quote(unsubscribe_token, safe="").encode()
        body = [pieces[0]]
        for is_own_token, piece in zip(gaps, pieces[1:], strict=True):
            body += (own_token if is_own_token else other_token, piece)
        response = Response(b"".join(body), status)
        response.raw_headers = [*response.raw_headers, *_raw_headers(self.backend.colour, catalogue)]
        return response

    def notice(self, notice: str, language: str, status: int, **values: Any) -> Response:  # noqa: ANN401
        """Render a short page that explains why there is nothing else to show.

        Args:
            notice: its name, see ``templates/notice.html.j2``.
            language: one of those on offer.
            status: HTTP status.
            values: further values for the template.
        """
        response = self.page("notice", language, status, **{"notice": notice, "again": (), **values})
        if status == 503:
            response.headers["Retry-After"] = "60"
        return response

    def redirect(self, address: str) -> Response:
        """Redirect (303) with the privacy headers of a page; percent-encodes characters not allowed in an address."""
        response = Response(b"", 303)
        response.raw_headers = [
            *response.raw_headers,
            (b"location", quote(address, safe=":/%#?=@[]!$&'()*+,;").encode()),
            *_PRIVACY_HEADERS,
        ]
        return response

    def head_response(self, status: int) -> Response:
        """Respond to `HEAD`: the headers of a page without its body."""
        response = HTMLResponse(None, status, dict(_inline_assets(self.backend.colour)[2]))
        del response.headers["content-length"]
        return response
