"""Web pages as a browser without JavaScript uses them: forms, fields, buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import urljoin

FieldKind = Literal["fixed", "choice", "button", "text"]
BUTTON_TYPES = ("submit", "image", "")


class UnexpectedPage(RuntimeError):
    """A page lacks something that a customer needs; the message says what."""


@dataclass(frozen=True)
class FormField:
    """One field of a form.

    Attributes:
        kind: hidden value; choice (radio, checkbox); button that submits the form; free text.
        name: name of the sent value; a button without a name sends no value.
        value: the value, or the initial text.
        chosen: for `choice`: selected initially.
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

    def has_field(self, name: str, kind: FieldKind | None = None) -> bool:
        """Return whether the form has such a field."""
        return any(field.name == name and kind in (None, field.kind) for field in self.fields)

    def default_values(self) -> dict[str, str]:
        """Return what a browser sends if nothing is changed (without the button)."""
        return {
            field.name: field.value
            for field in self.fields
            if field.name and (field.kind in ("fixed", "text") or (field.kind == "choice" and field.chosen))
        }

    def button(self, name: str, value: str | None = None) -> FormField:
        """Return the button of that name (and value).

        Raises:
            UnexpectedPage: there is none.
        """
        for candidate in self.fields:
            if candidate.kind == "button" and candidate.name == name and value in (None, candidate.value):
                return candidate
        raise UnexpectedPage(f"the form has no button {name}" + (f" = {value}" if value else ""))


@dataclass(frozen=True)
class Page:
    """Content of a page.

    Attributes:
        url: its address.
        status: HTTP status.
        forms: forms in order.
        links: absolute addresses of links, in order.
        parts: absolute addresses of scripts, styles and pictures.
    """

    url: str
    status: int
    forms: tuple[Form, ...]
    links: tuple[str, ...]
    parts: tuple[str, ...]

    def form_with(self, *names: str) -> Form:
        """Return the first form that has all these fields.

        Raises:
            UnexpectedPage: there is none.
        """
        for form in self.forms:
            if all(form.has_field(name) for name in names):
                return form
        raise UnexpectedPage(f"no form with {' and '.join(names)} on the page (status {self.status})")


def read_page(url: str, status: int, html: str) -> Page:
    """Parse a page; content that is not HTML has no forms and links."""
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
        """Record links, forms and fields."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._current_form = Form(urljoin(self._url, values.get("action", "")), values.get("method", "get").lower())
            self.forms.append(self._current_form)
        elif tag == "a" and values.get("href"):
            self.links.append(urljoin(self._url, values["href"]))
        elif tag in ("script", "img", "link") and (values.get("src") or values.get("href")):
            self.parts.append(urljoin(self._url, values.get("src") or values["href"]))
        elif self._current_form is not None:
            self._add_field(tag, values, self._current_form)

    def _add_field(self, tag: str, values: dict[str, str], form: Form) -> None:
        name, value, kind = values.get("name", ""), values.get("value", ""), values.get("type", "").lower()
        if "disabled" in values:
            return
        if tag == "button" and kind in BUTTON_TYPES:
            form.fields.append(FormField("button", name, value))
        elif tag == "textarea":
            self._textarea = (name, [])
        elif tag == "input" and kind in ("submit", "image"):
            form.fields.append(FormField("button", name, value))
        elif tag == "input" and kind in ("radio", "checkbox"):
            form.fields.append(FormField("choice", name, value or "on", chosen="checked" in values))
        elif tag == "input" and kind != "button":
            form.fields.append(FormField("fixed" if kind == "hidden" else "text", name, value))

    def handle_data(self, data: str) -> None:
        """Record the initial text of a text field."""
        if self._textarea is not None:
            self._textarea[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        """Record the end of a form or text field."""
        if tag == "form":
            self._current_form = None
        elif tag == "textarea" and self._textarea is not None:
            name, texts = self._textarea
            if self._current_form is not None:
                self._current_form.fields.append(FormField("text", name, "".join(texts).removeprefix("\n")))
            self._textarea = None
