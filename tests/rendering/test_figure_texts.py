"""Figures in words: natural in both languages, and never surer than the figures are."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rendering.figure_texts import (
    difference_text,
    earlier_period_name,
    format_count,
    format_duration,
    format_percent,
    format_score,
    format_short_day,
    interval_text,
    movement_text,
)
from nps_connect.rules.nps_arithmetic import NpsFigure, compute_difference, compute_nps

NARROW, WIDE = "\u202f", "\u00a0"


def movement(language: str, now: NpsFigure, earlier: NpsFigure | None) -> str:
    difference = compute_difference(now, earlier) if earlier and earlier.responses and now.responses else None
    text = movement_text(language, now, earlier, difference, earlier_period_name(language, "3-months"))
    return f"{text.lead} {text.detail}"


@pytest.mark.parametrize(
    ("now", "earlier", "english", "french"),
    [
        (
            compute_nps(154, 63, 35),
            compute_nps(140, 70, 38),
            "Up 6 points compared with the 3 months before: within the margin of error.",
            "En hausse de 6 points par rapport aux 3 mois précédents : dans la marge d’erreur.",
        ),
        (
            compute_nps(300, 60, 40),
            compute_nps(180, 60, 160),
            "Up 60 points compared with the 3 months before: more than chance explains.",
            "En hausse de 60 points par rapport aux 3 mois précédents : le hasard ne suffit pas à l’expliquer.",
        ),
        (
            compute_nps(100, 101, 100),
            compute_nps(101, 101, 99),
            "Down 1 point compared with the 3 months before: within the margin of error.",
            "En baisse de 1 point par rapport aux 3 mois précédents : dans la marge d’erreur.",
        ),
        (
            compute_nps(50, 30, 20),
            compute_nps(50, 30, 20),
            "Unchanged compared with the 3 months before.",
            "Score stable par rapport aux 3 mois précédents.",
        ),
        (
            compute_nps(50, 30, 20),
            compute_nps(5, 3, 4),
            "No comparison yet: only 12 responses in the 3 months before, too few to compare.",
            "Pas encore de comparaison : seulement 12 réponses pendant les 3 mois précédents, trop peu pour comparer.",
        ),
        (
            compute_nps(50, 30, 20),
            None,
            "Nothing to compare with yet: there are no responses from the 3 months before.",
            "Rien à comparer pour l’instant : il n’y a aucune réponse pendant les 3 mois précédents.",
        ),
        (
            compute_nps(1, 0, 0),
            None,
            "1 response: too few to judge. Each new response can still change the score a lot. Read the comments first.",
            "1 réponse : trop peu pour juger. Chaque nouvelle réponse peut encore beaucoup changer le score. Lisez d’abord les commentaires.",
        ),
        (
            compute_nps(0, 0, 0, 9),
            compute_nps(50, 30, 20),
            "No responses yet. The score appears with the first confirmed response.",
            "Aucune réponse pour l’instant. Le score apparaîtra avec la première réponse confirmée.",
        ),
    ],
)
def test_movement_is_said_in_natural_sentences(now, earlier, english, french) -> None:
    assert movement("en", now, earlier) == english
    assert movement("fr", now, earlier).replace(WIDE, " ").replace(NARROW, " ") == french


@given(st.tuples(*[st.integers(0, 400)] * 3), st.tuples(*[st.integers(0, 400)] * 3))
def test_a_movement_is_called_sure_only_beyond_the_margin_of_error(now_counts, earlier_counts) -> None:
    now, earlier = compute_nps(*now_counts), compute_nps(*earlier_counts)
    text = movement("en", now, earlier)
    sure = now.responses >= 30 and earlier.responses >= 30 and compute_difference(now, earlier).is_beyond_noise
    if "more than chance" in text:
        assert sure
    elif "within the margin" in text:
        assert not sure


def test_the_band_is_a_sentence() -> None:
    figure = compute_nps(154, 63, 35)
    assert interval_text("en", figure) == "The true score is probably between +38 and +56."
    french = interval_text("fr", figure)
    assert french is not None
    assert french == "Le vrai score se situe probablement entre +38 et +56."
    assert interval_text("en", compute_nps(0, 0, 0)) is None


def test_groups_are_compared_the_better_one_first() -> None:
    lyon, paris = compute_nps(150, 30, 20), compute_nps(60, 60, 80)
    expected = "Lyon is 75 points above Paris: more than chance explains."
    assert difference_text("en", "Lyon", "Paris", compute_difference(lyon, paris)) == expected
    assert difference_text("en", "Paris", "Lyon", compute_difference(paris, lyon)) == expected
    french = difference_text("fr", "Lyon", "Paris", compute_difference(lyon, paris)).replace(WIDE, " ")
    assert french == "Lyon est 75 points au-dessus de Paris : le hasard ne suffit pas à l’expliquer."
    few = difference_text("en", "Lyon", "Paris", compute_difference(lyon, compute_nps(3, 0, 0)))
    assert few == "Too few responses to compare Lyon with Paris: each needs 30."


@pytest.mark.parametrize(
    ("score", "text"),
    [(46.2, "+46"), (0.0, "0"), (-0.4, "0"), (-12.5, "−13"), (12.5, "+13"), (100.0, "+100"), (None, "–")],
)
def test_scores_have_a_sign(score, text) -> None:
    assert format_score(score) == text


def test_shares_are_whole_percent_but_never_a_false_nothing_or_everything() -> None:
    assert [format_percent(share, "en") for share in (0, 0.001, 0.314, 0.999, 1)] == [
        "0%",
        "<1%",
        "31%",
        ">99%",
        "100%",
    ]
    assert format_percent(0.314, "fr") in (f"31{NARROW}%", f"31{WIDE}%")
    assert format_percent(0.001, "fr").startswith(f"<{WIDE}1")


def test_counts_and_days_follow_the_language() -> None:
    assert format_count(1234567, "en") == "1,234,567"
    assert format_count(1234567, "fr") == f"1{NARROW}234{NARROW}567"
    day = date(2026, 3, 4)
    assert (format_short_day(day, "en"), format_short_day(day, "fr")) == ("4 Mar", "4 mars")
    near = [format_short_day(day + timedelta(days=shift), "en", today=day) for shift in (-400, -8, -3, -1, 0, 1, 2)]
    assert near == ["28 Jan 2025", "24 Feb", "Sunday", "yesterday", "today", "tomorrow", "6 Mar"]
    assert format_short_day(day - timedelta(days=1), "fr", today=day) == "hier"


@pytest.mark.parametrize(
    ("duration", "english", "french"),
    [
        (timedelta(minutes=1), "1 minute", "1 minute"),
        (timedelta(minutes=90), "90 minutes", "90 minutes"),
        (timedelta(hours=5), "5 hours", "5 heures"),
        (timedelta(days=3), "3 days", "3 jours"),
    ],
)
def test_durations_have_one_sensible_unit(duration, english, french) -> None:
    assert (format_duration(duration, "en"), format_duration(duration, "fr")) == (english, french)
