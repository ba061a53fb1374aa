"""gettext catalogues, and the Jinja environments that use them."""

from __future__ import annotations

from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from nps_connect.rendering.languages import choose_language, text_direction
from nps_connect.rendering.typography import typeset

SOURCE_LANGUAGE = "en"
DOMAIN = "nps_connect"
LOCALE_DIR = Path(__file__).with_name("locale")


@lru_cache(maxsize=1)
def available_languages() -> tuple[str, ...]:
    """Return the languages with texts: the source language and one per folder, such as ``("en", "fr")``."""
    folders = sorted(path.parent.parent.name for path in LOCALE_DIR.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return (SOURCE_LANGUAGE, *(folder.replace("_", "-") for folder in folders))


@lru_cache(maxsize=32)
def load_translations(language: str) -> NullTranslations:
    """Return the catalogue of a language of `available_languages`; the source texts for any other language."""
    if language == SOURCE_LANGUAGE or language not in available_languages():
        return NullTranslations()
    path = LOCALE_DIR / language.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.mo"
    with path.open("rb") as catalogue:
        return GNUTranslations(catalogue)


@lru_cache(maxsize=256)
def supported_language(language: str) -> str:
    """Return the language with a catalogue for `language`: itself, its shorter form, or the source language."""
    return choose_language([language], available_languages())


def build_environment(loader: BaseLoader, language: str) -> Environment:
    """Build the Jinja environment of a language: HTML is escaped, a missing value is an error, ``_()`` translates.

    The filter ``typeset`` corrects the spaces in operators' own texts.

    Args:
        loader: of the templates; files ending in ``.html.j2`` are HTML.
        language: one of `available_languages`.
    """
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(load_translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["typeset"] = typeset
    environment.globals.update(language=language, direction=text_direction(language))
    return environment


@lru_cache(maxsize=32)
def _environment(language: str) -> Environment:
    return build_environment(PackageLoader("nps_connect.rendering"), language)


def render_template(template: str, language: str, **values: Any) -> str:  # noqa: ANN401  # depends on the template
    """Render a template of this package in a language of `available_languages`."""
    return _environment(language).get_template(template).render(**values)
