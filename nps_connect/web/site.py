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
from nps_connect.records.pages import SurveyPage, SurveyVisit, Taken
from nps_connect.web.doors import Doors
from nps_connect.web.gathering import Gathering
from nps_connect.wording.catalogs import bound_environment, known
from nps_connect.wording.colours import palette
from nps_connect.wording.languages import accepted, choose

# Stand for the personal tokens while a page is made; no text of ours and no cleaned text of others holds a NUL.
OWN_LINK = "\0token\0"
UNSUBSCRIBE_LINK = "\0unsubscribe\0"
_PRIVATE = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
)
ASSETS = Path(__file__).with_name("assets")


def _asset(name: str) -> str:
    """An asset without comments and indentation."""
    text = re.sub(r"/\*.*?\*/", "", (ASSETS / name).read_text("utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _style(colour: str) -> str:
    """The style in the company's colour."""
    colours = palette(colour)
    style = _asset("page.css")
    for name in ("on_dark_main", "dark_main", "on_main", "main"):
        style = style.replace(f": {name.upper()};", f": {getattr(colours, name)};")
    return style


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(maxsize=16)
def _inline(colour: str) -> tuple[Markup, Markup, dict[str, str]]:
    """The style, the script, and the headers that allow exactly these two and nothing else."""
    style, script = _style(colour), _asset("page.js")
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
    environment = bound_environment(PackageLoader("nps_connect.web"), language)
    style, script, _headers = _inline(colour)
    environment.globals.update(style=style, script=script)
    return environment


def _rendered(template: str, language: str, colour: str, values: tuple[tuple[str, Any], ...]) -> str:
    return _environment(language, colour).get_template(f"{template}.html.j2").render(dict(values))


def _cut(html: str) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
    """A page around its tokens: the pieces between them, and for each gap whether it is for the page's own token."""
    pieces = re.split(f"({OWN_LINK}|{UNSUBSCRIBE_LINK})", html)
    return tuple(piece.encode() for piece in pieces[::2]), tuple(gap == OWN_LINK for gap in pieces[1::2])


@lru_cache(maxsize=256)
def _kept(
    template: str, language: str, colour: str, values: tuple[tuple[str, Any], ...]
) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
    return _cut(_rendered(template, language, colour, values))


@lru_cache(maxsize=256)
def _raw_headers(colour: str, language: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a page, as the server wants them."""
    headers = {"Content-Type": "text/html; charset=utf-8", **_inline(colour)[2], "Content-Language": language}
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())


@lru_cache(maxsize=32)
def own_name(language: str) -> str:
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
        doors: the house.
        clock: the present moment.
        showing: asks what survey pages show.
        taking: tells the house who visits survey pages, and what is pressed there.
        storing: gives the house the webhooks that come in.
    """

    doors: Doors
    clock: Clock = field(default=system_clock)
    showing: Gathering[SurveyVisit, SurveyPage] = field(init=False)
    taking: Gathering[SurveyVisit, Taken] = field(init=False)
    storing: Gathering[tuple[str, WebhookRequest], None] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "showing", Gathering(self.doors.survey_pages, "showing"))
        object.__setattr__(self, "taking", Gathering(self.doors.take_visits, "taking"))
        object.__setattr__(self, "storing", Gathering(self.doors.accept_webhooks, "storing"))

    async def close(self) -> None:
        """Write down what was left; no request comes any more."""
        await self.showing.close()
        await self.taking.close()
        await self.storing.close()

    def asked_language(self, wish: str | None) -> str | None:
        """The language on offer that a visitor asked for by name, or none."""
        if not wish:
            return None
        return next((tag for tag in self.doors.languages if tag.casefold() == wish.casefold()), None)

    def visitor_language(self, request: Request) -> str:
        """The language of a visitor of whom nothing is known but the browser's wishes."""
        asked = self.asked_language(request.query_params.get("lang"))
        return asked or choose(accepted(request.headers.get("accept-language", "")), self.doors.languages)

    def page(
        self,
        template: str,
        language: str,
        status: int = 200,
        *,
        token: str = "",
        unsubscribe_token: str = "",
        keep: bool = False,
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
        tongue = known(language)
        shown = {
            "company": self.doors.company,
            "privacy_notice_url": self.doors.privacy_notice_url,
            "tongues": tuple((tag, own_name(tag)) for tag in self.doors.languages) if token else (),
            "chosen_tongue": language,
            "help_address": None,
            "token": token and OWN_LINK,
            "unsubscribe_token": unsubscribe_token and UNSUBSCRIBE_LINK,
            **values,
        }
        values_of = tuple(shown.items())
        colour = self.doors.colour
        pieces, own = (
            _kept(template, tongue, colour, values_of) if keep else _cut(_rendered(template, tongue, colour, values_of))
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
            *_PRIVATE,
        ]
        return response

    def bare(self, status: int) -> Response:
        """An answer to `HEAD`: the headers of a page, no page."""
        response = HTMLResponse(None, status, dict(_inline(self.doors.colour)[2]))
        del response.headers["content-length"]
        return response
