"""`ConsolePage`: one request of a signed-in user, as the routes of the console receive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nps_connect.ledger.audit_log import Actor
from nps_connect.records.users import Viewer
from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, load_translations
from nps_connect.services.context import Context
from nps_connect.services.users.mail_pause import MailPause
from nps_connect.web.console.console_templates import MESSAGE_COOKIE, render_console_template

CONSOLE_LANGUAGES = {"en": "English", "fr": "Français"}
"""Languages of the console, with their names in themselves."""

MAX_FIELDS = 500
Fields = Mapping[str, list[str]]


class ConsoleForm(dict[str, str]):
    """The fields of a form or of a query; of a repeated field the last value.

    Attributes:
        lists: all values of each field.
    """

    def __init__(self, lists: Fields) -> None:
        super().__init__({name: values[-1] for name, values in lists.items()})
        self.lists = lists


def parse_fields(text: bytes) -> ConsoleForm:
    """Parse a query or an urlencoded form; one with too many fields is treated as empty. NUL is removed."""
    decoded = text.decode("utf-8", "replace").replace("\0", "").replace("%00", "")
    try:
        return ConsoleForm(parse_qs(decoded, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"))
    except ValueError:
        return ConsoleForm({})


@dataclass(frozen=True)
class ConsolePage:
    """One request of a signed-in user. Routes are plain functions: they run in threads and may block.

    Attributes:
        request: as received.
        ctx: the application: settings, ledger, clock.
        viewer: who looks.
        language: of the page, such as ``fr``.
        csrf_token: for every form; the dependency has checked that of a POST.
        now: when the request arrived.
        mail_pause: why no mail goes to customers; None while it does.
        query: the parameters of the address.
        form: the fields of a POST.
    """

    request: Request
    ctx: Context
    viewer: Viewer
    language: str
    csrf_token: str
    now: datetime
    mail_pause: MailPause | None = None
    query: ConsoleForm = field(default_factory=lambda: ConsoleForm({}))
    form: ConsoleForm = field(default_factory=lambda: ConsoleForm({}))

    @property
    def actor(self) -> Actor:
        """Who does something, for the audit log."""
        return Actor("console", self.viewer.email)

    @property
    def gettext(self) -> Callable[[str], str]:
        """The function that translates texts of the console; call it ``_``, so that they reach the catalogue."""
        return load_translations(self.language, CONSOLE_DOMAIN).gettext

    @property
    def message(self) -> str | None:
        """What a redirect says, once."""
        return unquote(self.request.cookies.get(MESSAGE_COOKIE, ""))[:500] or None

    @property
    def path(self) -> str:
        """Path and query, for the links and forms that lead back to this page."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def other_languages(self) -> list[tuple[str, str]]:
        """The languages that the page can be switched to, with their names in themselves."""
        return [(tag, name) for tag, name in CONSOLE_LANGUAGES.items() if tag != self.language]

    def render(self, template: str, status: int = 200, *, area: str, **values: Any) -> Response:  # noqa: ANN401
        """Render a page.

        Args:
            template: its name below the templates of the console, such as ``users/list.html.j2``.
            status: HTTP status.
            area: the name of its area in `navigation.AREAS`.
            values: for the template.
        """
        return render_console_template(self, template, status, {"area": area, **values})

    def redirect(self, path: str, message: str | None = None) -> Response:
        """Redirect (303) to a page of the console after a POST.

        Args:
            path: of the page, beginning with ``/console``.
            message: shown there once, in the language of the page.
        """
        response = RedirectResponse(path, 303, {"Cache-Control": "no-store"})
        if message is not None:
            self.set_message(response, message)
        return response

    def set_message(self, response: Response, message: str) -> None:
        """Let the next page say something, once, in the language of the page."""
        response.set_cookie(
            MESSAGE_COOKIE, quote(message[:500]), max_age=60, path="/console", httponly=True, samesite="lax"
        )

    def refuse(self, status: int = 404, reason: str | None = None) -> Response:
        """Return a page that says why there is nothing else to show.

        Args:
            status: 404: there is no such page, or not for this user; 403: the user may not do this.
            reason: why, see ``refused.html.j2``; the default follows from the status.
        """
        reason = reason or ("forbidden" if status == 403 else "unknown")
        return render_console_template(self, "refused.html.j2", status, {"area": "", "reason": reason})
