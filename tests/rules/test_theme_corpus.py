"""The scorer of themes: counts by hand, and Cohen's kappa of a published example."""

from __future__ import annotations

import json

import pytest
from support.theme_corpus import (
    LabelledComment,
    ThemeScore,
    cohen_kappa,
    is_unfit,
    read_comments,
    render_language,
    score_themes,
    total,
)

from nps_connect.rules.theme_model import ThemeModel
from nps_connect.settings.themes import load_theme_file


def comment(a: str, b: str) -> LabelledComment:
    return LabelledComment("x", frozenset(a.split()), frozenset(b.split()))


def test_the_words_are_compared_with_each_person():
    comments = [comment("p", "p"), comment("p", ""), comment("", ""), comment("s", "s p")]
    found = [frozenset({"p"}), frozenset({"p"}), frozenset({"p"}), frozenset({"s"})]
    scores = score_themes(comments, found, ["p", "s"])
    assert scores == {"p": ThemeScore(right=3, wrong=3, missed=1), "s": ThemeScore(right=2)}
    assert (scores["p"].hits, scores["p"].precision, scores["p"].recall) == (3, 0.5, 0.75)
    assert total(scores.values()) == ThemeScore(right=5, wrong=3, missed=1)


def test_kappa_of_a_published_example():
    """50 grant proposals: both yes 20, both no 15, the first only 5, the second only 10: 0.40 (Wikipedia)."""
    pairs = [(True, True)] * 20 + [(False, False)] * 15 + [(True, False)] * 5 + [(False, True)] * 10
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert cohen_kappa([(True, True)]) is None
    assert cohen_kappa([]) is None


def test_a_theme_with_many_hits_of_which_too_few_are_right_is_unfit():
    assert is_unfit(ThemeScore(right=27, wrong=13))
    assert not is_unfit(ThemeScore(right=28, wrong=12))
    assert not is_unfit(ThemeScore(right=10, wrong=28))


def test_a_file_is_read_and_its_section_names_every_theme(tmp_path):
    file = tmp_path / "en.jsonl"
    row = {"id": "1", "comment": "Too expensive", "labels_a": ["price"], "labels_b": ["price"]}
    file.write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    model = ThemeModel(load_theme_file())
    section = render_language("en", read_comments(file), model)
    assert "1 comments. Pooled precision 100 %, recall 100 %" in section
    assert all(f"| `{theme}` |" in section for theme in model.themes)
    assert section.count("not shipped") == 2
