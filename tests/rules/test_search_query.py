"""What people type into the search of comments."""

from __future__ import annotations

import pytest

from nps_connect.rules.folded_text import fold_text, split_words
from nps_connect.rules.search_query import MAX_TERMS, SearchTerm, fts5_query, matches_terms, parse_search, tsquery


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L'ÉQUIPE", ["l", "equipe"]),
        ("Cœur, qualité-prix!", ["coeur", "qualite", "prix"]),
        ("e\u0301te\u0301", ["ete"]),
        ("snake_case 10€", ["snake", "case", "10"]),
        ("…?!", []),
    ],
)
def test_words_have_no_case_accents_or_punctuation(text, words):
    assert split_words(text) == words


def test_folding_keeps_other_scripts():
    assert fold_text("Доставка 配送") == "доставка 配送"


@pytest.mark.parametrize(
    ("search", "found", "missed"),
    [
        ("livr", "La livraison", "Le livre-t-il"[:3]),
        ("retard", "Des retards", "Tard"),
        ("the", "then", "other"),
        ("le", "le colis", "les colis"),
        ('"fast delivery"', "A FAST delivery", "delivery fast"),
        ('"retard"', "en retard", "retards"),
        ("« trop cher »", "C'est trop cher", "cher trop"),
        ("delivery -late", "good delivery", "late delivery"),
        ("equipe ACCUEIL", "Bel accueil de l'équipe", "Belle équipe"),
        ("qualité-prix", "rapport qualite prix", "prix qualité"),
    ],
)
def test_a_search_finds_words_beginnings_and_phrases(search, found, missed):
    terms = parse_search(search)
    assert matches_terms(terms, split_words(found))
    assert not matches_terms(terms, split_words(missed))


@pytest.mark.parametrize("search", ["", "  ", '"', '""', "-", "*", "-late", "?!…", "«»"])
def test_a_search_without_a_word_to_find_finds_nothing(search):
    terms = parse_search(search)
    assert fts5_query(terms) is None
    assert tsquery(terms) is None
    assert not matches_terms(terms, ["late"])


def test_a_long_search_is_cut():
    assert len(parse_search(" ".join(f"word{number}" for number in range(500)))) == MAX_TERMS
    assert parse_search("x" * 5000) == (SearchTerm(("x" * 200,), is_prefix=True),)
