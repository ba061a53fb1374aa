"""French typography: only spaces before punctuation and inside guillemets are replaced."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nps_connect.rendering.catalogs import NARROW, WIDE, elide_company, typeset

SPACES = re.compile(f"[ {NARROW}{WIDE}]+")
TEXTS = st.text(alphabet="ab1é ?!;:«»().,/-\n\t" + NARROW + WIDE, max_size=60) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Et notre atelier ?", "Et notre atelier\u202f?"),
        ("Merci ! Et vous ?", "Merci\u202f! Et vous\u202f?"),
        ("Vraiment ?! Oui ; non", "Vraiment\u202f?! Oui\u202f; non"),
        ("Votre avis :", "Votre avis\u00a0:"),
        ("L’offre « Essentiel » vous plaît ?", "L’offre «\u00a0Essentiel\u00a0» vous plaît\u202f?"),
        ("(satisfait ?)", "(satisfait\u202f?)"),
        ("Qui  ?", "Qui\u202f?"),
    ],
)
def test_spaces_before_punctuation_become_non_breaking(text, expected):
    assert typeset(text, "fr") == expected
    assert typeset(text, "fr-CA") == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://www.example.com/avis?lieu=1&langue=fr",
        "À 10:00 ou à 10 :30",
        "Écrivez à https://example.com ?lieu=1",
        "Merci :-)",
        "Et vous?",
        "",
    ],
)
def test_urls_times_and_punctuation_without_a_space_are_unchanged(text):
    assert typeset(text, "fr") == text


def test_other_languages_are_unchanged():
    assert typeset("Really ?", "en") == "Really ?"


@given(TEXTS)
@example("« ? »")
@example("! ?b")
def test_only_spaces_change_and_the_function_is_idempotent(text):
    once = typeset(text, "fr")
    assert typeset(once, "fr") == once
    assert SPACES.sub(" ", once) == SPACES.sub(" ", text)


@pytest.mark.parametrize(
    ("company", "language", "expected"),
    [
        ("Exemple SA", "fr", "le service client d’Exemple SA"),
        ("Élan & Co", "fr-CA", "le service client d’Élan & Co"),
        ("Banque du Lac", "fr", "le service client de Banque du Lac"),
        ("Hôtel du Lac", "fr", "le service client de Hôtel du Lac"),
        ("Exemple SA", "es", "le service client de Exemple SA"),
        ("", "fr", "le service client de "),
    ],
)
def test_de_is_elided_before_a_vowel_in_french(company, language, expected):
    assert elide_company(f"le service client de {company}", company, language) == expected


def test_de_is_elided_before_an_escaped_name():
    assert elide_company("client de Aube &amp; Cie", "Aube & Cie", "fr") == "client d’Aube &amp; Cie"


def test_other_words_are_not_elided():
    assert elide_company("une demande Exemple SA, code Exemple SA", "Exemple SA", "fr").count("d’") == 0
