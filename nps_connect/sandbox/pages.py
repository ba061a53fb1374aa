"""Web pages as somebody without JavaScript uses them: forms, fields, buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import urljoin

FieldKind = Literal["fixed", "choice", "button", "text"]
BUTTON_TYPES = ("submit", "image", "")


class UnexpectedPage(RuntimeError):
    """A page is not what a customer expects to find there; the message says what is missing."""


@dataclass(frozen=True)
class FormField:
    """One field of a form.

    Attributes:
        kind: sent as it is; chosen among several (radio, checkbox); a button that sends the form; free text.
        name: under which the value is sent; a nameless button sends nothing of its own.
        value: the value, or the text that is there already.
        chosen: for `choice`: chosen from the start.
    """

    kind: FieldKind
    name: str
    value: str
    chosen: bool = False


@dataclass
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: list[FormField] = field(default_factory=list)

    def has(self, name: str, kind: FieldKind | None = None) -> bool:
        """Whether there is such a field."""
        return any(one.name == name and kind in (None, one.kind) for one in self.fields)

    def default_values(self) -> dict[str, str]:
        """What a browser sends if nothing is touched (the button apart)."""
        return {
            one.name: one.value
            for one in self.fields
            if one.name and (one.kind in ("fixed", "text") or (one.kind == "choice" and one.chosen))
        }

    def button(self, name: str, value: str | None = None) -> FormField:
        """The button of that name (and value).

        Raises:
            PageSurprise: there is none.
        """
        for one in self.fields:
            if one.kind == "button" and one.name == name and value in (None, one.value):
                return one
        raise UnexpectedPage(f"the form has no button {name}" + (f" = {value}" if value else ""))


@dataclass(frozen=True)
class Page:
    """What a page holds.

    Attributes:
        url: where it was found.
        status: HTTP status.
        forms: in order.
        links: absolute addresses of links, in order.
        parts: absolute addresses of scripts, styles and pictures.
    """

    url: str
    status: int
    forms: tuple[Form, ...]
    links: tuple[str, ...]
    parts: tuple[str, ...]

    def form_with(self, *names: str) -> Form:
        """The first form that has all these fields.

        Raises:
            PageSurprise: no form has.
        """
        for form in self.forms:
            if all(form.has(name) for name in names):
                return form
        raise UnexpectedPage(f"no form with {' and '.join(names)} on the page (status {self.status})")


def read_page(url: str, status: int, html: str) -> Page:
    """Read a page; anything that is not HTML has no forms and no links."""
    reader = _PageReader(url)
    reader.feed(html)
    reader.close()
    return Page(url, status, tuple(reader.forms), tuple(reader.links), tuple(reader.parts))


class _PageReader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._textarea: tuple[str, list[str]] | None = None
        self._current_form: Form | None = None
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._current_form = Form(urljoin(self._url, at.get("action", "")), at.get("method", "get").lower())
            self.forms.append(self._current_form)
        elif tag == "a" and at.get("href"):
            self.links.append(urljoin(self._url, at["href"]))
        elif tag in ("script", "img", "link") and (at.get("src") or at.get("href")):
            self.parts.append(urljoin(self._url, at.get("src") or at["href"]))
        elif self._current_form is not None:
            self._add_field(tag, at, self._current_form)

    def _add_field(self, tag: str, at: dict[str, str], form: Form) -> None:
        name, value, kind = at.get("name", ""), at.get("value", ""), at.get("type", "").lower()
        if "disabled" in at:
            return
        if tag == "button" and kind in BUTTON_TYPES:
            form.fields.append(FormField("button", name, value))
        elif tag == "textarea":
            self._textarea = (name, [])
        elif tag == "input" and kind in ("submit", "image"):
            form.fields.append(FormField("button", name, value))
        elif tag == "input" and kind in ("radio", "checkbox"):
            form.fields.append(FormField("choice", name, value or "on", chosen="checked" in at))
        elif tag == "input" and kind != "button":
            form.fields.append(FormField("fixed" if kind == "hidden" else "text", name, value))

    def handle_data(self, data: str) -> None:
        """Take note of what is written in a text field already."""
        if self._textarea is not None:
            self._textarea[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        """Take note of an end."""
        if tag == "form":
            self._current_form = None
        elif tag == "textarea" and self._textarea is not None:
            name, texts = self._textarea
            if self._current_form is not None:
                self._current_form.fields.append(FormField("text", name, "".join(texts).removeprefix("\n")))
            self._textarea = None
