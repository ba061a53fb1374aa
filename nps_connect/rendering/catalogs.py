"""Choice of language, gettext catalogues, the Jinja environments that use them, and French typography."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import escape

if TYPE_CHECKING:  # commands that only read render nothing
    from jinja2 import BaseLoader, Environment

SOURCE_LANGUAGE = "en"
DOMAIN = "nps_connect"
"""The catalogue of mails, survey pages and notices."""

CONSOLE_DOMAIN = "console"
"""The catalogue of the console."""

LOCALE_DIR = Path(__file__).with_name("locale")
MAX_HEADER_LENGTH = 500
_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})


def choose_language(candidates: Sequence[str | None], available: Sequence[str]) -> str:
    """Return the first candidate that is available, in the spelling of `available`.

    A candidate falls back to its shorter forms (`fr-CA` to `fr`), then to another region (`fr` to `fr-CA`), before the
    next candidate is tried. Pass contact, survey, company in this order; the default is `available[0]`.

    Args:
        candidates: BCP 47 tags in any case, with dash or underscore; None and invalid tags are skipped.
        available: the languages on offer, at least one.

    Raises:
        ValueError: `available` is empty.
    """
    if not available:
        raise ValueError("at least one language must be available")
    tag_by_form: dict[str, str] = {}
    for tag in available:
        tag_by_form.setdefault(_normalize_tag(tag), tag)
    for tag in available:
        tag_by_form.setdefault(_normalize_tag(tag).partition("-")[0], tag)
    for candidate in candidates:
        form = _normalize_tag(candidate or "")
        while form:
            if form in tag_by_form:
                return tag_by_form[form]
            form = form.rpartition("-")[0]
    return available[0]


def parse_accept_language(header: str) -> list[str]:
    """Return the tags of an `Accept-Language` header (RFC 9110, 12.5.4), preferred first; invalid parts are skipped."""
    weighted_tags: list[tuple[float, str]] = []
    for part in header[:MAX_HEADER_LENGTH].split(","):
        tag, _, weight = part.partition(";")
        match = _WEIGHT.fullmatch(weight.strip())
        if tag.strip() and (match or not weight.strip()):
            weighted_tags.append((float(match[1]) if match else 1.0, tag.strip()))
    return [tag for weight, tag in sorted(weighted_tags, key=lambda pair: -pair[0]) if weight > 0]


def text_direction(language: str) -> str:
    """Return `rtl` for languages written from right to left, else `ltr`: the value of HTML's `dir`."""
    return "rtl" if _normalize_tag(language).partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def _normalize_tag(tag: str) -> str:
    return tag.strip().replace("_", "-").casefold()


@lru_cache(maxsize=1)
def available_languages() -> tuple[str, ...]:
    """Return the languages with texts: the source language and one per folder, such as ``("en", "fr")``."""
    folders = sorted(path.parent.parent.name for path in LOCALE_DIR.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return (SOURCE_LANGUAGE, *(folder.replace("_", "-") for folder in folders))


def translation_problem(tag: str, languages: Sequence[str]) -> str | None:
    """Return why customers cannot be written to in a language, or None if they can; regions do not matter.

    Args:
        tag: the language, such as `fr-CA`.
        languages: those with texts, from `available_languages`.
    """
    if _normalize_tag(tag).partition("-")[0] in {language.partition("-")[0] for language in languages}:
        return None
    return f"mails and pages are not translated into {tag!r}"


@lru_cache(maxsize=32)
def load_translations(language: str, domain: str = DOMAIN) -> NullTranslations:
    """Return a catalogue in a language of `available_languages`; the source texts for any other language."""
    if language == SOURCE_LANGUAGE or language not in available_languages():
        return NullTranslations()
    path = LOCALE_DIR / language.replace("-", "_") / "LC_MESSAGES" / f"{domain}.mo"
    if not path.exists():  # a language may have texts for customers only
        return NullTranslations()
    with path.open("rb") as catalogue:
        return GNUTranslations(catalogue)


@lru_cache(maxsize=256)
def supported_language(language: str) -> str:
    """Return the language with a catalogue for `language`: itself, its shorter form, or the source language."""
    return choose_language([language], available_languages())


@lru_cache(maxsize=256)
def translator(language: str) -> tuple[str, Callable[[str], str]]:
    """Return the language with a catalogue for `language`, and the function that translates texts into it."""
    tongue = supported_language(language)
    return tongue, load_translations(tongue).gettext


def build_environment(loader: BaseLoader, language: str, domain: str = DOMAIN) -> Environment:
    """Build the Jinja environment of a language: HTML is escaped, a missing value is an error, ``_()`` translates.

    The filter ``typeset`` corrects the spaces in operators' own texts.

    Args:
        loader: of the templates; files ending in ``.html.j2`` are HTML.
        language: one of `available_languages`.
        domain: the catalogue.
    """
    from jinja2 import Environment, StrictUndefined, select_autoescape

    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(load_translations(language, domain), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["typeset"] = typeset
    environment.globals.update(language=language, direction=text_direction(language))
    return environment


@lru_cache(maxsize=32)
def _environment(language: str) -> Environment:
    from jinja2 import PackageLoader

    return build_environment(PackageLoader("nps_connect.rendering"), language)


def render_template(template: str, language: str, **values: Any) -> str:  # noqa: ANN401  # depends on the template
    """Render a template of this package in a language of `available_languages`."""
    return _environment(language).get_template(template).render(**values)


NARROW, WIDE = "\u202f", "\u00a0"
# Punctuation counts only at the end of a word: not in a URL or a smiley.
_END = r"(?=$|[\s)\]»”’\"'])"
_RULES = (
    (re.compile(rf" +(?=[;!?]+{_END})", re.ASCII), NARROW),
    (re.compile(rf" +(?=:{_END})", re.ASCII), WIDE),
    (re.compile(" +(?=»)"), WIDE),
    (re.compile("(?<=«) +"), WIDE),
)


def typeset(text: str, language: str) -> str:
    """Return French text with non-breaking spaces, so that no line begins with punctuation; other languages unchanged.

    Only existing spaces are replaced: before ``; ! ? : »`` and after ``«``. None is added.

    Args:
        text: as the operator wrote it.
        language: of the text.
    """
    if language.partition("-")[0] != "fr":
        return text
    for spaces, replacement in _RULES:
        text = spaces.sub(replacement, text)
    return text


def elide_company(text: str, company: str, language: str) -> str:
    """Replace "de" by "d’" before a company name that begins with a vowel, in French plain text or HTML.

    Args:
        text: the rendered text.
        company: the name, unescaped.
        language: of the text.
    """
    initial = unicodedata.normalize("NFD", company[:1]).casefold()[:1]
    if language.partition("-")[0] != "fr" or initial not in set("aeiou"):
        return text
    for name in (company, str(escape(company))):
        text = text.replace(f" de {name}", f" d’{name}")
    return text
