"""`Site`: what every page of the web is given, and how a page becomes a response."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from babel import Locale
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nps_connect.connection import Clock, system_clock
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import SurveyPage, SurveyPageRequest, VisitOutcome
from nps_connect.rendering.catalogs import build_environment, supported_language
from nps_connect.rendering.colours import build_palette
from nps_connect.rendering.languages import choose_language, parse_accept_language
from nps_connect.web.backend import WebBackend
from nps_connect.web.batcher import Batcher

# Stand for the personal tokens while a page is made; no text of ours and no cleaned text of others holds a NUL.
TOKEN_PLACEHOLDER = "\0token\0"
UNSUBSCRIBE_TOKEN_PLACEHOLDER = "\0unsubscribe\0"
_PRIVACY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
)
ASSETS = Path(__file__).with_name("assets")


def _load_asset(name: str) -> str:
    """An asset without comments and indentation."""
    text = re.sub(r"/\*.*?\*/", "", (ASSETS / name).read_text("utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _build_style(colour: str) -> str:
    """The style in the company's colour."""
    colours = build_palette(colour)
    style = _load_asset("page.css")
    for name in ("on_dark_main", "dark_main", "on_main", "main"):
        style = style.replace(f": {name.upper()};", f": {getattr(colours, name)};")
    return style


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(maxsize=16)
def _inline_assets(colour: str) -> tuple[Markup, Markup, dict[str, str]]:
    """The style, the script, and the headers that allow exactly these two and nothing else."""
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
    return Markup(style), Markup(script), headers  # noqa: S704  # our own files


@lru_cache(maxsize=32)
def _environment(language: str, colour: str) -> Environment:
    environment = build_environment(PackageLoader("nps_connect.web"), language)
    style, script, _headers = _inline_assets(colour)
    environment.globals.update(style=style, script=script)
    return environment


def _render_template(template: str, language: str, colour: str, values: tuple[tuple[str, Any], ...]) -> str:
    return _environment(language, colour).get_template(f"{template}.html.j2").render(dict(values))


def _split_at_tokens(html: str) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
    """A page around its tokens: the pieces between them, and for each gap whether it is for the page's own token."""
    pieces = re.split(f"({TOKEN_PLACEHOLDER}|{UNSUBSCRIBE_TOKEN_PLACEHOLDER})", html)
    return tuple(piece.encode() for piece in pieces[::2]), tuple(gap == TOKEN_PLACEHOLDER for gap in pieces[1::2])


@lru_cache(maxsize=256)
def _cached_page(
    template: str, language: str, colour: str, values: tuple[tuple[str, Any], ...]
) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
    return _split_at_tokens(_render_template(template, language, colour, values))


@lru_cache(maxsize=256)
def _raw_headers(colour: str, language: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a page, as the server wants them."""
    headers = {"Content-Type": "text/html; charset=utf-8", **_inline_assets(colour)[2], "Content-Language": language}
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())


@lru_cache(maxsize=32)
def native_language_name(language: str) -> str:
    """A language's name in itself, such as `Français`."""
    try:
        name = Locale.parse(language.replace("-", "_")).get_display_name()
    except ValueError:
        name = None
    return name[:1].upper() + name[1:] if name else language


@dataclass(frozen=True)
class Site:
    """What every page is given.

    Attributes:
        doors: the application.
        clock: the present moment.
        showing: asks what survey pages show.
        taking: tells the application who visits survey pages, and what is pressed there.
        storing: gives the application the webhooks that come in.
    """

    backend: WebBackend
    clock: Clock = field(default=system_clock)
    page_batcher: Batcher[SurveyPageRequest, SurveyPage] = field(init=False)
    visit_batcher: Batcher[SurveyPageRequest, VisitOutcome] = field(init=False)
    webhook_batcher: Batcher[tuple[str, WebhookRequest], None] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "page_batcher", Batcher(self.backend.survey_pages, "showing"))
        object.__setattr__(self, "visit_batcher", Batcher(self.backend.record_visits, "taking"))
        object.__setattr__(self, "webhook_batcher", Batcher(self.backend.accept_webhooks, "storing"))

    async def close(self) -> None:
        """Write down what was left; no request comes any more."""
        await self.page_batcher.close()
        await self.visit_batcher.close()
        await self.webhook_batcher.close()

    def requested_language(self, wish: str | None) -> str | None:
        """The language on offer that a visitor asked for by name, or none."""
        if not wish:
            return None
        return next((tag for tag in self.backend.languages if tag.casefold() == wish.casefold()), None)

    def visitor_language(self, request: Request) -> str:
        """The language of a visitor of whom nothing is known but the browser's wishes."""
        asked = self.requested_language(request.query_params.get("lang"))
        return asked or choose_language(
            parse_accept_language(request.headers.get("accept-language", "")), self.backend.languages
        )

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
        """A page in a language.

        Args:
            template: its name, without ending.
            language: one of those on offer.
            status: HTTP status.
            token: of the page itself, for its forms and language links.
            unsubscribe_token: for the link to ``/u/``.
            keep: the values are nobody's in particular and hashable; the page is remembered without its tokens.
            values: what the template asks for.
        """
        tongue = supported_language(language)
        shown = {
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
        values_of = tuple(shown.items())
        colour = self.backend.colour
        pieces, own = (
            _cached_page(template, tongue, colour, values_of)
            if cacheable
            else _split_at_tokens(_render_template(template, tongue, colour, values_of))
        )
        mine, unsubscribe = quote(token, safe="").encode(), quote(unsubscribe_token, safe="").encode()
        parts = [pieces[0]]
        for is_own, piece in zip(own, pieces[1:], strict=True):
            parts += (mine if is_own else unsubscribe, piece)
        response = Response(b"".join(parts), status)
        response.raw_headers = [*response.raw_headers, *_raw_headers(colour, tongue)]
        return response

    def notice(self, notice: str, language: str, status: int, **values: Any) -> Response:  # noqa: ANN401
        """A short friendly page that explains a dead end.

        Args:
            notice: which one, see ``templates/notice.html.j2``.
            language: one of those on offer.
            status: HTTP status.
            values: what the notice asks for besides.
        """
        response = self.page("notice", language, status, **{"notice": notice, "again": (), **values})
        if status == 503:
            response.headers["Retry-After"] = "60"
        return response

    def redirect(self, address: str) -> Response:
        """On to another address (303), as private as a page; what a page may do does not concern it.

        What may not stand in an address is percent-encoded.
        """
        response = Response(b"", 303)
        response.raw_headers = [
            *response.raw_headers,
            (b"location", quote(address, safe=":/%#?=@[]!$&'()*+,;").encode()),
            *_PRIVACY_HEADERS,
        ]
        return response

    def head_response(self, status: int) -> Response:
        """An answer to `HEAD`: the headers of a page, no page."""
        response = HTMLResponse(None, status, dict(_inline_assets(self.backend.colour)[2]))
        del response.headers["content-length"]
        return response
