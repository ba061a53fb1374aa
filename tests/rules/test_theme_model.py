"""The themes of comments by words: the examples of the codebook, the patterns, and files with mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.theme_corpus import NOT_SHIPPED

from nps_connect.errors import ConfigError
from nps_connect.rules.theme_model import ThemeModel
from nps_connect.settings.themes import ThemeFile, load_theme_file

CODEBOOK = Path(__file__).parents[2] / "docs" / "themes.md"


@pytest.fixture(scope="module")
def shipped() -> ThemeModel:
    return ThemeModel(load_theme_file())


def model(words: list[str], exceptions: list[str] = ()) -> ThemeModel:
    theme = {"name": {"en": "Theme"}, "words": {"en": words}, "except": {"en": list(exceptions)}}
    languages = {"en": {"common": ["the"], "negations": ["not", "never"]}}
    return ThemeModel(ThemeFile.model_validate({"languages": languages, "themes": {"theme": theme}}))


def test_the_examples_of_the_codebook_have_their_themes(shipped):
    page = CODEBOOK.read_text(encoding="utf-8").partition("## Examples")[2]
    rows = re.findall(r"^\| ([^|]+) \| \d+ \| ([^|]+) \|$", page, re.MULTILINE)
    assert len(rows) >= 12
    for comment, themes in rows:
        found = {match.theme for match in shipped.classify(comment, "en")}
        labels = set(re.findall(r"`(\w+)`", themes))
        assert found <= labels, comment
        assert labels - found <= NOT_SHIPPED["en"] | NOT_SHIPPED["fr"], comment


def test_the_codebook_and_the_shipped_words_have_the_same_themes(shipped):
    page = CODEBOOK.read_text(encoding="utf-8")
    assert re.findall(r"^### `(\w+)`", page, re.MULTILINE) == list(shipped.themes)


@pytest.mark.parametrize(
    ("patterns", "comment", "found"),
    [
        (["delay"], "The DÉLAY!", ("delay",)),
        (["delay"], "delays", None),
        (["delay*"], "many delays", ("delays",)),
        (["too long"], "too  long", ("too long",)),
        (["too long"], "too. Long", None),
        (["too ... long"], "it took too awfully very long", ("too awfully very long",)),
        (["too ... long"], "too a b c d long", None),
        (["a b", "b c"], "x a b c", ("a b",)),
        (["!support"], "no support: I did not need support", ("support",)),
        (["!support"], "I never needed any support", None),
        (["!support"], "Not bad. Support was fine", ("support",)),
    ],
)
def test_patterns(patterns, comment, found):
    matches = model(patterns).classify(comment, "en")
    assert (matches[0].words if matches else None) == found


def test_what_an_exception_covers_is_not_looked_at():
    themes = model(["price", "care"], ["at any price", "day ... care"])
    assert themes.classify("not at any price", "en") == []
    assert themes.classify("day and night care", "en") == []
    assert themes.classify("at any price. The price is high", "en")[0].words == ("price",)


def test_the_language_is_that_of_the_words_and_else_of_the_response(shipped):
    assert [match.theme for match in shipped.classify("Le prix est trop haut et la livraison est lente", "en")] == [
        "price",
        "delivery",
    ]
    assert [match.theme for match in shipped.classify("Trop cher", "fr-CA")] == ["price"]
    assert [match.theme for match in shipped.classify("Too expensive", "de")] == ["price"]


@pytest.mark.parametrize(
    "comment", ["", " ", "!!!", "<b>&\0", "a" * 100_000, "... | ~ | ..." * 500, "é" * 9000, "too " * 3000]
)
def test_no_comment_is_an_error(shipped, comment):
    for language in ("en", "fr", "xx", ""):
        shipped.classify(comment, language)


def test_the_fingerprint_changes_with_the_words():
    assert model(["a"]).fingerprint == model(["a"]).fingerprint != model(["b"]).fingerprint
    assert len(model(["a"]).fingerprint) <= 40


VALID = """
[languages.en]
common = ["the"]
[themes.price]
name = { en = "Price" }
words.en = ["price*"]
"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nonsense", "is not TOML"),
        (VALID.replace("price*", "*"), "themes.price.words.en.0: the pattern '*' may hold words"),
        (VALID.replace("price*", "p*"), "two letters at least before *"),
        (VALID.replace("price*", "... price"), "and ... between two words"),
        (VALID.replace("words.en", "words.de"), "themes.price: no table [languages.de]"),
        (VALID.replace("words.en", "wrods.en"), "themes.price.words: Field required"),
        (VALID.replace("[themes.price]", "[themes.'No Slug']"), "themes.No Slug"),
        (VALID + 'except.en = ["!price"]\n', "begins with !"),
        (VALID.replace('["the"]', "[]"), "languages.en.common"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_the_place_and_the_reason(tmp_path, content, reason):
    file = tmp_path / "themes.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_theme_file(file)
    assert reason in str(raised.value)
    assert str(file) in str(raised.value)
    assert "comments themes TEXT" in str(raised.value)


def test_a_valid_file_is_read_and_a_missing_one_is_named(tmp_path):
    file = tmp_path / "themes.toml"
    with pytest.raises(ConfigError, match="cannot read"):
        load_theme_file(file)
    file.write_text(VALID, encoding="utf-8")
    assert ThemeModel(load_theme_file(file)).classify("Prices!", "en")[0].theme == "price"
