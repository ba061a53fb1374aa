"""Every text is translated, and the compiled catalogues are up to date."""

import io
import re
from pathlib import Path

import pytest
from babel.messages import Catalog, mofile, pofile
from babel.messages.extract import extract_from_dir

import nps_connect
from nps_connect.rendering import catalogs

PACKAGE = Path(nps_connect.__file__).parent
LANGUAGES = [tag for tag in catalogs.available_languages() if tag != catalogs.SOURCE_LANGUAGE]
PACKAGES = {"nps_connect": ("rendering", "web"), "console": ("web/console", "web/templates/console")}
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def folder_of(language: str) -> Path:
    return catalogs.LOCALE_DIR / language.replace("-", "_") / "LC_MESSAGES"


def catalogue(language: str, domain: str = "nps_connect") -> Catalog:
    with (folder_of(language) / f"{domain}.po").open("rb") as file:
        return pofile.read_po(file, abort_invalid=True)


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def texts_in_the_code(domain: str) -> set[str]:
    methods = [("**/console/**", "ignore"), ("**.py", "python"), ("**.j2", "jinja2")]
    options = {"**.j2": {"silent": "false"}}
    return {
        forms(message)[0]
        for package in PACKAGES[domain]
        for _path, _line, message, _comments, _context in extract_from_dir(PACKAGE / package, methods, options)
    }


def test_english_and_french_are_shipped():
    assert catalogs.available_languages()[0] == "en"
    assert "fr" in catalogs.available_languages()


@pytest.mark.parametrize("domain", PACKAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_exactly_the_texts_of_the_code(language, domain):
    translated = {forms(message.id)[0] for message in catalogue(language, domain) if message.id}
    assert translated == texts_in_the_code(domain)


@pytest.mark.parametrize("domain", PACKAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_fuzzy(language, domain):
    for message in catalogue(language, domain):
        if message.id:
            assert not message.fuzzy, message.id
            assert all(form.strip() for form in forms(message.string)), message.id


@pytest.mark.parametrize("domain", PACKAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_placeholders(language, domain):
    for message in catalogue(language, domain):
        expected = sorted(PLACEHOLDER.findall(forms(message.id)[-1]))
        for form in forms(message.string) if message.id else []:
            assert sorted(PLACEHOLDER.findall(form)) == expected, message.id


@pytest.mark.parametrize("domain", PACKAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_up_to_date(language, domain):
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue(language, domain))
    assert (folder_of(language) / f"{domain}.mo").read_bytes() == compiled.getvalue()


@pytest.mark.parametrize("domain", PACKAGES)
def test_french_typography(domain):
    for message in catalogue("fr", domain):
        for text in forms(message.string) if message.id else []:
            assert not re.search(r"[^\u202f][;!?]", text), f"U+202F before ; ! ?: {text!r}"
            assert not re.search(r"[^\u00a0]:", text), f"U+00A0 before the colon: {text!r}"
            assert not re.search(r"«[^\u00a0]|[^\u00a0]»", text), f"U+00A0 inside guillemets: {text!r}"
            assert "'" not in text, f"the apostrophe is ’: {text!r}"
            assert '"' not in text, f"French quotes with guillemets: {text!r}"


def test_a_language_without_a_catalogue_falls_back_to_english():
    assert catalogs.load_translations("xx").gettext("Hello,") == "Hello,"
    assert catalogs.supported_language("de-AT") == "en"
    assert catalogs.supported_language("fr-CA") == "fr"
