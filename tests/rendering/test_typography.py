"""French spaces: what an operator typed stays as it was, but for the spaces before and inside of signs."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nps_connect.rendering.typography import NARROW, WIDE, typeset

SPACES = re.compile(f"[ {NARROW}{WIDE}]+")
TEXTS = st.text(alphabet="ab1é ?!;:«»().,/-\n\t" + NARROW + WIDE, max_size=60) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("typed", "set_"),
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
def test_a_line_never_begins_with_a_lonely_sign(typed, set_):
    assert typeset(typed, "fr") == set_
    assert typeset(typed, "fr-CA") == set_


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
def test_addresses_times_and_what_was_typed_without_a_space_stay(text):
    assert typeset(text, "fr") == text


def test_other_languages_stay():
    assert typeset("Really ?", "en") == "Really ?"


@given(TEXTS)
@example("« ? »")
@example("! ?b")
def test_it_touches_only_spaces_and_a_second_time_changes_nothing(text):
    once = typeset(text, "fr")
    assert typeset(once, "fr") == once
    assert SPACES.sub(" ", once) == SPACES.sub(" ", text)
